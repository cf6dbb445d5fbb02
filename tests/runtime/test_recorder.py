"""The recording is complete when the call is over, and may fail without harm."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import soundfile

from voicebot.audio.framing import ULAW_SILENCE, ulaw_bytes
from voicebot.runtime.recorder import Recorder

LOUD = b"\x80"


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
