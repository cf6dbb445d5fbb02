"""
Adds events to the call log, and makes the rows that they come to.

Everything here runs within one transaction of who calls it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Table,
    bindparam,
    delete,
    exists,
    func,
    select,
)

from voicebot.store.engines import add_to, put_into
from voicebot.store.events import Event, EventKind, data_of, record_of
from voicebot.store.project import APART, Rows
from voicebot.store.records import Call, CallEnded, CallStarted, Message, Recording
from voicebot.store.tables import (
    call_events,
    calls,
    decisions,
    latencies,
    messages,
    recordings,
    turns,
)

Key = tuple[str, int]

OF_CALL: Final = calls.c.keys()
SAID_ONCE: Final = frozenset(field.name for field in fields(CallStarted))
"""Nothing else says it: a call that moves leaves it alone, with five indexes."""

# Made once: SQLAlchemy knows a statement again by itself, and needn't compare it.
OF_CALLS: Final[BindParameter[str]] = bindparam("ids", expanding=True)
LAST: Final = (
    select(
        call_events.c.call_id,
        func.max(call_events.c.seq),
        exists().where(calls.c.call_id == call_events.c.call_id),
    )
    .where(call_events.c.call_id.in_(OF_CALLS))
    .group_by(call_events.c.call_id)
)
TAKEN: Final = select(calls.c.call_sid, calls.c.call_id).where(
    calls.c.call_sid.in_(bindparam("sids", expanding=True))
)
CALLS: Final = select(calls).where(calls.c.call_id.in_(OF_CALLS))
MESSAGES: Final = select(messages).where(messages.c.call_id.in_(OF_CALLS))
RECORDINGS: Final = select(recordings).where(recordings.c.call_id.in_(OF_CALLS))


def append(
    connection: Connection, events: Sequence[Event], claims: Collection[str] = ()
) -> set[str]:
    """
    Add events, in any order; those that are there already stay as they are.

    Args:
        claims: calls that are only to begin if no other has their call_sid.

    Returns:
        Those of them of which nothing was added, because another has it.
    """
    refused = _taken(connection, events, claims) if claims else set()
    wanted = {
        (event.call_id, event.seq): event
        for event in events
        if event.call_id not in refused
    }
    last, begun = _known_calls(connection, {call_id for call_id, _ in wanted})
    late = {key for key in wanted if key[1] <= last.get(key[0], -1)}
    known = _known(connection, late) if late else set()
    news = [wanted[key] for key in sorted(wanted) if key not in known]
    if not news:
        return refused
    connection.execute(
        add_to(call_events, connection.dialect.name),
        [_row_of(event) for event in news],
    )
    anew = {call_id for call_id, _ in late - known}
    _follow(connection, [event for event in news if event.call_id not in anew], begun)
    rebuild(connection, anew)
    return refused


def last_numbers(connection: Connection, call_ids: Collection[str]) -> dict[str, int]:
    """The number of the last event of each call that has any."""
    return _known_calls(connection, call_ids)[0]


def rebuild(connection: Connection, call_ids: Collection[str]) -> None:
    """Make the rows of some calls anew, of all their events."""
    if not call_ids:
        return
    found = connection.execute(
        select(call_events)
        .where(call_events.c.call_id.in_(call_ids))
        .order_by(call_events.c.call_id, call_events.c.seq)
    )
    rows = defaultdict[str, Rows](Rows)
    for row in found:
        rows[row.call_id].add([read_event(row).record])
    connection.execute(delete(calls).where(calls.c.call_id.in_(call_ids)))
    _write(connection, rows.values())


def read_event(row: Row[Any]) -> Event:
    record = record_of(EventKind(row.kind), row.call_id, row.data)
    return Event(row.call_id, row.seq, row.at, record)


def read_call(row: Row[Any]) -> Call:
    values = {name: getattr(row, name) for name in OF_CALL}
    return Call(**values | {"faults": tuple(row.faults)})


def _known_calls(
    connection: Connection, call_ids: Collection[str]
) -> tuple[dict[str, int], set[str]]:
    """The last event's number of each call that has any; those that have begun."""
    found = connection.execute(LAST, {"ids": list(call_ids)}).all()
    last = {call_id: seq for call_id, seq, _ in found}
    return last, {call_id for call_id, _, has_begun in found if has_begun}


