"""A recording is kept as it was, or isn't touched."""

import os
import resource
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.bridge.calls import VOICE
from tests.store.s3 import S3
from voicebot.errors import ConfigError, StoreError
from voicebot.store.archive import (
    Archive,
    Format,
    encode,
    found_in,
    measured,
    name_of,
    remove,
    restore,
)
from voicebot.store.recordings import HEADER, StereoRecording

CALL = "ab" * 16
OTHER = "cd" * 16


def wav(path: Path, seconds: float = 3.0) -> Path:
    """A recording: the caller speaks, the bot is silent."""
    caller = VOICE[: round(8000 * seconds)]
    recording = StereoRecording(path)
    recording.write(b"".join(bytes([each, 0xFF]) for each in caller))
    recording.close()
    return path


def sound(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == 8000
    return np.asarray(samples)


def test_flac_is_every_sample_of_it(tmp_path: Path) -> None:
    path = wav(tmp_path / "call.wav")
    before = sound(path)
    encoded = encode(path, "flac")
    assert encoded
    assert encoded.path == tmp_path / "call.flac"
    assert (sound(encoded.path) == before).all()
    assert encoded.recording_ms == 3000
    assert encoded.size_bytes == encoded.path.stat().st_size < path.stat().st_size
    assert encoded.path.stat().st_mode & 0o777 == 0o600
    assert measured(encoded.path) == encoded
    assert path.exists()
    assert sorted(os.listdir(tmp_path)) == ["call.flac", "call.wav"]


def test_what_is_kept_is_made_the_file_again_that_it_was(tmp_path: Path) -> None:
    path = wav(tmp_path / "call.wav")
    before, size_bytes = sound(path), path.stat().st_size
    kept = encode(path, "flac")
    assert kept
    path.unlink()
    (tmp_path / "call.wav.draft").write_bytes(b"of who was killed")
    restore(kept.path.read_bytes(), path)
    assert (sound(path) == before).all()
    assert path.stat().st_size == size_bytes
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(tmp_path)) == ["call.flac", "call.wav"]


