"""What `budgets` of `dialplan.yaml` says: how much calls may cost, last, or read."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from voicebot.dialplan.section import Section
from voicebot.dialplan.values import money

Unit = Literal["cny", "minutes", "tokens"]

MILLION: Final = 1_000_000
COUNTED: Final[dict[Unit, int]] = {"cny": MILLION, "minutes": 60_000, "tokens": 1}
"""What a unit is counted in: millionths of a yuan, milliseconds, tokens."""


class Budget(Section):
    """How much may be spent, in one of three units."""

    cny: Annotated[int, money("0.01", "999999")] | None = None
    """Yuan. Once they are spent, a call that is on does what its persona's `on_budget`
    says, and a new one has no room."""

    minutes: Annotated[int, money("1", "999999", "minutes", "30")] | None = None
    """The same in minutes that the bot is on the line."""

    tokens: Annotated[int, money("1", "999999999999", "tokens", "50000")] | None = None
    """The same in tokens that the model reads and speaks."""

    soft_millionths: (
        Annotated[int, money("0.01", "999999999999", "an amount", "2.50")] | None
    ) = Field(None, alias="soft")
    """Of the same unit, and less. Once it is spent, the model is told to answer in one
    short sentence."""

    @model_validator(mode="after")
    def _is_one(self) -> "Budget":
        given = [unit for unit in COUNTED if getattr(self, unit) is not None]
        if len(given) != 1:
            raise PydanticCustomError(
                "budget", "expected one of cny, minutes and tokens"
            )
        if self.soft is not None and self.soft >= self.hard:
            raise PydanticCustomError(
                "budget", "expected soft to be less than {unit}", {"unit": given[0]}
            )
        return self

    @property
    def unit(self) -> Unit:
        """In which of the units it is."""
        return next(unit for unit in COUNTED if getattr(self, unit) is not None)

    @property
    def hard(self) -> int:
        """When it is spent, as its unit is `COUNTED`."""
        return self._counted(getattr(self, self.unit))

    @property
    def soft(self) -> int | None:
        """When it is low, as its unit is `COUNTED`; None: never."""
        low = self.soft_millionths
        return None if low is None else self._counted(low)

    def _counted(self, millionths: int) -> int:
        return millionths * COUNTED[self.unit] // MILLION


class Budgets(Section):
    """
    How much calls may cost, each in `cny`, `minutes` or `tokens`. Days are those of
    `timezone`; it is the model that is counted, at `VOICEBOT_PRICES`.
    """

    per_call: Budget | None = None
    """For one call; a persona may have less: `limits.cny`."""

    per_caller_day: Budget | None = None
    """For one caller's calls of a day; anonymous ones are not counted."""

    per_number_day: Budget | None = None
    """For the calls of a day to one of our numbers."""

    total_day: Budget | None = None
    """For all calls of a day."""

    def given(self) -> Iterator[tuple[str, Budget]]:
        """Those that there are, by their names."""
        for name in type(self).model_fields:
            if budget := getattr(self, name):
                yield name, budget
