"""Whether the call log and the recordings have what a witness saw."""

import sqlite3
from collections.abc import Collection, Mapping
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
from voicebot.store.records import Recording
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
    query = select(calls.c.call_id).where(calls.c.ended_at.is_(None))
    return len(await log.read(query))


async def rows_by_sid(log: Database) -> dict[str, int]:
    """Count the calls that each call_sid has."""
    count = func.count().label("calls")
    query = select(calls.c.call_sid, count).group_by(calls.c.call_sid)
    return {row.call_sid: row.calls for row in await log.read(query)}


def damage(path: Path) -> list[str]:
    """What SQLite finds wrong with a file, all of it."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    wrong = [str(row[0]) for row in found if row[0] != "ok"]
    return wrong + [f"orphan in {row[0]}" for row in orphans]


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
    starved_s: float
    """So long of the last seconds others had all cores."""

    @property
    def lost_s(self) -> float:
        """What is missing at its end, and that isn't the machine's fault."""
        return self.lasted_s - (self.played_s or 0.0) - self.starved_s


def cut(
    folder: Path, answered: Collection[Noted], killed_s: float, starved_s: float
) -> list[Cut]:
    """Play what was recorded of calls, as the killed server left it."""
    paths = {path.stem: path for path in folder.glob("*/*/*/*.wav")}
    return [
        Cut(x.call_id, killed_s - x.at_s, played(paths.get(x.call_id)), starved_s)
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
    return float(len(sound) / rate_hz)


def waiting(folder: Path) -> bool:
    """Whether recordings wait to be brought to where they are kept."""
    return any(folder.glob("*/*/*/*.wav"))


async def kept(log: Database) -> list[Recording]:
    """Read where the log says that recordings are."""
    query = select(recordings).where(recordings.c.place.is_not(None))
    return [Recording(**row._mapping) for row in await log.read(query)]


def badly_kept(
    kept: Collection[Recording], folder: Path, cuts: Collection[Cut]
) -> list[str]:
    """
    Find recordings that aren't where the log says, or have become shorter.

    Args:
        cuts: what could be played when their server was killed.
    """
    wanted = {x.call_id: x.played_s for x in cuts if x.played_s}
    wrong = [f"{path.name}: left behind" for path in folder.glob("*/*/*/*.wav")]
    for one in kept:
        least_s = wanted.pop(one.call_id, 0.0)
        path = Path(one.place or "")
        has_s = played(path) if path.exists() else None
        if has_s is None:
            wrong.append(f"{path.name}: doesn't play")
        elif has_s < least_s or int(has_s * 1000 + 0.01) != one.recording_ms:
            wrong.append(f"{path.name}: {has_s:.2f} s of {least_s:.2f} s")
        elif sha256(path.read_bytes()).hexdigest() != one.sha256:
            wrong.append(f"{path.name}: isn't what the log says")
    return wrong + [f"{call_id}: not in the log" for call_id in wanted]
