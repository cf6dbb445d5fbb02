"""Our own words, spoken once by StepFun's TTS and kept: greetings start at once."""

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import structlog

from voicebot.audio.framing import ULAW_HZ
from voicebot.audio.g711 import pcm16_to_ulaw
from voicebot.dialplan.model import Persona
from voicebot.errors import UpstreamError
from voicebot.net.tts import Tts
from voicebot.stepfun.tts import SpeechRequest

log = structlog.get_logger()

# The voice of the realtime model is the TTS model's of the same name (stepfun
# reference, 3.3).
TTS_MODEL = "stepaudio-2.5-tts"


class Prompts:
    """
    A folder of μ-law files, each named after what it says and in which voice.

    Args:
        tts: None if there is nothing to render with; then only what is there is used.
    """

    def __init__(self, folder: Path, tts: Tts | None) -> None:
        self._folder = folder
        self._tts = tts
        self._spoken: dict[str, bytes] = {}
        self._preparing = asyncio.Lock()

    def get(self, voice: str, text: str) -> bytes | None:
        """Return the text spoken, μ-law at 8000 Hz; None if it wasn't rendered yet."""
        return self._spoken.get(_name(voice, text))

    def forget(self) -> None:
        """Look at the folder again: its files may have changed."""
        self._spoken.clear()

    async def prepare(self, personas: list[Persona]) -> None:
        """Load or render all that these personas say without the model."""
        async with self._preparing:
            for persona in personas:
                for prompt in (persona.greeting, persona.goodbye, persona.apology):
                    await self._prepare(persona.model.voice, prompt.text)

    async def _prepare(self, voice: str, text: str) -> None:
        name = _name(voice, text)
        if name in self._spoken:
            return
        path = self._folder / f"{name}.ulaw"
        try:
            self._spoken[name] = await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            if self._tts is None:
                return
            request = SpeechRequest(TTS_MODEL, text, voice, ULAW_HZ)
            try:
                pcm16 = await self._tts.speak(request)
            except UpstreamError as exc:
                # The model will say it itself, a second later.
                log.warning("prompt not rendered", detail=exc.detail, voice=voice)
                return
            ulaw = pcm16_to_ulaw(pcm16[: len(pcm16) & ~1])
            await asyncio.to_thread(_write, path, ulaw)
            self._spoken[name] = ulaw
            log.info("prompt rendered", voice=voice, ms=len(ulaw) // 8)


def _name(voice: str, text: str) -> str:
    return sha256(f"{TTS_MODEL}\n{voice}\n{text}".encode()).hexdigest()[:32]


def _write(path: Path, ulaw: bytes) -> None:
    """Write whole or not at all: a half-written prompt would be used for ever."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_bytes(ulaw)
    draft.replace(path)
