"""The call log: who called, what was said, how it ended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, Update, and_, desc, func, or_, select
from sqlalchemy.dialects.sqlite import insert

from voicebot.errors import StoreError
from voicebot.store.database import Database, open_database
from voicebot.store.records import (
    ENDED_BY,
    Call,
    CallEnded,
    CallStarted,
    Decision,
    EndReason,
    JournalEntry,
    Message,
    Turn,
)
from voicebot.store.tables import calls, decisions, messages, turns


@asynccontextmanager
async def open_store(path: Path) -> AsyncIterator["CallStore"]:
    """
    Open a call log for the time of the block, creating what is missing.

    Raises:
        StoreError: the file cannot be opened, is damaged, isn't a call log, or is
            one of a newer release. It is never replaced.
    """
    async with open_database(path) as database:
        yield CallStore(database)


class CallStore:
    """
    Reads and writes calls.

    A write is on disk when it returns; it goes on if who waits for it is cancelled.
    Every method raises StoreError if the log cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def call_started(self, call: CallStarted) -> bool:
        """
        Note a new call.

        Returns:
            Whether it is new: False if Twilio asks again about a call_sid.
        """
        statement = insert(calls).values(asdict(call))
        statement = statement.on_conflict_do_nothing(index_elements=[calls.c.call_sid])
        return await self._database.write(statement) > 0

    async def call_answered(self, call_id: str, stream_sid: str, at: datetime) -> bool:
        """
        Note that the media stream of a call began.

        Returns:
            False if it had one before, or is over.
        """
        return await self._update(
            call_id,
            calls.update()
            .where(calls.c.ended_at.is_(None), calls.c.answered_at.is_(None))
            .values(stream_sid=stream_sid, answered_at=at),
        )

    async def add_turn(self, turn: Turn) -> None:
        """Note a turn, or what came to be known of it later: its words arrive last."""
        await self._put(turns, asdict(turn))

    async def add_decision(self, decision: Decision) -> None:
        """Note a decision, or what came of it later."""
        await self._put(decisions, asdict(decision))

    async def add_message(self, message: Message) -> None:
        """
        Note a message, or what became known of it: its parts come in any order.

        What is None leaves what was known as it is.
        """
        statement = insert(messages).values(asdict(message))
        await self._database.write(
            statement.on_conflict_do_update(
                index_elements=[messages.c.recording_sid],
                set_={
                    name: func.coalesce(statement.excluded[name], messages.c[name])
                    for name in ("url", "duration_s", "transcription")
                },
            )
        )

    async def call_ended(self, end: CallEnded) -> bool:
        """
        Note the end of a call.

        Returns:
            False if it had ended before: the first end stands.
        """
        return await self._update(
            end.call_id,
            calls.update().where(calls.c.ended_at.is_(None)).values(asdict(end)),
        )

    async def call_reopened(self, call_id: str) -> bool:
        """
        Note that a call goes on whose stream had ended it; its faults stay.

        Returns:
            False if it wasn't over.
        """
        return await self._update(
            call_id,
            calls.update()
            .where(calls.c.ended_at.is_not(None))
            .values(ended_at=None, duration_ms=None, end_reason=None, ended_by=None),
        )

    async def close_orphans(self, at: datetime) -> int:
        """
        End the calls that a process left open when it died.

        Their duration is what their turns prove. Call it before the first call of
        this process.

        Returns:
            How many there were.
        """
        lasted_ms = (
            select(func.coalesce(func.max(turns.c.ended_ms), 0))
            .where(turns.c.call_id == calls.c.call_id)
            .scalar_subquery()
        )
        return await self._database.write(
            calls.update()
            .where(calls.c.ended_at.is_(None))
            .values(
                ended_at=at,
                duration_ms=lasted_ms,
                end_reason=EndReason.NODE_CRASH,
                ended_by=ENDED_BY[EndReason.NODE_CRASH],
                faults=(EndReason.NODE_CRASH.value,),
            )
        )

    async def list_calls(
        self, limit: int, before: datetime | None = None
    ) -> list[Call]:
        """Read the newest calls, newest first; of those that began `before` it."""
        query = select(calls).order_by(
            calls.c.started_at.desc(), calls.c.call_id.desc()
        )
        if before is not None:
            query = query.where(calls.c.started_at < before)
        return [_call(row) for row in await self._database.read(query.limit(limit))]

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
                    calls.c.call_id.startswith(id_or_prefix, autoescape=True),
                    calls.c.call_sid.startswith(id_or_prefix, autoescape=True),
                )
            )
            .order_by(desc("exact"))
            .limit(2)
        )
        found = await self._database.read(query)
        if len(found) > 1 and not found[0].exact:
            raise StoreError(f"several calls begin with {id_or_prefix!r}: give more")
        return _call(found[0]) if found else None

    async def call_by_sid(self, call_sid: str) -> Call | None:
        """Read the call that has exactly this call_sid."""
        found = await self._database.read(
            select(calls).where(calls.c.call_sid == call_sid)
        )
        return _call(found[0]) if found else None

    async def turns(self, call_id: str) -> list[Turn]:
        """Read what was said in a call, in order."""
        query = select(turns).where(turns.c.call_id == call_id).order_by(turns.c.seq)
        return [Turn(**row._mapping) for row in await self._database.read(query)]

    async def messages(self, call_id: str) -> list[Message]:
        """Read what a caller left on the voicemail, oldest first."""
        query = (
            select(messages)
            .where(messages.c.call_id == call_id)
            .order_by(messages.c.received_at, messages.c.recording_sid)
        )
        return [Message(**row._mapping) for row in await self._database.read(query)]

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

    async def _put(self, table: Table, values: dict[str, Any]) -> None:
        """Write a row, in place of the one that has its key."""
        statement = insert(table).values(values)
        await self._database.write(
            statement.on_conflict_do_update(
                index_elements=list(table.primary_key),
                set_={
                    column.name: statement.excluded[column.name]
                    for column in table.c
                    if not column.primary_key
                },
            )
        )

    async def _update(self, call_id: str, statement: Update) -> bool:
        """Change one call if the statement's conditions hold; it must exist."""
        if await self._database.write(statement.where(calls.c.call_id == call_id)):
            return True
        known = select(calls.c.call_id).where(calls.c.call_id == call_id)
        if not await self._database.read(known):
            raise StoreError(f"{self._database.path}: there is no call {call_id!r}")
        return False


def _decision(row: Row[Any]) -> Decision:
    return Decision(**{column.name: row._mapping[column] for column in decisions.c})


def _call(row: Row[Any]) -> Call:
    values = {column.name: row._mapping[column] for column in calls.c}
    return Call(**values | {"faults": tuple(values["faults"])})
