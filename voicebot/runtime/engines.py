"""Which engine a persona speaks with, and what opens its sessions."""

from typing import Final

from aiohttp import ClientSession

from voicebot.dialplan.fallback import Engine
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.prompt import as_spoken
from voicebot.net.asr import Asr
from voicebot.net.chat import Chat
from voicebot.net.tts_stream import OpenSpeech, speech_stream
from voicebot.runtime.cascade import Stages, cascade
from voicebot.runtime.listening import listening_to
from voicebot.runtime.model_socket import Dial, realtime
from voicebot.stepfun.address import realtime_url, speech_url
from voicebot.stepfun.tts_stream import VoiceSettings

# What a realtime session brings: the call knows nothing else.
RATE_HZ: Final = 24_000


class Engines:
    """All of one StepFun account."""

    def __init__(
        self, http: ClientSession, chat: Chat, base_url: str, api_key: str
    ) -> None:
        self._asr = Asr(http, base_url, api_key)
        self._chat = chat
        self._base_url = base_url
        self._api_key = api_key

    def dial(self, persona: Persona) -> Dial:
        """Return what opens a persona's sessions."""
        return self._of(persona.model.engine, persona)

    def spare(self, persona: Persona) -> Dial | None:
        """Return what opens them when that fails; None if there is no such thing."""
        engine = persona.fallback.engine
        return self._of(engine, persona) if engine else None

    def _of(self, engine: Engine, persona: Persona) -> Dial:
        if engine == "realtime":
            url = realtime_url(self._base_url, persona.model.name)
            return realtime(url, self._api_key)
        return cascade(self._stages(persona))

    def _stages(self, persona: Persona) -> Stages:
        url = speech_url(self._base_url, persona.model.tts)

        def speech(voice: str) -> OpenSpeech:
            # Pieces are sentences already: StepFun needn't wait for more of them.
            settings = VoiceSettings(
                persona.model.tts, voice, rate_hz=RATE_HZ, mode="sentence"
            )
            return lambda: speech_stream(url, self._api_key, settings)

        return Stages(
            asr=self._asr,
            chat=self._chat,
            speech=speech,
            listening=listening_to(persona),
            chat_model=persona.model.chat,
            read_aloud=lambda text: as_spoken(persona, text),
        )
