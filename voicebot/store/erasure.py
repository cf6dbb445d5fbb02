"""
A caller is forgotten: all of their calls, wherever something of them lies.

What is left is a tombstone: that it was done, of how much, and a hash of the number
that only who knows the number can check.
"""

import asyncio
import fcntl
import os
import secrets
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import scrypt
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, or_, select

from voicebot.errors import StoreError
from voicebot.store.archive import Archive
from voicebot.store.database import Database
from voicebot.store.events import event_of
from voicebot.store.recordings import FLIGHTS
from voicebot.store.retention import delete_calls, flights_in, recordings_of
from voicebot.store.tables import calls, erasures, messages

SPILLS: Final = ("spill.jsonl", "refused.jsonl")
LOCK: Final = "lock"

# A number has few digits: trying all of them must take years, not hours.
SCRYPT: Final = {"n": 2**14, "r": 8, "p": 1}


@dataclass(slots=True)
class Erased:
    """How much was removed, and what couldn't be."""

    counts: dict[str, int] = field(default_factory=dict)
    going_on: int = 0
    """Calls that aren't over: they stay."""

    at_twilio: tuple[str, ...] = ()
    """Recordings of messages that only Twilio can remove."""

    left: dict[str, int] = field(default_factory=dict)
    """The proof: how often the number stands in each file that was searched."""


async def erase(
    database: Database, archive: Archive, folder: Path, number: str, now: datetime
) -> Erased:
    """
    Erase all calls from and to a number.

    Doing it again does what was left, so an error costs nothing.

    Args:
        folder: the data folder, with the spill of its process.

    Raises:
        StoreError: something can't be removed. It says what, and the rest goes on
            once that is put right.
    """
    erased = Erased()
    theirs = or_(calls.c.from_number == number, calls.c.to_number == number)
    ended = theirs & calls.c.ended_at.is_not(None)
    found = await database.read(select(calls.c.call_id, calls.c.ended_at).where(theirs))
    ids = [row.call_id for row in found if row.ended_at]
    erased.going_on = len(found) - len(ids)
    left = select(messages.c.recording_sid).where(messages.c.call_id.in_(ids))
    erased.at_twilio = tuple(row.recording_sid for row in await database.read(left))
    spilled = await asyncio.to_thread(_spilled, folder, number)
    places = {x.place for x in await recordings_of(database, ended) if x.place}
    everybody = {*ids, *spilled} - {x.call_id for x in found if not x.ended_at}
    places |= await archive.places_of(everybody)
    erased.counts["recordings"] = await archive.remove_all(places)
    erased.counts["flights"] = await asyncio.to_thread(_grounded, folder, everybody)
    erased.counts["spilled"] = await asyncio.to_thread(_unspill, folder, everybody)

    def work(connection: Connection) -> dict[str, int]:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        counts = delete_calls(connection, ids)
        if any((erased.counts | counts).values()):
            connection.execute(
                erasures.insert().values(
                    erasure_id=uuid.uuid4().hex,
                    erased_at=now,
                    number_hash=_hashed(number),
                    counts=erased.counts | counts,
                )
            )
        return counts

    erased.counts |= await database.transact(work)
    # One that was being encoded or uploaded came to its place meanwhile. Whoever finds
    # the call gone after that removes it himself.
    places |= await archive.places_of(everybody)
    erased.counts["recordings"] += await archive.remove_all(places)
    await database.compact()
    erased.left = await asyncio.to_thread(proof, database.file, folder, number)
    return erased


def is_erased(number: str, number_hash: str) -> bool:
    """Whether a tombstone is that of a number."""
    salt = bytes.fromhex(number_hash.partition("$")[0])
    return _hashed(number, salt) == number_hash


def proof(file: Path | None, folder: Path, number: str) -> dict[str, int]:
    """
    Count how often a number stands in the raw bytes of the call log's files.

    Args:
        file: of SQLite's; None for a log at a server, whose files aren't here.
    """
    files = [folder / name for name in SPILLS]
    if file:
        files += [file, *(file.with_name(file.name + x) for x in ("-wal", "-shm"))]
    wanted = number.encode()
    return {
        path.name: path.read_bytes().count(wanted) for path in files if path.exists()
    }


def _spilled(folder: Path, number: str) -> set[str]:
    """The calls from and to a number in what the database hasn't taken yet."""
    found = set()
    for _, lines in _spills(folder):
        for line in lines:
            if number.encode() in line:
                try:
                    event = event_of(line)
                except StoreError:
                    continue  # nobody knows whose it is
                ours = {
                    getattr(event.record, x, "") for x in ("from_number", "to_number")
                }
                if number in ours:
                    found.add(event.call_id)
    return found


def _grounded(folder: Path, call_ids: Collection[str]) -> int:
    """Remove the flight records of calls; return how many there were."""
    found = flights_in(folder / FLIGHTS)
    theirs = [path for call_id in call_ids for path in found.get(call_id, [])]
    for path in theirs:
        path.unlink(missing_ok=True)
    return len(theirs)


def _unspill(folder: Path, call_ids: Collection[str]) -> int:
    """
    Take the events of calls out of the spill; return how many there were.

    Raises:
        StoreError: a process is at work on it, which would write them again.
    """
    wanted = [call_id.encode() for call_id in call_ids]
    removed = 0
    with _alone(folder) as is_alone:
        for path, lines in _spills(folder):
            kept = [x for x in lines if not any(call_id in x for call_id in wanted)]
            if len(kept) == len(lines):
                continue
            if not is_alone:
                raise StoreError(
                    f"{path}: it has events of these calls, and a server is at work "
                    "on it; stop that one, and erase again"
                )
            removed += len(lines) - len(kept)
            with open(path, "r+b") as file:
                size = path.stat().st_size
                file.write(b"\0" * size)
                os.fsync(file.fileno())
                file.seek(0)
                file.truncate()
                file.writelines(kept)
                file.flush()
                os.fsync(file.fileno())
    return removed


def _spills(folder: Path) -> Iterator[tuple[Path, list[bytes]]]:
    for name in SPILLS:
        path = folder / name
        if path.exists():
            yield path, path.read_bytes().splitlines(keepends=True)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Hold the folder, if no server has it."""
    if not folder.is_dir():
        yield True
        return
    with open(folder / LOCK, "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _hashed(number: str, salt: bytes | None = None) -> str:
    salt = salt or secrets.token_bytes(16)
    return f"{salt.hex()}${scrypt(number.encode(), salt=salt, **SCRYPT).hex()}"
