"""
What a call's events come to: the rows of `calls`, `turns`, `decisions`, `latencies`,
`messages` and `recordings`.

The one place that says so. A batch of new events goes through it as all events of a
call do when its rows are made anew, so both come to the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from voicebot.store.faults import Fault
from voicebot.store.records import (
    Call,
    CallAnswered,
    CallEnded,
    CallReopened,
    CallStarted,
    Decision,
    EndReason,
    FaultNote,
    Latency,
    Message,
    Record,
    Recording,
    Reviewed,
    TokensUsed,
    Transcribed,
    Turn,
)

AFTERWARDS: Final[tuple[str, ...]] = ("review", "transcription")
"""What is paid when a call is over, and so isn't in what its end says."""

APART: Final = (Turn, Decision, Latency, Message)
"""Most of what happens. It leaves its call's row as it is, so that isn't read."""


@dataclass(slots=True)
class Rows:
    """The rows of one call: all of them, or those that some events changed."""

    begun: bool = False
    """Else there are no rows at all."""

    call: Call | None = None
    """None: it hasn't begun, or all that happens is `APART`."""

    turns: dict[int, Turn] = field(default_factory=dict)
    decisions: dict[int, Decision] = field(default_factory=dict)
    latencies: dict[int, Latency] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    recordings: dict[int, Recording] = field(default_factory=dict)

    def add(self, records: Iterable[Record]) -> None:
        """Let more have happened. Records come in the order of their events."""
        for record in records:
            if not self.begun:
                if isinstance(record, CallStarted):
                    self.begun, self.call = True, call_of(record)
                continue
            match record:
                case Turn():
                    self.turns[record.seq] = record
                case Decision():
                    self.decisions[record.seq] = record
                case Latency():
                    self.latencies[record.seq] = record
                case Message():
                    sid = record.recording_sid
                    self.messages[sid] = merged(self.messages.get(sid), record)
                case _:
                    self.call = self.call and self._changed(self.call, record)

    def _changed(self, call: Call, record: Record) -> Call:
        match record:
            case Reviewed() | Transcribed():
                return dearer(call, record.cost)
            case FaultNote(code=code) if code not in call.faults:
                return replace(call, faults=(*call.faults, code))
            case Recording(began_ms=at):
                self.recordings[at] = joined(self.recordings.get(at), record)
                return recorded(call, self.recordings)
            case CallAnswered() | CallEnded() | CallReopened() | TokensUsed():
                # A stream's recording may be kept before the call is over.
                return recorded(moved(call, record), self.recordings)
            case _:
                return call  # it has no row: who wants to know reads the events


def call_of(start: CallStarted) -> Call:
    """Return the row of a call that has just begun."""
    return Call(
        call_id=start.call_id,
        call_sid=start.call_sid,
        account_sid=start.account_sid,
        from_number=start.from_number,
        to_number=start.to_number,
        direction=start.direction,
        persona=start.persona,
        route=start.route,
        dialplan_revision=start.dialplan_revision,
        started_at=start.started_at,
        answered_at=None,
        stream_sid=None,
        ended_at=None,
        duration_ms=None,
        end_reason=None,
        ended_by=None,
        faults=(),
        recording=None,
        recording_ms=None,
        usage={},
        instance_id=start.instance_id,
    )


def moved(
    call: Call, record: CallAnswered | CallEnded | CallReopened | TokensUsed
) -> Call:
    """
    Move a call on.

    Of what it costs, and of what went wrong, each event tells a part, and its end tells
    all but what comes afterwards; of a process that died, the parts stand.

    Its first stream stands, and its first end, unless it goes on behind that. That its
    process died is what others presume, until somebody knows better: a process that
    was only cut off does.
    """
    if isinstance(record, CallReopened):
        return replace(
            call, ended_at=None, duration_ms=None, end_reason=None, ended_by=None
        )
    presumed = call.end_reason is EndReason.NODE_CRASH
    if call.ended_at is not None and not presumed:
        return call
    if isinstance(record, CallAnswered):
        if call.answered_at is not None:
            return call
        return replace(
            call, answered_at=record.answered_at, stream_sid=record.stream_sid
        )
    if isinstance(record, TokensUsed):
        usage = summed(call.usage, record.usage)
        return dearer(replace(call, usage=usage), record.cost)
    crashed = record.end_reason is EndReason.NODE_CRASH
    if presumed and crashed:
        return call
    if crashed:
        faults, usage, cost = (*call.faults, *record.faults), call.usage, call.cost
    else:
        known = (x for x in call.faults if x is not Fault.NODE_CRASH)
        faults, usage = (*record.faults, *known), record.usage
        later = {name: call.cost[name] for name in AFTERWARDS if name in call.cost}
        cost = {**record.cost, **later}
    return replace(
        call,
        ended_at=record.ended_at,
        duration_ms=record.duration_ms,
        end_reason=record.end_reason,
        ended_by=record.ended_by,
        faults=tuple(dict.fromkeys(faults)),
        recording=record.recording,
        recording_ms=record.recording_ms,
        usage=usage,
        cost=cost,
        cost_ucny=sum(cost.values()),
        waited_ms=record.waited_ms,
    )


def dearer(call: Call, more: Mapping[str, int]) -> Call:
    """Add what a call has cost besides."""
    cost = summed(call.cost, more)
    return replace(call, cost=cost, cost_ucny=sum(cost.values()))


def summed(some: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Add counts up, each kind by itself."""
    return {kind: some.get(kind, 0) + more.get(kind, 0) for kind in {**some, **more}}


def merged(known: Message | None, news: Message) -> Message:
    """Put a message together: its parts come in any order, and each tells a bit."""
    if known is None:
        return news
    return replace(
        known,
        url=known.url if news.url is None else news.url,
        duration_s=known.duration_s if news.duration_s is None else news.duration_s,
        transcription=known.transcription
        if news.transcription is None
        else news.transcription,
    )


def joined(known: Recording | None, news: Recording) -> Recording:
    """Put together what is known of a recording."""
    if known is None:
        return news
    if news.gone:
        return replace(news, keep_days=news.keep_days or known.keep_days)
    given = {
        name: value
        for name in ("keep_days", "place", "recording_ms", "size_bytes", "sha256")
        if (value := getattr(news, name)) is not None
    }
    return replace(known, **given, gone=False)


def recorded(call: Call, recordings: Mapping[int, Recording]) -> Call:
    """Say in a call's row where its first recording is, not where it was made."""
    there = [recordings[at] for at in sorted(recordings) if recordings[at].place]
    if there:
        first = there[0]
        return replace(call, recording=first.place, recording_ms=first.recording_ms)
    if any(each.gone for each in recordings.values()):
        return replace(call, recording=None, recording_ms=None)
    return call
