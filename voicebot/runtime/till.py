"""What calls cost while they are on: prices, budgets, and who is to be told."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import structlog

from voicebot.dialplan.calls import CallFacts
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.prices import PriceFile, read_prices
from voicebot.errors import ConfigError
from voicebot.flow.budget import Payer, Spending
from voicebot.flow.model import BudgetReached
from voicebot.runtime.forward import Origin
from voicebot.store.calls import CallStore
from voicebot.store.records import Spent
from voicebot.store.usage import Prices

log = structlog.get_logger()


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

    async def recall(self, store: CallStore) -> None:
        """
        Count what was spent today before this process began.

        Raises:
            StoreError: the log can't be read.
        """
        zone = self._plan().zone
        midnight = datetime.combine(self._today(), datetime.min.time(), zone)
        for spent in await store.spent(midnight):
            self._spending.remember(_payer_of(spent), spent.ucny, self._today())

    def refusal(self, plan: Dialplan, facts: CallFacts) -> str | None:
        """Return the budget that is spent, so that one more call has no room."""
        payer = Payer("", facts.caller, facts.to)
        return self._spending.exhausted(payer, plan.budgets, self._today())

    def spender(self, origin: Origin) -> Callable[[int], list[BudgetReached]]:
        """Return what takes what a call's answers cost, and says what it is told."""
        facts = CallFacts(origin.called, origin.caller, self._now())
        payer = Payer(origin.call_id, facts.caller, origin.called)
        least = origin.persona.limits.cny_ucny if origin.persona else None

        def spend(ucny: int) -> list[BudgetReached]:
            self._spending.add(payer, ucny, self._today())
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


def _payer_of(spent: Spent) -> Payer:
    ours, theirs = spent.to_number, spent.from_number
    if spent.direction == "outbound-api":  # we rang them
        ours, theirs = theirs, ours
    facts = CallFacts(ours, theirs, datetime.now().astimezone())
    return Payer("", facts.caller, ours)
