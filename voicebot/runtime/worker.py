"""
A process that conducts calls for another one, which admits them and keeps the books.

It is a switchboard that nobody rings: calls come from the main process, and all that
they tell goes there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import assert_never

import structlog
from aiohttp import ClientSession, TCPConnector

from voicebot.config import Settings
from voicebot.flow.budget import Amounts
from voicebot.flow.model import BudgetReached
from voicebot.net.errands import ErrandClient, open_errands
from voicebot.runtime import orders
from voicebot.runtime.forward import Origin
from voicebot.runtime.housekeeping import Housekeeping
from voicebot.runtime.live import Ticket
from voicebot.runtime.metrics import Metrics, Sight, watch_loop
from voicebot.runtime.orders import News, Order
from voicebot.runtime.plans import Plans
from voicebot.runtime.switchboard import Switchboard
from voicebot.runtime.till import Till
from voicebot.store.calls import CallStore
from voicebot.store.database import Database
from voicebot.store.engines import reach, url_of
from voicebot.store.instance import Instance
from voicebot.store.records import Call as LoggedCall
from voicebot.store.records import CallEnded, EndReason, Record
from voicebot.store.writer import Backlog, Writer

log = structlog.get_logger()

LEAD_ON_S = 15.0  # longer than Twilio's REST is given

Tell = Callable[[News], None]


class Worker(Switchboard):
    """
    Conducts the calls that it is given.

    Args:
        tell: takes what the main process is to know.
    """

    def __init__(
        self,
        settings: Settings,
        store: CallStore,
        http: ClientSession,
        client: ErrandClient,
        disk: ThreadPoolExecutor,
        tell: Tell,
    ) -> None:
        super().__init__(
            settings,
            _NoPlans(),
            _Writer(store, tell),
            Instance(store, settings.data),
            http,
            client,
            disk,
            _Till(tell),
        )
        self._tell = tell
        self.metrics = _Metrics(tell)
        self.keeper = _Keeper(self.keeper, tell)
        self.finished = asyncio.Event()
        """Set when the last call is over, and no more come."""
        self._no_more = False
        self._tickets: dict[str, Ticket] = {}  # by call_id
        self._expected: dict[str, Ticket] = {}  # by token: its connection is here
        self._asked: dict[str, asyncio.Future[bool | None]] = {}  # by call_id

    @property
    def calls(self) -> int:
        """How many are on, or about to be."""
        return len(self._tickets)

    def redeem(self, token: str) -> Ticket | None:
        """The main process has let it in."""
        return self._expected.pop(token, None)

    def give_up(self, token: str, reason: EndReason) -> None:
        """Close the books on a stream that nobody serves by now, if there is one."""
        if ticket := self._expected.pop(token, None):
            self.never_started(ticket, reason)

    def obey(self, order: Order) -> None:
        """Do what the main process says, but for `Conduct`'s connection."""
        match order:
            case orders.Prompt(name, ulaw):
                self.prompts.adopt(name, ulaw)
            case orders.Prepare(ticket):
                self._tickets[ticket.call_id] = ticket
                self._prepare(ticket)
            case orders.Conduct(ticket, token):
                self._expected[token] = ticket
                if ticket.call_id not in self._tickets:
                    self._tickets[ticket.call_id] = ticket
                    if ticket.origin.opening is None:
                        self._prepare(ticket)
            case orders.Forget(call_id):
                self._drop(call_id)
            case orders.LedOn(call_id, told):
                if (asked := self._asked.get(call_id)) and not asked.done():
                    asked.set_result(told)
            case orders.Reached(call_id, budgets):
                self._spent(call_id, budgets)
            case orders.EndAll():
                self.end_all()
            case orders.Finish():
                self._no_more = True
                self._finish()
            case orders.Begin():
                raise AssertionError("it has begun")
            case _:
                assert_never(order)

    def _spent(self, call_id: str, budgets: tuple[BudgetReached, ...]) -> None:
        ticket = self._tickets.get(call_id)
        if ticket and (call := self._calls.get(ticket.call_sid)):
            for each in budgets:
                call.deliver_late(each)

    async def lead_on(self, origin: Origin, wanted: str) -> bool | None:
        """Ask the main process, to which Twilio comes back."""
        asked = asyncio.get_running_loop().create_future()
        self._asked[origin.call_id] = asked
        known = dict(origin.values)
        self._tell(orders.LeadOn(origin.call_id, wanted, known, origin.consented))
        try:
            async with asyncio.timeout(LEAD_ON_S):
                told: bool | None = await asked
        except TimeoutError:
            log.error("the main process doesn't answer")
            return False
        finally:
            del self._asked[origin.call_id]
        return told

    def _over(self, ticket: Ticket, end: CallEnded) -> None:
        self.scribe.let_go(ticket.call_id)
        self._tell(orders.Over(ticket.call_id, end))
        self._drop(ticket.call_id)

    def _drop(self, call_id: str) -> None:
        self._tickets.pop(call_id, None)
        self.warm.drop(call_id)
        self.lookups.drop(call_id)
        self._finish()

    def _finish(self) -> None:
        if self._no_more and not self._tickets:
            self.finished.set()


