"""Which budgets are spent, and what the model is told of it. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from voicebot.dialplan.budgets import COUNTED, Budget, Budgets, Unit
from voicebot.dialplan.values import ANONYMOUS
from voicebot.flow.model import BudgetReached

Amounts = Mapping[Unit, int]

PER_CALL: Final = "per_call"

SHORTER: Final = (
    "From now on answer in one short sentence, and bring the call to its point: "
    "there is little time left. Don't mention this."
)


@dataclass(frozen=True, slots=True)
class Payer:
    """On whose account a call goes. Callers are private: not in its repr."""

    call_id: str
    caller: str = field(repr=False)
    """`anonymous` for one who hides the number."""
    number: str = field(repr=False)
    """Ours."""


class Spending:
    """
    What was spent: today, here and by others, and by each call that is on.

    Amounts are as their units are `COUNTED`. With another day than the last, all
    accounts but those of calls begin anew.
    """

    def __init__(self, day: date) -> None:
        self._day = day
        self._days: Counter[tuple[str, str, Unit]] = Counter()
        self._others: Counter[tuple[str, str, Unit]] = Counter()
        self._calls: Counter[tuple[str, Unit]] = Counter()
        self._told: dict[str, set[BudgetReached]] = {}

    def add(self, payer: Payer, amounts: Amounts, day: date) -> None:
        """Put what an answer cost on all accounts that it goes on."""
        for unit, amount in amounts.items():
            self._calls[payer.call_id, unit] += amount
        self._turn(day)
        _put(self._days, payer, amounts)

    def others(self, spent: Iterable[tuple[Payer, Amounts]], day: date) -> None:
        """Know what calls of the day have cost that aren't calls of this process."""
        self._turn(day)
        self._others.clear()
        for payer, amounts in spent:
            _put(self._others, payer, amounts)

    def news(
        self, payer: Payer, budgets: Budgets, persona_ucny: int | None = None
    ) -> list[BudgetReached]:
        """
        Return what a call is yet to be told: of each budget once that it is low, and
        once that it is spent.

        Args:
            persona_ucny: what its persona may spend in a call, if that is limited.
        """
        found = []
        if (
            persona_ucny is not None
            and self._calls[payer.call_id, "cny"] >= persona_ucny
        ):
            found.append(BudgetReached("limits.cny", True))
        for scope, budget, spent in self._spent(payer, budgets):
            if spent >= budget.hard:
                found.append(BudgetReached(scope, True))
            elif budget.soft is not None and spent >= budget.soft:
                found.append(BudgetReached(scope, False))
        told = self._told.setdefault(payer.call_id, set())
        news = [each for each in found if each not in told]
        told.update(news)
        return news

    def exhausted(self, payer: Payer, budgets: Budgets, day: date) -> str | None:
        """Return the budget that leaves nothing for one more call, if there is one."""
        self._turn(day)
        for scope, budget, spent in self._spent(payer, budgets):
            if scope != PER_CALL and spent >= budget.hard:
                return scope
        return None

    def over(self, call_id: str) -> None:
        """A call is over, and nothing more comes of it."""
        for unit in COUNTED:
            self._calls.pop((call_id, unit), None)
        self._told.pop(call_id, None)

    def _turn(self, day: date) -> None:
        if day != self._day:
            self._day = day
            self._days.clear()
            self._others.clear()

    def _spent(
        self, payer: Payer, budgets: Budgets
    ) -> Iterator[tuple[str, Budget, int]]:
        accounts = dict(_accounts(payer))
        for scope, budget in budgets.given():
            if scope == PER_CALL:
                yield scope, budget, self._calls[payer.call_id, budget.unit]
            elif scope in accounts:
                account = scope, accounts[scope], budget.unit
                yield scope, budget, self._days[account] + self._others[account]


def _put(days: Counter[tuple[str, str, Unit]], payer: Payer, amounts: Amounts) -> None:
    for scope, whose in _accounts(payer):
        for unit, amount in amounts.items():
            days[scope, whose, unit] += amount


def _accounts(payer: Payer) -> Iterator[tuple[str, str]]:
    if payer.caller != ANONYMOUS:
        yield "per_caller_day", payer.caller
    yield "per_number_day", payer.number
    yield "total_day", ""
