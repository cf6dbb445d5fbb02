"""
What is kept no longer: recordings, words, whole calls, each for its own time.

The time of a recording is what its persona promised when it was made. A flight record
holds the sound and the words of a call: it goes with the first of them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from voicebot.errors import StoreError
from voicebot.store.append import append, last_numbers, rebuild
from voicebot.store.archive import Archive
from voicebot.store.database import Database
from voicebot.store.events import Event, EventKind, number_at
from voicebot.store.records import Record, Recording
from voicebot.store.tables import (
    call_events,
    calls,
    deliveries,
    messages,
    recordings,
    turns,
)

KNOWN: Final = select(calls.c.call_id).where(calls.c.call_id == bindparam("id"))
AT_ONCE: Final = 200  # calls in one transaction: others write in between

# What of an event is words.
WORDS: Final[dict[EventKind, dict[str, str | None | dict[str, str]]]] = {
    EventKind.TURN: {"generated_text": "", "heard_text": ""},
    EventKind.MESSAGE: {"transcription": None},
    EventKind.REVIEW: {"summary": None, "extracted": {}},
}


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many days after a call what is kept; None: for ever."""

    recordings_days: int | None = None
    """Of those whose persona promised nothing."""

    words_days: int | None = None
    calls_days: int | None = None


@dataclass(slots=True)
class Purged:
    """How much was removed, or is to be."""

    recordings: int = 0
    flights: int = 0
    """Flight records."""

    words: int = 0
    """Calls whose words were."""

    calls: int = 0


async def purge(
    database: Database,
    archive: Archive,
    flights: Path,
    keep: Keep,
    now: datetime,
    *,
    dry: bool,
) -> Purged:
    """
    Remove what is kept no longer.

    Args:
        flights: the folder of flight records.
        dry: only count it.

    Raises:
        StoreError: some of it can't be removed now; what was removed stays so.
    """
    purged = Purged()
    due = await _due_recordings(database, keep, now)
    purged.recordings = len(due)
    if not dry:
        for one in due:
            assert one.place
            await archive.remove(one.place)
            gone = Recording(one.call_id, one.began_ms, gone=True)
            await tell(database, [gone], now)
    due_flights = await _due_flights(database, flights, keep, now)
    purged.flights = len(due_flights)
    if not dry:
        await asyncio.to_thread(_unlink, due_flights)
    for days, which, work, name in (
        (keep.words_days, _has_words(), _forget_words, "words"),
        (keep.calls_days, calls.c.call_id.is_not(None), delete_calls, "calls"),
    ):
        if days is None:
            continue
        old = calls.c.ended_at < now - timedelta(days=days)
        query = select(calls.c.call_id).where(old, which)
        ids = [row.call_id for row in await database.read(query)]
        setattr(purged, name, len(ids))
        for at in range(0, 0 if dry else len(ids), AT_ONCE):
            part = ids[at : at + AT_ONCE]
            if work is delete_calls:  # what never came to where it is kept
                await archive.remove_all(await archive.places_of(part))
            await database.transact(partial(work, call_ids=part))
    return purged


async def recordings_of(
    database: Database, which: ColumnElement[bool]
) -> list[Recording]:
    """
    Read which recordings some calls have.

    Older releases only noted them in the call's row.
    """
    query = select(recordings).join_from(recordings, calls)
    rows = await database.read(query.where(which, recordings.c.place.is_not(None)))
    told = exists().where(recordings.c.call_id == calls.c.call_id)
    told = told.where(recordings.c.place.is_not(None))
    older = select(calls.c.call_id, calls.c.recording, calls.c.recording_ms)
    older = older.where(which, calls.c.recording.is_not(None), ~told)
    return [Recording(**row._mapping) for row in rows] + [
        Recording(row.call_id, 0, place=row.recording, recording_ms=row.recording_ms)
        for row in await database.read(older)
    ]


async def tell(database: Database, records: Sequence[Record], at: datetime) -> None:
    """Add what happened to calls that are over, whoever had them."""

    def work(connection: Connection) -> None:
        last = last_numbers(connection, {x.call_id for x in records})
        events = []
        for record in records:
            seq = max(number_at(at), last.get(record.call_id, -1) + 1)
            last[record.call_id] = seq
            events.append(Event(record.call_id, seq, at, record))
        append(connection, events)

    await database.transact(work)


