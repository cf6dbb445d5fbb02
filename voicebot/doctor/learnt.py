"""
What a check has shown of a model, for the calls to come: `stepfun.json`.

It saves each process from finding out anew, in the middle of a call.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import orjson

from voicebot.errors import RemoteProtocolError
from voicebot.fields import Fields
from voicebot.stepfun.realtime.history import Means

VERSION: Final = 1
STALE_AFTER: Final = timedelta(days=30)
"""Servers change. What a call is refused is learnt without us, too."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """
    Attributes:
        base_url: of the server that was asked.
        at: when, in UTC.
        refuses: what it refuses of repairs.
    """

    base_url: str
    model: str
    at: datetime
    refuses: frozenset[Means]


def learn(
    base_url: str, model: str, at: datetime, repairs: Mapping[Means, bool | None]
) -> Learnt | None:
    """Say what repairs show that were tried; None if nothing was answered."""
    if all(works is None for works in repairs.values()):
        return None
    refuses = (means for means, works in repairs.items() if works is False)
    return Learnt(base_url, model, at, frozenset(refuses))


def write_learnt(learnt: Learnt) -> bytes:
    members = {
        "version": VERSION,
        "base_url": learnt.base_url,
        "model": learnt.model,
        "at": learnt.at.isoformat(timespec="seconds"),
        "refuses": sorted(learnt.refuses),
    }
    return orjson.dumps(members, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def read_learnt(data: bytes) -> Learnt:
    """
    Raises:
        RemoteProtocolError: it isn't what `write_learnt` writes.
    """
    fields = Fields.parse(data, "stepfun.json")
    if (version := fields.integer("version")) != VERSION:
        raise RemoteProtocolError(
            f"stepfun.json.version: expected {VERSION}, got {version}"
        )
    return Learnt(
        fields.text("base_url"),
        fields.text("model"),
        _moment(fields.text("at")),
        frozenset(_means(fields)),
    )


def why_useless(learnt: Learnt, base_url: str, now: datetime) -> str | None:
    """Say why nothing of it counts for this server now; None if it does."""
    if learnt.base_url != base_url:
        return "it is of another base URL"
    if now - learnt.at > STALE_AFTER:
        return f"it is older than {STALE_AFTER.days} days"
    return None


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise RemoteProtocolError("stepfun.json.at: expected a moment with its zone")
    return at


def _means(fields: Fields) -> Iterable[Means]:
    for name in fields.list_of_texts("refuses"):
        try:
            yield Means(name)
        except ValueError:
            raise RemoteProtocolError(
                f"stepfun.json.refuses: expected some of {', '.join(Means)}"
            ) from None
