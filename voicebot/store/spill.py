"""
The file that takes what the database can't: one event a line, in order.

A reserve lies next to it, for a disk that is full: it is given up for the next lines.
"""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from voicebot.errors import StoreError
from voicebot.store.events import Event, event_of, line_of

log = structlog.get_logger()

RESERVE_BYTES: Final = 8 * 1024 * 1024  # some 20 000 events
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Spill:
    """
    The spill of one process. Everything is on disk when a method returns.

    Every method blocks, and raises StoreError if the disk fails.

    Args:
        folder: where it lies; nobody else may use it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "spill.jsonl"
        self._reserve = folder / "spill.reserve"
        self._refused = folder / "refused.jsonl"
        self._begin = 0  # what is before was replayed
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o600)
            self._end = os.fstat(self._file).st_size
            if self._end and os.pread(self._file, 1, self._end - 1) != b"\n":
                self._end += os.pwrite(self._file, b"\n", self._end)  # cut off there
            _sync_folder(folder)
        except OSError as exc:
            raise self._error(exc) from None
        self._keep_reserve()

    def __len__(self) -> int:
        """How many bytes are left to replay."""
        return self._end - self._begin

    def close(self) -> None:
        os.close(self._file)

    def append(self, events: Sequence[Event]) -> None:
        """Add events at the end: all of them, or none."""
        lines = b"".join(map(line_of, events))
        try:
            try:
                self._write(lines)
            except OSError as exc:
                if exc.errno not in FULL or not self._reserve.exists():
                    raise
                log.error("disk full: the reserve is given up", path=str(self._path))
                self._reserve.unlink()
                self._write(lines)
        except OSError as exc:
            raise self._error(exc) from None
        self._end += len(lines)

    def first(self, limit: int) -> tuple[list[Event], int]:
        """
        Read the first events that are left.

        What isn't an event is kept apart: it was cut off by a crash while it was
        written, and nobody was told that it was safe, or a newer release wrote it.

        Returns:
            At most `limit` of them, and how many bytes that was.
        """
        events: list[Event] = []
        size = 0
        try:
            with open(self._path, "rb") as file:
                file.seek(self._begin)
                while len(events) < limit and self._begin + size < self._end:
                    line = file.readline()
                    size += len(line)
                    if not line:
                        log.error("spill: somebody cut it off", path=str(self._path))
                        size = len(self)
                        break
                    try:
                        events.append(event_of(line))
                    except StoreError as exc:
                        log.error("spill: a line is broken", detail=str(exc))
                        self.refuse(line)
        except OSError as exc:
            raise self._error(exc) from None
        return events, size

    def replayed(self, size: int) -> None:
        """Forget the first events, so many bytes of them: the database has them."""
        self._begin += size
        if self._begin < self._end:
            return
        try:
            os.ftruncate(self._file, 0)
            self._begin = self._end = 0
            os.fsync(self._file)
        except OSError as exc:
            raise self._error(exc) from None
        self._keep_reserve()

    def refuse(self, line: bytes) -> None:
        """Keep, for who can repair it, what the database will never take."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            file = os.open(self._refused, flags, 0o600)
            try:
                os.write(file, line)
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as exc:
            raise self._error(exc) from None

    def _write(self, lines: bytes) -> None:
        written = 0
        while written < len(lines):
            written += os.pwrite(self._file, lines[written:], self._end + written)
        os.fsync(self._file)

    def _keep_reserve(self) -> None:
        """Take hold of room for later. Without it, a full disk is one sooner."""
        if self._reserve.exists():
            return
        try:
            file = os.open(self._reserve, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.write(file, bytes(RESERVE_BYTES))
            finally:
                os.close(file)
        except OSError as exc:
            log.warning("no room for a reserve", error=exc.strerror)
            self._reserve.unlink(missing_ok=True)

    def _error(self, exc: OSError) -> StoreError:
        return StoreError(f"{self._path}: {exc.strerror}")


def _sync_folder(folder: Path) -> None:
    """See that a new file's name survives a power cut, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
