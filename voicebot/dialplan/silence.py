"""What is done about a caller who says nothing."""

from typing import Annotated, Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from voicebot.dialplan.actions import Action
from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Speech, duration


class Silence(Section):
    """
    One step of the ladder: words, or an action.

    The clock runs while nobody speaks and nothing is due; the caller's voice or key
    starts the ladder anew.
    """

    after_s: Annotated[float, duration("2s", "2m", "s")] = Field(alias="after")
    """From the end of what was heard last, the step before included."""

    say: Speech | None = None
    """What is said. Either this or `do`."""

    do: Action | None = None
    """What is done."""

    @model_validator(mode="before")
    @classmethod
    def _one_of(cls, given: Any) -> Any:
        if isinstance(given, dict) and ("say" in given) == ("do" in given):
            raise PydanticCustomError("silence", "expected either say or do")
        return given
