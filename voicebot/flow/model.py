"""What Flow is told (besides the bridge's events), and what it orders."""

from dataclasses import dataclass, field
from typing import Literal

from voicebot.bridge.model import Action, Event

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


Input = Event | ModelCalled | DirectorAnswered | SmsOver


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
    """The model enters a stage: give it that stage's instructions and tools."""

    stage: str


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


Order = (
    Action
    | ToolOutput
    | TellModel
    | UpdateSession
    | AskDirector
    | SendSms
    | PauseRecording
    | NoteEvent
    | Leave
)
