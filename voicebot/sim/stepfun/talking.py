"""A mind that really hears and speaks, on this machine alone."""

from collections.abc import Sequence

from voicebot.sim.stepfun import wit
from voicebot.sim.stepfun.babble import from_pcm16, to_pcm16
from voicebot.sim.stepfun.engines import Espeak, Piper, Whisper
from voicebot.sim.stepfun.mind import Reply, Utterance

# Of one phrase, about 100 kB: enough for the prompts of a dialplan.
CACHED_PHRASES = 200


class TalkingMind:
    """
    Understands English with Whisper, speaks English with Piper and other languages
    with espeak-ng, and answers by rules from the persona's own facts.

    Loads in two or three seconds. Needs about half a core while somebody speaks.

    Raises:
        ConfigError: the `demo` extra isn't installed, or holds other weights than
            those that were tried.
    """

    def __init__(self) -> None:
        self._whisper = Whisper()
        self._piper = Piper()
        self._espeak = Espeak()
        self._spoken: dict[tuple[str, str], bytes] = {}

    def hear(self, pcm16: bytes, history: Sequence[Utterance]) -> str:
        return self._whisper.hear(from_pcm16(pcm16))

    def answer(self, instructions: str, history: Sequence[Utterance]) -> Reply:
        return Reply(wit.answer(instructions, history))

    def speak(self, text: str, voice: str, language: str) -> bytes:
        """Speak. There is one voice a language, whatever `voice` asks for."""
        key = text, voice
        if (pcm16 := self._spoken.get(key)) is not None:
            return pcm16
        if language == "en":
            samples = self._piper.speak(text)
        else:
            samples = self._espeak.speak(text, language)
        if len(self._spoken) >= CACHED_PHRASES:
            self._spoken.pop(next(iter(self._spoken)), None)
        pcm16 = self._spoken[key] = to_pcm16(samples)
        return pcm16
