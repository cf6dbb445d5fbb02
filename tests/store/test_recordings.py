"""Read back with libsndfile, which knows nothing of how we write."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from voicebot.errors import StoreError
from voicebot.store.recordings import StereoRecording

EVERY_BYTE = bytes(range(256))
SECOND = bytes([0x55, 0xD5]) * 8000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recordings" / "c1.wav"


@pytest.fixture
def recording(path: Path) -> Iterator[StereoRecording]:
    recording = StereoRecording(path)
    yield recording
    recording.close()


def sound(path: Path) -> bytes:
    """The bytes of sound in a file that libsndfile takes for what it should be."""
    with soundfile.SoundFile(path) as file:
        shape = (file.format, file.subtype, file.samplerate, file.channels)
        assert shape == ("WAV", "ULAW", 8000, 2)
        frames = file.frames
    # 58 bytes of header, which the test below compares with libsndfile's own.
    return path.read_bytes()[58 : 58 + 2 * frames]


def test_the_bytes_of_the_line_are_kept_as_they_are(
    path: Path, recording: StereoRecording
) -> None:
    recording.write(EVERY_BYTE)
    recording.write(SECOND)
    recording.close()
    assert sound(path) == EVERY_BYTE + SECOND


def test_sound_leaves_the_rest_of_a_disk_to_the_call_log(
    path: Path, recording: StereoRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording.write(SECOND)
    recording.flush()
    with monkeypatch.context() as patch:
        disk = os.statvfs(path)
        room = 2 * disk.f_bavail * disk.f_frsize
        patch.setattr("voicebot.store.recordings.ROOM_BYTES", room)
        with pytest.raises(StoreError, match=r"c1\.wav: the disk is almost full"):
            recording.write(SECOND)
    assert sound(path) == SECOND
    recording.write(SECOND)
    recording.close()
    assert sound(path) == SECOND + SECOND


def test_the_file_is_the_one_that_libsndfile_would_write(
    path: Path, recording: StereoRecording, tmp_path: Path
) -> None:
    recording.write(SECOND)
    recording.close()
    theirs = tmp_path / "theirs.wav"
    samples, rate_hz = soundfile.read(path, dtype="int16")
    soundfile.write(theirs, samples, rate_hz, subtype="ULAW", format="WAV")
    assert path.read_bytes() == theirs.read_bytes()


def test_the_caller_is_on_the_left_and_the_bot_on_the_right(
    path: Path, recording: StereoRecording
) -> None:
    recording.write(bytes([0x00, 0xFF]) * 4)  # loudest negative, silence
    recording.close()
    samples, _ = soundfile.read(path, dtype="int16")
    assert samples.tolist() == [[-32124, 0]] * 4


def test_what_is_flushed_can_be_played_while_more_is_written(
    path: Path, recording: StereoRecording
) -> None:
    recording.flush()
    assert sound(path) == b""
    recording.write(SECOND)
    recording.flush()
    assert sound(path) == SECOND
    recording.write(SECOND)
    recording.flush()
    assert sound(path) == SECOND * 2


def test_the_length_is_told_in_milliseconds(recording: StereoRecording) -> None:
    assert recording.milliseconds == 0
    recording.write(SECOND)
    recording.write(SECOND[:320])
    assert recording.milliseconds == 1020


def test_half_a_frame_is_refused(recording: StereoRecording) -> None:
    with pytest.raises(ValueError, match="expected pairs of bytes, got 3 bytes"):
        recording.write(b"abc")


def test_only_we_may_read_it(path: Path, recording: StereoRecording) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_recording_is_never_overwritten(
    path: Path, recording: StereoRecording
) -> None:
    with pytest.raises(StoreError, match="c1.wav: File exists"):
        StereoRecording(path)


def test_closing_twice_is_harmless(recording: StereoRecording) -> None:
    recording.close()
    recording.close()


CRASH = """
import os, sys
from pathlib import Path
from voicebot.store.recordings import StereoRecording
recording = StereoRecording(Path(sys.argv[1]))
for _ in range(3):
    recording.write(bytes([0x55, 0xD5]) * 8000)
    recording.flush()
recording.write(bytes(320))
os._exit(9)
"""

FULL = """
import resource, sys
from pathlib import Path
from voicebot.errors import StoreError
from voicebot.store.recordings import StereoRecording
recording = StereoRecording(Path(sys.argv[1]))
for limit in (20_001, 20_001, 40_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, 40_000))
    try:
        recording.write(bytes([0x55, 0xD5]) * 8000)
    except StoreError as exc:
        print(exc)
    recording.flush()
recording.close()
"""


def run(script: str, path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, str(path)]
    root = Path(__file__).parents[2]
    env = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.run(command, capture_output=True, text=True, env=env)


def test_a_killed_process_leaves_all_that_was_flushed(path: Path) -> None:
    result = run(CRASH, path)
    assert (result.returncode, result.stderr) == (9, "")
    assert sound(path) == SECOND * 3


def test_a_full_disk_is_a_store_error_and_costs_only_what_did_not_fit(
    path: Path,
) -> None:
    result = run(FULL, path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{path}: File too large\n"
    assert sound(path) == SECOND * 2
