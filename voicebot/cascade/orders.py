"""What became of a cascade's stages (results), and what is to be done (orders)."""

from dataclasses import dataclass, field

from voicebot.errors import UpstreamError
from voicebot.stepfun.chat import Message, ToolCall
from voicebot.stepfun.realtime.commands import Tool

# ---- results ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Transcribed:
    """The words of a turn are known."""

    item_id: str
    text: str = field(repr=False)
    """Empty if there were none."""


@dataclass(frozen=True, slots=True)
class NotTranscribed:
    """The words of a turn won't be known."""

    item_id: str
    error: UpstreamError


@dataclass(frozen=True, slots=True)
class Written:
    """The chat model wrote some more of an answer."""

    response_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WrittenOut:
    """The chat model has finished."""

    response_id: str
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class NotWritten:
    """The chat model writes no more, and hasn't finished."""

    response_id: str
    error: UpstreamError


@dataclass(frozen=True, slots=True)
class Spoken:
    """Some audio of a piece is there."""

    response_id: str
    piece: int
    pcm16: bytes = field(repr=False)
    """Signed 16-bit little-endian, 24000 Hz, mono: whole samples."""


@dataclass(frozen=True, slots=True)
class SpokenOut:
    """All audio of a piece has come."""

    response_id: str
    piece: int


@dataclass(frozen=True, slots=True)
class NotSpoken:
    """No more audio of a piece comes, and it isn't all."""

    response_id: str
    piece: int
    error: UpstreamError


OfReply = Written | WrittenOut | NotWritten | Spoken | SpokenOut | NotSpoken
Result = Transcribed | NotTranscribed | OfReply


# ---- orders ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tell:
    """Send this to the client."""

    frame: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Transcribe:
    """Find out what was said. One of the first two results comes of it."""

    item_id: str
    pcm16: bytes = field(repr=False)
    """Signed 16-bit little-endian, 24000 Hz, mono."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Let the chat model answer. Any number of Written, then one of the next two."""

    response_id: str
    messages: tuple[Message, ...] = field(repr=False)
    tools: tuple[Tool, ...]


@dataclass(frozen=True, slots=True)
class Speak:
    """Speak a piece. Any number of Spoken, then one of the last two results."""

    response_id: str
    piece: int
    text: str = field(repr=False)
    voice: str


@dataclass(frozen=True, slots=True)
class GetReady:
    """There will be something to say in this voice."""

    voice: str


@dataclass(frozen=True, slots=True)
class Stop:
    """What is being written and spoken for this response isn't wanted any more."""

    response_id: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The session is lost: another one like it would fail alike."""

    error: UpstreamError


Order = Tell | Transcribe | Ask | Speak | GetReady | Stop | GiveUp
