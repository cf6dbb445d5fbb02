"""What the offline StepFun understands and says: the part that isn't protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Role = Literal["user", "assistant", "system", "tool"]


@dataclass(frozen=True, slots=True)
class Utterance:
    """One item of the conversation, in words."""

    role: Role
    text: str
    spoken: bool = False
    """The words were heard, not typed."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function that the model wants called."""

    name: str
    arguments: str
    """JSON text."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says next."""

    text: str
    after_ms: int = 0
    """Extra time before the first audio."""
    call: Call | None = None


class Mind(Protocol):
    """
    Understands and speaks. May be slow: it is asked in a thread.

    It has no memory: what matters is in `history`. So one mind serves many calls,
    and a call that is carried over to a new session goes on where it was.
    """

    def hear(self, pcm16: bytes, history: Sequence[Utterance]) -> str:
        """Transcribe 24 kHz speech; an empty text if nothing was understood."""
        ...

    def answer(self, instructions: str, history: Sequence[Utterance]) -> Reply:
        """Say what comes next in the conversation."""
        ...

    def speak(self, text: str, voice: str, language: str) -> bytes:
        """Speak, as 24 kHz pcm16. `language` is "en" or "zh"."""
        ...


@dataclass(frozen=True, slots=True)
class Hear:
    """The session wants to know what was said."""

    item_id: str
    pcm16: bytes
    history: tuple[Utterance, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The session wants an answer, spoken."""

    response_id: str
    instructions: str
    history: tuple[Utterance, ...]
    voice: str


@dataclass(frozen=True, slots=True)
class Heard:
    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    response_id: str
    reply: Reply
    pcm16: bytes


Question = Hear | Answer
Thought = Heard | Answered


def think(mind: Mind, question: Question) -> Thought:
    """Put a session's question to a mind."""
    match question:
        case Hear(item_id, pcm16, history):
            return Heard(item_id, mind.hear(pcm16, history))
        case Answer(response_id, instructions, history, voice):
            reply = mind.answer(instructions, history)
            pcm16 = (
                mind.speak(reply.text, voice, language_of(reply.text))
                if reply.text
                else b""
            )
            return Answered(response_id, reply, pcm16)


def language_of(text: str) -> str:
    """Tell Chinese ("zh") from everything else ("en") by the script."""
    chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in text)
    return "zh" if chinese * 3 > sum(map(str.isalpha, text)) else "en"
