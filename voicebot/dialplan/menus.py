"""Menus of keys, and numbers that a caller types: ours, whatever the model does."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from voicebot.dialplan.actions import Action
from voicebot.dialplan.patterns import Pattern
from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Label, Speech, duration

Key = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"]
Digits = Annotated[int, Field(ge=1, le=20, strict=True)]


class Gather(Section):
    """Digits to collect. What isn't a digit or the terminator is ignored."""

    min: Digits = 1
    """Digits that there must be."""

    max: Digits
    """Digits with which the number is complete."""

    terminator: Literal["#", "*", "none"] = "#"
    """The key that ends the number before it has `max` digits."""

    inter_digit_s: Annotated[float, duration("1s", "20s", "s")] = Field(
        4.0, alias="inter_digit"
    )
    """So long after a digit, the number is complete."""

    timeout_s: Annotated[float, duration("2s", "60s", "s")] = Field(
        10.0, alias="timeout"
    )
    """So long after the prompt, nothing is typed any more."""

    retries: Annotated[int, Field(ge=0, le=5, strict=True)] = 2
    """How often the prompt is said again, where `noinput` and `nomatch` say nothing."""

    validate_: Pattern | None = Field(None, alias="validate")
    """What all digits together must match."""

    sensitive: bool = False
    """Whether the digits are to be seen nowhere, and are kept out of the recording."""

    readback: Literal["all", "last2", "none"] = "none"
    """Which of the digits we say back."""

    into: Label
    """The variable that gets them."""

    @model_validator(mode="after")
    def _possible(self) -> "Gather":
        if self.min > self.max:
            message = "expected min to be at most max"
            raise PydanticCustomError("gather", message)
        if self.sensitive and self.readback == "all":
            message = "expected readback last2 or none, as the digits are sensitive"
            raise PydanticCustomError("gather", message)
        return self


class NoMatch(Section):
    """After a key that isn't in the menu, or a number that isn't good."""

    say: Speech | None = None
    """Said first."""

    replay: bool = False
    """Whether the prompt follows."""

    do: Action | None = None
    """What is done instead; the menu is over then, unless it is `replay`."""


class NoInput(NoMatch):
    """After silence."""

    after_s: Annotated[float, duration("1s", "60s", "s")] = Field(8.0, alias="after")
    """Silence since the prompt, or since the step before."""


Ladder = Annotated[tuple[NoMatch, ...], Field(max_length=10)]


class Menu(Section):
    """A prompt, and what the caller may press."""

    prompt: Speech
    """Said when the menu opens."""

    keys: dict[Key, Action] = {}
    """What each key does. A menu has either these or `gather`."""

    gather: Gather | None = None
    """Digits to collect."""

    noinput: Annotated[tuple[NoInput, ...], Field(max_length=10)] = ()
    """After silence, the first time, the second time, …; then the menu is over."""

    nomatch: Ladder = ()
    """After a wrong key or number, the first time, the second time, …"""

    key: Key | None = None
    """The key that leads here whenever no menu is open."""

    barge: bool = True
    """Whether the first key stops the prompt."""

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, given: Any) -> Any:
        if isinstance(given, dict) and ("keys" in given) == ("gather" in given):
            raise PydanticCustomError("menu", "expected either keys or gather")
        return given
