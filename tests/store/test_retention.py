"""What is kept no longer is gone, and nothing else is."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.store.noted import put
from tests.store.test_calls import ENDED, MESSAGE, NOON, STARTED, TURN
from voicebot.errors import StoreError
from voicebot.store.archive import Archive
from voicebot.store.calls import CallStore
from voicebot.store.records import Recording
from voicebot.store.retention import Keep, Purged, purge, tell

LATER = NOON + timedelta(days=60, hours=1)
IDS = {name: name * 32 for name in "abcde"}


async def a_call(
    store: CallStore, name: str, folder: Path, *, days: int | None = None, age: int = 60
) -> Path:
    """A call that ended so many days before, with words and a recording."""
    call_id = IDS[name]
    path = folder / "2026" / "11" / "23" / f"{call_id}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"sound")
    ended_at = LATER - timedelta(days=age, hours=1)
    await put(
        store,
        replace(STARTED, call_id=call_id, call_sid=f"CA{name}"),
        Recording(call_id, 0, keep_days=days),
        replace(TURN, call_id=call_id),
        replace(MESSAGE, call_id=call_id, recording_sid=f"RE{name}"),
        replace(ENDED, call_id=call_id, ended_at=ended_at, recording="call.wav"),
        Recording(call_id, 0, place=str(path), recording_ms=5, sha256="x"),
    )
    return path


async def purged(
    store: CallStore, folder: Path, keep: Keep, *, dry: bool = False
) -> Purged:
    return await purge(
        store.database,
        Archive(folder, None),
        folder / "flights",
        keep,
        LATER,
        dry=dry,
    )


def a_flight(folder: Path, name: str, *, age: int = 0) -> Path:
    """The record of a call's flight, so many days old."""
    path = folder / "flights" / "2026" / "11" / "23" / f"{IDS[name]}.jsonl.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    written_s = (LATER - timedelta(days=age)).timestamp()
    os.utime(path, (written_s, written_s))
    return path


async def test_a_recording_is_kept_as_long_as_was_promised(
    store: CallStore, tmp_path: Path
) -> None:
    paths = {
        "a": await a_call(store, "a", tmp_path, days=60),
        "b": await a_call(store, "b", tmp_path, days=61),
        "c": await a_call(store, "c", tmp_path),
        "d": await a_call(store, "d", tmp_path, age=20),
    }
    keep = Keep(recordings_days=30)
    assert await purged(store, tmp_path, keep, dry=True) == Purged(recordings=2)
    assert all(path.exists() for path in paths.values())
    assert await purged(store, tmp_path, keep) == Purged(recordings=2)
    assert [name for name, path in paths.items() if path.exists()] == ["b", "d"]
    assert await purged(store, tmp_path, keep) == Purged()
    for name, there in (("a", False), ("b", True)):
        call = await store.get_call(IDS[name])
        assert call
        assert bool(call.recording) is bool(call.recording_ms) is there
    (gone,) = await store.recordings(IDS["a"])
    assert gone == Recording(IDS["a"], 0, keep_days=60, gone=True)
    before = [await store.get_call(IDS[name]) for name in "abcd"]
    await store.rebuild()
    assert [await store.get_call(IDS[name]) for name in "abcd"] == before


async def test_what_never_came_to_where_it_is_kept_goes_with_its_call(
    store: CallStore, tmp_path: Path
) -> None:
    path = await a_call(store, "a", tmp_path)
    pieces = [path.with_name(f"{IDS['a']}{end}") for end in ("-5000.wav", ".wav")]
    for piece in pieces:
        piece.write_bytes(b"sound")
    assert (await purged(store, tmp_path, Keep(calls_days=30))).calls == 1
    assert not list(path.parent.iterdir())


async def test_without_a_time_everything_is_kept_for_ever(
    store: CallStore, tmp_path: Path
) -> None:
    path = await a_call(store, "a", tmp_path, age=9000)
    assert await purged(store, tmp_path, Keep()) == Purged()
    assert path.exists()


async def test_words_are_forgotten_and_the_call_is_not(
    store: CallStore, tmp_path: Path
) -> None:
    for name, age in (("a", 31), ("b", 29)):
        await a_call(store, name, tmp_path, age=age)
    keep = Keep(words_days=30)
    assert await purged(store, tmp_path, keep, dry=True) == Purged(words=1)
    assert await purged(store, tmp_path, keep) == Purged(words=1)
    assert await purged(store, tmp_path, keep) == Purged()
    (turn,) = await store.turns(IDS["a"])
    assert (turn.generated_text, turn.heard_text) == ("", "")
    assert turn.started_ms == TURN.started_ms
    (message,) = await store.messages(IDS["a"])
    assert (message.transcription, message.url) == (None, MESSAGE.url)
    await store.rebuild()
    assert await store.turns(IDS["a"]) == [turn]
    (other,) = await store.turns(IDS["b"])
    assert other.generated_text == TURN.generated_text


