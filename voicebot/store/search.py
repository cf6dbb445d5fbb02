"""
Finds words in what was said, Chinese and English, in turns and messages.

Words are found wherever they stand, also within others, in capitals or not. PostgreSQL
is asked with ILIKE, which its index serves if it has one (`migrations/search.py`).
SQLite has an index of trigrams; words of one or two letters, of which Chinese has many,
are found as what trigrams begin with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    column,
    select,
    table,
    true,
)

from voicebot.store.append import read_call
from voicebot.store.database import Database
from voicebot.store.events import EPOCH
from voicebot.store.records import Call, Speaker
from voicebot.store.tables import calls, messages, turns
from voicebot.store.which import EVERY, Which, conditions

TRIGRAM: Final = 3
MOST_TERMS: Final = 500
"""Of trigrams that begin so. What begins more is in so many turns that the newest
with it are found sooner by reading them all."""

FEW_CALLS: Final = 1000
"""If so many are meant at most, their turns are read, and no index is asked."""

BUCKET_BITS: Final = 31
"""Of an ID within the second in which its call began."""

found_in = table("turn_search", column("rowid"), column("words"))
numbered = table("turn_search_ids", column("id"), column("call_id"), column("seq"))
terms = table("turn_search_terms", column("term"))


@dataclass(frozen=True, slots=True)
class Hit:
    """Words that were found."""

    call: Call
    who: Speaker
    seq: int | None
    """Of the turn; None: the words are of a message that was left."""

    at_ms: int | None
    """When the turn began, from the start of the media stream."""

    text: str


async def search(
    database: Database, words: Sequence[str], which: Which, limit: int
) -> list[Hit]:
    """
    Find the turns and messages that hold all of the words, newest call first.

    Args:
        words: not empty, and without spaces around them.
        limit: how many turns, and how many messages.
    """
    query: Select[Any] | None = _of_all(words, which)
    if database.is_file and not await _are_few(database, which):
        query = await _of_index(database, words, which)
    said = [] if query is None else await database.read(query.limit(limit))
    left = await database.read(_messages(words, which).limit(limit))
    hits = [_turn(row) for row in said]
    hits += [Hit(read_call(row), "caller", None, None, row.text) for row in left]
    hits.sort(key=lambda hit: hit.seq if hit.seq is not None else 1 << 31)
    hits.sort(key=lambda hit: (hit.call.started_at, hit.call.call_id), reverse=True)
    return hits[:limit]


async def _are_few(database: Database, which: Which) -> bool:
    if replace(which, since=None, until=None) == EVERY:
        return False  # of times, the index knows
    query = select(calls.c.call_id).where(*conditions(which)).limit(FEW_CALLS + 1)
    return len(await database.read(query)) <= FEW_CALLS


def _of_all(words: Sequence[str], which: Which) -> Select[Any]:
    """What PostgreSQL's index serves too."""
    return (
        _said()
        .join_from(turns, calls, turns.c.call_id == calls.c.call_id)
        .where(*_like(turns.c.generated_text, words), *conditions(which))
        .order_by(calls.c.started_at.desc(), turns.c.call_id, turns.c.seq)
    )


async def _of_index(
    database: Database, words: Sequence[str], which: Which
) -> Select[Any] | None:
    """None: there is no such turn."""
    matches, everywhere = [], []
    for word in words:
        if len(word) == 1 and word.isascii() and word.isalpha():
            everywhere.append(word)  # to count what it begins would take longer
            continue
        trigrams = [word]
        if len(word) < TRIGRAM:
            trigrams = await _beginning_with(database, word)
        if not trigrams:
            return None
        if len(trigrams) > MOST_TERMS:
            everywhere.append(word)
        else:
            matches.append(" OR ".join(map(_quoted, trigrams)))
    its_call = calls.c.call_id == turns.c.call_id
    its_turn = and_(
        turns.c.call_id == numbered.c.call_id, turns.c.seq == numbered.c.seq
    )
    source = numbered.join(turns, its_turn).join(calls, its_call)
    newest: ColumnElement[int] = numbered.c.id
    match: ColumnElement[bool] = true()
    if matches:
        newest = found_in.c.rowid
        source = found_in.join(source, numbered.c.id == found_in.c.rowid)
        both = " AND ".join(f"({each})" for each in matches)
        match = found_in.c.words.op("MATCH")(both)
    return (
        _said()
        .select_from(source)
        .where(match, *_like(turns.c.generated_text, everywhere), *conditions(which))
        .where(*_between(newest, which.since, which.until))
        .order_by(newest.desc())
    )


def _said() -> Select[Any]:
    return select(
        calls,
        turns.c.who,
        turns.c.seq,
        turns.c.started_ms,
        turns.c.generated_text.label("text"),
    )


def _between(
    number: ColumnElement[int], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    """The same as of the calls, so that the index needn't be read any further."""
    wanted = []
    if since is not None:
        wanted.append(number >= _second(since) << BUCKET_BITS)
    if until is not None:
        wanted.append(number < _second(until) + 1 << BUCKET_BITS)
    return wanted


def _second(at: datetime) -> int:
    return int((at - EPOCH).total_seconds())


async def _beginning_with(database: Database, word: str) -> list[str]:
    """Return the trigrams in the index that begin with a word, one too many at most."""
    first = word.lower()
    query = (
        select(terms.c.term)
        .where(terms.c.term >= first, terms.c.term < first + "\U0010ffff")
        .limit(MOST_TERMS + 1)
    )
    return [row.term for row in await database.read(query)]


def _quoted(word: str) -> str:
    """As FTS5 takes a text that means nothing but itself."""
    return '"' + word.replace('"', '""') + '"'


def _messages(words: Sequence[str], which: Which) -> Select[Any]:
    """There are few, so they are all read."""
    return (
        select(calls, messages.c.transcription.label("text"))
        .join_from(messages, calls, messages.c.call_id == calls.c.call_id)
        .where(*_like(messages.c.transcription, words), *conditions(which))
        .order_by(messages.c.received_at.desc())
    )


def _like(text: ColumnElement[str], words: Sequence[str]) -> list[ColumnElement[bool]]:
    return [text.icontains(word, autoescape=True) for word in words]


def _turn(row: Row[Any]) -> Hit:
    return Hit(read_call(row), row.who, row.seq, row.started_ms, row.text)
