"""
The workers of a server: processes that conduct its calls, one for each core.

This process takes all webhooks, admits, and keeps the books; so there is one limit,
one line of waiting callers and one call log, however many workers there are. A stream
is let in here and its connection passed on, so that a call is where its session was
opened ahead, and nobody copies its audio. A worker that dies takes its calls along:
Twilio comes back with them, and they are told the apology. It is started anew.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, assert_never

import structlog

from voicebot.config import Settings
from voicebot.errors import ConfigError
from voicebot.flow.budget import Amounts
from voicebot.flow.model import BudgetReached
from voicebot.runtime import orders
from voicebot.runtime.forward import Origin, always
from voicebot.runtime.housekeeping import Housekeeping
from voicebot.runtime.live import Ticket
from voicebot.runtime.metrics import See
from voicebot.runtime.orders import News, Order
from voicebot.runtime.process import WorkerProcess, start
from voicebot.runtime.prompts import Prompts
from voicebot.runtime.scribe import Scribe, ending
from voicebot.store.faults import Fault
from voicebot.store.records import CallEnded, EndReason

log = structlog.get_logger()

EXIT_S: Final = 20.0  # from its last call to its end, on a busy machine
# Before a worker that died is started anew; the last one for ever.
AGAIN_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY_S: Final = 60.0  # who lived so long has not been dying ever since


@dataclass(frozen=True, slots=True)
class Handover:
    """A stream that was let in, and not answered yet."""

    descriptor: int
    """Its connection. Who has this closes it."""

    token: str
    head: bytes
    """Its request, as HTTP has it."""

    def close(self) -> None:
        """Drop the connection."""
        os.close(self.descriptor)


class Books(Protocol):
    """What the workers need of the switchboard."""

    scribe: Scribe
    prompts: Prompts
    keeper: Housekeeping

    async def lead_on(self, origin: Origin, wanted: str) -> bool | None: ...

    def spend(self, origin: Origin, amounts: Amounts) -> list[BudgetReached]: ...


@dataclass(frozen=True, slots=True)
class Member:
    """A worker, as it is now."""

    number: int
    pid: int
    calls: int


@dataclass(slots=True)
class _Job:
    """A call of a worker's."""

    ticket: Ticket
    began_at: float | None = None
    over: asyncio.Future[CallEnded] | None = None
    """None until its stream comes."""


@dataclass(slots=True, eq=False)
class _Worker:
    """One process."""

    number: int
    process: WorkerProcess = field(init=False)
    jobs: dict[str, _Job] = field(default_factory=dict)  # by call_id
    prompts: dict[str, bytes] = field(default_factory=dict)  # that it has
    writes: set[Path] = field(default_factory=set)
    was_at_work: bool = False
    retired: bool = False


