"""The decisions about the caller's turns, as the call log gets them."""

from dataclasses import replace

from voicebot.audio.framing import FRAME_MS
from voicebot.audio.vad import VadFrame
from voicebot.bridge.endpointing import Endpointing
from voicebot.bridge.interruption import Attempt
from voicebot.bridge.model import NoteDecision, Outcome, Rule
from voicebot.bridge.settings import Settings
from voicebot.bridge.turns import TurnDetector

Features = dict[str, int | float | str]


class Journal:
    """
    Numbers the decisions of a call and writes them down, in ms from its start.

    All take the detector as it is when the decision falls, before it is reset.

    Attributes:
        settings: in force when a decision falls.
    """

    def __init__(self, began_at: float, settings: Settings) -> None:
        self._began_at = began_at
        self.settings = settings
        self._count = 0

    def features(
        self,
        detector: TurnDetector,
        frame: VadFrame,
        gate_dbov: float,
        factor: float,
    ) -> Features:
        """
        Note what a decision to pause or to stop rests on.

        Args:
            frame: the last one.
            gate_dbov: what it had to exceed not to be the bot's echo.
            factor: how much more, or less, than `min_ms` it takes in this call.
        """
        wants = self.settings.barge_in
        return {
            "owner": self.settings.owner,
            "level_dbov": round(frame.dbov),
            "floor_dbov": round(frame.floor_dbov),
            "gate_dbov": round(gate_dbov),
            "evidence_ms": round(detector.evidence.ms),
            "speech_ms": detector.evidence.speech_ms,
            "min_ms": wants.min_ms,
            "confirm_ms": wants.confirm_ms,
            "decide_ms": wants.decide_ms,
            "factor": round(factor, 2),
        }

    def at_once(
        self,
        rule: Rule,
        outcome: Outcome,
        detector: TurnDetector,
        features: Features,
        caller_seq: int | None,
        now: float,
    ) -> NoteDecision:
        """A decision about an interruption that fell without a pause."""
        if outcome is Outcome.CONFIRMED:
            features["stop_after_ms"] = detector.turn_ms
        self._count += 1
        return NoteDecision(
            seq=self._count,
            kind="barge_in",
            at_ms=self._ms(now) - detector.turn_ms,
            decided_ms=self._ms(now),
            rule=rule,
            outcome=outcome,
            caller_seq=caller_seq,
            trace=detector.trace,
            features=features,
        )

    def after_pause(
        self,
        attempt: Attempt,
        rule: Rule,
        outcome: Outcome,
        caller_seq: int | None,
        now: float,
    ) -> NoteDecision:
        """The verdict on an attempt; a later one replaces it."""
        if attempt.note is None:
            self._count += 1
        stop_s = attempt.paused_at - attempt.began_at
        features: Features = {
            "evidence_ms": round(attempt.evidence_ms),
            "speech_ms": attempt.speech_ms,
            "stop_after_ms": round(stop_s * 1000),
        }
        if attempt.resumed_at is not None:
            gap_s = attempt.resumed_at - attempt.paused_at
            features["gap_ms"] = round(gap_s * 1000)
        attempt.note = NoteDecision(
            seq=attempt.note.seq if attempt.note else self._count,
            kind="barge_in",
            at_ms=self._ms(attempt.began_at),
            decided_ms=self._ms(now),
            rule=rule,
            outcome=outcome,
            caller_seq=caller_seq,
            trace=attempt.trace,
            features=attempt.features | features,
        )
        return attempt.note

    def turn_ended(
        self,
        rule: Rule,
        detector: TurnDetector,
        ends: Endpointing,
        caller_seq: int | None,
        now: float,
    ) -> NoteDecision:
        """Why a turn was taken for over; what comes of it is written later."""
        self._count += 1
        return NoteDecision(
            seq=self._count,
            kind="end_of_turn",
            at_ms=max(0, self._ms(now) - detector.turn_ms),
            decided_ms=self._ms(now),
            rule=rule,
            outcome=Outcome.UNANSWERED,
            caller_seq=caller_seq,
            trace=detector.trace,
            features={
                "owner": self.settings.owner,
                "profile": ends.profile,
                "own_profile": self.settings.listening.profile,
                "silence_ms": detector.silent_ms,
                "wanted_ms": ends.silence_ms,
                "turn_ms": detector.turn_ms,
                "speech_ms": detector.evidence.speech_ms,
                "pace": round(ends.pace, 2),
            },
        )

    def _ms(self, at: float) -> int:
        return max(0, round((at - self._began_at) * 1000))


def answered(ended: NoteDecision, reply_ms: int) -> NoteDecision:
    """The caller was silent until the answer came."""
    features = {**ended.features, "reply_ms": reply_ms}
    return replace(ended, outcome=Outcome.ANSWERED, features=features)


def too_early(
    ended: NoteDecision, pause_ms: int, detector: TurnDetector
) -> NoteDecision:
    """The caller went on after a pause that was taken for the end."""
    waited_ms = ended.features["silence_ms"]
    assert isinstance(waited_ms, int)
    silence = "." * max(0, (pause_ms - waited_ms) // FRAME_MS)
    return replace(
        ended,
        outcome=Outcome.TOO_EARLY,
        trace=ended.trace + silence + detector.trace,
        features={**ended.features, "went_on_after_ms": pause_ms},
    )
