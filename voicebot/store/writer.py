"""
Writes down what happens in calls, and makes none of them wait for the database.

What is noted is held, and written in batches. While the database is away, or too slow,
it goes to the spill instead, and from there to the database once that is back. What
was on disk when this process died is put into the database by the next one.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from voicebot.errors import StoreError
from voicebot.store.calls import CallStore, open_store
from voicebot.store.database import RowRefused
from voicebot.store.events import Event, Numbers, line_of
from voicebot.store.faults import Fault
from voicebot.store.recent import Recent
from voicebot.store.records import (
    ENDED_BY,
    Call,
    CallEnded,
    CallStarted,
    EndReason,
    Record,
)
from voicebot.store.spill import Spill
from voicebot.store.threads import manned
from voicebot.store.triage import Patience, Step, Triage

log = structlog.get_logger()

BATCH: Final = 500  # events in one transaction
MAX_HELD: Final = 50_000  # of neither disk's: minutes of a full house
START_S: Final = 5.0  # a caller waits; Twilio would for 15 s


@dataclass(frozen=True, slots=True)
class Backlog:
    """What isn't where it belongs yet, and what never will be."""

    held_events: int
    """They are on no disk."""

    spilled_bytes: int
    """They are on disk, and not in the database."""

    is_away: bool
    """Whether the database failed last."""

    lost_records: int
    """Since this process began."""


@asynccontextmanager
async def open_writer(
    where: Path | str, folder: Path, patience: Patience | None = None
) -> AsyncIterator["Writer"]:
    """
    Open a call log for the process that takes calls.

    What a process before us couldn't put into the database is in it then. Run
    `Writer.run` as long as anything is noted.

    Args:
        where: as of `open_store`.
        folder: for the spill; no other process uses it.

    Raises:
        ConfigError: as `open_store` does.
        StoreError: the same, or the log is damaged, or the folder can't be written.
    """
    async with open_store(where) as store:
        await store.check()
        await store.database.open_all()
        spill = Spill(folder)
        # One thread: what is done to the spill is done in order, and is over when the
        # block is.
        with closing(spill), manned(1, "spill") as disk:
            writer = Writer(store, spill, disk, patience or Patience())
            await writer.catch_up()
            yield writer


