"""A flight record is written next to a call, and costs it nothing."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from voicebot.runtime import flights
from voicebot.runtime.flights import PIECE_BYTES, FlightFile, flight_path

LINE = b"x" * 1023 + b"\n"


def test_lines_are_written_in_pieces_and_the_rest_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a" / "one.jsonl.gz"
    with ThreadPoolExecutor(1) as disk:
        flight = FlightFile(path, disk)
        for _ in range(PIECE_BYTES // len(LINE)):
            flight.tell(LINE)
        disk.submit(lambda: None).result()
        assert gzip.decompress(path.read_bytes()) == LINE * (PIECE_BYTES // len(LINE))
        flight.tell(LINE)
        flight.stop()
        flight.tell(b"too late")
        flight.stop()
    written = gzip.decompress(path.read_bytes())
    assert written == LINE * (PIECE_BYTES // len(LINE) + 1)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_disk_that_fails_costs_the_record_and_not_the_call(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with ThreadPoolExecutor(1) as disk:
        flight = FlightFile(tmp_path / "file" / "one", disk)
        flight.tell(LINE)
        flight.stop()
        disk.submit(lambda: None).result()
        flight.tell(LINE)
        flight.stop()
    assert (tmp_path / "file").read_bytes() == b""


def test_a_disk_that_is_too_slow_costs_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flights, "PIECE_BYTES", 1)
    monkeypatch.setattr(flights, "HELD_BYTES", 3 * len(LINE))
    path, go = tmp_path / "one", Event()
    with ThreadPoolExecutor(1) as disk:
        disk.submit(go.wait)
        flight = FlightFile(path, disk)
        for _ in range(9):
            flight.tell(LINE)
        flight.stop()
        go.set()
    assert gzip.decompress(path.read_bytes()) == LINE


def test_a_call_that_came_back_has_a_record_a_stream() -> None:
    at = datetime(2026, 11, 2, tzinfo=UTC)
    for earlier_ms, name in ((0, "c1"), (1500, "c1-1500")):
        path = flight_path(Path("data"), "c1", at, earlier_ms)
        assert path == Path(f"data/flights/2026/11/02/{name}.jsonl.gz")