class Crew:
    """
    Keeps `size` workers at work. Made by `open_crew`.

    Args:
        settings: of the server, for each of them.
        books: the switchboard's.
        see: takes what workers count.
    """

    def __init__(self, size: int, settings: Settings, books: Books, see: See) -> None:
        self.size = size
        self._settings = settings
        self._books, self._see = books, see
        self._loop = asyncio.get_running_loop()
        self._workers: dict[int, _Worker] = {}  # by number: who gets new calls
        self._all: set[_Worker] = set()
        self._failures: Counter[int] = Counter()  # in a row, by number
        self._tasks: set[asyncio.Task[None]] = set()
        self._renewing = asyncio.Lock()
        self._renewal_waits = False
        self._closing = asyncio.Event()

    def __len__(self) -> int:
        """How many get new calls."""
        return len(self._workers)

    def members(self) -> list[Member]:
        """Who gets new calls, by number."""
        at_work = [self._workers[number] for number in sorted(self._workers)]
        return [Member(x.number, x.process.pid, len(x.jobs)) for x in at_work]

    # ---- calls -----------------------------------------------------------------

    def prepare(self, ticket: Ticket) -> None:
        """Have a session dialled for a call that was admitted."""
        if worker := self._least():
            worker.jobs[ticket.call_id] = _Job(ticket)
            self._share_prompts(worker)
            worker.process.send(orders.Prepare(_portable(ticket)))

    async def conduct(self, ticket: Ticket, request: Handover) -> CallEnded:
        """
        Have a call conducted.

        Returns:
            How its stream ended; NODE_CRASH if the worker died.
        """
        worker = self._whose(ticket.call_id) or self._least()
        if worker is None:
            request.close()
            log.error("no worker is there")
            return ending(ticket.call_id, EndReason.INTERNAL_ERROR, 0, ())
        job = worker.jobs.setdefault(ticket.call_id, _Job(ticket))
        job.began_at = self._loop.time()
        job.over = self._loop.create_future()
        self._share_prompts(worker)
        order = orders.Conduct(_portable(ticket), request.token, request.head)
        worker.process.send(order, request.descriptor)
        return await job.over

    def forget(self, call_id: str) -> None:
        """A call is over, or its stream never came."""
        worker = self._whose(call_id)
        if worker and worker.jobs.pop(call_id).over is None:
            worker.process.send(orders.Forget(call_id))

    def end_all(self) -> None:
        """Have every call say goodbye."""
        self._tell_all(orders.EndAll())

    def _whose(self, call_id: str) -> _Worker | None:
        return next((each for each in self._all if call_id in each.jobs), None)

    def _least(self) -> _Worker | None:
        """Return the worker with the fewest calls, as it costs them the least."""
        return min(self._workers.values(), key=lambda x: len(x.jobs), default=None)

    def _share_prompts(self, worker: _Worker) -> None:
        """See that a worker can say what this process can."""
        ours = self._books.prompts.all()
        for name, ulaw in ours.items():
            if worker.prompts.get(name) is not ulaw:
                worker.process.send(orders.Prompt(name, ulaw))
        for name in worker.prompts.keys() - ours.keys():
            worker.process.send(orders.Prompt(name, None))
        worker.prompts = ours

    # ---- what workers tell -------------------------------------------------------

    def _told(self, worker: _Worker, news: News) -> None:
        match news:
            case orders.Ready():
                pass  # who started it waits for that
            case orders.Noted(record, at):
                self._books.scribe.relay(record, at)
            case orders.Saw(sight):
                self._see(sight)
            case orders.Writes(path, is_live):
                if is_live:
                    worker.writes.add(path)
                    self._books.keeper.hold(path)
                else:
                    worker.writes.discard(path)
                    self._books.keeper.release(path)
            case orders.Spent(call_id, amounts):
                if job := worker.jobs.get(call_id):
                    reached = self._books.spend(job.ticket.origin, amounts)
                    if reached:
                        worker.process.send(orders.Reached(call_id, tuple(reached)))
            case orders.LeadOn(call_id):
                self._begin(self._lead_on(worker, news), "lead on")
            case orders.Over(call_id, end):
                job = worker.jobs.get(call_id)
                if job and job.over and not job.over.done():
                    job.over.set_result(end)
            case _:
                assert_never(news)

    async def _lead_on(self, worker: _Worker, news: orders.LeadOn) -> None:
        told = None
        if job := worker.jobs.get(news.call_id):
            origin = replace(
                job.ticket.origin, values=news.values, consented=news.consented
            )
            told = await self._books.lead_on(origin, news.wanted)
        worker.process.send(orders.LedOn(news.call_id, told))

    # ---- processes ---------------------------------------------------------------

    async def start(self) -> None:
        """
        Start all workers.

        Raises:
            ConfigError: one of them doesn't start; it says why on standard error.
        """
        numbers = range(1, self.size + 1)
        await asyncio.gather(*(self._replace(number) for number in numbers))

    def renew(self) -> None:
        """
        Replace all workers, one by one. The calls of the old ones go on to their end.

        A worker that can't be replaced stays. Returns at once. Whoever asks while they
        are being replaced gets that once more, however often they ask.
        """
        if not self._renewal_waits:
            self._renewal_waits = True
            self._begin(self._renew(), "renew")

    async def _renew(self) -> None:
        async with self._renewing:
            self._renewal_waits = False
            for number in range(1, self.size + 1):
                try:
                    await self._replace(number)
                except ConfigError as exc:
                    log.error("worker not renewed", worker=number, error=str(exc))
                    return
            log.info("workers renewed", workers=len(self))

    async def renewed(self) -> None:
        """Wait until no worker is being replaced."""
        await asyncio.sleep(0)  # the task that `renew` made begins
        async with self._renewing:
            pass

    async def left(self) -> None:
        """Wait until no worker is there that was replaced."""
        old = [each.process for each in self._all if each.retired]
        await asyncio.gather(*(each.until_ended() for each in old))

    async def close(self) -> None:
        """Let all workers go: their calls are over, or are not waited for."""
        self._closing.set()
        self._tell_all(orders.Finish())
        waits = [each.process.until_ended() for each in self._all]
        try:
            async with asyncio.timeout(EXIT_S):
                await asyncio.gather(*waits)
        except TimeoutError:
            for each in self._all:
                log.error("worker didn't end", worker=each.number)
        for each in self._all:
            each.process.kill()
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=EXIT_S)
            for task in left:
                task.cancel()

    async def _replace(self, number: int) -> None:
        """Start a worker, and let the one go whose place it takes."""
        new = await self._spawn(number)
        old, self._workers[number] = self._workers.get(number), new
        new.was_at_work = True
        if old:
            old.retired = True
            old.process.send(orders.Finish())

    async def _spawn(self, number: int) -> _Worker:
        worker = _Worker(number)
        told, lost = partial(self._told, worker), partial(self._lost, worker)
        worker.process = await start(number, self._settings, told, lost)
        self._all.add(worker)
        self._begin(self._watch(worker), f"worker {number}")
        await worker.process.until_ready()
        log.info("worker started", worker=number, pid=worker.process.pid)
        return worker

    async def _watch(self, worker: _Worker) -> None:
        """Wait until a process ends; start another one if nobody wanted that."""
        code = await worker.process.until_ended()
        worker.process.close()
        self._lost(worker)
        self._all.discard(worker)
        if worker.retired or self._closing.is_set():
            log.info("worker ended", worker=worker.number, exit_code=code)
            return
        if not worker.was_at_work:
            return  # who started it says so
        log.error("worker died", worker=worker.number, exit_code=code)
        if self._loop.time() - worker.process.began_at > STEADY_S:
            self._failures[worker.number] = 0
        await self._start_again(worker.number)

    async def _start_again(self, number: int) -> None:
        while True:
            failures = self._failures[number]
            self._failures[number] += 1
            again_s = AGAIN_S[min(failures, len(AGAIN_S) - 1)]
            with suppress(TimeoutError):
                async with asyncio.timeout(again_s):
                    await self._closing.wait()
            if self._closing.is_set() or number in self._workers:
                return
            try:
                await self._replace(number)
            except ConfigError as exc:
                log.error("worker not started anew", error=str(exc))
            else:
                return

    def _lost(self, worker: _Worker) -> None:
        """A worker is gone, and its calls with it."""
        if self._workers.get(worker.number) is worker:
            del self._workers[worker.number]  # it gets no more
        for path in worker.writes:
            self._books.keeper.release(path)
        worker.writes.clear()
        for call_id, job in list(worker.jobs.items()):
            if job.over is None:
                del worker.jobs[call_id]  # another one takes it when its stream comes
            elif not job.over.done():
                began_at = job.began_at or self._loop.time()
                lasted_ms = round((self._loop.time() - began_at) * 1000)
                fault = (Fault.NODE_CRASH,)
                end = ending(call_id, EndReason.NODE_CRASH, lasted_ms, fault)
                job.over.set_result(end)

    def _tell_all(self, order: Order) -> None:
        for each in self._all:
            each.process.send(order)

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = self._loop.create_task(work, name=name)
        self._tasks.add(task)  # `close` waits for it
        task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def open_crew(
    size: int, settings: Settings, books: Books, see: See
) -> AsyncIterator[Crew]:
    """
    Have workers at work for the time of the block.

    Raises:
        ConfigError: one of them doesn't start.
    """
    crew = Crew(size, settings, books, see)
    try:
        await crew.start()
        yield crew
    finally:
        await crew.close()


def _portable(ticket: Ticket) -> Ticket:
    """Leave out what only this process can tell: when somebody can be rung."""
    return replace(ticket, origin=replace(ticket.origin, is_open=always))