def test_what_is_no_recording_is_made_no_file(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with pytest.raises(StoreError, match=r"call.wav: "):
        restore(b"no sound", path)
    flac = encode(wav(tmp_path / "other.wav"), "flac")
    assert flac
    path.mkdir()
    with pytest.raises(StoreError, match=r"call.wav: Is a directory"):
        restore(flac.path.read_bytes(), path)


def test_opus_is_aligned_to_the_sample(tmp_path: Path) -> None:
    path = wav(tmp_path / "call.wav")
    encoded = encode(path, "opus")
    assert encoded
    before, after = (sound(each)[:, 0].astype(float) for each in (path, encoded.path))
    assert len(before) == len(after)
    piece = before[8000:12_000]
    best = np.argmax(np.correlate(after[7000:13_000], piece, "valid")) - 1000
    assert abs(int(best)) <= 1


@pytest.mark.parametrize("form", ["flac", "opus"])
@pytest.mark.parametrize("written", [1, 7999, 8000, 8001])
def test_no_sample_is_lost_at_the_end(
    tmp_path: Path, form: Format, written: int
) -> None:
    path = wav(tmp_path / "call.wav", written / 8000)
    encoded = encode(path, form)
    assert encoded
    assert len(sound(encoded.path)) == written


def test_what_a_killed_process_wrote_is_kept_to_its_last_byte(tmp_path: Path) -> None:
    path = wav(tmp_path / "call.wav")
    data = bytearray(path.read_bytes())
    data[: HEADER.size] = bytes(HEADER.size)  # it never came to write that
    path.write_bytes(bytes(data + b"\x00"))
    encoded = encode(path, "flac")
    assert encoded
    assert encoded.recording_ms == 3000


def test_of_a_recording_without_sound_nothing_is_kept(tmp_path: Path) -> None:
    for data in (b"", bytes(HEADER.size), bytes(HEADER.size + 1)):
        (tmp_path / "call.wav").write_bytes(data)
        assert encode(tmp_path / "call.wav", "flac") is None
    assert os.listdir(tmp_path) == ["call.wav"]


def test_a_file_that_cannot_be_read_or_written_is_said_and_stays(
    tmp_path: Path,
) -> None:
    with pytest.raises(StoreError, match="gone.wav: No such file"):
        encode(tmp_path / "gone.wav", "flac")
    with pytest.raises(StoreError, match=r"gone.flac: No such file"):
        measured(tmp_path / "gone.flac")
    (tmp_path / "odd.flac").write_bytes(b"odd")
    with pytest.raises(StoreError, match=r"odd.flac: "):
        measured(tmp_path / "odd.flac")
    path = wav(tmp_path / "call.wav")
    (tmp_path / "call.flac.draft").mkdir()
    with pytest.raises(StoreError, match="Is a directory"):
        encode(path, "flac")
    with pytest.raises(StoreError, match="Is a directory|not permitted"):
        remove(tmp_path / "call.flac.draft")
    assert path.exists()


def test_what_sounds_different_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = wav(tmp_path / "call.wav")
    lossy = {"flac": {"format": "WAV", "subtype": "PCM_U8"}}
    monkeypatch.setattr("voicebot.store.archive.FORMATS", lossy)
    with pytest.raises(StoreError, match="sounds different"):
        encode(path, "flac")
    assert not (tmp_path / "call.flac").exists()


@pytest.mark.parametrize("form", ["flac", "opus"])
@pytest.mark.parametrize("room", [0, 100, 8000])
def test_a_full_disk_costs_nothing_of_it(
    tmp_path: Path, form: Format, room: int
) -> None:
    path = wav(tmp_path / "call.wav")
    data = path.read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(StoreError):
            encode(path, form)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == data
    assert not (tmp_path / f"call.{form}").exists()


def test_recordings_are_found_by_their_names(tmp_path: Path) -> None:
    day = tmp_path / "2026" / "11" / "23"
    for name in (f"{name_of(CALL, 0)}.wav", f"{name_of(CALL, 1500)}.flac.draft"):
        wav(day / name)
    wav(day / f"{OTHER}.opus")
    wav(day / "notes.txt")
    found = [(x.call_id, x.began_ms, x.path.suffix) for x in found_in(tmp_path)]
    assert found == [
        (CALL, 1500, ".draft"),
        (CALL, 0, ".wav"),
        (OTHER, 0, ".opus"),
    ]
    assert len(list(found_in(tmp_path, frozenset({OTHER})))) == 1
    assert list(found_in(tmp_path / "nowhere")) == []


async def test_a_recording_on_the_disk_is_read_and_removed(tmp_path: Path) -> None:
    archive = Archive(tmp_path, None)
    path = wav(tmp_path / "call.wav")
    assert len(await archive.read(str(path))) > 48_000
    assert await archive.remove(str(path))
    assert not await archive.remove(str(path))
    with pytest.raises(StoreError, match="the recording is gone"):
        await archive.read(str(path))
    with pytest.raises(StoreError, match="expected VOICEBOT_RECORDINGS to name its"):
        await archive.read("s3://bucket/key")
    with pytest.raises(StoreError, match="Is a directory"):
        await archive.read(str(tmp_path))


async def test_a_bucket_keeps_what_it_is_given(tmp_path: Path, s3: S3) -> None:
    bucket = s3.bucket("one/two")
    path = wav(tmp_path / "2026" / "11" / "23" / f"{CALL}.wav")
    place = bucket.place(tmp_path, path)
    assert place == f"s3://recordings/one/two/2026/11/23/{CALL}.wav"
    assert bucket.has(place)
    assert not bucket.has("s3://recordings2/one")
    data = path.read_bytes()
    await bucket.put(path, len(data), place)
    assert s3.keys("one") == [f"one/two/2026/11/23/{CALL}.wav"]
    assert await bucket.get(place) == data
    with pytest.raises(StoreError, match=f"expected 1 bytes there, got {len(data)}"):
        await bucket.put(path, 1, place)
    assert await bucket.remove(place)
    assert not await bucket.remove(place)
    assert s3.keys("one") == []
    with pytest.raises(StoreError, match=rf"{CALL}.wav: NotFoundError|FileNotFound"):
        await bucket.get(place)


async def test_a_bucket_that_refuses_says_so_without_a_secret(
    tmp_path: Path, s3: S3
) -> None:
    bucket = s3.bucket(secret="canary-of-a-wrong-secret")
    path = wav(tmp_path / "call.wav")
    place = bucket.place(tmp_path, path)
    for work in (bucket.put(path, 1, place), bucket.get(place), bucket.remove(place)):
        with pytest.raises(StoreError) as caught:
            await work
        assert str(caught.value).startswith(f"{place}: ")
        assert "canary" not in str(caught.value)


async def test_all_that_there_may_be_of_a_call_is_removed(
    tmp_path: Path, s3: S3
) -> None:
    bucket = s3.bucket("all")
    archive = Archive(tmp_path, bucket)
    path = wav(tmp_path / "2026" / "11" / "23" / f"{CALL}.wav")
    flac = bucket.place(tmp_path, path.with_suffix(".flac"))
    old = "s3://recordings/all/2025/01/01/old.opus"
    for place in (flac, old):  # one that nobody came to note
        await bucket.put(path, path.stat().st_size, place)
    assert await archive.remove_all({old, *await archive.places_of([CALL])}) == 3
    assert s3.keys("all") == []
    assert list(found_in(tmp_path)) == []


def test_without_obstore_a_bucket_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    from voicebot.store.bucket import Bucket

    with pytest.raises(ConfigError, match=r"pip install voicebot\[s3\]"):
        Bucket("s3://bucket")
