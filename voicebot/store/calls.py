"""The call log: who called, what was said, how it ended."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    bindparam,
    desc,
    func,
    or_,
    select,
)

from voicebot.errors import StoreError
from voicebot.store import append, orphans
from voicebot.store.database import Database, open_database
from voicebot.store.deliveries import Deliveries
from voicebot.store.events import Event, EventKind
from voicebot.store.records import (
    Call,
    Decision,
    JournalEntry,
    Latency,
    Message,
    Recording,
    Reviewed,
    Spent,
    Turn,
)
from voicebot.store.search import Hit, search
from voicebot.store.statistics import Group, Grouping, statistics
from voicebot.store.tables import (
    call_events,
    calls,
    decisions,
    instances,
    latencies,
    messages,
    recordings,
    turns,
)
from voicebot.store.usage import NO_BUDGETS, TOKENS
from voicebot.store.which import EVERY, Which, conditions

EVENTS: Final = (
    select(call_events)
    .where(call_events.c.call_id == bindparam("id"))
    .where(call_events.c.kind.in_(bindparam("kinds", expanding=True)))
    .order_by(call_events.c.seq)
)

REBUILD_CALLS: Final = 200  # in one transaction: others write in between


@asynccontextmanager
async def open_store(where: Path | str) -> AsyncIterator["CallStore"]:
    """
    Open a call log for the time of the block, creating what is missing.

    Args:
        where: a file of SQLite's, or `postgresql://user:password@host/database`.

    Raises:
        ConfigError: it is no such address, or its driver isn't installed.
        StoreError: it cannot be reached, isn't a call log, or is one of a newer
            release. It is never replaced.
    """
    async with open_database(where) as database:
        yield CallStore(database)


class CallStore:
    """
    Reads calls, and adds what happened in them.

    What was added is on disk when `append` returns; it goes on if who waits for it is
    cancelled. Rows are made of what happened, in the same transaction.
    Every method raises StoreError if the log cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.deliveries = Deliveries(database)

    @property
    def database(self) -> Database:
        return self._database

    @property
    def place(self) -> str:
        """Where the log lies, for people: without user and password."""
        return self._database.place

    async def append(
        self, events: Sequence[Event], claims: Collection[str] = ()
    ) -> set[str]:
        """
        Add events, in any order; those that are there already stay as they are.

        Args:
            claims: calls that are only to begin if no other has their call_sid.

        Returns:
            Those of them of which nothing was added, because another has it.

        Raises:
            RowRefused: one of them can never be written.
        """
        return await self._database.transact(
            partial(append.append, events=events, claims=claims)
        )

    async def check(self) -> None:
        """
        Read the whole log, if it is a file.

        Raises:
            StoreError: it is damaged.
        """
        await self._database.check()

    async def events(
        self, call_id: str, kinds: Collection[EventKind] = frozenset(EventKind)
    ) -> list[Event]:
        """Read all that happened in a call, or only some kinds of it, in order."""
        wanted = {"id": call_id, "kinds": [kind.value for kind in kinds]}
        rows = await self._database.read(EVENTS, wanted)
        return [append.read_event(row) for row in rows]

    async def review(self, call_id: str) -> Reviewed | None:
        """Read what a model found out about a call; None: nothing, or not yet."""
        query = (
            select(call_events)
            .where(call_events.c.call_id == call_id)
            .where(call_events.c.kind == EventKind.REVIEW.value)
            .order_by(call_events.c.seq.desc())
            .limit(1)
        )
        for row in await self._database.read(query):
            record = append.read_event(row).record
            assert isinstance(record, Reviewed)
            return record
        return None

    async def rebuild(self) -> int:
        """
        Make all rows anew, of what happened. Calls may go on meanwhile.

        Returns:
            Of how many calls.
        """
        done, after = 0, ""
        while True:
            query = (
                select(call_events.c.call_id)
                .where(call_events.c.call_id > after)
                .group_by(call_events.c.call_id)
                .order_by(call_events.c.call_id)
                .limit(REBUILD_CALLS)
            )
            ids = [row.call_id for row in await self._database.read(query)]
            if not ids:
                return done
            await self._database.transact(partial(append.rebuild, call_ids=ids))
            done, after = done + len(ids), ids[-1]

    async def alive(self, instance_id: str, at: datetime) -> None:
        """Note that a process is alive."""
        statement = self._database.insert(instances).values(
            instance_id=instance_id, started_at=at, heartbeat_at=at
        )
        await self._database.write(
            statement.on_conflict_do_update(
                index_elements=[instances.c.instance_id],
                set_={"heartbeat_at": statement.excluded.heartbeat_at},
            )
        )

    async def close_orphans(
        self, at: datetime, us: str, before_us: str | None = None
    ) -> int:
        """
        End the calls that other processes left open when they died.

        Dead is who hasn't been alive for DEAD_S, and who was in our place before us.
        The duration of such a call is what its turns prove.

        Returns:
            How many there were.
        """
        return await self._database.transact(
            partial(orphans.close, at=at, us=us, before_us=before_us)
        )

    async def list_calls(
        self, limit: int, which: Which = EVERY, past: Call | None = None
    ) -> list[Call]:
        """
        Read the newest calls, newest first.

        Args:
            past: the last one of the page before.
        """
        query = (
            select(calls)
            .where(*conditions(which))
            .order_by(calls.c.started_at.desc(), calls.c.call_id.desc())
        )
        if past is not None:
            earlier = calls.c.started_at < past.started_at
            query = query.where(
                calls.c.started_at <= past.started_at,
                or_(earlier, calls.c.call_id < past.call_id),
            )
        return [
            append.read_call(row)
            for row in await self._database.read(query.limit(limit))
        ]

    async def search(
        self, words: Sequence[str], limit: int, which: Which = EVERY
    ) -> list[Hit]:
        """Find turns and messages that hold all of the words, newest call first."""
        return await search(self._database, words, which, limit)

    async def statistics(
        self, by: Grouping | None, which: Which = EVERY
    ) -> list[Group]:
        """Count calls, and what happened in them."""
        return await statistics(self._database, by, which)

    async def get_call(self, id_or_prefix: str) -> Call | None:
        """
        Find the call whose call_id or call_sid begins so.

        Raises:
            StoreError: several do, and none is exactly that.
        """
        exact = or_(calls.c.call_id == id_or_prefix, calls.c.call_sid == id_or_prefix)
        query = (
            select(calls, exact.label("exact"))
            .where(
                or_(
                    self._begins(calls.c.call_id, id_or_prefix),
                    self._begins(calls.c.call_sid, id_or_prefix),
                )
            )
            .order_by(desc("exact"))
            .limit(2)
        )
        found = await self._database.read(query)
        if len(found) > 1 and not found[0].exact:
            raise StoreError(f"several calls begin with {id_or_prefix!r}: give more")
        return append.read_call(found[0]) if found else None

    def _begins(self, name: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
        if not self._database.is_file:  # it may sort as people do
            return name.startswith(prefix, autoescape=True)
        return and_(name >= prefix, name < prefix + "\U0010ffff")

    async def call_by_sid(self, call_sid: str) -> Call | None:
        """
        Read the call that has exactly this call_sid.

        Two have it if two processes took it while the log was away: then the first.
        """
        found = await self._database.read(
            select(calls)
            .where(calls.c.call_sid == call_sid)
            .order_by(calls.c.started_at, calls.c.call_id)
            .limit(1)
        )
        return append.read_call(found[0]) if found else None

    async def turns(self, call_id: str) -> list[Turn]:
        """Read what was said in a call, in order."""
        query = select(turns).where(turns.c.call_id == call_id).order_by(turns.c.seq)
        return [Turn(**row._mapping) for row in await self._database.read(query)]

    async def latencies(self, call_id: str) -> list[Latency]:
        """Read how the answers of a call came to the caller, in order."""
        query = (
            select(latencies)
            .where(latencies.c.call_id == call_id)
            .order_by(latencies.c.sent_ms, latencies.c.seq)
        )
        return [Latency(**row._mapping) for row in await self._database.read(query)]

    async def spent(self, since: datetime, but: str = "") -> list[Spent]:
        """
        Read what calls cost that began since then, by who called whom.

        What goes on no budget is left out.

        Args:
            but: the process whose calls aren't counted.
        """
        ways = (calls.c.direction, calls.c.from_number, calls.c.to_number)
        tokens = [func.coalesce(calls.c.usage[x].as_integer(), 0) for x in TOKENS]
        others = [func.coalesce(calls.c.cost[x].as_integer(), 0) for x in NO_BUDGETS]
        sums = {
            "ucny": calls.c.cost_ucny - reduce(add, others),
            "tokens": reduce(add, tokens),
            "talked_ms": calls.c.duration_ms,
        }
        query = (
            select(*ways, *(func.sum(x).label(name) for name, x in sums.items()))
            .where(
                calls.c.started_at >= since,
                calls.c.answered_at.is_not(None),
                or_(calls.c.instance_id.is_(None), calls.c.instance_id != but),
            )
            .group_by(*ways)
        )
        return [
            Spent(
                row.direction,
                row.from_number,
                row.to_number,
                ucny=int(row.ucny),
                tokens=int(row.tokens),
                talked_ms=int(row.talked_ms or 0),
            )
            for row in await self._database.read(query)
        ]

    async def turns_of(self, call_ids: Collection[str]) -> list[Turn]:
        """Read what was said in some calls, the newest first."""
        query = (
            select(turns)
            .join_from(turns, calls)
            .where(turns.c.call_id.in_(call_ids))
            .order_by(calls.c.started_at.desc(), calls.c.call_id.desc(), turns.c.seq)
        )
        return [Turn(**row._mapping) for row in await self._database.read(query)]

    async def messages(self, call_id: str) -> list[Message]:
        """Read what a caller left on the voicemail, oldest first."""
        query = (
            select(messages)
            .where(messages.c.call_id == call_id)
            .order_by(messages.c.received_at, messages.c.recording_sid)
        )
        return [Message(**row._mapping) for row in await self._database.read(query)]

    async def recordings(self, call_id: str) -> list[Recording]:
        """Read what is known of a call's recordings, one a stream, in order."""
        query = (
            select(recordings)
            .where(recordings.c.call_id == call_id)
            .order_by(recordings.c.began_ms)
        )
        return [Recording(**row._mapping) for row in await self._database.read(query)]

    async def decisions(self, call_id: str) -> list[Decision]:
        """Read what was decided in a call, in order."""
        query = (
            select(decisions)
            .where(decisions.c.call_id == call_id)
            .order_by(decisions.c.seq)
        )
        return [_decision(row) for row in await self._database.read(query)]

    async def recent_decisions(self, limit: int) -> list[JournalEntry]:
        """Read what was decided in the newest calls, so many, and what came of it."""
        newest = (
            select(calls.c.call_id)
            .order_by(calls.c.started_at.desc(), calls.c.call_id.desc())
            .limit(limit)
        )
        return await self._journal(decisions.c.call_id.in_(newest))

    async def journal(self, call_id: str) -> list[JournalEntry]:
        """Read what was decided in a call, in order, and what came of it."""
        return await self._journal(decisions.c.call_id == call_id)

    async def _journal(self, which: ColumnElement[bool]) -> list[JournalEntry]:
        words = func.coalesce(func.trim(turns.c.generated_text), "")
        its_turn = and_(
            turns.c.call_id == decisions.c.call_id,
            turns.c.seq == decisions.c.caller_seq,
        )
        query = (
            select(decisions, (words != "").label("has_words"))
            .join_from(decisions, turns, its_turn, isouter=True)
            .where(which)
            .order_by(decisions.c.call_id, decisions.c.seq)
        )
        rows = await self._database.read(query)
        return [JournalEntry(_decision(row), bool(row.has_words)) for row in rows]


def _decision(row: Row[Any]) -> Decision:
    return Decision(**{column.name: row._mapping[column] for column in decisions.c})
