"""The recording is complete when the call is over, and may fail without harm."""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import soundfile

from voicebot.audio.framing import ULAW_SILENCE, ulaw_bytes
from voicebot.errors import StoreError
from voicebot.runtime.recorder import FLUSH_S, Recorder, Recordings
from voicebot.store.recordings import StereoRecording

LOUD = b"\x80"


@pytest.fixture
def disk() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


class Calls:
    """
    Calls that are recorded, their common clock, and who writes.

    Args:
        disk: writes whenever `flush` says so, not when time has gone by.
    """

    def __init__(self, disk: Executor) -> None:
        self.recordings = Recordings(disk)
        self.now_ms = 0.0
        self._disk = disk

    async def flush(self, at_ms: float) -> None:
        """Have what was heard up to then written, and see it done."""
        self.now_ms = at_ms
        self.recordings.flush(100)
        await asyncio.wrap_future(self._disk.submit(int))

    async def begin(self, *recorders: Recorder) -> "list[asyncio.Task[None]]":
        """Begin to write; each task is over when its recording is."""
        begun = [asyncio.create_task(x.run(lambda: self.now_ms)) for x in recorders]
        await asyncio.sleep(0)
        return begun

    async def write(self, recorder: Recorder, *times_ms: float) -> None:
        """Have a recording written at these times; the last is the end of the call."""
        (writing,) = await self.begin(recorder)
        *before, self.now_ms = [0.0, *times_ms]
        for at_ms in before[1:]:
            await self.flush(at_ms)
        self.now_ms = times_ms[-1]
        recorder.stop()
        await writing


@pytest.fixture
def calls(disk: ThreadPoolExecutor) -> Calls:
    return Calls(disk)


async def test_both_sides_are_written_as_they_were_heard(
    tmp_path: Path, calls: Calls
) -> None:
    recorder = Recorder(tmp_path / "call.wav", calls.recordings)
    frame = LOUD * 160
    for number in range(50):
        at_ms = number * 20
        recorder.caller(frame, 155 + at_ms, at_ms + number % 3 * 10)  # some jitter
    recorder.bot(LOUD * ulaw_bytes(1000), 200)
    recorder.cut(700)
    await calls.write(recorder, 1000.0)
    assert recorder.milliseconds == 1000
    assert recorder.path
    samples, _ = soundfile.read(recorder.path, dtype="int16")
    assert (abs(samples[:, 0]) > 30_000).all()
    assert (samples[: ulaw_bytes(200), 1] == 0).all()
    assert (abs(samples[ulaw_bytes(200) : ulaw_bytes(700), 1]) > 30_000).all()
    assert (samples[ulaw_bytes(700) :, 1] == 0).all()


async def test_a_gap_in_the_callers_audio_is_silence(
    tmp_path: Path, calls: Calls
) -> None:
    recorder = Recorder(tmp_path / "call.wav", calls.recordings)
    recorder.caller(LOUD * 160, 155, 0)
    recorder.caller(LOUD * 160, 655, 500)
    await calls.write(recorder, 520.0)
    assert recorder.path
    samples, _ = soundfile.read(recorder.path, dtype="int16")
    assert (samples[160 : ulaw_bytes(500), 0] == 0).all()
    assert (abs(samples[ulaw_bytes(500) :, 0]) > 30_000).all()


async def test_a_disk_that_fails_costs_only_the_recording(
    tmp_path: Path, calls: Calls
) -> None:
    (tmp_path / "file").write_text("not a folder")
    recorder = Recorder(tmp_path / "file" / "call.wav", calls.recordings)
    recorder.caller(ULAW_SILENCE * 160, 155, 0)
    (writing,) = await calls.begin(recorder)
    await calls.flush(20)
    await calls.flush(520)  # finds out
    await writing  # though the call goes on
    assert recorder.path is None
    assert recorder.lost
    recorder.caller(LOUD * 160, 675, 520)
    recorder.bot(LOUD * 160, 540)
    assert LOUD not in (recorder.take(1000) or b"")  # nobody would write it


