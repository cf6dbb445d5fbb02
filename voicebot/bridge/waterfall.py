"""Where the time goes between the caller's last word and the bot's first. Pure."""

from dataclasses import dataclass, replace
from typing import Literal

from voicebot.audio.framing import ULAW_BYTES_PER_SECOND
from voicebot.bridge.model import (
    BotAudio,
    BotText,
    CallerText,
    ClearCaller,
    CommitAudio,
    MarkCaller,
    MarkReturned,
    NoteDecision,
    Outcome,
    PlayToCaller,
    TurnCommitted,
)


@dataclass(frozen=True, slots=True)
class NoteLatency:
    """
    How one answer came to the caller, for the call log.

    Times are milliseconds from the start of the call, on the clock of this process. The
    same `seq` again replaces what it said before.
    """

    seq: int
    """Of the decision that the caller's turn was over (`NoteDecision.seq`)."""
    caller_seq: int | None
    """The turn that was answered (`NoteTurn.seq`)."""
    spoken_ms: int
    """The caller's last word. Estimated: a VAD takes sounds for words."""
    committed_ms: int | None
    """Measured: the turn was made an item. With `vad: server`, the news came."""
    delta_ms: int | None
    """Measured: the first audio of the answer came."""
    sent_ms: int
    """Measured: its first frame was sent to the caller's side."""
    heard_ms: int
    """The caller heard its first sound."""
    heard_by: Literal["clock", "mark"]
    """
    What `heard_ms` rests on. `clock`, an estimate: when it was due at the far end's
    buffer. `mark`, measured: the first mark behind it came back, less what plays before
    that mark; it is late by the way back.
    """
    understood_ms: int | None = None
    """Measured: the caller's words came, if they did before the answer's."""
    written_ms: int | None = None
    """Measured: the answer's first words came, if they did before its audio."""


@dataclass(slots=True)
class _Turn:
    """A turn of the caller's that is over, and not answered yet."""

    seq: int
    stale: str | None
    """The response that spoke last before; its audio answers something else."""
    committed_ms: int | None = None
    understood_ms: int | None = None
    written_ms: int | None = None
    delta_ms: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing of the answer has come."""
        return self.written_ms is None and self.delta_ms is None


@dataclass(slots=True)
class _Proof:
    """The mark that is to prove an answer's first sound."""

    note: NoteLatency
    size: int
    """Bytes that were sent before the mark, from the answer's first one on."""
    mark: str | None = None


class Waterfall:
    """Follows the events and actions of one call, each at once."""

    def __init__(self, began_at: float) -> None:
        self._began_at = began_at
        self._turn: _Turn | None = None
        self._proof: _Proof | None = None
        self._speaker: str | None = None
        self._played = PlayToCaller(b"", began_at)

    def happened(self, event: object, now: float) -> NoteLatency | None:
        """Take an event, before the actions that it leads to. Others are let pass."""
        turn, proof = self._turn, self._proof
        match event:
            case BotAudio(response_id):
                self._speaker = response_id
                if turn and turn.delta_ms is None and response_id != turn.stale:
                    turn.delta_ms = self._ms(now)
            case BotText(response_id) if turn and turn.is_open:
                if response_id != turn.stale:
                    turn.written_ms = self._ms(now)
            case CallerText() if turn and turn.is_open:
                turn.understood_ms = self._ms(now)
            case TurnCommitted() if turn and turn.committed_ms is None:
                turn.committed_ms = self._ms(now)
            case MarkReturned(name, waited_s) if proof and name == proof.mark:
                self._proof = None
                first_at = now - waited_s - proof.size / ULAW_BYTES_PER_SECOND
                # Not before it was sent: that would be a clock that is wrong.
                heard_ms = max(proof.note.sent_ms, self._ms(first_at))
                return replace(proof.note, heard_ms=heard_ms, heard_by="mark")
            case _:
                pass
        return None

    def did(self, action: object, now: float) -> NoteLatency | None:
        """Take an action as it is done. Others are let pass."""
        turn, proof = self._turn, self._proof
        match action:
            case PlayToCaller(ulaw):
                self._played = action
                if proof and proof.mark is None:
                    proof.size += len(ulaw)
            case MarkCaller(name) if proof and proof.mark is None:
                proof.mark = name
            case ClearCaller():
                self._proof = None  # marks come back now, and prove nothing
            case CommitAudio() if turn:
                turn.committed_ms = self._ms(now)
            case NoteDecision(kind="end_of_turn", outcome=Outcome.ANSWERED):
                return self._answered(action, now)
            case NoteDecision(seq, kind="end_of_turn", outcome=Outcome.UNANSWERED):
                if turn is None or turn.seq != seq:
                    self._turn = _Turn(seq, self._speaker)
            case _:
                pass
        return None

    def _answered(self, ended: NoteDecision, now: float) -> NoteLatency | None:
        """The first frame of an answer was just sent."""
        turn, self._turn = self._turn, None
        reply_ms = ended.features.get("reply_ms")
        if turn is None or turn.seq != ended.seq or not isinstance(reply_ms, int):
            return None
        sent_ms = self._ms(now)
        note = NoteLatency(
            seq=ended.seq,
            caller_seq=ended.caller_seq,
            spoken_ms=max(0, sent_ms - reply_ms),
            committed_ms=turn.committed_ms,
            delta_ms=turn.delta_ms,
            sent_ms=sent_ms,
            heard_ms=max(sent_ms, self._ms(self._played.at)),
            heard_by="clock",
            understood_ms=turn.understood_ms,
            written_ms=turn.written_ms,
        )
        self._proof = _Proof(note, len(self._played.ulaw))
        return note

    def _ms(self, at: float) -> int:
        return round((at - self._began_at) * 1000)
