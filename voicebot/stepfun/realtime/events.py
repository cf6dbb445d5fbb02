"""
What StepFun's realtime socket says to us, one dataclass an event.

Words, tool arguments and audio stay out of `repr`, so an event that ends up in
a log or a traceback doesn't quote the caller. An id that the frame left out is
"" where the type is `str`; a response id is then the active response's.

The two that come many times a second make themselves: the `__init__` that a dataclass
is given takes ten times as long, when all else is compiled. None is to be changed.

Source: StepFun API reference "Realtime" (api-reference/realtime/chat) and
developer guide "Realtime" (guides/developer/realtime). What neither page names
but public clients have seen says so below.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class ErrorKind(StrEnum):
    """What an error event means; StepFun tells it in prose, seldom by a code."""

    ONGOING_RESPONSE = "ongoing_response"  # response.create during a response
    NO_ONGOING_RESPONSE = "no_ongoing_response"  # response.cancel after its end
    COMMIT_WHEN_SERVER_VAD = "commit_when_server_vad"
    NO_SPEECH = "no_speech"  # the commit was too short, or silent
    APPEND_NOT_CALLED = "append_not_called"  # the commit was empty
    INVALID_EVENT_FORMAT = "invalid_event_format"
    BAD_ITEM_TYPE = "bad_item_type"
    BAD_PREVIOUS_ITEM = "bad_previous_item"
    BAD_VOICE = "bad_voice"
    EMPTY_HISTORY = "empty_history"  # response.create before any item
    ENGINE = "engine"  # the server's own fault: open a new session
    QUOTA = "quota"
    RATE_LIMITED = "rate_limited"
    OTHER = "other"


class ResponseStatus(StrEnum):
    """How a response ended. A cancelled one may end with any of them."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INCOMPLETE = "incomplete"  # what the caller's interruption leaves behind
    UNKNOWN = "unknown"  # none that the page names


@dataclass(frozen=True, slots=True)
class SessionCreated:
    """The first frame of a session, sent unasked."""

    session_id: str


@dataclass(frozen=True, slots=True)
class SessionUpdated:
    """The session as it now is: compare it with what was asked for."""

    session_id: str
    voice: str | None

    turn_detection_on: bool | None
    """None if it was echoed as null or not at all; off, as far as clients saw."""

    energy_threshold: int | None = None
    """As echoed. None if it wasn't, or isn't a number."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The server's VAD hears the caller: the interruption signal."""

    item_id: str

    audio_start_ms: int | None
    """Milliseconds of audio appended before the speech."""


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The server's VAD has heard enough silence; it commits and answers by itself."""

    item_id: str | None
    audio_end_ms: int | None


@dataclass(frozen=True, slots=True)
class Committed:
    """The caller's audio became an item of the conversation."""

    item_id: str
    previous_item_id: str | None


@dataclass(frozen=True, slots=True)
class Cleared:
    """The input buffer is empty."""


@dataclass(frozen=True, slots=True)
class ItemCreated:
    """
    An item joined the conversation: the caller's, ours or the model's.

    The id is the server's own, whatever the client asked for, so a created item
    matches its command by order alone.
    """

    item_id: str
    kind: str
    role: str | None
    previous_item_id: str | None


@dataclass(frozen=True, slots=True)
class ItemDeleted:
    """An item left the conversation."""

    item_id: str


@dataclass(frozen=True, slots=True)
class UserTranscript:
    """
    What the caller said in one item.

    Comes at any time after the item, even after the caller's next one.
    """

    item_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UserTranscriptDelta:
    """All that the caller has said in an item so far. Undocumented, cumulative."""

    item_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ResponseCreated:
    """The model begins to answer."""

    response_id: str