async def test_a_disk_that_failed_right_before_the_end_is_found_out_then(
    tmp_path: Path, calls: Calls
) -> None:
    (tmp_path / "file").write_text("not a folder")
    recorder = Recorder(tmp_path / "file" / "call.wav", calls.recordings)
    await calls.write(recorder, 20, 40)
    assert (recorder.path, recorder.lost) == (None, True)


async def test_a_disk_that_fails_halfway_leaves_what_was_written(
    tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path / "call.wav", calls.recordings)
    for at_ms in range(0, 3000, 20):
        recorder.caller(LOUD * 160, 155 + at_ms, at_ms)
    pieces = 0
    write = StereoRecording.write

    def failing(file: StereoRecording, stereo: bytes) -> None:
        nonlocal pieces
        pieces += bool(stereo)
        if pieces > 1:
            raise StoreError("the disk fails")
        write(file, stereo)

    monkeypatch.setattr(StereoRecording, "write", failing)
    (writing,) = await calls.begin(recorder)
    for at_ms in (2000, 2500, 3000):  # the last finds out
        await calls.flush(at_ms)
    await writing
    assert recorder.lost
    assert recorder.milliseconds == 1000  # a second is held back
    assert recorder.path
    assert len(soundfile.read(recorder.path)[0]) == 8000


@pytest.mark.parametrize("stall_ms", [200, 900])
async def test_frames_that_come_in_a_burst_lie_where_they_were_spoken(
    tmp_path: Path, calls: Calls, stall_ms: int
) -> None:
    recorder = Recorder(tmp_path / "call.wav", calls.recordings)
    for number in range(100):
        spoken_ms = number * 20
        stalled = 500 <= spoken_ms < 500 + stall_ms
        recorder.caller(
            bytes([0x80 + number]) * 160,
            155 + spoken_ms,
            500 + stall_ms if stalled else spoken_ms,
        )
    await calls.write(recorder, 2000.0)
    assert recorder.path
    caller = recorder.path.read_bytes()[-2 * 16_000 :: 2]
    assert caller == b"".join(bytes([0x80 + number]) * 160 for number in range(100))


async def test_a_line_whose_clock_jumps_is_placed_by_its_arrival(
    tmp_path: Path, calls: Calls
) -> None:
    recorder = Recorder(tmp_path / "call.wav", calls.recordings)
    recorder.caller(LOUD * 160, 155, 0)
    recorder.caller(LOUD * 160, 90_000, 20)
    await calls.write(recorder, 40.0)
    assert recorder.path
    samples, _ = soundfile.read(recorder.path, dtype="int16")
    assert (abs(samples[:, 0]) > 30_000).all()


async def test_a_pause_is_silent_on_both_sides_whatever_comes_then(
    tmp_path: Path, calls: Calls
) -> None:
    recorder = Recorder(tmp_path / "call.wav", calls.recordings)
    for number in range(150):
        recorder.caller(LOUD * 160, 155 + number * 20, number * 20)
    recorder.bot(LOUD * ulaw_bytes(3000), 0)
    recorder.pause(True, 500)
    recorder.pause(True, 600)  # which it was
    recorder.pause(False, 900)
    recorder.pause(False, 1000)
    recorder.pause(True, 2500)
    await calls.write(recorder, 1700, 2800, 3000)
    assert recorder.path
    samples, _ = soundfile.read(recorder.path, dtype="int16")
    silent = (samples == 0).all(axis=1)
    assert len(silent) == ulaw_bytes(3000)
    assert silent[ulaw_bytes(500) : ulaw_bytes(900)].all()
    assert silent[ulaw_bytes(2500) :].all()
    assert silent.sum() == ulaw_bytes(900)


def a_call(recorder: Recorder, frames: int = 250) -> None:
    for number in range(frames):
        recorder.caller(LOUD * 160, 155 + number * 20, number * 20)
    recorder.bot(LOUD * ulaw_bytes(frames * 20), 0)


async def test_a_call_that_nobody_allowed_to_record_leaves_no_file(
    tmp_path: Path, calls: Calls
) -> None:
    recorder = Recorder(tmp_path / "a" / "call.wav", calls.recordings, allowed=False)
    a_call(recorder)
    recorder.pause(True, 1000)
    recorder.pause(False, 2000)
    await calls.write(recorder, 2000, 5000)
    assert not await asyncio.to_thread(os.listdir, tmp_path)
    assert (recorder.path, recorder.milliseconds, recorder.lost) == (None, 0, False)


