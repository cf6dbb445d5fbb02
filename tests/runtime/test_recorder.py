"""The recording is complete when the call is over, and may fail without harm."""

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import soundfile

from voicebot.audio.framing import ULAW_SILENCE, ulaw_bytes
from voicebot.errors import StoreError
from voicebot.runtime.recorder import Recorder
from voicebot.store.recordings import StereoRecording

LOUD = b"\x80"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebot.runtime.recorder.FLUSH_S", 0.0)


@pytest.fixture
def disk() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


async def test_both_sides_are_written_as_they_were_heard(
    tmp_path: Path, disk: ThreadPoolExecutor
) -> None:
    recorder = Recorder(tmp_path / "call.wav", disk)
    frame = LOUD * 160
    for number in range(50):
        at_ms = number * 20
        recorder.caller(frame, 155 + at_ms, at_ms + number % 3 * 10)  # some jitter
    recorder.bot(LOUD * ulaw_bytes(1000), 200)
    recorder.cut(700)
    over = asyncio.Event()
    over.set()
    await recorder.run(over, lambda: 1000.0)
    assert recorder.milliseconds == 1000
    assert recorder.path
    samples, _ = soundfile.read(recorder.path, dtype="int16")
    assert (abs(samples[:, 0]) > 30_000).all()
    assert (samples[: ulaw_bytes(200), 1] == 0).all()
    assert (abs(samples[ulaw_bytes(200) : ulaw_bytes(700), 1]) > 30_000).all()
    assert (samples[ulaw_bytes(700) :, 1] == 0).all()


async def test_a_gap_in_the_callers_audio_is_silence(
    tmp_path: Path, disk: ThreadPoolExecutor
) -> None:
    recorder = Recorder(tmp_path / "call.wav", disk)
    recorder.caller(LOUD * 160, 155, 0)
    recorder.caller(LOUD * 160, 655, 500)
    over = asyncio.Event()
    over.set()
    await recorder.run(over, lambda: 520.0)
    assert recorder.path
    samples, _ = soundfile.read(recorder.path, dtype="int16")
    assert (samples[160 : ulaw_bytes(500), 0] == 0).all()
    assert (abs(samples[ulaw_bytes(500) :, 0]) > 30_000).all()


async def test_a_disk_that_fails_costs_only_the_recording(
    tmp_path: Path, disk: ThreadPoolExecutor
) -> None:
    (tmp_path / "file").write_text("not a folder")
    recorder = Recorder(tmp_path / "file" / "call.wav", disk)
    recorder.caller(ULAW_SILENCE * 160, 155, 0)
    await recorder.run(asyncio.Event(), lambda: 20.0)
    assert recorder.path is None
    assert recorder.lost


async def test_a_disk_that_fails_halfway_leaves_what_was_written(
    tmp_path: Path, disk: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path / "call.wav", disk)
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
    times = iter([2000.0, 2500.0, 2500.0, 2500.0])
    await recorder.run(asyncio.Event(), lambda: next(times))
    assert recorder.lost
    assert recorder.milliseconds == 1000  # a second is held back
    assert recorder.path
    assert len(soundfile.read(recorder.path)[0]) == 8000


@pytest.mark.parametrize("stall_ms", [200, 900])
async def test_frames_that_come_in_a_burst_lie_where_they_were_spoken(
    tmp_path: Path, disk: ThreadPoolExecutor, stall_ms: int
) -> None:
    recorder = Recorder(tmp_path / "call.wav", disk)
    for number in range(100):
        spoken_ms = number * 20
        stalled = 500 <= spoken_ms < 500 + stall_ms
        recorder.caller(
            bytes([0x80 + number]) * 160,
            155 + spoken_ms,
            500 + stall_ms if stalled else spoken_ms,
        )
    over = asyncio.Event()
    over.set()
    await recorder.run(over, lambda: 2000.0)
    assert recorder.path
    caller = recorder.path.read_bytes()[-2 * 16_000 :: 2]
    assert caller == b"".join(bytes([0x80 + number]) * 160 for number in range(100))


async def test_a_line_whose_clock_jumps_is_placed_by_its_arrival(
    tmp_path: Path, disk: ThreadPoolExecutor
) -> None:
    recorder = Recorder(tmp_path / "call.wav", disk)
    recorder.caller(LOUD * 160, 155, 0)
    recorder.caller(LOUD * 160, 90_000, 20)
    over = asyncio.Event()
    over.set()
    await recorder.run(over, lambda: 40.0)
    assert recorder.path
    samples, _ = soundfile.read(recorder.path, dtype="int16")
    assert (abs(samples[:, 0]) > 30_000).all()


