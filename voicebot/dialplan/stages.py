"""Parts of a conversation with words and tools of their own."""

from typing import Annotated, Any, Final

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from voicebot.dialplan.actions import Action
from voicebot.dialplan.section import Section
from voicebot.dialplan.turns import BargeIn, Listening
from voicebot.dialplan.values import Label, Line, Prose

# What leads out of a stage: each exit has one of these.
REASONS: Final = ("when", "tool", "digits", "var")


class Exit(Section):
    """A way out of a stage that we take, whatever the model makes of it."""

    to: Label
    """The stage that follows."""

    when: Annotated[tuple[Line, ...], Field(max_length=100)] = ()
    """Phrases: a turn of the caller's has one of them, as words of their own."""

    tool: Label | None = None
    """A tool of the stage's: it was done."""

    digits: Label | None = None
    """A variable: the caller typed its digits while in the stage."""

    var: Label | None = None
    """A variable: it has a value that is not its default, maybe from before."""

    @property
    def reason(self) -> str:
        """Which of them it has."""
        return next(key for key in REASONS if key in self.model_fields_set)

    @model_validator(mode="before")
    @classmethod
    def _one_reason(cls, given: Any) -> Any:
        if isinstance(given, dict) and sum(key in given for key in REASONS) != 1:
            message = "expected exactly one of {names}"
            raise PydanticCustomError("exit", message, {"names": ", ".join(REASONS)})
        return given


class Stage(Section):
    """What the model is told, and may do, in one part of the conversation."""

    instructions: Prose | None = None
    """Told in addition to the persona's. Needed without `on_enter`."""

    tools: Annotated[tuple[Label, ...], Field(max_length=16)] = ()
    """Which of the persona's tools may be used; none: no tools."""

    on_enter: Action | None = None
    """What is done each time that the stage is entered."""

    exit: Annotated[tuple[Exit, ...], Field(max_length=20)] = ()
    """Ways out; the first that fits is taken."""

    listening: Listening | None = None
    """What of the persona's is different in this stage."""

    barge_in: BargeIn | None = None
    """What of the persona's is different in this stage."""

    @model_validator(mode="before")
    @classmethod
    def _does_something(cls, given: Any) -> Any:
        if isinstance(given, dict) and not {"instructions", "on_enter"} & given.keys():
            raise PydanticCustomError("stage", "expected instructions, or on_enter")
        return given
