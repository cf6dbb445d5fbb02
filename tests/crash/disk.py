"""
A disk that fails, under everything that a server writes.

SQLite writes through a table of system calls that it lets its tests replace
(`sqlite3_vfs.xSetSystemCall`); what we write ourselves goes through `os`.

Source:
    SQLite: sqlite3.h, `struct sqlite3_vfs`; os_unix.c, `aSyscall`.
"""

import ctypes
import errno
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest.mock import patch

WRITES: Final = (b"pwrite", b"pwrite64", b"write")
SLOW_PAGE_S: Final = 0.1
SLOW_SYNC_S: Final = 2.0

Write = ctypes.CFUNCTYPE(
    *(ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long),
    use_errno=True,
)


class _Vfs(ctypes.Structure):
    pass


Get = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(_Vfs), ctypes.c_char_p)
Set = ctypes.CFUNCTYPE(
    *(ctypes.c_int, ctypes.POINTER(_Vfs), ctypes.c_char_p, ctypes.c_void_p)
)

_Vfs._fields_ = [
    ("iVersion", ctypes.c_int),
    ("szOsFile", ctypes.c_int),
    ("mxPathname", ctypes.c_int),
    ("pNext", ctypes.c_void_p),
    ("zName", ctypes.c_char_p),
    ("pAppData", ctypes.c_void_p),
    # From xOpen to xCurrentTimeInt64: methods that nobody here asks for.
    ("methods", ctypes.c_void_p * 13),
    ("xSetSystemCall", Set),
    ("xGetSystemCall", Get),
]


@dataclass(slots=True)
class Disk:
    """
    Fails when told to.

    Attributes:
        fails: whether it does now.
    """

    error: int | None
    """What a write comes to; None: it is slow, and succeeds."""
    spares_ours: bool = False
    """Only SQLite's files are on it: the spill and recordings are on another."""
    fails: bool = False

    def error_of(self, slow_s: float) -> int:
        """What an attempt to write comes to now: an errno, or 0 maybe after a while."""
        if not self.fails:
            return 0
        if self.error is None:
            time.sleep(slow_s)
        return self.error or 0

    def mount(self) -> None:
        """Put this disk under all that this process writes from now on."""
        _under_sqlite(self)
        if not self.spares_ours:
            _under_us(self)


DISKS: Final[dict[str, Disk]] = {
    "EIO, database": Disk(errno.EIO, spares_ours=True),
    "EIO, all": Disk(errno.EIO),
    "slow": Disk(None),
}

_kept: list[object] = []  # what C calls must not be collected


def _under_sqlite(disk: Disk) -> None:
    library = ctypes.CDLL(_sqlite())
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    vfs = library.sqlite3_vfs_find(None)
    for name in WRITES:
        address = vfs.contents.xGetSystemCall(vfs, name)
        if address:
            call = Write(_obstructed(disk, Write(address)))
            _kept.append(call)
            vfs.contents.xSetSystemCall(vfs, name, ctypes.cast(call, ctypes.c_void_p))


def _obstructed(
    disk: Disk, write: Callable[[int, int | None, int, int], int]
) -> Callable[[int, int | None, int, int], int]:
    def obstructed(file: int, data: int | None, size: int, offset: int) -> int:
        if error := disk.error_of(SLOW_PAGE_S):
            ctypes.set_errno(error)
            return -1
        return write(file, data, size, offset)

    return obstructed


def _under_us(disk: Disk) -> None:
    fsync, pwrite = os.fsync, os.pwrite

    def obstructed_fsync(file: int) -> None:
        _raise(disk.error_of(SLOW_SYNC_S))
        fsync(file)

    def obstructed_pwrite(file: int, data: bytes, offset: int) -> int:
        _raise(disk.error_of(0.0))
        return pwrite(file, data, offset)

    patch.object(os, "fsync", obstructed_fsync).start()
    patch.object(os, "pwrite", obstructed_pwrite).start()


def _raise(error: int) -> None:
    if error:
        raise OSError(error, os.strerror(error))


def _sqlite() -> str:
    """The library that Python's own sqlite3 has loaded."""
    maps = Path("/proc/self/maps").read_text(encoding="ascii")
    found = re.search(r"/\S*libsqlite3\S*", maps)
    assert found, "expected Python's sqlite3 to be linked to a shared library"
    return found[0]
