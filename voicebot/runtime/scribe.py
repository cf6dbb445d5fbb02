"""Writes down what becomes of calls, while they go on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from voicebot.bridge.model import NoteDecision, NoteTurn
from voicebot.bridge.waterfall import NoteLatency
from voicebot.flow.model import NoteEvent
from voicebot.flow.review import Review
from voicebot.runtime.live import Earlier
from voicebot.store.events import EventKind
from voicebot.store.faults import Fault
from voicebot.store.private_turns import PrivateTurns
from voicebot.store.records import (
    ENDED_BY,
    Call,
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
from voicebot.store.redaction import CAUTIOUS, Policy, Redactor
from voicebot.store.usage import Prices, asr_cost_of, chat_cost_of, cost_of
from voicebot.store.writer import Writer

NOTHING_EARLIER = Earlier()
LIST_PRICES = Prices()


@dataclass(slots=True)
class _Extent:
    """How much was written down of a call that isn't over."""

    turns: int = 0
    decisions: int = 0


# Behind all that may have been written of a call that isn't ours, or was over.
UNKNOWN: Final = _Extent(100_000, 100_000)


class Scribe:
    """
    Takes what calls tell, at once, as records: no call waits for the disk.

    Args:
        prices: what is paid.
        over: is told of each call that is over, by its ID.
    """

    def __init__(
        self,
        writer: Writer,
        prices: Prices = LIST_PRICES,
        over: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._writer = writer
        self._prices, self._over = prices, over
        self._extents: dict[str, _Extent] = {}
        self._turns: dict[str, PrivateTurns] = {}

    async def started(self, call: CallStarted) -> bool:
        """
        A call comes in; on return that is on disk.

        Returns:
            Whether it is new: False if Twilio asks again about a call_sid.

        Raises:
            StoreError: it can't be written anywhere.
        """
        new = await self._writer.start(call)
        if new:
            self._extents[call.call_id] = _Extent()
        return new

    def answered(self, call_id: str, stream_sid: str) -> None:
        at = now()
        self._writer.note(CallAnswered(call_id, stream_sid, at), at)

    def turn(
        self, call_id: str, turn: NoteTurn, earlier: Earlier = NOTHING_EARLIER
    ) -> None:
        """A turn of a call, or what has become known of one."""
        seq = earlier.turns + turn.seq
        if extent := self._extents.get(call_id):
            extent.turns = max(extent.turns, seq + 1)
        row = Turn(
            call_id=call_id,
            seq=seq,
            who=turn.who,
            item_id=turn.item_id,
            response_id=turn.response_id,
            started_ms=earlier.ms + turn.started_ms,
            ended_ms=earlier.ms + turn.ended_ms,
            generated_text=turn.generated_text,
            heard_text=turn.heard_text,
            generated_ms=turn.generated_ms,
            heard_ms=turn.heard_ms,
            proved_ms=turn.proved_ms,
            interrupted=turn.interrupted,
            reply_ms=turn.reply_ms,
        )
        # A turn that comes when the call is over has no policy any more.
        turns = self._turns.get(call_id) or PrivateTurns(CAUTIOUS)
        self._write(call_id, turns, turns.turn(row))

    def _write(self, call_id: str, turns: PrivateTurns, rows: tuple[Turn, ...]) -> None:
        # What is to be silent first: no crash leaves a masked turn without it.
        news: tuple[Record, ...] = turns.news(call_id)
        for record in news + rows:
            self._writer.note(record, now())

    def private(self, call_id: str, policy: Policy) -> None:
        self._turns.setdefault(call_id, PrivateTurns(policy))

    def know(self, call_id: str, name: str, value: str) -> None:
        if turns := self._turns.get(call_id):
            self._write(call_id, turns, turns.know(name, value))

    def decision(
        self, call_id: str, decision: NoteDecision, earlier: Earlier = NOTHING_EARLIER
    ) -> None:
        """A decision of a call, or what came of one."""
        seq = earlier.decisions + decision.seq
        if extent := self._extents.get(call_id):
            extent.decisions = max(extent.decisions, seq + 1)
        caller_seq = decision.caller_seq
        row = Decision(
            call_id=call_id,
            seq=seq,
            kind=decision.kind,
            at_ms=earlier.ms + decision.at_ms,
            decided_ms=earlier.ms + decision.decided_ms,
            rule=decision.rule.value,
            outcome=decision.outcome.value,
            caller_seq=None if caller_seq is None else earlier.turns + caller_seq,
            trace=decision.trace,
            features=dict(decision.features),
        )
        self._writer.note(row, now())

    def latency(
        self, call_id: str, note: NoteLatency, earlier: Earlier = NOTHING_EARLIER
    ) -> None:
        """How an answer came to the caller, or what has become known of it."""

        def at(ms: int | None) -> int | None:
            return None if ms is None else earlier.ms + ms

        caller_seq = note.caller_seq
        row = Latency(
            call_id=call_id,
            seq=earlier.decisions + note.seq,
            caller_seq=None if caller_seq is None else earlier.turns + caller_seq,
            spoken_ms=earlier.ms + note.spoken_ms,
            committed_ms=at(note.committed_ms),
            delta_ms=at(note.delta_ms),
            sent_ms=earlier.ms + note.sent_ms,
            heard_ms=earlier.ms + note.heard_ms,
            heard_by=note.heard_by,
            understood_ms=at(note.understood_ms),
            written_ms=at(note.written_ms),
        )
        self._writer.note(row, now())

    def usage(self, call_id: str, usage: Mapping[str, int], at_ms: int) -> int:
        """
        An answer was billed.

        Returns:
            What it costs, in millionths of a yuan.
        """
        cost = cost_of(self._prices, usage)
        self._writer.note(TokensUsed(call_id, at_ms, dict(usage), cost), now())
        return sum(cost.values())

    def flow(self, call_id: str, note: NoteEvent, at_ms: int) -> None:
        """Something that was decided about a call."""
        record = FlowNote(call_id, at_ms, note.kind, note.name, note.detail)
        self._writer.note(record, now())

    def key(self, call_id: str, at_ms: int, digit: str) -> None:
        """The caller pressed a key; empty: which one is private."""
        self._writer.note(KeyPressed(call_id, at_ms, digit), now())

    def model_lost(self, call_id: str, at_ms: int) -> None:
        """The call goes on without a model."""
        self._writer.note(ModelLost(call_id, at_ms), now())

    def fault(self, call_id: str, code: Fault, at_ms: int) -> None:
        """Something goes wrong that hasn't in this stream of the call."""
        self._writer.note(FaultNote(call_id, at_ms, code), now())

    def forwarded(self, call_id: str, step: str, target: str | None) -> None:
        """A call leaves its stream, or comes back."""
        self._writer.note(Forwarded(call_id, step, target), now())

    def forward_over(self, call_id: str, status: str) -> None:
        """Twilio says how a transfer went."""
        self._writer.note(ForwardOver(call_id, status), now())

    def recording(self, recording: Recording) -> None:
        """A recording begins, or is somewhere."""
        self._writer.note(recording, now())

    def goes_on(self, call_id: str) -> bool:
        """Whether more may become known of what was said in a call."""
        return call_id in self._extents or call_id in self._turns

    async def private_in(self, call_id: str) -> list[Record]:
        """
        Read what is to be silent in a call's recordings, and what was noted to be.

        Raises:
            StoreError: the log can't be read.
        """
        kinds = (EventKind.PRIVATE, EventKind.SILENCED)
        return [x.record for x in await self._writer.store.events(call_id, kinds)]

    def to_silence(self, note: Private) -> None:
        """Something turned out to be private when the call was over."""
        self._writer.note(note, now())

    def turn_again(self, turn: Turn) -> None:
        """A turn of a call that is over; nothing in it is private."""
        self._writer.note(turn, now())

    async def silenced(self, note: Silenced) -> None:
        """A recording is about to be silenced; on return that is on disk."""
        self._writer.note(note, now())
        await self._writer.written()

    async def message(self, message: Message) -> None:
        """
        A message, or what became known of one; on return that is on disk.

        What is None leaves what was known as it is.
        """
        if message.transcription is not None:
            masked = Redactor(CAUTIOUS).alone(0, message.transcription).text
            message = replace(message, transcription=masked)
        self._writer.note(message, now())
        await self._writer.written()

    def reviewed(self, call_id: str, review: Review, usage: Mapping[str, int]) -> None:
        """A model found something out about a call that is over."""
        cost = chat_cost_of(self._prices, usage)
        record = Reviewed(
            call_id,
            review.summary,
            review.disposition,
            review.extracted,
            dict(usage),
            {"review": cost} if cost else {},
        )
        self._writer.note(record, now())

    def relay(self, record: Record, at: datetime) -> None:
        """Take what the scribe of another process of this server has written."""
        self._writer.note(record, at)
        if extent := self._extents.get(record.call_id):
            if isinstance(record, Turn):
                extent.turns = max(extent.turns, record.seq + 1)
            elif isinstance(record, Decision):
                extent.decisions = max(extent.decisions, record.seq + 1)

    def let_go(self, call_id: str) -> None:
        """Write what was held back of a call's turns: nothing more comes of it here."""
        if turns := self._turns.pop(call_id, None):
            self._write(call_id, turns, turns.finish())

    def transcribed(
        self,
        call_id: str,
        audio_ms: int,
        *,
        turn: Turn | None = None,
        message: Message | None = None,
    ) -> None:
        """
        A turn, or a message, of a call that is over was transcribed.

        Args:
            audio_ms: so much was listened to.
            turn: as it may be written down; its words may be empty.
            message: the same, without what is private: that is looked for here.
        """
        if message and message.transcription:
            masked = Redactor(CAUTIOUS).alone(0, message.transcription).text
            message = replace(message, transcription=masked)
        found = False
        if turn and turn.generated_text:
            found = True
            self._writer.note(turn, now())
        if message and message.transcription:
            found = True
            self._writer.note(message, now())
        cost = asr_cost_of(self._prices, audio_ms)
        record = Transcribed(
            call_id,
            turn.seq if turn else None,
            message.recording_sid if message else None,
            audio_ms,
            found,
            {"transcription": cost} if cost else {},
        )
        self._writer.note(record, now())

    def ended(self, end: CallEnded) -> None:
        """A call is over. What it cost is added here."""
        self._extents.pop(end.call_id, None)
        self.let_go(end.call_id)
        cost = cost_of(self._prices, end.usage, end.duration_ms)
        self._writer.note(replace(end, cost=cost), now())
        self._over(end.call_id)

    def reopened(self, call_id: str) -> None:
        """A call that was over goes on."""
        self._writer.note(CallReopened(call_id), now())

    def extent(self, call_id: str) -> tuple[int, int]:
        """The numbers of the next turn and the next decision of a call."""
        extent = self._extents.get(call_id, UNKNOWN)
        return extent.turns, extent.decisions

    async def written(self) -> None:
        """Wait until all that was noted so far is on disk."""
        await self._writer.written()

    async def stored(self) -> None:
        """Wait until all that was noted so far can be read from the call log."""
        await self._writer.stored()

    async def call_by_sid(self, call_sid: str) -> Call | None:
        """
        Read a call, with all that was noted of it.

        Raises:
            StoreError: it isn't one of this process, and the log can't be read.
        """
        return await self._writer.call_by_sid(call_sid)


class Diary:
    """Takes what one stream of a call tells."""

    def __init__(self, scribe: Scribe, call_id: str, earlier: Earlier) -> None:
        self._scribe, self._call_id, self._earlier = scribe, call_id, earlier

    def turn(self, turn: NoteTurn) -> None:
        self._scribe.turn(self._call_id, turn, self._earlier)

    def decision(self, decision: NoteDecision) -> None:
        self._scribe.decision(self._call_id, decision, self._earlier)

    def latency(self, note: NoteLatency) -> None:
        self._scribe.latency(self._call_id, note, self._earlier)

    def usage(self, usage: Mapping[str, int], at_ms: float) -> int:
        return self._scribe.usage(self._call_id, usage, self._at(at_ms))

    def flow(self, note: NoteEvent, at_ms: float) -> None:
        self._scribe.flow(self._call_id, note, self._at(at_ms))

    def know(self, name: str, value: str) -> None:
        self._scribe.know(self._call_id, name, value)

    def key(self, at_ms: float, digit: str) -> None:
        self._scribe.key(self._call_id, self._at(at_ms), digit)

    def model_lost(self, at_ms: float) -> None:
        self._scribe.model_lost(self._call_id, self._at(at_ms))

    def fault(self, code: Fault, at_ms: float) -> None:
        self._scribe.fault(self._call_id, code, self._at(at_ms))

    def _at(self, at_ms: float) -> int:
        return self._earlier.ms + round(at_ms)


def ending(
    call_id: str,
    reason: EndReason,
    duration_ms: int,
    faults: tuple[Fault, ...],
    *,
    recording: str | None = None,
    recording_ms: int | None = None,
    usage: dict[str, int] | None = None,
) -> CallEnded:
    return CallEnded(
        call_id=call_id,
        ended_at=now(),
        duration_ms=duration_ms,
        end_reason=reason,
        ended_by=ENDED_BY[reason],
        faults=faults,
        recording=recording,
        recording_ms=recording_ms,
        usage=usage or {},
    )


def now() -> datetime:
    return datetime.now(UTC)