def _taken(
    connection: Connection, events: Iterable[Event], claims: Collection[str]
) -> set[str]:
    """The calls that may not begin, because another has their call_sid."""
    starts = {
        event.record.call_sid: event.call_id
        for event in reversed(list(events))  # of two in one batch, the first begins
        if isinstance(event.record, CallStarted)
    }
    rows = connection.execute(TAKEN, {"sids": list(starts)})
    owners = starts | {row.call_sid: row.call_id for row in rows}
    return {
        event.call_id
        for event in events
        if isinstance(event.record, CallStarted)
        and event.call_id in claims
        and owners[event.record.call_sid] != event.call_id
    }


def _known(connection: Connection, keys: set[Key]) -> set[Key]:
    rows = connection.execute(
        select(call_events.c.call_id, call_events.c.seq).where(
            call_events.c.call_id.in_({call_id for call_id, _ in keys}),
            call_events.c.seq.in_({seq for _, seq in keys}),
        )
    )
    return {(call_id, seq) for call_id, seq in rows}


def _follow(
    connection: Connection, events: Sequence[Event], begun: Collection[str]
) -> None:
    """Bring the rows of calls up to date with what happened after all else."""
    rows = {event.call_id: Rows(event.call_id in begun) for event in events}
    moved = {event.call_id for event in events if not isinstance(event.record, APART)}
    if moved := moved.intersection(begun):
        for row in connection.execute(CALLS, {"ids": list(moved)}):
            rows[row.call_id].call = read_call(row)
    before = {call_id: found.call for call_id, found in rows.items()}
    left = {event.call_id for event in events if isinstance(event.record, Message)}
    if left:
        for row in connection.execute(MESSAGES, {"ids": list(left)}):
            rows[row.call_id].messages[row.recording_sid] = Message(**row._mapping)
    of_it = (Recording, CallEnded)
    kept = {event.call_id for event in events if isinstance(event.record, of_it)}
    if kept:
        for row in connection.execute(RECORDINGS, {"ids": list(kept)}):
            rows[row.call_id].recordings[row.began_ms] = Recording(**row._mapping)
    for event in events:
        rows[event.call_id].add([event.record])
    _write(connection, rows.values(), before)


def _write(
    connection: Connection,
    rows: Collection[Rows],
    before: Mapping[str, Call | None] | None = None,
) -> None:
    """Write rows, in place of those that have their keys."""
    before = before or {}
    _put(
        connection,
        calls,
        [x.call for x in rows if x.call and x.call != before.get(x.call.call_id)],
        SAID_ONCE,
    )
    _put(connection, turns, [y for x in rows for y in x.turns.values()])
    _put(connection, decisions, [y for x in rows for y in x.decisions.values()])
    _put(connection, latencies, [y for x in rows for y in x.latencies.values()])
    _put(connection, messages, [y for x in rows for y in x.messages.values()])
    kept = [y for x in rows for y in x.recordings.values()]
    _put(connection, recordings, kept)


def _put(
    connection: Connection,
    table: Table,
    records: Sequence[Any],
    fixed: frozenset[str] = frozenset(),
) -> None:
    if not records:
        return
    names = table.c.keys()
    connection.execute(
        put_into(table, connection.dialect.name, fixed),
        [{name: getattr(record, name) for name in names} for record in records],
    )


def _row_of(event: Event) -> dict[str, Any]:
    return {
        "call_id": event.call_id,
        "seq": event.seq,
        "at": event.at,
        "kind": event.kind.value,
        "data": data_of(event.record),
    }
