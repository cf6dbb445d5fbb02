"""What is done when somebody says something: decided by us, not by the model."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from voicebot.dialplan.actions import Action
from voicebot.dialplan.patterns import Pattern
from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Label, Line


class Trigger(Section):
    """Words, and what is done when a turn holds them. The first that fits counts."""

    name: Label
    """For the call log; each is different."""

    says: Annotated[tuple[Line, ...], Field(max_length=100)] = ()
    """Phrases, as words of their own. Either these or `matches`."""

    matches: Pattern | None = None
    """Or a regular expression, found anywhere in the turn's first 500 characters."""

    by: Literal["caller", "bot"] = "caller"
    """Whose turns are looked at."""

    do: Action
    """What is done."""

    once: bool = False
    """Whether it counts the first time only."""

    @model_validator(mode="before")
    @classmethod
    def _one_of(cls, given: Any) -> Any:
        if isinstance(given, dict) and bool(given.get("says")) == ("matches" in given):
            raise PydanticCustomError("trigger", "expected either says or matches")
        return given
