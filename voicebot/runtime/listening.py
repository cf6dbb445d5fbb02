"""What StepFun's ASR is told of whom it listens to: in a cascade, and after a call."""

from dataclasses import dataclass, field
from typing import Final

from voicebot.dialplan.persona import Persona
from voicebot.stepfun.asr import (
    HOTWORD_CHARACTERS,
    HOTWORDS,
    MODEL,
    AsrRequest,
    Format,
)

# Of ASR, which is told no region; which others it knows isn't published.
LANGUAGES: Final = frozenset({"zh", "en"})


@dataclass(frozen=True, slots=True)
class Listening:
    """
    Attributes:
        language: that is spoken, such as `zh`; None: StepFun finds out.
        hotwords: what callers are likely to say.
    """

    model: str = MODEL
    language: str | None = None
    hotwords: tuple[str, ...] = field(default=(), repr=False)

    def request(
        self, audio: bytes, format_: Format, rate_hz: int = 16_000
    ) -> AsrRequest:
        """
        Args:
            rate_hz: of `pcm`; files tell their own.

        Raises:
            LocalProtocolError: the audio is none that StepFun takes.
        """
        return AsrRequest(
            audio, format_, rate_hz, self.model, self.language, self.hotwords
        )


def listening_to(persona: Persona | None, language: str | None = None) -> Listening:
    """
    Return how a persona's callers are listened to; None: those of a mailbox.

    Args:
        language: of a mailbox; None: the persona's.
    """
    spoken = language or (persona.language if persona else "")
    known = spoken.partition("-")[0].lower()
    if known not in LANGUAGES or (persona and persona.also_speaks):
        known = ""
    if persona is None:
        return Listening(language=known or None)
    # What is longer is no word.
    terms = (term for term in persona.keyterms if len(term) <= HOTWORD_CHARACTERS)
    return Listening(persona.model.asr, known or None, tuple(terms)[:HOTWORDS])
