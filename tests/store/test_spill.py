"""What the disk takes when the database doesn't."""

import errno
import os
from pathlib import Path

import pytest

from tests.store.noted import event
from tests.store.test_calls import STARTED, TURN
from voicebot.errors import StoreError
from voicebot.store import spill as module
from voicebot.store.events import Event, line_of
from voicebot.store.spill import Spill


@pytest.fixture(autouse=True)
def small_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESERVE_BYTES", 4096)


def some(count: int) -> list[Event]:
    return [event(TURN) for _ in range(count)]


def test_events_come_back_in_order_and_are_gone_then(tmp_path: Path) -> None:
    spill = Spill(tmp_path)
    events = some(5)
    spill.append(events[:3])
    spill.append(events[3:])
    first, size = spill.first(2)
    assert first == events[:2]
    spill.replayed(size)
    rest, size = spill.first(10)
    assert rest == events[2:]
    assert len(spill) == size
    spill.replayed(size)
    assert len(spill) == 0
    assert (tmp_path / "spill.jsonl").read_bytes() == b""
    assert spill.first(10) == ([], 0)
    spill.append(events[:1])
    assert spill.first(10)[0] == events[:1]
    spill.close()


def test_what_was_not_replayed_is_there_for_the_next_process(tmp_path: Path) -> None:
    spill = Spill(tmp_path)
    events = some(3)
    spill.append(events)
    spill.replayed(spill.first(1)[1])
    spill.close()
    again = Spill(tmp_path)
    assert again.first(10)[0] == events  # the first one again: twice is once
    again.close()


@pytest.mark.parametrize("cut", [1, 2, 100])
def test_what_was_cut_off_by_a_crash_is_left_out_and_nothing_else(
    tmp_path: Path, cut: int
) -> None:
    spill = Spill(tmp_path)
    events = some(3)
    spill.append(events)
    spill.close()
    path = tmp_path / "spill.jsonl"
    os.truncate(path, path.stat().st_size - cut)
    again = Spill(tmp_path)
    more = some(2)
    again.append(more)
    kept = events if cut == 1 else events[:2]  # without its end of line it is whole
    found, size = again.first(10)
    assert found == [*kept, *more]
    apart = tmp_path / "refused.jsonl"
    assert apart.exists() == (cut > 1)  # the beginning of a line, for who can read it
    again.replayed(size)
    assert len(again) == 0
    again.close()


def test_only_we_may_read_it(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "data")
    spill.append(some(1))
    spill.refuse(line_of(event(STARTED)))
    spill.close()
    modes = {x.stat().st_mode & 0o777 for x in (tmp_path / "data").iterdir()}
    assert modes == {0o600}
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


class Disk:
    """A disk that has room for so many bytes more, in front of the real one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        self.fsync_error: int | None = None
        self._pwrite, self._fsync = os.pwrite, os.fsync
        monkeypatch.setattr(os, "pwrite", self.pwrite)
        monkeypatch.setattr(os, "fsync", self.fsync)

    def pwrite(self, file: int, data: bytes, offset: int) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self._pwrite(file, data[: self.room], offset)
        self.room -= written
        return written

    def fsync(self, file: int) -> None:
        if self.fsync_error:
            raise OSError(self.fsync_error, os.strerror(self.fsync_error))
        self._fsync(file)


def test_a_disk_that_is_full_takes_more_from_the_reserve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spill = Spill(tmp_path)
    reserve = tmp_path / "spill.reserve"
    assert reserve.stat().st_size == 4096
    disk = Disk(monkeypatch, room=100)
    unlink = Path.unlink

    def give_up(path: Path, missing_ok: bool = False) -> None:
        disk.room += 4096
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", give_up)
    events = some(2)
    spill.append(events)
    assert not reserve.exists()
    found, size = spill.first(10)
    assert found == events
    spill.replayed(size)
    assert reserve.exists()
    spill.close()


def test_a_disk_that_is_full_for_good_takes_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spill = Spill(tmp_path)
    events = some(4)
    spill.append(events[:2])
    disk = Disk(monkeypatch, room=100)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"spill\.jsonl: No space left on device"):
            spill.append(events[2:])
    assert spill.first(10)[0] == events[:2]
    disk.room = 100_000
    spill.append(events[2:])
    assert spill.first(10)[0] == events
    spill.close()


def test_what_was_not_synced_is_not_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spill = Spill(tmp_path)
    disk = Disk(monkeypatch, room=100_000)
    disk.fsync_error = errno.EIO
    events = some(1)
    with pytest.raises(StoreError, match="Input/output error"):
        spill.append(events)
    assert len(spill) == 0
    with pytest.raises(StoreError, match="Input/output error"):
        spill.refuse(b"a line\n")
    disk.fsync_error = None
    spill.append(events)
    disk.fsync_error = errno.EIO
    with pytest.raises(StoreError, match="Input/output error"):
        spill.replayed(len(spill))
    spill.close()


def test_a_reserve_for_which_there_is_no_room_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    spill = Spill(tmp_path)
    assert not (tmp_path / "spill.reserve").exists()
    spill.append(some(1))
    spill.close()


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="File exists"):
        Spill(tmp_path / "file")


def test_a_spill_that_somebody_emptied_is_empty(tmp_path: Path) -> None:
    spill = Spill(tmp_path)
    spill.append(some(2))
    os.truncate(tmp_path / "spill.jsonl", 0)
    found, size = spill.first(10)
    spill.replayed(size)
    assert (found, len(spill)) == ([], 0)
    spill.append(some(1))
    assert len(spill.first(10)[0]) == 1
    spill.close()


def test_a_spill_that_cannot_be_read_is_a_store_error(tmp_path: Path) -> None:
    spill = Spill(tmp_path)
    spill.append(some(1))
    (tmp_path / "spill.jsonl").unlink()
    with pytest.raises(StoreError, match="No such file"):
        spill.first(10)
    spill.close()
