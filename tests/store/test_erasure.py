"""A caller who is erased stands in no file any more, and others aren't touched."""

import asyncio
import fcntl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.store.noted import event, put, writing
from tests.store.s3 import S3
from tests.store.test_calls import ENDED, MESSAGE, NOON, STARTED, TURN, sql
from voicebot.errors import StoreError
from voicebot.store.archive import Archive
from voicebot.store.calls import CallStore
from voicebot.store.erasure import Erased, erase, is_erased
from voicebot.store.events import line_of
from voicebot.store.records import FlowNote, Record, Recording
from voicebot.store.tables import erasures

NUMBER = "+15550777777"
WORDS = "canary-of-their-words"
HEX = "abcdef0123456789"


def id_of(number: int) -> str:
    return HEX[number] * 32


async def theirs(
    store: CallStore, folder: Path, number: int, *, over: bool = True
) -> Path:
    """A call of theirs, or of who has another number: odd ones."""
    call_id, words = id_of(number), WORDS if number % 2 == 0 else "other words"
    path = folder / "recordings" / "2026" / "11" / "23" / f"{call_id}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(words.encode())
    caller = NUMBER if number % 2 == 0 else "+15550888888"
    start = replace(
        STARTED, call_id=call_id, call_sid=f"CA{number}", from_number=caller
    )
    if number % 4 == 2:  # we called them
        start = replace(start, from_number=start.to_number, to_number=NUMBER)
    await put(
        store,
        start,
        replace(TURN, call_id=call_id, generated_text=words * 99, heard_text=words),
        replace(MESSAGE, call_id=call_id, transcription=words, recording_sid="RE1"),
        FlowNote(call_id, 1, "consent", "given", "hash"),
        *([replace(ENDED, call_id=call_id)] if over else []),
        Recording(call_id, 0, place=str(path)),
    )
    return path


async def erased(store: CallStore, folder: Path, bucket: S3 | None = None) -> Erased:
    archive = Archive(folder / "recordings", bucket.bucket("erase") if bucket else None)
    return await erase(store.database, archive, folder, NUMBER, NOON)


def found_in(folder: Path, text: str) -> list[str]:
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


async def test_no_byte_of_them_is_left_in_any_file(
    file_store: CallStore, path: Path
) -> None:
    folder = path.parent
    for number in range(6):
        await theirs(file_store, folder, number)
    await file_store.rebuild()  # old versions of rows, in pages that are free
    flights = [folder / "flights" / f"{id_of(n)}.jsonl.gz" for n in (0, 1)]
    flights[0].parent.mkdir()
    for flight in flights:
        flight.write_bytes(b"what was said")
    assert found_in(folder, NUMBER)
    assert found_in(folder, WORDS)
    result = await erased(file_store, folder)
    assert result.counts == {
        "recordings": 3,
        "flights": 1,
        "spilled": 0,
        "call_events": 18,
        "turns": 3,
        "messages": 3,
        "calls": 3,
    }
    assert set(result.left.values()) == {0}
    assert {"calls.sqlite", "calls.sqlite-wal"} <= set(result.left)
    assert result.at_twilio == ("RE1",) * 3
    gone = [NUMBER, WORDS, *(id_of(number) for number in (0, 2, 4))]
    assert [found_in(folder, text) for text in gone] == [[]] * 5
    assert not [x for x in folder.rglob("*") if id_of(0) in x.name]
    kept = await file_store.list_calls(9)
    assert sorted(call.call_id for call in kept) == [id_of(1), id_of(3), id_of(5)]
    assert found_in(folder, "other words")
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]


async def test_the_tombstone_has_counts_and_no_number(
    store: CallStore, tmp_path: Path
) -> None:
    await theirs(store, tmp_path, 0)
    result = await erased(store, tmp_path)
    (tomb,) = await store.database.read(select(erasures))
    assert tomb.counts == result.counts
    assert tomb.erased_at == NOON
    assert is_erased(NUMBER, tomb.number_hash)
    assert not is_erased("+15550888888", tomb.number_hash)
    assert NUMBER not in repr(tomb)
    assert await store.list_calls(9) == []
    again = await erased(store, tmp_path)
    assert not any(again.counts.values())
    assert len(await store.database.read(select(erasures))) == 1


async def test_a_call_that_goes_on_stays_and_is_told(
    store: CallStore, tmp_path: Path
) -> None:
    path = await theirs(store, tmp_path, 0, over=False)
    result = await erased(store, tmp_path)
    assert (result.going_on, path.exists()) == (1, True)
    assert await store.get_call(id_of(0))


