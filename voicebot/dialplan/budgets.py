"""What `budgets` of `dialplan.yaml` says: how much money calls may cost."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from voicebot.dialplan.section import Section
from voicebot.dialplan.values import money


class Budget(Section):
    """How much may be spent."""

    hard_ucny: Annotated[int, money("0.01", "999999")] = Field(alias="cny")
    """Yuan. Once they are spent, a call that is on does what its persona's `on_budget`
    says, and a new one has no room."""

    soft_ucny: Annotated[int, money("0.01", "999999")] | None = Field(
        None, alias="soft"
    )
    """Yuan, less than `cny`. Once they are spent, the model is told to answer in one
    short sentence."""

    @model_validator(mode="after")
    def _warns_first(self) -> "Budget":
        if self.soft_ucny is not None and self.soft_ucny >= self.hard_ucny:
            raise PydanticCustomError("budget", "expected soft to be less than cny")
        return self


class Budgets(Section):
    """
    How much calls may cost. Days are those of `timezone`; it is the model that is
    counted, at `VOICEBOT_PRICES`.
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