class Writer:
    """
    Takes records at once; `run` writes them, in order.

    Attributes:
        store: for reading. What it tells of a call lags behind what was noted.
        seen: is given each record that was taken, of calls that are new.
    """

    def __init__(
        self,
        store: CallStore,
        spill: Spill,
        disk: ThreadPoolExecutor,
        patience: Patience,
    ) -> None:
        self.store = store
        self._spill = spill
        self._loop = asyncio.get_running_loop()
        self._on_disk = partial(self._loop.run_in_executor, disk)
        self._clock = self._loop.time
        self._triage = Triage(patience)
        self._numbers = Numbers()
        self._held: deque[Event] = deque()
        self._noted = -1  # the last event's number
        self._awaited = -1  # the last one's for which a caller waits
        self._safe = Mark()  # up to it, events are on disk
        self._stored = Mark()  # up to it, they are in the database
        self._claims: set[str] = set()  # calls of which nobody was told yet
        self._refused: set[str] = set()  # of those, whose call_sid another has
        self._recent = Recent()
        self._news = asyncio.Event()
        self._lost = 0
        self.seen: Callable[[Record], None] = lambda _: None

    # ---- for who takes calls ---------------------------------------------------

    def note(self, record: Record, at: datetime) -> bool:
        """
        Note what happened. It is written soon, and `written` says when.

        Returns:
            False if it is lost: for minutes, neither database nor disk took anything.
        """
        if len(self._held) >= MAX_HELD:
            log.error("record lost: neither database nor disk takes it")
            self._lost += 1
            return False
        event = self._numbers.event(record, at)
        self._held.append(event)
        self._noted = event.seq
        self._recent.add(event)
        if len(self._held) in (1, BATCH):  # any other changes nothing about what to do
            self._news.set()
        if not isinstance(record, CallStarted):  # it isn't known yet if that is new
            self.seen(record)
        return True

    async def start(self, start: CallStarted) -> bool:
        """
        Note a new call. It is on disk on return.

        Returns:
            Whether it is new: False if there is one with its call_sid.

        Raises:
            StoreError: neither the database nor the disk takes it. It is noted as
                rejected, in case that they will.
        """
        if self._recent.call_by_sid(start.call_sid):
            return False
        self._claims.add(start.call_id)
        try:
            async with asyncio.timeout(START_S):
                if self.note(start, start.started_at):
                    self._awaited = self._noted
                    self._news.set()
                    await self.written()
                    is_new = start.call_id not in self._refused
                    if is_new:
                        self.seen(start)
                    return is_new
        except TimeoutError:
            self.note(_rejected(start), start.started_at)
        finally:
            self._claims.discard(start.call_id)
            self._refused.discard(start.call_id)
        raise StoreError(
            f"{self.store.place}: it doesn't take a call, and neither does the disk"
        )

    async def written(self) -> None:
        """Wait until all that was noted so far is on disk."""
        await self._safe.reached(self._noted)

    async def stored(self) -> None:
        """Wait until all that was noted so far can be read from the store."""
        await self._stored.reached(self._noted)

    async def call_by_sid(self, call_sid: str) -> Call | None:
        """
        Read a call, with all that was noted of it here.

        Raises:
            StoreError: it isn't a call of this process, and the log can't be read.
        """
        ours = self._recent.call_by_sid(call_sid)
        return ours or await self.store.call_by_sid(call_sid)

    def backlog(self) -> Backlog:
        """What waits for a disk or the database at this moment."""
        return Backlog(
            len(self._held), len(self._spill), self._triage.is_away, self._lost
        )

    # ---- writing ---------------------------------------------------------------

    async def catch_up(self) -> None:
        """
        Put the whole spill into the database.

        Raises:
            StoreError: one of them fails.
        """
        if self._spill:
            log.warning("call log: what was spilled is put into the database")
        while self._spill:
            await self._replay_some()

    async def run(self) -> None:
        """Write what is noted, for ever."""
        working: asyncio.Task[None] | None = None
        try:
            while True:
                self._news.clear()
                if working and working.done():
                    working.result()
                    working = None
                held, spilled = bool(self._held), bool(self._spill)
                awaited = self._awaited > self._safe.at or len(self._held) >= BATCH
                match self._triage.step(
                    self._clock(), held=held, spilled=spilled, awaited=awaited
                ):
                    case Step.COMMIT:
                        working = self._begin(list(self._held)[:BATCH])
                    case Step.REPLAY:
                        working = self._begin(None)
                    case Step.SPILL:
                        await self._spill_held()
                    case Step.WAIT:
                        await self._wait(held=held, spilled=spilled)
        finally:
            if working:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
                self._triage.failed(self._clock())

    def _begin(self, batch: list[Event] | None) -> asyncio.Task[None]:
        task = asyncio.create_task(self._work(batch))  # `run` waits for it
        task.add_done_callback(lambda _: self._news.set())
        return task

    async def _work(self, batch: list[Event] | None) -> None:
        """Write a batch to the database, or the beginning of the spill."""
        was_away = self._triage.is_away
        try:
            await (self._replay_some() if batch is None else self._commit(batch))
        except StoreError as exc:
            if not was_away:
                log.error("call log is away", error=str(exc))
            self._triage.failed(self._clock())
            return
        self._triage.committed()
        if was_away:
            log.warning("call log is back")

    async def _commit(self, batch: list[Event]) -> None:
        taken = await self._append(batch, frozenset(self._claims))
        for call_id in taken & self._claims:  # else it was safe before we knew
            self._refused.add(call_id)
            self._recent.forget(call_id)
        self._is_safe(batch[-1].seq)

    async def _replay_some(self) -> None:
        events, size = await self._on_disk(self._spill.first, BATCH)
        await self._append(events, frozenset())
        await self._on_disk(self._spill.replayed, size)
        self._is_safe(self._safe.at)

    async def _append(self, events: list[Event], claims: frozenset[str]) -> set[str]:
        try:
            return await self.store.append(events, claims)
        except RowRefused:
            log.warning("call log refuses a batch: its events are tried one by one")
        taken: set[str] = set()
        for event in events:
            try:
                taken |= await self.store.append([event], claims)
            except RowRefused as exc:
                log.error("call log refuses an event", kind=event.kind, error=str(exc))
                await self._on_disk(self._spill.refuse, line_of(event))
        return taken

    async def _spill_held(self) -> None:
        batch = list(self._held)
        try:
            await self._on_disk(self._spill.append, batch)
        except StoreError as exc:
            log.error("spill fails", error=str(exc))
            self._triage.spill_failed(self._clock())
            return
        self._triage.spilled()
        self._claims.difference_update(event.call_id for event in batch)
        self._is_safe(batch[-1].seq)

    def _is_safe(self, seq: int) -> None:
        """All up to an event is on disk."""
        while self._held and self._held[0].seq <= seq:
            self._held.popleft()
        self._safe.move(seq)
        if not self._spill:
            self._stored.move(self._safe.at)
            self._recent.stored(self._safe.at)

    async def _wait(self, *, held: bool, spilled: bool) -> None:
        deadline = self._triage.next_deadline(held=held, spilled=spilled)
        try:
            async with asyncio.timeout_at(deadline):
                await self._news.wait()
        except TimeoutError:
            pass


class Mark:
    """How far something has come; it only goes on."""

    def __init__(self) -> None:
        self.at = -1
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def move(self, at: int) -> None:
        self.at = max(self.at, at)
        while self._waiting and self._waiting[0][0] <= self.at:
            _, waiter = self._waiting.popleft()
            if not waiter.done():  # who waited was cancelled
                waiter.set_result(None)

    async def reached(self, at: int) -> None:
        """Wait until it has come so far. Nobody waits for less than those before."""
        if self.at < at:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append((at, waiter))
            await waiter


def _rejected(start: CallStarted) -> CallEnded:
    return CallEnded(
        call_id=start.call_id,
        ended_at=start.started_at,
        duration_ms=0,
        end_reason=EndReason.REJECTED,
        ended_by=ENDED_BY[EndReason.REJECTED],
        faults=(Fault.STORE_AWAY,),
        recording=None,
        recording_ms=None,
        usage={},
    )