async def test_what_is_spilled_is_erased_too(file_store: CallStore, path: Path) -> None:
    folder = path.parent
    await theirs(file_store, folder, 0)
    starts = [
        replace(STARTED, call_id=id_of(n), call_sid=f"CA{n}", from_number=who)
        for n, who in ((8, NUMBER), (9, "+15550888888"))
    ]
    late = [replace(TURN, call_id=id_of(n), generated_text=WORDS) for n in (0, 8)]
    records: list[Record] = [*starts, *late]
    lines = [line_of(event(each)) for each in records]
    (folder / "spill.jsonl").write_bytes(b"".join(lines))
    (folder / "refused.jsonl").write_bytes(lines[2] + f"{NUMBER} odd\n".encode())
    with at_work(folder), pytest.raises(StoreError, match="a server is at work on it"):
        await erased(file_store, folder)
    result = await erased(file_store, folder)
    assert result.counts["spilled"] == 4
    assert result.left == dict.fromkeys(result.left, 0) | {"refused.jsonl": 1}
    assert found_in(folder, WORDS) == []
    assert (folder / "spill.jsonl").read_bytes() == lines[1]
    async with writing(folder) as writer:
        calls = await writer.store.list_calls(9)
    assert [call.call_id for call in calls] == [id_of(9)]


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """A server has the folder."""
    with open(folder / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def test_a_server_may_go_on_meanwhile(file_store: CallStore, path: Path) -> None:
    folder = path.parent
    await theirs(file_store, folder, 0)
    async with writing(folder) as writer:
        with at_work(folder):
            erasing = asyncio.create_task(erased(file_store, folder))
            for number in range(20):
                start = replace(STARTED, call_id=f"n{number}", call_sid=f"N{number}")
                assert await writer.start(start)
            result = await erasing
    assert set(result.left.values()) == {0}
    assert found_in(folder, WORDS) == []
    assert len(await file_store.list_calls(99)) == 20


async def test_a_log_that_somebody_reads_is_said_to_be_busy(
    file_store: CallStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebot.store.compact.BUSY_MS", 50)
    await theirs(file_store, path.parent, 0)
    await theirs(file_store, path.parent, 1)
    import sqlite3

    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM calls").fetchone()
    with pytest.raises(StoreError, match=r"calls.sqlite: (somebody reads it|database)"):
        await erased(file_store, path.parent)
    reader.close()
    assert set((await erased(file_store, path.parent)).left.values()) == {0}
    assert found_in(path.parent, WORDS) == []


async def test_words_of_a_full_text_index_go_with_them(
    file_store: CallStore, path: Path
) -> None:
    sql(path, "CREATE VIRTUAL TABLE words USING fts5(said)")
    await theirs(file_store, path.parent, 0)

    def index() -> None:
        import sqlite3

        with sqlite3.connect(path) as connection:
            connection.execute("INSERT INTO words VALUES ('canaryofanindex one')")
            connection.execute("INSERT INTO words VALUES ('two')")
            connection.commit()
            connection.execute("DELETE FROM words WHERE said LIKE '%one'")
        connection.close()

    await asyncio.to_thread(index)
    assert found_in(path.parent, "anaryofanindex")
    await erased(file_store, path.parent)
    assert found_in(path.parent, "anaryofanindex") == []


async def test_recordings_in_a_bucket_are_erased(
    store: CallStore, tmp_path: Path, s3: S3
) -> None:
    bucket = s3.bucket("erase")
    path = await theirs(store, tmp_path, 0)
    place = bucket.place(tmp_path / "recordings", path)
    await bucket.put(path, len(WORDS), place)
    path.unlink()
    kept = await theirs(store, tmp_path, 1)
    await bucket.put(kept, 11, other := bucket.place(tmp_path / "recordings", kept))
    at = NOON + timedelta(hours=1)
    from voicebot.store.retention import tell

    told = [Recording(id_of(0), 0, place=place), Recording(id_of(1), 0, place=other)]
    await tell(store.database, told, at)
    result = await erased(store, tmp_path, s3)
    assert result.counts["recordings"] == 1
    assert [f"s3://recordings/{key}" for key in s3.keys("erase")] == [other]


async def test_one_that_comes_to_its_place_meanwhile_is_erased_too(
    store: CallStore, tmp_path: Path
) -> None:
    path = await theirs(store, tmp_path, 0)

    class Encoding(Archive):
        async def remove_all(self, places: Collection[str]) -> int:
            removed = await super().remove_all(places)
            if await store.get_call(id_of(0)):
                path.with_suffix(".flac").write_bytes(b"what was said")
            return removed

    archive = Encoding(tmp_path / "recordings", None)
    result = await erase(store.database, archive, tmp_path, NUMBER, NOON)
    assert result.counts["recordings"] == 2
    assert not list(path.parent.iterdir())


async def test_without_its_bucket_nothing_is_said_to_be_erased(
    store: CallStore, tmp_path: Path
) -> None:
    await theirs(store, tmp_path, 0)
    await put(store, Recording(id_of(0), 0, place="s3://elsewhere/key"))
    with pytest.raises(StoreError, match="expected VOICEBOT_RECORDINGS"):
        await erased(store, tmp_path)
    assert await store.get_call(id_of(0))
