"""When the caller begins and ends a turn, from a VAD's decisions alone."""

from enum import StrEnum

from voicebot.audio.framing import FRAME_MS

# A pause inside a word or between two words that doesn't undo a beginning turn.
ONSET_GAP_MS = 200


class Change(StrEnum):
    STARTED = "started"
    STOPPED = "stopped"


class TurnDetector:
    """
    Onset and end of the caller's turns.

    Time is measured in audio: one decision is 20 ms of the caller's line.

    Args:
        end_silence_ms: silence that ends a turn.
        max_turn_ms: a turn is ended after this much, silence or not.
    """

    def __init__(self, end_silence_ms: int, max_turn_ms: int) -> None:
        self._end_silence_ms = end_silence_ms
        self._max_turn_ms = max_turn_ms
        self.speaking = False
        self.voiced_ms = 0
        """Speech heard in this turn, or in the onset that may become one."""
        self.silent_ms = 0
        """Silence since the last speech."""
        self.turn_ms = 0
        """Time since the first speech of this turn or onset; 0 if there is none."""

    def push(self, speech: bool, min_ms: int | None) -> Change | None:
        """
        Take the VAD's decision on the next frame.

        Args:
            min_ms: speech that makes a turn; None while none may begin (an onset
                that goes on until one may, then does).
        """
        if speech:
            self.voiced_ms += FRAME_MS
            self.silent_ms = 0
        else:
            self.silent_ms += FRAME_MS
        if self.voiced_ms:
            self.turn_ms += FRAME_MS
        if self.speaking:
            over = self.silent_ms >= self._end_silence_ms
            if over or self.turn_ms >= self._max_turn_ms:
                self.reset()
                return Change.STOPPED
        elif min_ms is not None and self.voiced_ms >= min_ms:
            self.speaking = True
            return Change.STARTED
        elif self.silent_ms >= ONSET_GAP_MS:
            self.voiced_ms = self.turn_ms = 0
        return None

    def reset(self) -> None:
        """The turn is over. When the last speech was heard is still known."""
        self.speaking = False
        self.voiced_ms = self.turn_ms = 0
