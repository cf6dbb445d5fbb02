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


Input = Event | ModelCalled


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
class PauseRecording:
    """Record silence of both sides, or the call again: a number is being typed."""

    on: bool


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
    "tool",
    "refused",
    "call",
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


Order = (
    Action
    | ToolOutput
    | TellModel
    | UpdateSession
    | PauseRecording
    | RecordCall
    | NoteEvent
    | Leave
)
