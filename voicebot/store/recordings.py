"""Recordings: what the caller said on the left, what the bot said on the right."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import Final

from voicebot.errors import StoreError

RATE_HZ: Final = 8000
CHANNELS: Final = 2
MULAW: Final = 7

# Sound gives way first: so much of a disk that fills up is left to the call log.
ROOM_BYTES: Final = 16 * 1024 * 1024

FLIGHTS: Final = "flights"
"""The folder of flight records, which hold what was said too."""

# The whole header: RIFF, an 18-byte `fmt `, the `fact` that formats other than PCM
# must have, and the head of `data`, which holds everything that follows.
# Source: Microsoft, New Multimedia Data Types and Data Techniques, rev. 3.0.
HEADER: Final = Struct("<4sI4s 4sIHHIIHHH 4sII 4sI")


class StereoRecording:
    """
    A stereo μ-law WAV file that can be played even if its writer crashed.

    The bytes of the line go into it as they are: nothing is decoded, nothing lost.
    After each `flush` the file is complete, header included, so that a process that
    is killed costs only what came since. Every method blocks for as long as the
    disk does: call them in a thread.
    """

    def __init__(self, path: Path) -> None:
        """
        Create the file, and its folder if need be; only we may read them.

        Raises:
            StoreError: it cannot be created, or is there already.
        """
        self.path = path
        self._frames = 0
        with self._errors():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = open(path, "xb", 0, opener=_private)  # noqa: SIM115

    @property
    def milliseconds(self) -> int:
        """How much was written."""
        return self._frames * 1000 // RATE_HZ

    def write(self, interleaved_ulaw: bytes) -> None:
        """
        Append sound.

        Args:
            interleaved_ulaw: a byte of the caller, a byte of the bot, and so on;
                160 + 160 bytes for 20 ms.

        Raises:
            ValueError: the last byte of the bot is missing.
            StoreError: the disk fails, or has less than ROOM_BYTES left. These bytes
                are lost, those that were flushed are not, and a later `write` may
                succeed.
        """
        frames, rest = divmod(len(interleaved_ulaw), CHANNELS)
        if rest:
            raise ValueError(
                f"expected pairs of bytes, got {len(interleaved_ulaw)} bytes"
            )
        self._check_room()
        self._put(interleaved_ulaw, HEADER.size + self._frames * CHANNELS)
        self._frames += frames

    def flush(self) -> None:
        """
        Count what was written in the header: from now on a player sees it.

        Raises:
            StoreError: the disk is full or fails.
        """
        self._put(_header(self._frames), 0)

    def close(self) -> None:
        """
        Finish the file, on disk. Doing it twice is harmless.

        Raises:
            StoreError: the disk is full or fails; the file is closed all the same.
        """
        if self._file.closed:
            return
        with self._errors(), self._file:
            self.flush()
            os.fsync(self._file.fileno())

    def _check_room(self) -> None:
        with self._errors():
            disk = os.fstatvfs(self._file.fileno())
            if disk.f_bavail * disk.f_frsize < ROOM_BYTES:
                raise OSError(errno.ENOSPC, "the disk is almost full")

    def _put(self, part: bytes, offset: int) -> None:
        """Write at a place that we reckon, so that a failed attempt shifts nothing."""
        with self._errors():
            while part:
                written = os.pwrite(self._file.fileno(), part, offset)
                part, offset = part[written:], offset + written

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise StoreError(f"{self.path}: {exc.strerror}") from exc


def repair(path: Path) -> bool:
    """
    Count in the header all that was written, whoever was killed before he did.

    Returns:
        Whether there is any sound.

    Raises:
        OSError: it can't be read or written.
    """
    frames = max(0, path.stat().st_size - HEADER.size) // CHANNELS
    if frames:
        file = os.open(path, os.O_WRONLY)
        try:
            os.ftruncate(file, HEADER.size + frames * CHANNELS)
            os.pwrite(file, _header(frames), 0)
        finally:
            os.close(file)
    return frames > 0


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _header(frames: int) -> bytes:
    size = frames * CHANNELS
    riff = (b"RIFF", HEADER.size - 8 + size, b"WAVE")
    rate = (RATE_HZ, RATE_HZ * CHANNELS)
    form = (b"fmt ", 18, MULAW, CHANNELS, *rate, CHANNELS, 8, 0)
    return HEADER.pack(*riff, *form, b"fact", 4, frames, b"data", size)
