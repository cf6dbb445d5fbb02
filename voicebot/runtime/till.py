"""What calls cost while they are on: prices, budgets, and who is to be told."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import structlog

from voicebot.dialplan.calls import CallFacts
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.prices import PriceFile, read_prices
from voicebot.errors import ConfigError, StoreError
from voicebot.flow.budget import Amounts, Payer, Spending
from voicebot.flow.model import BudgetReached
from voicebot.runtime.forward import Origin
from voicebot.store.calls import CallStore
from voicebot.store.records import Spent
from voicebot.store.usage import Prices

Spender = Callable[[Amounts], list[BudgetReached]]

log = structlog.get_logger()

RECALL_S: Final = 30.0


def load_prices(path: Path | None) -> Prices:
    """
    Read what is paid.

    Raises:
        ConfigError: the file can't be read, or is wrong: each mistake with its place.
    """
    if path is None:
        return Prices()
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"VOICEBOT_PRICES: {path}: {exc.strerror}") from None
    file, problems = read_prices(path, data)
    if file is None:
        raise ConfigError("\n  ".join(["the prices are wrong:", *map(str, problems)]))
    return _prices(file)


def _prices(file: PriceFile) -> Prices:
    def yuan(ucny: int) -> Decimal:
        return Decimal(ucny).scaleb(-6)

    return Prices(
        input=yuan(file.tokens.input_ucny),
        cached=yuan(file.tokens.cached_ucny),
        output=yuan(file.tokens.output_ucny),
        chat_input=yuan(file.chat.input_ucny),
        chat_cached=yuan(file.chat.cached_ucny),
        chat_output=yuan(file.chat.output_ucny),
        asr_hour=yuan(file.asr.hour_ucny),
        speech_10k=yuan(file.speech.per_10k_ucny),
        twilio_minute=yuan(file.twilio.minute_ucny),
    )


class Till:
    """
    Knows what was spent today, of which budgets of the plan that is in force.

    Args:
        plan: the one that is in force.
        now: the time.
    """

    def __init__(
        self, plan: Callable[[], Dialplan], now: Callable[[], datetime]
    ) -> None:
        self._plan, self._now = plan, now
        self._spending = Spending(self._today())

    async def recall(self, store: CallStore, us: str) -> None:
        """
        Count what was spent today by calls that this process didn't take.

        Args:
            us: the ID of this process.

        Raises:
            StoreError: the log can't be read.
        """
        day = self._today()
        midnight = datetime.combine(day, datetime.min.time(), self._plan().zone)
        found = await store.spent(midnight, us)
        self._spending.others([(_payer_of(x), _amounts_of(x)) for x in found], day)

    async def keep_counting(self, store: CallStore, us: str) -> None:
        """Do so for ever: other processes spend, too."""
        while True:
            await asyncio.sleep(RECALL_S)
            try:
                await self.recall(store, us)
            except StoreError as exc:
                log.warning("others' spending isn't known", error=str(exc))

    def refusal(self, plan: Dialplan, facts: CallFacts) -> str | None:
        """Return the budget that is spent, so that one more call has no room."""
        payer = Payer("", facts.caller, facts.to)
        return self._spending.exhausted(payer, plan.budgets, self._today())

    def spender(self, origin: Origin) -> Spender:
        """Return what takes what a call's answers cost, and says what it is told."""
        facts = CallFacts(origin.called, origin.caller, self._now())
        payer = Payer(origin.call_id, facts.caller, origin.called)
        least = origin.persona.limits.cny_ucny if origin.persona else None

        def spend(amounts: Amounts) -> list[BudgetReached]:
            self._spending.add(payer, amounts, self._today())
            news = self._spending.news(payer, self._plan().budgets, least)
            for reached in news:
                log.warning("budget", scope=reached.scope, spent=reached.hard)
            return news

        return spend

    def over(self, call_id: str) -> None:
        """A call is over."""
        self._spending.over(call_id)

    def _today(self) -> date:
        return self._now().astimezone(self._plan().zone).date()


def _amounts_of(spent: Spent) -> Amounts:
    return {"cny": spent.ucny, "minutes": spent.talked_ms, "tokens": spent.tokens}


def _payer_of(spent: Spent) -> Payer:
    ours, theirs = spent.to_number, spent.from_number
    if spent.direction == "outbound-api":  # we rang them
        ours, theirs = theirs, ours
    facts = CallFacts(ours, theirs, datetime.now().astimezone())
    return Payer("", facts.caller, ours)