async def test_a_pause_is_silent_on_both_sides_whatever_comes_then(
    tmp_path: Path, disk: ThreadPoolExecutor
) -> None:
    recorder = Recorder(tmp_path / "call.wav", disk)
    for number in range(150):
        recorder.caller(LOUD * 160, 155 + number * 20, number * 20)
    recorder.bot(LOUD * ulaw_bytes(3000), 0)
    recorder.pause(True, 500)
    recorder.pause(True, 600)  # which it was
    recorder.pause(False, 900)
    recorder.pause(False, 1000)
    recorder.pause(True, 2500)
    over = asyncio.Event()
    times = iter([1700.0, 2800.0, 3000.0])

    def now_ms() -> float:
        at_ms = next(times)
        if at_ms == 2800:
            over.set()
        return at_ms

    await recorder.run(over, now_ms)
    assert recorder.path
    samples, _ = soundfile.read(recorder.path, dtype="int16")
    silent = (samples == 0).all(axis=1)
    assert len(silent) == ulaw_bytes(3000)
    assert silent[ulaw_bytes(500) : ulaw_bytes(900)].all()
    assert silent[ulaw_bytes(2500) :].all()
    assert silent.sum() == ulaw_bytes(900)


async def written(recorder: Recorder, *times: float) -> None:
    """Let the recorder write at these times; the last is the end of the call."""
    over = asyncio.Event()
    left = list(times)

    def now_ms() -> float:
        if len(left) == 2:
            over.set()
        return left.pop(0)

    if len(left) == 1:
        over.set()
    await recorder.run(over, now_ms)


def a_call(recorder: Recorder, frames: int = 250) -> None:
    for number in range(frames):
        recorder.caller(LOUD * 160, 155 + number * 20, number * 20)
    recorder.bot(LOUD * ulaw_bytes(frames * 20), 0)


async def test_a_call_that_nobody_allowed_to_record_leaves_no_file(
    tmp_path: Path, disk: ThreadPoolExecutor
) -> None:
    recorder = Recorder(tmp_path / "a" / "call.wav", disk, allowed=False)
    a_call(recorder)
    recorder.pause(True, 1000)
    recorder.pause(False, 2000)
    await written(recorder, 2000, 5000)
    assert not await asyncio.to_thread(os.listdir, tmp_path)
    assert (recorder.path, recorder.milliseconds, recorder.lost) == (None, 0, False)


async def test_nothing_from_before_it_was_allowed_is_stored(
    tmp_path: Path, disk: ThreadPoolExecutor
) -> None:
    path = tmp_path / "call.wav"
    recorder = Recorder(path, disk, allowed=False)
    a_call(recorder)
    recorder.pause(True, 1000)
    seen = []
    over = asyncio.Event()
    times = iter([2500.0, 4500.0, 5000.0])

    def now_ms() -> float:
        at_ms = next(times)
        seen.append(path.exists())
        if at_ms == 2500:
            recorder.allow(True, 2400)
            recorder.pause(False, 3000)
        elif at_ms == 4500:
            over.set()
        return at_ms

    await recorder.run(over, now_ms)
    samples, _ = soundfile.read(path, dtype="int16")
    loud = (abs(samples) > 30_000).all(axis=1)
    assert seen[0] is False
    assert (len(loud), recorder.milliseconds) == (ulaw_bytes(5000), 5000)
    assert not loud[: ulaw_bytes(3000)].any()
    assert (samples[: ulaw_bytes(3000)] == 0).all()
    assert loud[ulaw_bytes(3000) :].all()


async def test_a_recording_ends_where_consent_is_withdrawn(
    tmp_path: Path, disk: ThreadPoolExecutor
) -> None:
    recorder = Recorder(tmp_path / "call.wav", disk, allowed=False)
    a_call(recorder)
    recorder.allow(True, 500)
    over = asyncio.Event()
    times = iter([2000.0, 2500.0, 5000.0])

    def now_ms() -> float:
        at_ms = next(times)
        if at_ms == 2500:
            recorder.allow(False, 1700)
            over.set()
        return at_ms

    await recorder.run(over, now_ms)
    assert recorder.path
    assert recorder.milliseconds == 1700
    samples, _ = soundfile.read(recorder.path, dtype="int16")
    loud = (abs(samples) > 30_000).all(axis=1)
    assert loud[ulaw_bytes(500) :].all()
    assert len(loud) == ulaw_bytes(1700)


async def test_consent_that_is_withdrawn_at_once_leaves_no_file(
    tmp_path: Path, disk: ThreadPoolExecutor
) -> None:
    recorder = Recorder(tmp_path / "call.wav", disk, allowed=False)
    a_call(recorder)
    recorder.allow(True, 500)
    recorder.allow(False, 600)
    await written(recorder, 5000)
    assert not await asyncio.to_thread(os.listdir, tmp_path)
