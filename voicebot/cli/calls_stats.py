"""`voicebot calls stats`: what calls come to."""

from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.cli.call_log import Json, read_log
from voicebot.cli.calls_which import (
    Ended,
    MinDuration,
    Number,
    Persona,
    Since,
    Until,
    which_calls,
)
from voicebot.cli.output import clock, print_json, print_out, seconds, stranger, table
from voicebot.errors import ConfigError

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from voicebot.store.statistics import Grouping


def stats(
    by: Annotated[
        str | None,
        typer.Option(metavar="persona|day|end-reason", help="Tell them apart by it."),
    ] = None,
    since: Since = None,
    until: Until = None,
    persona: Persona = None,
    number: Number = None,
    end_reason: Ended = None,
    min_duration: MinDuration = None,
    json: Json = False,
) -> None:
    """
    Count calls: how long they lasted, how fast the bot replied, what went wrong.

    p50 is what a half stayed within, p95 what 95 % did. Days are those of UTC.
    """
    which = which_calls(since, until, persona, number, end_reason, min_duration)
    grouping = _grouping(by)
    groups = read_log(lambda store: store.statistics(grouping, which))
    if json:
        print_json(groups)
        return
    if not groups:
        print("no such calls")
        return
    shown = table(
        by or "",
        "calls",
        "open",
        "lasted p50",
        "p95",
        "all",
        "reply p50",
        "p95",
        "barge-ins",
        "calls with faults",
    )
    for group in groups:
        shown.add_row(
            stranger(group.key),
            str(group.calls),
            str(group.open or ""),
            clock(group.duration.p50_ms),
            clock(group.duration.p95_ms),
            clock(group.total_ms),
            seconds(group.reply.p50_ms),
            seconds(group.reply.p95_ms),
            str(group.barge_ins),
            stranger(", ".join(f"{code} {n}" for code, n in group.faults.items())),
        )
    print_out(shown)


def _grouping(by: str | None) -> "Grouping | None":
    from voicebot.store.statistics import Grouping

    if by is None:
        return None
    if by not in list(Grouping):
        raise ConfigError(f"--by: expected one of {', '.join(Grouping)}, got {by!r}")
    return Grouping(by)
