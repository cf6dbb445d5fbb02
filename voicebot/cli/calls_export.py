"""`voicebot calls export`: calls for other programs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Final

import typer

from voicebot.cli.call_log import Numbers, masked_call, read_log
from voicebot.cli.calls_which import (
    Ended,
    MinDuration,
    Number,
    Persona,
    Since,
    Until,
    which_calls,
)
from voicebot.cli.files import written
from voicebot.errors import ConfigError

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from voicebot.store.calls import CallStore

PAGE: Final = 500


def export(
    form: Annotated[
        str, typer.Option("--format", metavar="csv|jsonl|parquet", help="As what.")
    ] = "csv",
    what: Annotated[
        str,
        typer.Option(
            metavar="calls|turns", help="What a row is; turns tell the words."
        ),
    ] = "calls",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Else standard output."),
    ] = None,
    since: Since = None,
    until: Until = None,
    persona: Persona = None,
    number: Number = None,
    end_reason: Ended = None,
    min_duration: MinDuration = None,
    numbers: Numbers = False,
) -> None:
    """
    Write calls, or what was said in them, as CSV, JSON lines or Parquet; newest first.

    Callers' numbers are masked, unless asked for. In CSV, a text that a spreadsheet
    would take for a formula has a ' before it.
    """
    from voicebot.store.export import Format, What, row_of, writing

    if form not in list(Format):
        raise ConfigError(
            f"--format: expected one of {', '.join(Format)}, got {form!r}"
        )
    if what not in list(What):
        raise ConfigError(f"--what: expected calls or turns, got {what!r}")
    if form == Format.PARQUET and output is None:
        raise ConfigError("--format parquet: expected --output FILE with it")
    which = which_calls(since, until, persona, number, end_reason, min_duration)

    async def work(store: "CallStore") -> int:
        count, past = 0, None
        with _opened(output) as file, writing(file, Format(form), What(what)) as write:
            while calls := await store.list_calls(PAGE, which, past):
                past = calls[-1]
                if what == What.TURNS:
                    said = await store.turns_of([call.call_id for call in calls])
                    rows = [row_of(turn) for turn in said]
                else:
                    shown = calls if numbers else map(masked_call, calls)
                    rows = [row_of(call) for call in shown]
                write(rows)
                count += len(rows)
        return count

    count = read_log(work)
    if output is not None:
        print(f"{count} {what} written to {output}")


@contextmanager
def _opened(path: Path | None) -> "Iterator[IO[bytes]]":
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with written(path) as file:
        yield file