async def test_nothing_from_before_it_was_allowed_is_stored(
    tmp_path: Path, calls: Calls
) -> None:
    path = tmp_path / "call.wav"
    recorder = Recorder(path, calls.recordings, allowed=False)
    a_call(recorder)
    recorder.pause(True, 1000)
    (writing,) = await calls.begin(recorder)
    await calls.flush(2500)
    assert not path.exists()
    recorder.allow(True, 2400)
    recorder.pause(False, 3000)
    await calls.flush(4500)
    calls.now_ms = 5000
    recorder.stop()
    await writing
    samples, _ = soundfile.read(path, dtype="int16")
    loud = (abs(samples) > 30_000).all(axis=1)
    assert (len(loud), recorder.milliseconds) == (ulaw_bytes(5000), 5000)
    assert not loud[: ulaw_bytes(3000)].any()
    assert (samples[: ulaw_bytes(3000)] == 0).all()
    assert loud[ulaw_bytes(3000) :].all()


async def test_a_recording_ends_where_consent_is_withdrawn(
    tmp_path: Path, calls: Calls
) -> None:
    recorder = Recorder(tmp_path / "call.wav", calls.recordings, allowed=False)
    a_call(recorder)
    recorder.allow(True, 500)
    (writing,) = await calls.begin(recorder)
    await calls.flush(2000)
    recorder.allow(False, 1700)
    await calls.flush(2500)
    calls.now_ms = 5000
    recorder.stop()
    await writing
    assert recorder.path
    assert recorder.milliseconds == 1700
    samples, _ = soundfile.read(recorder.path, dtype="int16")
    loud = (abs(samples) > 30_000).all(axis=1)
    assert loud[ulaw_bytes(500) :].all()
    assert len(loud) == ulaw_bytes(1700)


async def test_consent_that_is_withdrawn_at_once_leaves_no_file(
    tmp_path: Path, calls: Calls
) -> None:
    recorder = Recorder(tmp_path / "call.wav", calls.recordings, allowed=False)
    a_call(recorder)
    recorder.allow(True, 500)
    recorder.allow(False, 600)
    await calls.write(recorder, 5000)
    assert not await asyncio.to_thread(os.listdir, tmp_path)


