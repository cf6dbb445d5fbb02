"""Recordings come to where they are kept, whatever fails on the way."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.store.noted import writing
from tests.store.s3 import KEY_ID, S3, SECRET, running_s3
from tests.store.test_archive import sound, wav
from tests.store.test_calls import ENDED, STARTED
from voicebot.config import Settings
from voicebot.errors import StoreError
from voicebot.runtime import housekeeping
from voicebot.runtime.housekeeping import Housekeeping, archive_of
from voicebot.runtime.scribe import Scribe
from voicebot.store.archive import Encoded, Format, encode
from voicebot.store.events import EventKind
from voicebot.store.muting import Silence
from voicebot.store.records import Private, Record, Recording, Silenced
from voicebot.store.retention import delete_calls
from voicebot.store.writer import Writer, open_writer

CALL = "ab" * 16
START = replace(STARTED, call_id=CALL)
END = replace(ENDED, call_id=CALL, recording=None, recording_ms=None)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with running_s3() as server:
        yield server


@asynccontextmanager
async def keeping(
    folder: Path, **wants: Any
) -> AsyncIterator[tuple[Housekeeping, Writer]]:
    settings = Settings(data=folder, **wants)
    async with writing(folder) as writer:
        archive = archive_of(settings)
        keeper = Housekeeping(settings, archive, Scribe(writer), writer.store.database)
        try:
            yield keeper, writer
        finally:
            keeper.close()


def recorded(folder: Path, began: str = "") -> Path:
    return wav(folder / "recordings" / "2026" / "11" / "23" / f"{CALL}{began}.wav")


async def kept(writer: Writer) -> list[Recording]:
    await writer.stored()
    return await writer.store.recordings(CALL)


async def gone(writer: Writer) -> bool:
    return any(one.gone for one in await kept(writer))


def files(folder: Path) -> list[str]:
    return sorted(x.name for x in folder.rglob("*") if x.suffix in (".wav", ".flac"))


async def test_a_recording_is_encoded_and_its_row_says_where_it_is(
    tmp_path: Path,
) -> None:
    path = recorded(tmp_path)
    later = recorded(tmp_path, "-5000")
    before = sound(path)
    async with keeping(tmp_path) as (keeper, writer):
        writer.note(START, datetime.now(UTC))
        writer.note(Recording(CALL, 0, keep_days=60), datetime.now(UTC))
        writer.note(END, datetime.now(UTC))
        assert await keeper.archive()
        first, second = await kept(writer)
        call = await writer.store.get_call(CALL)
    assert (first.keep_days, first.recording_ms) == (60, 3000)
    assert first.place == str(path.with_suffix(".flac"))
    assert second.place == str(later.with_suffix(".flac"))
    assert second.began_ms == 5000
    assert call
    assert (call.recording, call.recording_ms) == (first.place, 3000)
    assert (sound(path.with_suffix(".flac")) == before).all()
    assert files(tmp_path) == [f"{CALL}-5000.flac", f"{CALL}.flac"]


async def test_a_recording_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    async with keeping(tmp_path) as (keeper, _):
        async with keeper.recording(path):
            assert await keeper.archive()
            assert path.exists()
        async with keeper.recording(None):
            pass
        running = asyncio.create_task(keeper.run())
        async with asyncio.timeout(10):
            while files(tmp_path) != [f"{CALL}.flac"]:  # noqa: ASYNC110 - a thread's
                await asyncio.sleep(0.01)
        running.cancel()


async def test_of_a_call_that_ends_only_its_own_recording_is_looked_at(
    tmp_path: Path,
) -> None:
    async with keeping(tmp_path) as (keeper, _):
        assert await keeper.archive()
        mine, others = recorded(tmp_path), recorded(tmp_path, "-5000")
        nothing = mine.with_name(f"{'cd' * 16}.wav")  # a call without a sound
        for path in (mine, nothing):
            async with keeper.recording(path):
                pass
        await keeper._archive_fresh()
        assert files(tmp_path) == [f"{CALL}-5000.wav", f"{CALL}.flac"]
        assert not keeper._fresh
        assert await keeper.archive()
        assert not others.exists()


async def test_a_recording_is_looked_at_again_once_its_call_is_over(
    tmp_path: Path,
) -> None:
    path = recorded(tmp_path)
    async with keeping(tmp_path) as (keeper, _):
        await keeper._scribe.started(START)  # what is private isn't known yet
        async with keeper.recording(path):
            pass
        await keeper._archive_fresh()
        assert files(tmp_path) == [f"{CALL}.wav"]
        keeper._scribe.ended(END)
        await keeper._archive_fresh()
        assert files(tmp_path) == [f"{CALL}.flac"]


async def test_what_a_killed_process_left_is_cleared_up(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    path.with_name(f"{CALL}.flac.draft").write_bytes(b"half of it")
    path.with_suffix(".flac").write_bytes(b"whole, but nobody was told")
    empty = path.with_name(f"{'cd' * 16}.wav")
    empty.write_bytes(bytes(58))
    async with keeping(tmp_path) as (keeper, writer):
        writer.note(START, datetime.now(UTC))
        assert await keeper.archive()
        (one,) = await kept(writer)
    assert one.recording_ms == 3000
    assert [x.name for x in path.parent.iterdir()] == [f"{CALL}.flac"]


async def test_one_that_cannot_be_encoded_stays_and_hinders_no_other(
    tmp_path: Path,
) -> None:
    path = recorded(tmp_path)
    other = path.with_name(f"{'cd' * 16}.wav")
    wav(other)
    (path.parent / f"{CALL}.flac.draft").mkdir()
    with structlog.testing.capture_logs() as logs:
        async with keeping(tmp_path) as (keeper, _):
            assert not await keeper.archive()
    assert files(tmp_path) == [f"{CALL}.wav", f"{'cd' * 16}.flac"]
    assert {x["event"] for x in logs} >= {"recording stays behind", "recording kept"}


async def test_an_upload_is_retried_until_the_bucket_is_back(
    tmp_path: Path, s3: S3
) -> None:
    path = recorded(tmp_path)
    s3.kill()
    wants = {**s3.settings("retried")}
    async with keeping(tmp_path, **wants) as (keeper, writer):
        writer.note(START, datetime.now(UTC))
        assert not await keeper.archive()
        (one,) = await kept(writer)
        assert one.place == str(path.with_suffix(".flac"))
    s3.start()
    # Another process finds what the last one left behind.
    async with keeping(tmp_path, **wants) as (keeper, writer):
        assert await keeper.archive()
        (one,) = await kept(writer)
        place = f"s3://recordings/retried/2026/11/23/{CALL}.flac"
        assert (one.place, one.recording_ms) == (place, 3000)
        data = await archive_of(Settings(data=tmp_path, **wants)).read(place)
    assert len(data) == one.size_bytes
    assert files(tmp_path) == []
    assert s3.keys("retried") == [place.removeprefix("s3://recordings/")]


async def test_a_wrong_secret_leaves_everything_where_it_is_and_in_no_log(
    tmp_path: Path, s3: S3
) -> None:
    path = recorded(tmp_path)
    wants = s3.settings("refused") | {"recordings_secret": f"{SECRET}-wrong"}
    with structlog.testing.capture_logs() as logs:
        async with keeping(tmp_path, **wants) as (keeper, _):
            assert not await keeper.archive()
    assert path.with_suffix(".flac").exists()
    assert SECRET not in repr(logs)
    assert KEY_ID not in repr(logs)


async def test_what_is_old_is_purged_by_the_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(tmp_path)
    monkeypatch.setattr(housekeeping, "PURGE_S", 0.01)
    async with keeping(tmp_path, keep_recordings_days=1) as (keeper, writer):
        at = datetime.now(UTC)
        writer.note(START, at)
        writer.note(replace(END, ended_at=at - timedelta(days=2)), at)
        running = asyncio.create_task(keeper.run())
        async with asyncio.timeout(10):
            while not await gone(writer):  # noqa: ASYNC110 - a thread's
                await asyncio.sleep(0.01)
        running.cancel()
    assert files(tmp_path) == []


async def test_a_purge_that_fails_is_logged(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    async with keeping(tmp_path, keep_recordings_days=1) as (keeper, writer):
        at = datetime.now(UTC)
        writer.note(START, at)
        writer.note(replace(END, ended_at=at - timedelta(days=2)), at)
        await keeper.archive()
        await writer.stored()
        path.with_suffix(".flac").unlink()
        path.with_suffix(".flac").mkdir()
        with structlog.testing.capture_logs() as logs:
            await keeper.purge(at)
    assert [x["event"] for x in logs] == ["purge failed"]


SECRETIVE = Private(CALL, 4, 0, 1000, 1500, [[0.0, 1.0]])
SPAN = [0, 700, 1680]  # with what may lie outside of the turn, up to a pause


async def silenced(writer: Writer) -> list[list[list[int]]]:
    await writer.stored()
    events = await writer.store.events(CALL, [EventKind.SILENCED])
    return [x.record.spans for x in events if isinstance(x.record, Silenced)]


def tell(writer: Writer, *notes: Private) -> None:
    told: tuple[Record, ...] = (START, *notes, END)
    for note in told:
        writer.note(note, datetime.now(UTC))


async def test_what_is_private_is_silent_in_what_is_kept_and_nothing_else(
    tmp_path: Path,
) -> None:
    path = recorded(tmp_path)
    other = recorded(tmp_path, "-3000")
    before = sound(path)
    async with keeping(tmp_path) as (keeper, writer):
        harmless = replace(SECRETIVE, seq=5, started_ms=2000, ended_ms=2500)
        later = replace(SECRETIVE, seq=7, started_ms=4000, ended_ms=4500)
        tell(writer, SECRETIVE, harmless, replace(harmless, shares=[]), later)
        assert await keeper.archive()
        assert await silenced(writer) == [[SPAN], [SPAN]]
    for each in (path, other):
        after = sound(each.with_suffix(".flac"))
        assert (after[700 * 8 : 1680 * 8, 0] == 0).all()
        after[700 * 8 : 1680 * 8, 0] = before[700 * 8 : 1680 * 8, 0]
        assert (after == before).all()


LATE = replace(SECRETIVE, seq=6, started_ms=2000, ended_ms=2300)


def is_silent(path: Path, first_ms: int, last_ms: int) -> bool:
    return not sound(path)[first_ms * 8 : last_ms * 8, 0].any()


@pytest.mark.parametrize("before", ["flac", "opus"])
async def test_what_turns_out_to_be_private_later_is_silenced_in_what_is_kept(
    tmp_path: Path, before: str
) -> None:
    path = recorded(tmp_path)
    recorded(tmp_path, "-5000")
    async with keeping(tmp_path, recordings_format=before) as (keeper, writer):
        tell(writer, SECRETIVE)
        assert await keeper.archive()
        first, other = await kept(writer)
    async with keeping(tmp_path) as (keeper, writer):
        await keeper.silence(CALL)  # there is nothing to do
        assert await kept(writer) == [first, other]
        writer.note(LATE, datetime.now(UTC))
        await writer.stored()
        await keeper.silence(CALL)
        again, same = await kept(writer)
        noted = await silenced(writer)
    flac = path.with_suffix(".flac")
    assert (again.place, same) == (str(flac), other)
    assert again.sha256 == sha256(flac.read_bytes()).hexdigest() != first.sha256
    assert again.recording_ms == 3000
    assert noted[0] == [SPAN]
    ((side, start_ms, end_ms),) = noted[1]
    assert (side, start_ms <= 2000, end_ms >= 2300) == (0, True, True)
    assert is_silent(flac, 700, 1680)
    assert is_silent(flac, start_ms, end_ms)
    assert not is_silent(flac, 0, 700)
    assert not list(path.parent.glob(f"{CALL}.opus"))
    assert not list(path.parent.glob("*.wav"))


async def test_a_crash_while_it_is_silenced_later_leaves_what_is_to_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: S3
) -> None:
    def killed(*_: object) -> None:
        raise StoreError("the power is off")

    wants = s3.settings("late")
    path = recorded(tmp_path)
    async with keeping(tmp_path, **wants) as (keeper, writer):
        tell(writer, SECRETIVE)
        assert await keeper.archive()
        writer.note(LATE, datetime.now(UTC))
        await writer.stored()
        for name in ("silence", "encode"):
            with monkeypatch.context() as patch:
                patch.setattr(housekeeping, name, killed)
                with pytest.raises(StoreError):
                    await keeper.silence(CALL)
    assert files(tmp_path) == [path.name]
    async with keeping(tmp_path, **wants) as (keeper, writer):
        assert await keeper.archive()
        (one,) = await kept(writer)
        assert one.place
        archive = archive_of(Settings(data=tmp_path, **wants))
        path.write_bytes(await archive.read(one.place))
    assert is_silent(path, 2000, 2300)
    assert is_silent(path, 700, 1680)
    assert s3.keys("late") == [f"late/2026/11/23/{CALL}.flac"]


@pytest.mark.parametrize("uploads", [True, False])
async def test_a_caller_who_is_erased_while_a_recording_is_encoded_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: S3, uploads: bool
) -> None:
    path = recorded(tmp_path)
    wants = s3.settings("erased") if uploads else {}
    began, erased = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slowly(wav: Path, form: Format) -> Encoded | None:
        encoded = encode(wav, form)
        loop.call_soon_threadsafe(began.set)
        assert erased.wait(10)
        return encoded

    monkeypatch.setattr(housekeeping, "encode", slowly)
    async with keeping(tmp_path, **wants) as (keeper, writer):
        tell(writer)
        await writer.stored()
        archiving = asyncio.create_task(keeper.archive())
        async with asyncio.timeout(10):
            await began.wait()
        assert path.with_suffix(".flac").exists()
        await delete(writer, CALL)
        erased.set()
        async with asyncio.timeout(10):
            assert await archiving
        assert await writer.store.events(CALL) == []
    assert files(tmp_path) == []
    assert s3.keys("erased") == []


async def delete(writer: Writer, call_id: str) -> None:
    await writer.store.database.transact(partial(delete_calls, call_ids=[call_id]))


async def test_a_crash_before_it_is_silent_leaves_nothing_that_was_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recorded(tmp_path)
    before = sound(path)

    def killed(path: Path, where: tuple[Silence, ...]) -> int:
        raise StoreError("the power is off")

    async with keeping(tmp_path) as (keeper, writer):
        tell(writer, SECRETIVE)
        with monkeypatch.context() as patch:
            patch.setattr(housekeeping, "silence", killed)
            assert not await keeper.archive()
        assert await silenced(writer) == [[SPAN]]
    assert files(tmp_path) == [path.name]
    assert (sound(path) == before).all()
    async with keeping(tmp_path) as (keeper, writer):
        assert await keeper.archive()
        assert await silenced(writer) == [[SPAN]]
    after = sound(path.with_suffix(".flac"))
    assert (after[700 * 8 : 1680 * 8, 0] == 0).all()
    assert files(tmp_path) == [path.with_suffix(".flac").name]


async def test_a_recording_of_which_only_the_header_is_there_is_no_matter(
    tmp_path: Path,
) -> None:
    path = recorded(tmp_path)
    path.write_bytes(bytes(58))
    async with keeping(tmp_path) as (keeper, writer):
        tell(writer, SECRETIVE)
        assert await keeper.archive()
    assert files(tmp_path) == []


async def test_a_part_in_which_nothing_private_was_said_is_left_as_it_was(
    tmp_path: Path,
) -> None:
    path = recorded(tmp_path)
    before = sound(path)
    async with keeping(tmp_path) as (keeper, writer):
        tell(writer, replace(SECRETIVE, started_ms=9000, ended_ms=9500))
        assert await keeper.archive()
        assert await silenced(writer) == []
    assert (sound(path.with_suffix(".flac")) == before).all()


async def test_one_that_cannot_be_read_stays_as_it_is(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    path.unlink()
    path.mkdir()
    (path / "file").write_bytes(bytes(99))
    async with keeping(tmp_path) as (keeper, writer):
        tell(writer, SECRETIVE)
        assert not await keeper.archive()
    assert path.is_dir()


async def test_while_a_call_goes_on_elsewhere_its_recording_waits(
    tmp_path: Path,
) -> None:
    path = recorded(tmp_path)
    async with writing(tmp_path) as writer:
        settings = Settings(data=tmp_path)
        scribe = Scribe(writer)
        archive = archive_of(settings)
        keeper = Housekeeping(settings, archive, scribe, writer.store.database)
        assert await scribe.started(START)
        assert await keeper.archive()
        assert files(tmp_path) == [path.name]
        scribe.ended(END)
        assert await keeper.archive()
        keeper.close()
    assert files(tmp_path) == [path.with_suffix(".flac").name]


async def test_what_the_call_log_does_not_have_yet_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recorded(tmp_path)
    monkeypatch.setattr(housekeeping, "STORED_S", 0.01)
    async with open_writer(tmp_path / "calls.sqlite", tmp_path) as writer:
        settings = Settings(data=tmp_path)
        archive = archive_of(settings)
        keeper = Housekeeping(settings, archive, Scribe(writer), writer.store.database)
        tell(writer, SECRETIVE)  # and nobody writes it
        with structlog.testing.capture_logs() as logs:
            assert not await keeper.archive()
        keeper.close()
    assert [x["event"] for x in logs] == ["recordings wait for the call log"]
    assert files(tmp_path) == [path.name]
