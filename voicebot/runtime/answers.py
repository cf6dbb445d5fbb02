"""What becomes of a call next. The web's handlers turn it into TwiML."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a media stream with this token."""

    token: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Don't answer the call."""

    reason: Literal["busy", "rejected"]


@dataclass(frozen=True, slots=True)
class Tell:
    """Say something and hang up."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Say something, be silent for a while, and ask again."""

    token: str
    text: str
    """Empty to be silent at once."""

    language: str
    pause_s: int


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring somebody else, and connect the caller with them."""

    token: str
    """Comes back when it is over, or nobody answered."""

    number: str | None
    """E.164; None if it is a SIP address."""

    sip: str | None
    ring_s: float
    caller_id: str
    """Whom the telephone that rings shows."""

    whisper: str
    """Said to who answers, before the caller hears them; empty for nothing."""

    whisper_language: str


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """Ask for a message, and record it."""

    token: str
    greeting: str
    language: str
    max_s: float
    transcribe: bool