async def test_a_whole_call_goes_with_its_recording(
    store: CallStore, tmp_path: Path
) -> None:
    paths = [
        await a_call(store, name, tmp_path, age=age, days=3650)
        for name, age in (("a", 91), ("b", 10))
    ]
    assert await purged(store, tmp_path, Keep(calls_days=90)) == Purged(
        recordings=1, calls=1
    )
    assert [path.exists() for path in paths] == [False, True]
    assert await store.get_call(IDS["a"]) is None
    assert await store.events(IDS["a"]) == []
    assert await store.get_call(IDS["b"])


async def test_a_call_that_goes_on_is_never_purged(
    store: CallStore, tmp_path: Path
) -> None:
    await put(store, STARTED, TURN)
    assert await purged(store, tmp_path, Keep(1, 1, 1)) == Purged()


async def test_recordings_of_older_releases_are_purged_too(
    store: CallStore, tmp_path: Path
) -> None:
    path = tmp_path / "old.wav"
    path.write_bytes(b"x")
    await put(store, STARTED, replace(ENDED, recording=str(path)))
    assert await purged(store, tmp_path, Keep(recordings_days=30)) == Purged(1)
    call = await store.get_call(STARTED.call_id)
    assert call
    assert (path.exists(), call.recording) == (False, None)


async def test_a_recording_that_is_kept_before_the_call_ends_stays_in_its_row(
    store: CallStore,
) -> None:
    await put(store, STARTED)
    await put(store, Recording("c1", 0, place="kept.flac", recording_ms=7))
    await put(store, ENDED)  # with the place where it was made
    call = await store.get_call("c1")
    assert call
    assert (call.recording, call.recording_ms) == ("kept.flac", 7)


async def test_what_cannot_be_removed_stays_in_the_log(
    store: CallStore, tmp_path: Path
) -> None:
    path = await a_call(store, "a", tmp_path, days=1)
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match=r"flac: "):
        await purged(store, tmp_path, Keep(calls_days=1))
    assert await store.get_call(IDS["a"])


async def test_what_is_told_afterwards_comes_after_what_happened(
    store: CallStore,
) -> None:
    await put(store, STARTED, ENDED)
    gone = [Recording(STARTED.call_id, n, gone=True) for n in (0, 1)]
    await tell(store.database, gone, NOON - timedelta(days=999))
    assert [x.record for x in await store.events(STARTED.call_id)][2:] == gone


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        (Keep(), "abcde"),
        (Keep(recordings_days=30), "bce"),  # a: as long as all, b: was promised more
        (Keep(words_days=30), "ce"),
        (Keep(calls_days=61), "abce"),
    ],
    ids=["ever", "recordings", "words", "calls"],
)
async def test_a_flight_record_goes_with_the_first_of_what_it_holds(
    store: CallStore, tmp_path: Path, keep: Keep, left: str
) -> None:
    await a_call(store, "a", tmp_path)
    await a_call(store, "b", tmp_path, days=90)
    await a_call(store, "c", tmp_path, age=3)
    flights = {name: a_flight(tmp_path, name) for name in "abc"}
    flights["d"] = a_flight(tmp_path, "d", age=99)  # of a call that is gone
    flights["e"] = a_flight(tmp_path, "e", age=1)
    later = flights["a"].with_name(f"{IDS['a']}-5000.jsonl.gz")
    later.write_bytes(b"x")
    counted = await purged(store, tmp_path, keep, dry=True)
    assert all(path.exists() for path in flights.values())
    assert await purged(store, tmp_path, keep) == counted
    assert "".join(name for name, path in flights.items() if path.exists()) == left
    assert later.exists() is ("a" in left)
    assert counted.flights == 5 - len(left) + ("a" not in left)


async def test_the_flight_record_of_a_call_that_goes_on_stays(
    store: CallStore, tmp_path: Path
) -> None:
    await put(store, replace(STARTED, call_id=IDS["a"]))
    path = a_flight(tmp_path, "a", age=99)
    assert await purged(store, tmp_path, Keep(1, 1, 1)) == Purged()
    assert path.exists()


async def test_a_flight_record_that_cannot_be_removed_is_said(
    store: CallStore, tmp_path: Path
) -> None:
    path = a_flight(tmp_path, "a")
    path.unlink()
    path.mkdir()
    os.utime(path, (0, 0))
    with pytest.raises(StoreError, match=r"gz: "):
        await purged(store, tmp_path, Keep(calls_days=1))
