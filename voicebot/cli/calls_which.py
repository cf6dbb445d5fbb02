"""Which calls a command is about: the same options for all of them."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from voicebot.errors import ConfigError

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from voicebot.store.which import Which

SPAN: Final = re.compile("([0-9]{1,6})([smhd])")
UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many.")]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN", help="Those that began then or later: 7d, 2026-11-22."
    ),
]
Until = Annotated[
    str | None, typer.Option(metavar="WHEN", help="Those that began before that.")
]
Persona = Annotated[str | None, typer.Option(help="Those that it took.")]
Number = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER", help="Those from or to that number, as +15550001111."
    ),
]
Ended = Annotated[
    str | None, typer.Option(metavar="REASON", help="Those that ended so: idle, drain.")
]
MinDuration = Annotated[
    str | None, typer.Option(metavar="TIME", help="Those that lasted so long: 90s, 5m.")
]


def which_calls(
    since: str | None = None,
    until: str | None = None,
    persona: str | None = None,
    number: str | None = None,
    end_reason: str | None = None,
    min_duration: str | None = None,
) -> "Which":
    """
    Read what was asked for.

    Raises:
        ConfigError: something isn't what it should be.
    """
    from voicebot.store.records import EndReason
    from voicebot.store.which import Which

    if end_reason is not None and end_reason not in list(EndReason):
        raise ConfigError(
            f"--end-reason: expected one of {', '.join(EndReason)}, got {end_reason!r}"
        )
    lasted = None if min_duration is None else _span("--min-duration", min_duration)
    return Which(
        since=None if since is None else moment("--since", since),
        until=None if until is None else moment("--until", until),
        persona=persona,
        number=None if number is None else re.sub("[ ()./-]", "", number),
        end_reason=None if end_reason is None else EndReason(end_reason),
        min_duration_ms=None if lasted is None else lasted // timedelta(milliseconds=1),
    )


def moment(option: str, text: str) -> datetime:
    """
    Read a time: so long ago, or a date and maybe a time of the operator's zone.

    Raises:
        ConfigError: it is none.
    """
    if SPAN.fullmatch(text):
        return datetime.now(UTC) - _span(option, text)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{option}: expected 30m, 12h, 7d, 2026-11-22 or 2026-11-22T13:30, "
            f"got {text!r}"
        ) from None


def _span(option: str, text: str) -> timedelta:
    match = SPAN.fullmatch(text)
    if match is None:
        raise ConfigError(f"{option}: expected a time like 90s, 5m or 2h, got {text!r}")
    return timedelta(**{UNITS[match[2]]: int(match[1])})