@dataclass(frozen=True, slots=True)
class OutputItemAdded:
    """A message or a function call begins in a response."""

    response_id: str
    item_id: str
    kind: str
    call_id: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class OutputItemDone:
    """A message or a function call ended, be it complete or interrupted."""

    response_id: str
    item_id: str
    kind: str
    call_id: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class ContentPartAdded:
    """A part begins; `kind` is audio, text, thinking or "" if not told."""

    response_id: str
    item_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class ContentPartDone:
    """A part ended."""

    response_id: str
    item_id: str
    kind: str


@dataclass(slots=True, init=False)
class AudioDelta:
    """A piece of the bot's voice, 0.2 to 1.9 s of it in practice."""

    response_id: str
    item_id: str

    pcm16: bytes = field(repr=False)
    """Signed 16-bit little-endian, 24000 Hz, mono: whole samples, maybe none."""

    def __init__(self, response_id: str, item_id: str, pcm16: bytes) -> None:
        self.response_id = response_id
        self.item_id = item_id
        self.pcm16 = pcm16


@dataclass(frozen=True, slots=True)
class AudioDone:
    """All audio of an item has come. Carries none."""

    response_id: str
    item_id: str


@dataclass(slots=True, init=False)
class TranscriptDelta:
    """Words that the bot speaks; they run ahead of their audio."""

    response_id: str
    item_id: str
    text: str = field(repr=False)

    def __init__(self, response_id: str, item_id: str, text: str) -> None:
        self.response_id = response_id
        self.item_id = item_id
        self.text = text


@dataclass(frozen=True, slots=True)
class TranscriptDone:
    """All words of an item; most of its audio may be still to come."""

    response_id: str
    item_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Words that aren't spoken; an audio session has none."""

    response_id: str
    item_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TextDone:
    """All words of an item that isn't spoken."""

    response_id: str
    item_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """A reasoning model thinks. A sign of life only: its text isn't kept."""

    response_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class ThinkingDone:
    """A reasoning model has thought."""

    response_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class FunctionArgumentsDelta:
    """A fragment of a call's arguments, often empty. Wait for the done event."""

    response_id: str
    item_id: str
    call_id: str
    name: str | None
    arguments: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FunctionArgumentsDone:
    """
    The model calls a function.

    Answer it after the response is done. A call id has a resolution of one
    second: only together with the response id does it name one call.
    """

    response_id: str
    item_id: str
    call_id: str
    name: str

    arguments: str = field(repr=False)
    """JSON as the model wrote it: not always valid, never to be trusted."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a response cost; details left out count as 0. Undocumented."""

    total_tokens: int
    input_tokens: int
    output_tokens: int
    input_cached_tokens: int
    input_text_tokens: int
    input_audio_tokens: int
    cached_text_tokens: int
    cached_audio_tokens: int
    output_text_tokens: int
    output_audio_tokens: int


@dataclass(frozen=True, slots=True)
class ResponseDone:
    """A response is over, however it ended."""

    response_id: str
    status: ResponseStatus
    usage: Usage | None


@dataclass(frozen=True, slots=True)
class ResponseCancelled:
    """A response is over. Named in the page's prose only; its fields are unknown."""

    response_id: str | None


@dataclass(frozen=True, slots=True)
class ServerError:
    """Something was refused or failed. The session lives on; its text isn't kept."""

    kind: ErrorKind

    code: str | None
    """The server's code, if it looks like one."""

    event_id: str | None
    """Of the command that was refused, if told."""


ServerEvent = (
    SessionCreated
    | SessionUpdated
    | SpeechStarted
    | SpeechStopped
    | Committed
    | Cleared
    | ItemCreated
    | ItemDeleted
    | UserTranscript
    | UserTranscriptDelta
    | ResponseCreated
    | OutputItemAdded
    | OutputItemDone
    | ContentPartAdded
    | ContentPartDone
    | AudioDelta
    | AudioDone
    | TranscriptDelta
    | TranscriptDone
    | TextDelta
    | TextDone
    | ThinkingDelta
    | ThinkingDone
    | FunctionArgumentsDelta
    | FunctionArgumentsDone
    | ResponseDone
    | ResponseCancelled
    | ServerError
)
