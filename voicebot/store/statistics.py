"""What calls come to: how many, how long, how fast the bot replied, what went wrong."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    select,
)

from voicebot.store.database import Database
from voicebot.store.tables import calls, decisions, turns
from voicebot.store.which import Which, conditions


class Grouping(StrEnum):
    """What calls are told apart by."""

    PERSONA = "persona"
    DAY = "day"  # of UTC
    END_REASON = "end-reason"


KEYS: Final[dict[Grouping | None, ColumnElement[Any]]] = {
    None: literal("all"),
    Grouping.PERSONA: calls.c.persona,
    Grouping.DAY: func.date(calls.c.started_at),
    Grouping.END_REASON: func.coalesce(cast(calls.c.end_reason, String), "not yet"),
}


@dataclass(frozen=True, slots=True)
class Spread:
    """How a number of times is spread; all None if there are none."""

    n: int
    p50_ms: int | None
    p95_ms: int | None


@dataclass(frozen=True, slots=True)
class Group:
    """What calls come to that have something in common."""

    key: str
    calls: int
    open: int
    """Those that aren't over yet."""

    total_ms: int
    duration: Spread
    reply: Spread
    """From the caller's last word to the bot's first sound."""

    barge_ins: int
    """How often the bot gave the caller the floor."""

    faults: dict[str, int]
    """In how many calls each fault was."""


@dataclass(slots=True)
class _Counts:
    calls: int = 0
    open: int = 0
    barge_ins: int = 0
    durations: Counter[int] = field(default_factory=Counter)
    replies: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)


async def statistics(
    database: Database, by: Grouping | None, which: Which
) -> list[Group]:
    """Count calls, and what happened in them; in the order of what they are told by."""
    key = KEYS[by].label("key")
    found: dict[str, _Counts] = {}

    async def rows(query: Select[Any]) -> Sequence[tuple[_Counts, Row[Any]]]:
        grouped = query.where(*conditions(which))
        return [
            (found.setdefault(str(row.key), _Counts()), row)
            for row in await database.read(grouped)
        ]

    number = func.count().label("number")
    # One row for each time that there is, so that percentiles are exact.
    faults = cast(calls.c.faults, String)
    query = select(key, calls.c.duration_ms, faults.label("faults"), number)
    for counts, row in await rows(query.group_by("key", calls.c.duration_ms, faults)):
        counts.calls += row.number
        if row.duration_ms is None:
            counts.open += row.number
        else:
            counts.durations[row.duration_ms] += row.number
        for code in json.loads(row.faults):
            counts.faults[code] += row.number
    query = select(key, turns.c.reply_ms, number).join_from(calls, turns)
    query = query.where(turns.c.reply_ms.is_not(None))
    for counts, row in await rows(query.group_by("key", turns.c.reply_ms)):
        counts.replies[row.reply_ms] += row.number
    confirmed = and_(decisions.c.kind == "barge_in", decisions.c.outcome == "confirmed")
    times = func.sum(case((confirmed, 1), else_=0)).label("times")
    query = select(key, times).join_from(calls, decisions)
    for counts, row in await rows(query.group_by("key")):
        counts.barge_ins += row.times
    return [_group(key, counts) for key, counts in sorted(found.items())]


def _group(key: str, counts: _Counts) -> Group:
    return Group(
        key=key,
        calls=counts.calls,
        open=counts.open,
        total_ms=sum(ms * n for ms, n in counts.durations.items()),
        duration=spread(counts.durations),
        reply=spread(counts.replies),
        barge_ins=counts.barge_ins,
        faults=dict(sorted(counts.faults.items())),
    )


def spread(times: Counter[int]) -> Spread:
    """
    Return the least of the times that a half, and 95 % of them, don't exceed.

    Args:
        times: milliseconds, and how often each was measured.
    """
    return Spread(times.total(), _percentile(times, 0.5), _percentile(times, 0.95))


def _percentile(times: Counter[int], share: float) -> int | None:
    wanted = ceil(times.total() * share)
    seen = 0
    for ms in sorted(times):
        seen += times[ms]
        if seen >= wanted:
            return ms
    return None