class _NoPlans(Plans):
    """A worker decides about no call that comes in."""

    def __init__(self) -> None:
        pass


class _Writer(Writer):
    """The main process writes."""

    def __init__(self, store: CallStore, tell: Tell) -> None:
        self.store, self._tell = store, tell
        self.seen = lambda _: None

    def note(self, record: Record, at: datetime) -> bool:
        self._tell(orders.Noted(record, at))
        return True

    async def written(self) -> None:
        pass

    async def call_by_sid(self, call_sid: str) -> LoggedCall | None:
        return None

    def backlog(self) -> Backlog:
        return Backlog(0, 0, is_away=False, lost_records=0)


class _Metrics(Metrics):
    """The main process counts."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def see(self, sight: Sight) -> None:
        self._tell(orders.Saw(sight))


class _Till(Till):
    """The main process knows the budgets; it says so when one is spent."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def spender(self, origin: Origin) -> Callable[[Amounts], list[BudgetReached]]:
        def spend(amounts: Amounts) -> list[BudgetReached]:
            self._tell(orders.Spent(origin.call_id, dict(amounts)))
            return []

        return spend


class _Keeper(Housekeeping):
    """The main process puts recordings where they belong."""

    def __init__(self, keeper: Housekeeping, tell: Tell) -> None:
        keeper.close()
        self._tell = tell

    @asynccontextmanager
    async def recording(self, path: Path | None) -> AsyncIterator[None]:
        if path is None:
            yield
            return
        self._tell(orders.Writes(path, is_live=True))
        try:
            yield
        finally:
            self._tell(orders.Writes(path, is_live=False))


@asynccontextmanager
async def _unopened(settings: Settings) -> AsyncIterator[CallStore]:
    """The call log, which a worker never asks: it may be away when one starts."""
    url = url_of(settings.call_log)
    database = Database(url, reach(url))
    try:
        yield CallStore(database)
    finally:
        await database.close()


@asynccontextmanager
async def open_worker(
    settings: Settings, number: int, tell: Tell
) -> AsyncIterator[Worker]:
    """
    Open all that calls need, and close it when they are over.

    Args:
        number: from 1, among the workers of this server.
    """
    with ThreadPoolExecutor(1, "recordings") as disk:
        async with (
            ClientSession(connector=TCPConnector(limit=0)) as http,
            open_errands() as client,
            _unopened(settings) as store,
        ):
            worker = Worker(settings, store, http, client, disk, tell)
            watching = asyncio.create_task(
                watch_loop(worker.metrics.see, f"worker-{number}"), name="loop lag"
            )
            try:
                yield worker
            finally:
                watching.cancel()
                await worker.warm.close()
                await worker.texting.close()
                await worker.lookups.close()
