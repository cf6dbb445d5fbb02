"""Whether the call log and the recordings have what a witness saw."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import soundfile
from sqlalchemy import func, select

from tests.crash.witness import Noted, Witness
from voicebot.store.calls import CallStore
from voicebot.store.database import Database
from voicebot.store.tables import (
    call_events,
    calls,
    decisions,
    latencies,
    messages,
    recordings,
    turns,
)

ROWS = (calls, turns, decisions, latencies, messages, recordings)
Key = tuple[str, int]
PART = 500  # calls in one question


async def found(log: Database, call_ids: Collection[str]) -> dict[Key, str]:
    """Read which events of some calls are in the log, with their kinds."""
    ids, there = sorted(call_ids), dict[Key, str]()
    for first in range(0, len(ids), PART):
        query = select(call_events.c.call_id, call_events.c.seq, call_events.c.kind)
        part = ids[first : first + PART]
        rows = await log.read(query.where(call_events.c.call_id.in_(part)))
        there |= {(row.call_id, row.seq): row.kind for row in rows}
    return there


def missing(witness: Witness, there: Mapping[Key, str]) -> tuple[int, int]:
    """
    Compare what a life of the server told with what is in the log.

    Returns:
        How many events were acknowledged and aren't there; and how many aren't there
        though a later one of the same process is: what it wrote has no holes.
    """
    kept = [(x.call_id, x.seq) in there for x in witness.noted]
    lost = sum((x.call_id, x.seq) not in there for x in witness.acknowledged)
    last = max((i for i, is_there in enumerate(kept) if is_there), default=-1)
    return lost, kept[: last + 1].count(False)


def surplus(noted: Collection[Noted], there: Mapping[Key, str]) -> int:
    """
    Count events in the log that nobody noted, or that end a call twice.

    Who finds a dead process's call ends it: that is one event of no process's, and
    there is one end in every call.
    """
    known = {(x.call_id, x.seq) for x in noted}
    unknown = [key for key in there if key not in known and there[key] != "call.ended"]
    ended = [key[0] for key, kind in there.items() if kind == "call.ended"]
    return len(unknown) + len(ended) - len(set(ended))


async def left_open(log: Database) -> int:
    query = select(func.count()).where(calls.c.ended_at.is_(None))
    return int((await log.read(query))[0][0])


async def rows_by_sid(log: Database) -> dict[str, int]:
    """Count the calls that each call_sid has."""
    query = select(calls.c.call_sid, func.count()).group_by(calls.c.call_sid)
    return {row[0]: row[1] for row in await log.read(query)}


def damage(path: Path) -> list[str]:
    """What SQLite finds wrong with a file, all of it."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    return [x for (x,) in found if x != "ok"] + [f"orphan: {x[0]}" for x in orphans]


async def rows_that_change(store: CallStore) -> int:
    """Make all rows anew, of all events; return how many are others then."""
    before = await _rows(store.database)
    await store.rebuild()
    after = await _rows(store.database)
    return sum(
        len(set(before[name].items()) ^ set(after[name].items())) for name in before
    )


async def _rows(log: Database) -> dict[str, dict[Any, str]]:
    return {
        table.name: {
            tuple(row._mapping[x] for x in table.primary_key): repr(row)
            for row in await log.read(select(table))
        }
        for table in ROWS
    }


@dataclass(frozen=True, slots=True)
class Cut:
    """The recording of a call whose server was killed."""

    call_id: str
    lasted_s: float
    """For so long there had been something to record."""
    played_s: float | None
    """So much of it a player plays; None: it doesn't play."""

    @property
    def lost_s(self) -> float:
        return self.lasted_s - (self.played_s or 0.0)


def cut(folder: Path, answered: Collection[Noted], killed_s: float) -> list[Cut]:
    """Play what was recorded of calls, as the killed server left it."""
    paths = {path.stem: path for path in folder.glob("*/*/*/*.wav")}
    return [
        Cut(x.call_id, killed_s - x.at_s, played(paths.get(x.call_id)))
        for x in answered
    ]


def played(path: Path | None) -> float | None:
    """How many seconds a player that isn't ours plays; 0 if there is no file."""
    if path is None:
        return 0.0
    try:
        sound, rate_hz = soundfile.read(path, dtype="int16")
    except soundfile.LibsndfileError:
        return None
    return len(sound) / rate_hz


async def badly_kept(log: Database, folder: Path, cuts: Sequence[Cut]) -> list[str]:
    """
    Find the recordings that aren't where the log says, or have become shorter.

    Args:
        cuts: what could be played when their server was killed.
    """
    wanted = {x.call_id: x.played_s or 0.0 for x in cuts if x.played_s}
    wrong = [f"{path.name}: left behind" for path in folder.glob("*/*/*/*.wav")]
    for row in await log.read(
        select(recordings).where(recordings.c.place.is_not(None))
    ):
        least_s = wanted.pop(row.call_id, 0.0)
        path = Path(row.place)
        has_s = played(path) if path.exists() else None
        if has_s is None:
            wrong.append(f"{path.name}: doesn't play")
        elif has_s < least_s or int(has_s * 1000 + 0.01) != row.recording_ms:
            wrong.append(f"{path.name}: {has_s:.2f} s of {least_s:.2f} s")
        elif sha256(path.read_bytes()).hexdigest() != row.sha256:
            wrong.append(f"{path.name}: isn't what the log says")
    return wrong + [f"{call_id}: not in the log" for call_id in wanted]
