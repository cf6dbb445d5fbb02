"""Which calls are meant, of all that are in the log."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, or_

from voicebot.store.records import EndReason
from voicebot.store.tables import calls


@dataclass(frozen=True, slots=True)
class Which:
    """Calls for which all of this holds; what is None is not asked."""

    since: datetime | None = None
    """They began then, or later."""

    until: datetime | None = None
    """They began earlier."""

    persona: str | None = None
    number: str | None = None
    """Of the caller, or the one that was called; in full."""

    end_reason: EndReason | None = None
    min_duration_ms: int | None = None


EVERY: Final = Which()


def conditions(which: Which) -> list[ColumnElement[bool]]:
    """Say the same in SQL, about a row of `calls`."""
    wanted = []
    if which.since is not None:
        wanted.append(calls.c.started_at >= which.since)
    if which.until is not None:
        wanted.append(calls.c.started_at < which.until)
    if which.persona is not None:
        wanted.append(calls.c.persona == which.persona)
    if which.number is not None:
        either = (calls.c.from_number, calls.c.to_number)
        wanted.append(or_(*(column == which.number for column in either)))
    if which.end_reason is not None:
        wanted.append(calls.c.end_reason == which.end_reason)
    if which.min_duration_ms is not None:
        wanted.append(calls.c.duration_ms >= which.min_duration_ms)
    return wanted
