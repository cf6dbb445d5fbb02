"""
What happened, as the call log keeps it: one event a record, in the order of its `seq`.

Events are only added, never changed. Adding one twice is adding it once, so whoever
doesn't know whether an event arrived sends it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import orjson

from voicebot.errors import StoreError
from voicebot.store.faults import Fault
from voicebot.store.records import (
    CallAnswered,
    CallEnded,
    CallReopened,
    CallStarted,
    Decision,
    EndReason,
    FaultNote,
    FlowNote,
    Forwarded,
    ForwardOver,
    KeyPressed,
    Latency,
    Message,
    ModelLost,
    Private,
    Record,
    Recording,
    Reviewed,
    Silenced,
    TokensUsed,
    Transcribed,
    Turn,
)
from voicebot.store.traces import packed, unpacked

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
AS_THEY_ARE: Final = frozenset({int, bool, dict, type(None)})
"""Most of what records hold; JSON has the same."""


class EventKind(StrEnum):
    """All that an event can be."""

    CALL_STARTED = "call.started"
    CALL_ANSWERED = "call.answered"
    CALL_ENDED = "call.ended"
    CALL_REOPENED = "call.reopened"
    TURN = "turn"
    DECISION = "decision"
    LATENCY = "latency"
    USAGE = "usage"
    FLOW = "flow"
    KEY = "key"
    GAP = "gap"
    FAULT = "fault"
    TRANSFER = "transfer"
    TRANSFER_OVER = "transfer.over"
    MESSAGE = "message"
    REVIEW = "review"
    TRANSCRIPTION = "transcription"
    RECORDING = "recording"
    PRIVATE = "private"
    SILENCED = "silenced"


RECORDS: Final[Mapping[EventKind, type[Record]]] = MappingProxyType(
    {
        EventKind.CALL_STARTED: CallStarted,
        EventKind.CALL_ANSWERED: CallAnswered,
        EventKind.CALL_ENDED: CallEnded,
        EventKind.CALL_REOPENED: CallReopened,
        EventKind.TURN: Turn,
        EventKind.DECISION: Decision,
        EventKind.LATENCY: Latency,
        EventKind.USAGE: TokensUsed,
        EventKind.FLOW: FlowNote,
        EventKind.KEY: KeyPressed,
        EventKind.GAP: ModelLost,
        EventKind.FAULT: FaultNote,
        EventKind.TRANSFER: Forwarded,
        EventKind.TRANSFER_OVER: ForwardOver,
        EventKind.MESSAGE: Message,
        EventKind.REVIEW: Reviewed,
        EventKind.TRANSCRIPTION: Transcribed,
        EventKind.RECORDING: Recording,
        EventKind.PRIVATE: Private,
        EventKind.SILENCED: Silenced,
    }
)

KINDS: Final = {record: kind for kind, record in RECORDS.items()}
FAULTS: Final[Mapping[str, str]] = {fault.value: fault for fault in Fault}
FIELDS: Final = {
    record: tuple(field.name for field in fields(record) if field.name != "call_id")
    for record in KINDS
}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a call."""

    call_id: str
    seq: int
    """
    Its place within the call: microseconds since 1970, or one more than the last
    event's. So a process that takes over a call needs to ask nobody for the next.
    """

    at: datetime
    """When it was noted."""

    record: Record

    @property
    def kind(self) -> EventKind:
        return KINDS[type(self.record)]


class Numbers:
    """Numbers the events of this process: they only grow, whatever the clock does."""

    def __init__(self) -> None:
        self._last = -1

    def event(self, record: Record, at: datetime) -> Event:
        """Make an event of what is noted now."""
        self._last = max(self._last + 1, number_at(at))
        return Event(record.call_id, self._last, at, record)


def number_at(at: datetime) -> int:
    """The number of an event that is noted at a time, if no other is."""
    return (at - EPOCH) // MICROSECOND


def data_of(record: Record) -> dict[str, Any]:
    """Return a record as JSON has it, without its call."""
    return {
        name: value
        if type(value := getattr(record, name)) in AS_THEY_ARE
        else _plain(name, value)
        for name in FIELDS[type(record)]
    }


def record_of(kind: EventKind, call_id: str, data: Mapping[str, Any]) -> Record:
    """Return the record that `data_of` wrote."""
    values = {name: _rich(name, value) for name, value in data.items()}
    return RECORDS[kind](call_id=call_id, **values)


def line_of(event: Event) -> bytes:
    """Write an event as one line of JSON."""
    return orjson.dumps(
        {
            "call_id": event.call_id,
            "seq": event.seq,
            "at": event.at,
            "kind": event.kind,
            "data": data_of(event.record),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def event_of(line: bytes) -> Event:
    """
    Read what `line_of` wrote.

    Raises:
        StoreError: it is something else, or only a part of it. The text has nothing
            of it.
    """
    try:
        found = orjson.loads(line)
        kind = EventKind(found["kind"])
        record = record_of(kind, found["call_id"], found["data"])
        at = datetime.fromisoformat(found["at"])
        return Event(found["call_id"], found["seq"], at, record)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise StoreError(f"expected an event, got {len(line)} other bytes") from None


def _plain(name: str, value: Any) -> Any:
    match value:
        case str():
            short = packed(value) if name == "trace" else value
            return _storable(short)
        case datetime():
            if value.tzinfo is None:
                raise ValueError(f"{name}: expected an instant with a time zone")
            return value.astimezone(UTC).isoformat()
        case tuple():
            return list(value)
        case _:
            return value


def _rich(name: str, value: Any) -> Any:
    match name, value:
        case "trace", str():
            return unpacked(value)
        case (("started_at" | "answered_at" | "ended_at" | "received_at"), str()):
            return datetime.fromisoformat(value)
        case "end_reason", str():
            return EndReason(value)
        case "faults", list():
            return tuple(map(_fault, value))
        case "code", str():
            return _fault(value)
        case _:
            return value


def _fault(code: str) -> str:
    """Return a fault's code as what it is; those of older releases stay as they are."""
    return FAULTS.get(code, code)


def _storable(text: str) -> str:
    """What PostgreSQL can't keep, or UTF-8 can't say, becomes a replacement sign."""
    if text.isascii() and "\0" not in text:
        return str(text)
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
