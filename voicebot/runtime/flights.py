"""
Writes flight records: all that a call's bridge was told, so that it can be done again.

For whoever looks for a bug: a record holds what the caller said. It is written only if
VOICEBOT_FLIGHT_RECORDS says so, of calls that are recorded anyway, and ends where a
recording is paused.
"""

import gzip
import os
from concurrent.futures import Executor, Future
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from voicebot.store.recordings import FLIGHTS

log = structlog.get_logger()

PIECE_BYTES: Final = 256 * 1024  # about 3 s of a call
HELD_BYTES: Final = 4 * 1024 * 1024  # a disk that is slower than this loses the record


class FlightFile:
    """
    Takes lines at once, and has them written in pieces.

    Args:
        path: of the file to create.
        disk: one thread: writes of one file must not overtake each other.
    """

    def __init__(self, path: Path, disk: Executor) -> None:
        self._path, self._disk = path, disk
        self._lines: list[bytes] = []
        self._held = 0
        self._writing: Future[None] | None = None
        self._is_over = False

    def tell(self, line: bytes) -> None:
        """Take a line, unless the record is over."""
        if self._is_over:
            return
        self._lines.append(line)
        self._held += len(line)
        if self._held < PIECE_BYTES:
            return
        if self._writing is None or self._writing.done():
            self._write()
        elif self._held > HELD_BYTES:
            self._lost("too slow")

    def stop(self) -> None:
        """Let the record end here."""
        if not self._is_over:
            self._write()
            self._is_over = True

    def _write(self) -> None:
        lines, self._lines, self._held = self._lines, [], 0
        self._writing = self._disk.submit(partial(_append, self._path, lines))
        self._writing.add_done_callback(self._written)

    def _written(self, work: "Future[None]") -> None:
        if error := work.exception():
            self._lost(type(error).__name__)

    def _lost(self, why: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._lines = []
            log.error("flight record lost", error=why)


def flight_path(data: Path, call_id: str, at: datetime, earlier_ms: int) -> Path:
    """Return where the record of a call's stream lies."""
    later = f"-{earlier_ms}" if earlier_ms else ""
    return data / FLIGHTS / f"{at:%Y/%m/%d}" / f"{call_id}{later}.jsonl.gz"


def _append(path: Path, lines: list[bytes]) -> None:
    """Each piece is complete in itself: a crash costs what wasn't written yet."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(path, "ab", opener=_private) as file:
        file.write(gzip.compress(b"".join(lines), 1))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