async def forget(database: Database, call_id: str) -> bool:
    """
    Remove what was noted of a call since it was erased or purged; whether it was.

    Who notes something behind a call's end does this once it is stored: either the
    call is still there, and is removed with all of it, or nothing is left here.
    """
    if await database.read(KNOWN, {"id": call_id}):
        return False
    await database.transact(partial(delete_calls, call_ids=[call_id]))
    return True


def delete_calls(connection: Connection, call_ids: Collection[str]) -> dict[str, int]:
    """Remove calls with all that was noted of them; return how much that was."""
    counts = {}
    for table in (call_events, turns, messages, calls):
        of_them = table.c.call_id.in_(call_ids)
        query = select(func.count()).select_from(table).where(of_them)
        counts[table.name] = connection.scalar(query) or 0
    for table in (call_events, deliveries, calls):  # all else goes with the calls
        connection.execute(delete(table).where(table.c.call_id.in_(call_ids)))
    return counts


def _forget_words(connection: Connection, call_ids: Collection[str]) -> None:
    """Take the words out of what happened, and make the rows anew."""
    query = select(call_events).where(
        call_events.c.call_id.in_(call_ids), call_events.c.kind.in_(WORDS)
    )
    for row in list(connection.execute(query)):
        without = {**row.data, **WORDS[EventKind(row.kind)]}
        at = (call_events.c.call_id == row.call_id, call_events.c.seq == row.seq)
        connection.execute(update(call_events).where(*at).values(data=without))
    rebuild(connection, call_ids)


async def _due_recordings(
    database: Database, keep: Keep, now: datetime
) -> list[Recording]:
    promised = await database.read(select(recordings.c.keep_days).distinct())
    due = []
    for days in {row.keep_days for row in promised} | {None}:
        lasting = keep.recordings_days if days is None else days
        ends = [x for x in (lasting, keep.calls_days) if x is not None]
        if not ends:
            continue
        old = calls.c.ended_at < now - timedelta(days=min(ends))
        found = await recordings_of(database, old)
        due += [one for one in found if one.keep_days == days]
    return due


async def _due_flights(
    database: Database, folder: Path, keep: Keep, now: datetime
) -> list[Path]:
    """Find the flight records of calls of which something else is due, or is gone."""
    found = await asyncio.to_thread(flights_in, folder)
    due: list[Path] = []
    ids = sorted(found)
    for at in range(0, len(ids), AT_ONCE):
        part = ids[at : at + AT_ONCE]
        known = select(calls.c.call_id, calls.c.ended_at)
        rows = await database.read(known.where(calls.c.call_id.in_(part)))
        ends = {row.call_id: row.ended_at for row in rows}
        promise = func.min(recordings.c.keep_days).label("days")
        promised = (
            select(recordings.c.call_id, promise)
            .where(recordings.c.call_id.in_(part), recordings.c.keep_days.is_not(None))
            .group_by(recordings.c.call_id)
        )
        promises = {x.call_id: x.days for x in await database.read(promised)}
        for call_id in part:
            lasting = promises.get(call_id, keep.recordings_days)
            days = [lasting, keep.words_days, keep.calls_days]
            ended_at = ends.get(call_id, _written_at(found[call_id]))
            least = min((each for each in days if each is not None), default=None)
            if least is None or ended_at is None:  # for ever, or it goes on
                continue
            if ended_at < now - timedelta(days=least):
                due += found[call_id]
    return due


def flights_in(folder: Path) -> dict[str, list[Path]]:
    """Find flight records, by their calls."""
    found = defaultdict[str, list[Path]](list)
    for path in sorted(folder.rglob("*.jsonl.gz")):
        found[path.name.partition(".")[0].partition("-")[0]].append(path)
    return found


def _written_at(paths: Sequence[Path]) -> datetime:
    """When the last of some files was written: of a call that the log has no more."""
    last_s = max(path.stat().st_mtime for path in paths)
    return datetime.fromtimestamp(last_s, UTC)


def _unlink(paths: Sequence[Path]) -> None:
    """
    Raises:
        StoreError: one of them stays.
    """
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as exc:
            raise StoreError(f"{path}: {exc.strerror}") from exc


def _has_words() -> ColumnElement[bool]:
    said = exists().where(
        turns.c.call_id == calls.c.call_id,
        or_(turns.c.generated_text != "", turns.c.heard_text != ""),
    )
    left = exists().where(
        messages.c.call_id == calls.c.call_id, messages.c.transcription.is_not(None)
    )
    return or_(said, left)
