"""`voicebot calls replay`: a recorded call through the bridge of this release."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.cli.call_log import Json, found, read_log
from voicebot.cli.output import print_json, print_out, seconds, stranger, table
from voicebot.errors import StoreError

if TYPE_CHECKING:  # numpy takes longer to import than the rest to run
    from voicebot.bridge.flight import Flown


def replay(
    call: Annotated[
        str,
        typer.Argument(
            metavar="CALL|FILE",
            help="Its ID or SID, or how that begins; or a flight record.",
        ),
    ],
    json: Json = False,
) -> None:
    """
    Tell the bridge what it was told in a call, and show what it does otherwise now.

    Takes a flight record: a server writes them with VOICEBOT_FLIGHT_RECORDS=1. The exit
    code is 0 if all that the bridge did is the same. No audio is sent anywhere.
    """
    from voicebot.bridge.flight import fly

    flown: dict[Path, Flown] = {}
    for path in _records(call):
        try:
            flown[path] = fly(_lines(path))
        except StoreError as exc:
            raise StoreError(f"{path}: {exc}") from None
    if json:
        print_json(
            [{"file": str(path), **asdict(each)} for path, each in flown.items()]
        )
    else:
        for path, each in flown.items():
            _show(path, each)
    raise typer.Exit(any(each.difference for each in flown.values()))


def _records(call: str) -> list[Path]:
    if Path(call).is_file():
        return [Path(call)]
    from voicebot.config import load_settings
    from voicebot.store.recordings import FLIGHTS

    call_id = read_log(lambda store: found(store, call)).call_id
    folder = load_settings().data / FLIGHTS
    records = sorted(folder.rglob(f"{call_id}*.jsonl.gz"))
    if not records:
        raise StoreError(
            f"call {call_id}: no flight record in {folder}: a server writes them with "
            "VOICEBOT_FLIGHT_RECORDS=1, of calls that are recorded"
        )
    return records


def _lines(path: Path) -> Iterator[bytes]:
    """All lines that are whole: the last isn't, if the server was killed."""
    try:
        with gzip.open(path) as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line
    except EOFError:
        return
    except (OSError, zlib.error):
        raise StoreError("expected a flight record, got something else") from None


def _show(path: Path, flown: "Flown") -> None:
    difference = flown.difference
    if difference is None:
        print(f"{path}: the same, {flown.steps} steps in {seconds(flown.until_ms)}")
        return
    print(f"{path}: the same for {flown.steps} steps; then")
    shown = table()
    shown.add_row("at", seconds(difference.at_ms))
    shown.add_row("told", stranger(difference.event))
    shown.add_row("did", stranger(difference.recorded or "nothing more"))
    shown.add_row("does now", stranger(difference.replayed or "nothing more"))
    print_out(shown)
