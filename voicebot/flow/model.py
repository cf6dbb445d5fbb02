"""What Flow is told (besides the bridge's events), and what it orders."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from voicebot.bridge.model import Action, Event
from voicebot.dialplan.address import Errand

# ---- events ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModelCalled:
    """The model asks for a tool. Comes before the ReplyDone of its response."""

    response_id: str
    call_id: str
    name: str
    arguments: str = field(repr=False)
    """JSON, or what the model takes for it."""


@dataclass(frozen=True, slots=True)
class DirectorAnswered:
    """The director's answer to a question."""

    seq: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SmsOver:
    """What became of a SendSms."""

    number: int
    name: str
    status: str
    """`sent`, or a word that says why not."""


class Trouble(StrEnum):
    """Why there is no answer of another server's."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    TOO_LARGE = "too_large"
    REDIRECTED = "redirected"
    NOT_FOUND = "not_found"
    REFUSED = "refused"  # HTTP 4xx
    FAILED = "failed"  # HTTP 5xx
    UNREADABLE = "unreadable"
    MISCONFIGURED = "misconfigured"  # a secret is missing, or no address


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of a `Fetch`."""

    id: int
    text: str = field(default="", repr=False)
    trouble: Trouble | None = None
    status: int | None = None
    """Of HTTP, if there was an answer at all."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What came of the lookup that was made when the call came in."""

    values: Mapping[str, str] = field(repr=False)
    """Variables, of their types."""
    trouble: Trouble | None
    duration_ms: int


@dataclass(frozen=True, slots=True)
class BudgetReached:
    """Money that was set aside is spent. Comes once for each budget and kind."""

    scope: str
    """The budget's name, such as `per_call`."""

    hard: bool
    """The call is to end, or to go to somebody; else, answers are to be shorter."""


Input = (
    Event
    | ModelCalled
    | DirectorAnswered
    | SmsOver
    | Fetched
    | LookedUp
    | BudgetReached
)


# ---- orders ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """Tell the model what came of its call."""

    call_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TellModel:
    """Tell the model what happened without it: a note, no turn."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UpdateSession:
    """Give the model its instructions and tools anew, of a stage if there is one."""

    stage: str | None


@dataclass(frozen=True, slots=True)
class AskDirector:
    """Put a question to the director; an older one need not be answered any more."""

    seq: int
    instructions: str = field(repr=False)
    transcript: str = field(repr=False)
    """JSON: what was said, oldest first."""


@dataclass(frozen=True, slots=True)
class PauseRecording:
    """Record silence of both sides, or the call again: a number is being typed."""

    on: bool


@dataclass(frozen=True, slots=True)
class SendSms:
    """Send a text message, and say by SmsOver what became of it."""

    number: int
    name: str
    text: str = field(repr=False)
    to: str
    """`caller`, or the name of a target of the dialplan."""


@dataclass(frozen=True, slots=True)
class RecordCall:
    """
    Record from now on, or no longer: the caller knows, agreed, or withdrew that.

    Comes in calls that aren't recorded from their start; `on` at most once before off.
    """

    on: bool


Kind = Literal[
    "menu",
    "collected",
    "var",
    "trigger",
    "silence",
    "stage",
    "language",
    "tool",
    "refused",
    "call",
    "director",
    "sms",
    "fetched",
    "lookup",
    "budget",
    "limit",
    "consent",
]


@dataclass(frozen=True, slots=True)
class NoteEvent:
    """Something for the call log. Holds names of the persona's, never words."""

    kind: Kind
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Leave:
    """
    Where the call goes once its stream has ended. HangUp follows in the same list.

    `target` is a name of the dialplan's; empty for voicemail.
    """

    kind: Literal["transfer", "voicemail"]
    target: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """Make a request to a server of the operator's; Fetched tells what came of it."""

    id: int
    tool: str
    key: str
    """The same for the same call of a tool, and for no other of this phone call."""
    errand: Errand = field(repr=False)


@dataclass(frozen=True, slots=True)
class Abandon:
    """Nobody waits for a Fetch any more."""

    id: int


Order = (
    Action
    | ToolOutput
    | TellModel
    | UpdateSession
    | AskDirector
    | SendSms
    | PauseRecording
    | RecordCall
    | NoteEvent
    | Leave
    | Fetch
    | Abandon
)
