"""Writes down what becomes of calls, while they go on."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog

from voicebot.bridge.model import NoteDecision, NoteTurn
from voicebot.errors import StoreError
from voicebot.runtime.live import Earlier
from voicebot.store.calls import CallStore
from voicebot.store.records import ENDED_BY, CallEnded, Decision, EndReason, Turn

log = structlog.get_logger()

Write = Callable[[], Awaitable[object]]

NOTHING_EARLIER = Earlier()

# Records that wait for the disk, over all calls: minutes of it.
MAX_UNWRITTEN = 10_000

WRITE_AGAIN_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # a disk that is full, or locked


class Scribe:
    """
    Takes records at once and writes them in order, in a task of its own: no call waits
    for the disk.
    """

    def __init__(self, store: CallStore) -> None:
        self._store = store
        self._unwritten: asyncio.Queue[Write] = asyncio.Queue(MAX_UNWRITTEN)

    def answered(self, call_id: str, stream_sid: str) -> None:
        at = now()
        self._write(lambda: self._store.call_answered(call_id, stream_sid, at))

    def turn(
        self, call_id: str, turn: NoteTurn, earlier: Earlier = NOTHING_EARLIER
    ) -> None:
        """A turn of a call, or what has become known of one."""
        row = Turn(
            call_id=call_id,
            seq=earlier.turns + turn.seq,
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
        self._write(lambda: self._store.add_turn(row))

    def decision(
        self, call_id: str, decision: NoteDecision, earlier: Earlier = NOTHING_EARLIER
    ) -> None:
        """A decision of a call, or what came of one."""
        caller_seq = decision.caller_seq
        row = Decision(
            call_id=call_id,
            seq=earlier.decisions + decision.seq,
            kind=decision.kind,
            at_ms=earlier.ms + decision.at_ms,
            decided_ms=earlier.ms + decision.decided_ms,
            rule=decision.rule.value,
            outcome=decision.outcome.value,
            caller_seq=None if caller_seq is None else earlier.turns + caller_seq,
            trace=decision.trace,
            features=dict(decision.features),
        )
        self._write(lambda: self._store.add_decision(row))

    def ended(self, end: CallEnded) -> None:
        self._write(lambda: self._store.call_ended(end))

    def reopened(self, call_id: str) -> None:
        """A call that was over goes on."""
        self._write(lambda: self._store.call_reopened(call_id))

    def _write(self, write: Write) -> None:
        try:
            self._unwritten.put_nowait(write)
        except asyncio.QueueFull:
            log.error("record lost: the disk is too slow")

    async def write(self) -> None:
        """Write what calls have noted, for ever, in order; what fails, again."""
        while True:
            write = await self._unwritten.get()
            try:
                await self._insist(write)
            finally:
                self._unwritten.task_done()

    async def _insist(self, write: Write) -> None:
        for pause_s in WRITE_AGAIN_S:
            try:
                await write()
            except StoreError as exc:
                log.error("call log fails", error=str(exc), again_in_s=pause_s)
                await asyncio.sleep(pause_s)
            else:
                return
        log.error("record lost")

    async def written(self) -> None:
        """Wait until all that was noted so far is on disk."""
        await self._unwritten.join()


def ending(
    call_id: str,
    reason: EndReason,
    duration_ms: int,
    faults: tuple[str, ...],
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
