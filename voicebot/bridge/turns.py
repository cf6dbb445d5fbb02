"""When the caller begins and ends a turn, from a VAD's decisions alone."""

from dataclasses import dataclass
from enum import StrEnum

from voicebot.audio.framing import FRAME_MS
from voicebot.audio.level import FLOOR_DBOV
from voicebot.audio.vad import VadFrame
from voicebot.bridge.evidence import (
    ONSET_GAP_MS,
    ONSET_MS,
    SHORT_SPEECH_MS,
    Evidence,
    letter,
)

# Behind the caller there may be a radio, or a room full of people. What is so much
# softer than the caller's loudest sound of late isn't the caller: no half second of
# theirs is without a syllable that is louder. Known once a turn has gone on so long.
BACKGROUND_DB = 10.0
FADES_DB = 0.05  # a frame: 2.5 dB a second
KNOWN_MS = 1500

SOFTER_NEEDS = 1.5  # times the evidence, of what is softer than asked for


class Change(StrEnum):
    STARTED = "started"
    STOPPED = "stopped"
    WENT_ON = "went on"  # after a pause that was no end: `TurnDetector.pause_ms`
    FADED = "faded"  # what had begun was too little for a turn


@dataclass(slots=True, init=False)
class Needs:
    """What makes a turn of an onset. Made for nearly every frame, and not changed."""

    evidence_ms: float
    """Speech, weighed by what it sounds like."""
    level_dbov: float
    """Its loudest frame must be as loud as this."""
    softer_db: float
    """... or softer by this much, if there is half as much evidence again."""
    told_ms: float | None
    """If given, nothing begins before `Evidence.tells`; when late, so much will do."""
    late: bool
    """It is late, though the onset isn't so long ago: there was a voice before it."""
    onset_ms: int
    """Speech, whatever it sounds like."""

    def __init__(
        self,
        evidence_ms: float = 0.0,
        level_dbov: float = FLOOR_DBOV,
        softer_db: float = 0.0,
        told_ms: float | None = None,
        late: bool = False,
        onset_ms: int = ONSET_MS,
    ) -> None:
        self.evidence_ms = evidence_ms
        self.level_dbov = level_dbov
        self.softer_db = softer_db
        self.told_ms = told_ms
        self.late = late
        self.onset_ms = onset_ms


class TurnDetector:
    """
    Onset and end of the caller's turns.

    Time is measured in audio: one decision is 20 ms of the caller's line.

    Args:
        max_turn_ms: a turn is ended after this much, silence or not.
    """

    def __init__(self, max_turn_ms: int) -> None:
        self.max_turn_ms = max_turn_ms
        self.speaking = False
        self.silent_ms = 0
        """Silence since the last speech."""
        self.evidence = Evidence()
        """What was heard in this turn, or in the onset that may become one."""
        self.peak_dbov = FLOOR_DBOV
        """The loudest frame of its speech."""
        self.pause_ms = 0
        """The last silence inside of the turn, after which the caller went on."""
        self._loud_dbov = FLOOR_DBOV
        self._letters: list[str] = []

    @property
    def turn_ms(self) -> int:
        """Time since the first speech of this turn or onset; 0 if there is none."""
        return len(self._letters) * FRAME_MS

    @property
    def trace(self) -> str:
        """A letter a frame since then: see `NoteDecision.trace`."""
        return "".join(self._letters)

    def push(
        self, frame: VadFrame, needs: Needs | None, end_silence_ms: int
    ) -> Change | None:
        """
        Take the VAD's decision on the next frame.

        Args:
            needs: what makes a turn; None while none may begin (an onset that goes on
                until one may, then does).
            end_silence_ms: silence that ends a turn.
        """
        silent_ms = self.silent_ms
        if frame.speech and not self._is_background(frame):
            self.silent_ms = 0
            self.peak_dbov = max(self.peak_dbov, frame.dbov)
            self._loud_dbov = max(self._loud_dbov - FADES_DB, frame.dbov)
        else:
            self.silent_ms += FRAME_MS
        if frame.speech or self._letters:
            heard = letter(frame, self.peak_dbov)
            self._letters.append(heard)
            self.evidence.add(heard)
        if self.speaking:
            return self._in_turn(silent_ms, end_silence_ms)
        if needs and self._suffices(needs):
            self.speaking = True
            return Change.STARTED
        if self._letters and self.silent_ms >= ONSET_GAP_MS:
            return Change.FADED
        return None

    @property
    def idle(self) -> bool:
        """Whether nothing has begun, so that only speech can change anything."""
        return not self._letters

    def reset(self) -> None:
        """The turn is over. When the last speech was heard is still known."""
        self.speaking = False
        self.evidence = Evidence()
        self.peak_dbov = self._loud_dbov = FLOOR_DBOV
        self.pause_ms = 0
        self._letters = []

    def _in_turn(self, silent_ms: int, end_silence_ms: int) -> Change | None:
        over = self.silent_ms >= end_silence_ms
        if over or self.turn_ms >= self.max_turn_ms:
            self.speaking = False
            return Change.STOPPED
        if not self.silent_ms and silent_ms >= SHORT_SPEECH_MS:
            self.pause_ms = silent_ms
            return Change.WENT_ON
        return None

    def _is_background(self, frame: VadFrame) -> bool:
        known = self.speaking and self.turn_ms >= KNOWN_MS
        return known and frame.dbov < self._loud_dbov - BACKGROUND_DB

    def _suffices(self, needs: Needs) -> bool:
        missing_db = needs.level_dbov - self.peak_dbov
        if missing_db > needs.softer_db or self.evidence.speech_ms < needs.onset_ms:
            return False
        softer = SOFTER_NEEDS if missing_db > 0 else 1.0
        if needs.told_ms is not None:
            late = needs.late or self.evidence.late
            evidence_ms = needs.told_ms if late else needs.evidence_ms
            enough = self.evidence.ms >= evidence_ms * softer
            return enough and (late or self.evidence.tells)
        if not needs.evidence_ms:
            return True
        return self.evidence.suffices(needs.evidence_ms * softer, needs.onset_ms)