class Later(Executor):
    """A disk that does nothing until it is told to."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, act: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        job = Future[Any]()
        self.jobs.append((job, lambda: act(*args)))
        return job

    def work(self) -> int:
        """Do all that there is to do; return how many jobs that was."""
        jobs, self.jobs = self.jobs, []
        for job, act in jobs:
            job.set_result(act())
        return len(jobs)


async def many(
    calls: Calls, folder: Path, count: int
) -> "tuple[list[Recorder], list[asyncio.Task[None]]]":
    """Begin so many recordings, of calls of 3 s; return what writes them, too."""
    recorders = [Recorder(folder / f"{x}.wav", calls.recordings) for x in range(count)]
    for recorder in recorders:
        a_call(recorder, 150)
    return recorders, await calls.begin(*recorders)


async def test_a_hundred_recordings_are_written_in_one_go(tmp_path: Path) -> None:
    disk = Later()
    calls = Calls(disk)
    recorders, writing = await many(calls, tmp_path, 100)
    for seconds in (1, 2, 3):
        calls.now_ms = 1000 * seconds
        calls.recordings.flush(100)
        assert disk.work() == 1
    for recorder in recorders:
        assert recorder.path
        assert len(soundfile.read(recorder.path)[0]) == ulaw_bytes(2000)
        recorder.stop()
    await asyncio.sleep(0)
    disk.work()
    await asyncio.gather(*writing)
    assert {recorder.milliseconds for recorder in recorders} == {3000}


async def test_of_many_recordings_each_part_has_its_turn(tmp_path: Path) -> None:
    disk = Later()
    calls = Calls(disk)
    recorders, writing = await many(calls, tmp_path, 25)
    for part in range(9):
        written = sum(1 for each in recorders if each.path and each.path.exists())
        assert written == min(25, 3 * part)
        calls.now_ms = 2000
        calls.recordings.flush(3)
        assert disk.work() == 1
    for recorder in recorders:
        recorder.stop()
    await asyncio.sleep(0)
    disk.work()
    await asyncio.gather(*writing)


async def test_a_slow_disk_is_given_no_more_until_it_has_written(
    tmp_path: Path,
) -> None:
    disk = Later()
    calls = Calls(disk)
    recorder = Recorder(tmp_path / "call.wav", calls.recordings)
    other = Recorder(tmp_path / "other.wav", calls.recordings)
    a_call(recorder)
    writing, other_writing = await calls.begin(recorder, other)
    for at_ms in (1500, 2000, 2500):
        calls.now_ms = at_ms
        calls.recordings.flush(100)
    assert len(disk.jobs) == 1
    # So the end of a call waits for that one, and for no later one.
    calls.now_ms = 5000
    recorder.stop()
    await asyncio.sleep(0)
    calls.recordings.flush(100)
    assert disk.work() == 2
    await writing
    assert recorder.milliseconds == 5000
    assert recorder.path
    assert (abs(soundfile.read(recorder.path, dtype="int16")[0]) > 30_000).all()
    other.stop()
    await asyncio.sleep(0)
    disk.work()
    await other_writing


async def test_a_file_that_fails_costs_its_neighbours_nothing(
    tmp_path: Path, calls: Calls
) -> None:
    (tmp_path / "file").write_text("not a folder")
    recorders = [
        Recorder(tmp_path / name, calls.recordings)
        for name in ("a.wav", "file/b.wav", "c.wav")
    ]
    for recorder in recorders:
        a_call(recorder)
    writing = await calls.begin(*recorders)
    await calls.flush(2000)
    await calls.flush(2500)
    await writing[1]
    calls.now_ms = 5000
    for recorder in recorders:
        recorder.stop()
    await asyncio.gather(*writing)
    assert [recorder.lost for recorder in recorders] == [False, True, False]
    assert [recorder.milliseconds for recorder in recorders] == [5000, 0, 5000]


async def test_a_bug_while_it_is_written_is_told_and_the_file_is_closed(
    tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def buggy(file: StereoRecording, stereo: bytes) -> None:
        raise ValueError("a bug")

    closed = []
    close = StereoRecording.close

    def closing(file: StereoRecording) -> None:
        closed.append(file)
        close(file)

    monkeypatch.setattr(StereoRecording, "write", buggy)
    monkeypatch.setattr(StereoRecording, "close", closing)
    recorder = Recorder(tmp_path / "call.wav", calls.recordings)
    (writing,) = await calls.begin(recorder)
    await calls.flush(500)
    await calls.flush(1000)
    with pytest.raises(ValueError, match="a bug"):
        await writing
    assert len(closed) == 1


async def test_a_call_that_is_cancelled_leaves_its_file_closed(
    tmp_path: Path, calls: Calls
) -> None:
    recorder = Recorder(tmp_path / "call.wav", calls.recordings)
    a_call(recorder)
    (writing,) = await calls.begin(recorder)
    await calls.flush(3000)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert recorder.milliseconds == 2000


async def test_each_is_written_once_a_second_while_any_call_is_recorded(
    tmp_path: Path, disk: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    due: list[tuple[float, Callable[[], None]]] = []
    cancelled = 0

    class Timer:
        def cancel(self) -> None:
            nonlocal cancelled
            cancelled += 1

    def call_later(delay: float, act: Callable[[int], None], parts: int) -> Timer:
        due.append((delay, lambda: act(parts)))
        return Timer()

    calls = Calls(disk)
    one, two = (Recorder(tmp_path / name, calls.recordings) for name in ("1", "2"))
    with monkeypatch.context() as patch:
        patch.setattr(loop, "call_later", call_later)
        begun = await calls.begin(one, two)
        calls.now_ms = 3000
        for wanted_s in (FLUSH_S, FLUSH_S / 2, FLUSH_S / 2):
            ((delay, act),) = due
            assert delay == wanted_s
            due.clear()
            act()
        assert len(due) == 1  # the next
        one.stop()
        await begun[0]
        assert cancelled == 0
        two.stop()
        await begun[1]
    assert cancelled == 1
    assert (one.milliseconds, two.milliseconds) == (3000, 3000)
