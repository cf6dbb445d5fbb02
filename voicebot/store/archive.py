"""
Where recordings end up: encoded, checked, and on the local disk or in a bucket.

The folder is the queue: what lies in it as WAV is still to be encoded, and what lies
in it at all is still to be uploaded, if there is a bucket. Whatever is interrupted is
begun anew; nothing is removed before what takes its place was read back.
Functions block; methods of `Archive` don't.
"""

import asyncio
import os
import re
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Literal

import soundfile

from voicebot.audio.g711 import pcm16_to_ulaw
from voicebot.errors import StoreError
from voicebot.store.bucket import Bucket
from voicebot.store.recordings import RATE_HZ, StereoRecording, repair

Format = Literal["flac", "opus"]

# As soundfile knows them. FLAC keeps every sample; Opus is for who pays for space.
FORMATS: Final[dict[Format, dict[str, str]]] = {
    "flac": {"format": "FLAC", "subtype": "PCM_16"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
}
BLOCK: Final = RATE_HZ  # frames at once: a second
DRAFT: Final = ".draft"
NAME: Final = re.compile(r"(?P<call_id>[0-9a-f]{32})(-(?P<began_ms>[0-9]+))?")
PATH: Final = "*/*/*/*"  # of a recording in its folder: its day, its name


@dataclass(frozen=True, slots=True)
class Found:
    """A recording in the folder."""

    path: Path
    call_id: str
    began_ms: int


@dataclass(frozen=True, slots=True)
class Encoded:
    """A recording that is on disk as it is to be kept."""

    path: Path
    recording_ms: int
    size_bytes: int
    sha256: str


def name_of(call_id: str, began_ms: int) -> str:
    """Name a recording, without what says its format."""
    return f"{call_id}-{began_ms}" if began_ms else call_id


def found_in(folder: Path, call_ids: frozenset[str] | None = None) -> Iterator[Found]:
    """
    Find the recordings in a folder, oldest day first; those of some calls, or all.

    Drafts are found, too: of who was killed while he wrote one.
    """
    for path in sorted(folder.glob(PATH)):
        one = found_at(path)
        if one and (call_ids is None or one.call_id in call_ids):
            yield one


def found_at(path: Path) -> Found | None:
    """Say by its name whose recording a file is; None if it is something else."""
    name = NAME.fullmatch(path.name.partition(".")[0])
    return Found(path, name["call_id"], int(name["began_ms"] or 0)) if name else None


def encode(wav: Path, form: Format) -> Encoded | None:
    """
    Make of a WAV file what is kept of it. The WAV file stays.

    Returns:
        None if there is nothing in it.

    Raises:
        StoreError: it can't be read, or what came of it isn't the same.
    """
    target = wav.with_suffix(f".{form}")
    draft = target.with_name(target.name + DRAFT)
    try:
        if not repair(wav):
            return None
        with soundfile.SoundFile(wav) as source:
            wants: dict[str, Any] = {"samplerate": RATE_HZ, "channels": source.channels}
            with open(draft, "wb", opener=_private):
                pass  # nobody else may read it
            with soundfile.SoundFile(draft, "w", **wants, **FORMATS[form]) as drawn:
                for block in source.blocks(BLOCK, dtype="int16"):
                    drawn.write(block)
        frames = _checked(wav, draft, exact=form == "flac")
        _sync(draft)
        draft.replace(target)
        _sync(target.parent)
    except OSError as exc:
        raise StoreError(f"{wav}: {exc.strerror}") from exc
    except soundfile.LibsndfileError as exc:
        raise StoreError(f"{wav}: {exc.error_string}") from exc
    except AssertionError:  # soundfile's, of a write that was cut short
        raise StoreError(f"{draft}: it can't be written: is the disk full?") from None
    return measured(target, frames)


def measured(path: Path, frames: int | None = None) -> Encoded:
    """
    Say what there is to say of an encoded recording.

    Raises:
        StoreError: it can't be read.
    """
    try:
        data = path.read_bytes()
        frames = soundfile.info(path).frames if frames is None else frames
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc
    except soundfile.LibsndfileError as exc:
        raise StoreError(f"{path}: {exc.error_string}") from exc
    return Encoded(path, frames * 1000 // RATE_HZ, len(data), sha256(data).hexdigest())


def restore(data: bytes, wav: Path) -> None:
    """
    Make a recording the WAV file again that it was, on disk.

    Raises:
        StoreError: it can't be read, or the file can't be written.
    """
    draft = wav.with_name(wav.name + DRAFT)
    remove(draft)
    try:
        with (
            soundfile.SoundFile(BytesIO(data)) as kept,
            closing(StereoRecording(draft)) as made,
        ):
            for block in kept.blocks(BLOCK, dtype="int16", always_2d=True):
                made.write(pcm16_to_ulaw(block.astype("<i2").tobytes()))
        draft.replace(wav)
        _sync(wav.parent)
    except OSError as exc:
        raise StoreError(f"{wav}: {exc.strerror}") from exc
    except soundfile.LibsndfileError as exc:
        raise StoreError(f"{wav}: {exc.error_string}") from exc


def remove(path: Path) -> bool:
    """
    Remove a recording from the disk; whether there was one.

    Raises:
        StoreError: it is there, and stays.
    """
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc
    return True


class Archive:
    """
    Finds a recording again, wherever it is: on the disk or in the bucket.

    Args:
        folder: where recordings are made.
        bucket: where they go from there, if anywhere.
    """

    def __init__(self, folder: Path, bucket: Bucket | None) -> None:
        self.folder, self.bucket = folder, bucket

    async def read(self, place: str) -> bytes:
        """
        Raises:
            StoreError: it is gone, or can't be read.
        """
        if bucket := self._bucket_of(place):
            return await bucket.get(place)
        return await asyncio.to_thread(_read, Path(place))

    async def remove(self, place: str) -> bool:
        """
        Remove a recording; whether it was there.

        Raises:
            StoreError: it may still be there.
        """
        if bucket := self._bucket_of(place):
            return await bucket.remove(place)
        return await asyncio.to_thread(remove, Path(place))

    def wav_of(self, place: str) -> Path:
        """Say where a recording that is kept was made."""
        return Path(self.folder, *Path(place).parts[-4:]).with_suffix(".wav")

    async def places_of(self, call_ids: Collection[str]) -> set[str]:
        """
        Say where recordings of some calls may be, whatever the log says.

        A process may have died before it could say where it had put one, or be about
        to put it there.
        """
        found = await asyncio.to_thread(
            list, found_in(self.folder, frozenset(call_ids))
        )
        everywhere = {str(one.path) for one in found}
        everywhere |= {
            str(one.path.with_suffix(f".{form}")) for one in found for form in FORMATS
        }
        if self.bucket:
            everywhere |= {
                self.bucket.place(self.folder, one.path.with_suffix(f".{form}"))
                for one in found
                for form in FORMATS
            }
        return everywhere

    async def remove_all(self, places: Collection[str]) -> int:
        """
        Remove recordings; return how many there were.

        Raises:
            StoreError: some may still be there.
        """
        return sum([await self.remove(place) for place in sorted(places)])

    def _bucket_of(self, place: str) -> Bucket | None:
        if not place.startswith("s3://"):
            return None
        if not (self.bucket and self.bucket.has(place)):
            raise StoreError(
                f"{place}: expected VOICEBOT_RECORDINGS to name its bucket"
            )
        return self.bucket


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise StoreError(f"{path}: the recording is gone") from None
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc


def _checked(wav: Path, draft: Path, *, exact: bool) -> int:
    """Read back what was written; return how many frames it has."""
    with soundfile.SoundFile(wav) as source, soundfile.SoundFile(draft) as drawn:
        frames = int(source.frames)
        if frames != drawn.frames:
            raise StoreError(f"{wav}: expected {frames} frames, got {drawn.frames}")
        if exact:
            pairs = zip(
                source.blocks(BLOCK, dtype="int16"),
                drawn.blocks(BLOCK, dtype="int16"),
                strict=True,
            )
            if not all((one == other).all() for one, other in pairs):
                raise StoreError(f"{wav}: what was encoded sounds different")
    return frames


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
