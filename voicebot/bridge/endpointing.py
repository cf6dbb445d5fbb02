"""How long the caller may pause before the turn counts as over."""

import re
from typing import Final

from voicebot.audio.framing import FRAME_MS
from voicebot.bridge.settings import Listening, Profile
from voicebot.bridge.words import first_said

# People pause some 500 ms between two clauses, 700 to 900 between two groups of
# digits that they read from a card, and not at all within a yes or a no.
SILENCE_MS: Final[dict[Profile, int]] = {
    "normal": 550,
    "patient": 1000,
    "digits": 900,
    "yes_no": 350,
}

# A question may be followed by one more sentence: "Take your time."
LAST_SENTENCES: Final = 2
_SENTENCE_ENDS: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")

# Whoever pauses this long will pause longer, so the turn is left open longer. Shorter
# pauses are within a word or between two, and tell nothing.
MARGIN_MS: Final = 200
LEAST_PAUSE_MS: Final = 200

MIN_PACE, MAX_PACE = 0.75, 1.8

# Quick to wait, slow to hurry: to answer 30 ms late is nothing, to cut a caller short
# is rude. One long pause may be chance, so it counts half.
PAUSE_COUNTS: Final = 0.5
FASTER_PER_TURN: Final = 0.05


class Endpointing:
    """The silence that ends a turn, as question and caller want it."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening
        self._longest_ms = 0.0  # pause in this turn
        self._asking = ""  # the bot's last answer
        self.profile: Profile = listening.profile
        self.pace = 1.0
        """What the silence of a profile is multiplied by, to suit this caller."""

    @property
    def silence_ms(self) -> int:
        """The silence that ends a turn now: whole frames."""
        return FRAME_MS * round(self._base_ms * self.pace / FRAME_MS)

    def asked(self, bot_text: str) -> None:
        """Take the bot's answer, whose last sentences tell what comes next."""
        self._asking = bot_text
        sentences = [each for each in _SENTENCE_ENDS.split(bot_text) if each.strip()]
        asking = " ".join(sentences[-LAST_SENTENCES:])
        questions = self._listening.questions
        asked = first_said(asking, (phrase for phrase, _ in questions))
        self.profile = next(
            (profile for phrase, profile in questions if phrase == asked),
            self._listening.profile,
        )

    def retune(self, listening: Listening) -> None:
        """Listen so from now on; what is known of the caller's pace stays."""
        self._listening = listening
        self.asked(self._asking)
        if not listening.adaptive:
            self.pace = 1.0

    def paused(self, ms: float) -> None:
        """Take a pause, after which the caller went on with the turn."""
        if ms < LEAST_PAUSE_MS:
            return
        self._longest_ms = max(self._longest_ms, ms)
        slower = max(0.0, self._pace_for(ms) - self.pace)
        self._change(self.pace + PAUSE_COUNTS * slower)

    def too_early(self, pause_ms: float) -> None:
        """
        Take a turn that we ended, and that the caller then went on with.

        Args:
            pause_ms: silence that we took for the end.
        """
        pause_ms = max(pause_ms, self._base_ms * self.pace)
        self._longest_ms = max(self._longest_ms, pause_ms)
        self._change(self._pace_for(pause_ms))

    def turn_over(self) -> None:
        """The turn has ended: its pauses were all that there are."""
        wanted = self._pace_for(self._longest_ms)
        self._longest_ms = 0.0
        self._change(min(self.pace, max(wanted, self.pace - FASTER_PER_TURN)))

    @property
    def _base_ms(self) -> int:
        own = self._listening.end_silence_ms
        if own is not None and self.profile == self._listening.profile:
            return own
        return SILENCE_MS[self.profile]

    def _pace_for(self, pause_ms: float) -> float:
        return (pause_ms + MARGIN_MS) / self._base_ms

    def _change(self, pace: float) -> None:
        if self._listening.adaptive:
            self.pace = min(max(pace, MIN_PACE), MAX_PACE)
