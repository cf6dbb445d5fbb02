"""Does the caller mean to interrupt? Attempts, verdicts, and how hard one must try."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from voicebot.audio.level import FLOOR_DBOV
from voicebot.bridge.model import NoteDecision, Rule
from voicebot.bridge.settings import BargeIn
from voicebot.bridge.turns import TurnDetector
from voicebot.bridge.words import Words

# Of what went on for `confirm_ms`, so much must have been clear speech: a fit of
# coughing, a hum, music aren't the caller's turn.
CLEAR_SHARE: Final = 0.4

# What ended with less clear speech than this has no words that are worth a wait.
VOICE_MS: Final = 80

# The caller began a moment ago, and begins again: so much is the caller's turn.
AGAIN_MS: Final = 80

# A pause of the bot isn't noticed while it is shorter than 250 ms at the ear. Its end
# may come later by as much as the way there varies.
UNNOTICED_S: Final = 0.235
HUSHED_MS: Final = 60  # so much silence will do then

# So much clear speech is a word; a cough, or a "mm-hm", has less.
WORD_MS: Final = 220
# ... and what has two syllables, if it has a voice.
SYLLABLES: Final = 2
# Of what a neural detector takes for a voice beyond doubt, so much is enough to pause,
# if no more comes: the rest may be lost in echo or noise.
HALF_HEARD: Final = 0.4
# "Okay", "好的" have less than this.
SURE_MS: Final = 240

# The model's own VAD finds speech up to a second after it began, and its end later
# still. It has heard nothing if it is silent for so long after our VAD's last word.
SERVER_VAD_S: Final = 3.0

# Somebody who is this much softer than the caller, both at their loudest, isn't the
# caller: a television, a colleague, the people in the room.
SOFTER_DB: Final = 9.0
# Until the caller has had a turn. Phone speech is -26 dBov, its loudest frames -18.
UNHEARD_DBOV: Final = -26.0
TURNS: Final = 3  # of the caller's, of which the softest counts
# ... and how much softer one may begin if it is a voice beyond doubt. Before the
# caller's first turn, 88 % of words at -32 dBov stop the bot so (of other voices than
# those of our corpus), and without it 8 %.
SOFTER_START_DB: Final = 4.0

# Two attempts that were taken for nothing within this time: the third is easier.
INSIST_S: Final = 6.0
INSISTING: Final = 0.6
# The bot stopped twice, and the caller had said nothing: the line is a noisy one.
NOISY: Final = 1.25
NOISY_MOST: Final = 2.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the bot yields, and why."""

    rule: Rule
    yields: bool


OF_WORDS: Final[Mapping[Words, Verdict]] = {
    Words.STOP: Verdict(Rule.STOP_WORD, yields=True),
    Words.WORDS: Verdict(Rule.WORDS, yields=True),
    Words.BACKCHANNEL: Verdict(Rule.BACKCHANNEL, yields=False),
    Words.NOTHING: Verdict(Rule.NO_WORDS, yields=False),
}


@dataclass(slots=True)
class Attempt:
    """The bot has paused because the caller speaks: is it to go on, or to yield?"""

    began_at: float
    """When the caller's speech began."""
    paused_at: float
    features: dict[str, int | float | str]
    trace: str = ""
    span_ms: int = 0
    """From its first speech to its last."""
    speech_ms: int = 0
    evidence_ms: float = 0.0
    syllables: int = 0
    half_heard: bool = False
    """The bot paused for less than it takes otherwise: see `HALF_HEARD`."""
    again: bool = False
    """The caller had tried a moment ago."""
    due: bool = False
    """The pause is as long as goes unnoticed."""
    asked_at: float | None = None
    """Since when its words are waited for: it was short, and is over."""
    goes_on: bool = False
    """... and what was asked about was not all of it."""
    last_word_at: float = 0.0
    caller_seq: int | None = None
    """The turn that was made of it, if any."""
    item_id: str | None = None
    """The item that the model made of it."""
    note: NoteDecision | None = None
    """The verdict on it so far."""
    resumed_at: float | None = None
    """The bot has gone on; the words may still come."""

    def hear(self, detector: TurnDetector) -> None:
        """Take over what the detector knows of this attempt."""
        if self.asked_at is not None:
            self.goes_on = detector.evidence.syllables > 0
            return
        self.span_ms = detector.turn_ms - detector.silent_ms
        self.speech_ms = detector.evidence.speech_ms
        self.evidence_ms = detector.evidence.ms
        self.syllables = detector.evidence.syllables
        self.trace = detector.trace

    def while_heard(self, wants: BargeIn, silent_ms: int) -> Verdict | None:
        """The verdict that the sound alone gives, as soon as it gives one."""
        if self.again and self.evidence_ms >= AGAIN_MS:
            return Verdict(Rule.SPOKE_AGAIN, yields=True)
        clear = self.evidence_ms >= CLEAR_SHARE * wants.confirm_ms
        if self.span_ms >= wants.confirm_ms and clear:
            return Verdict(Rule.LONG_SPEECH, yields=True)
        if self.is_word or not self.due or silent_ms < HUSHED_MS:
            return None
        # Go on before it is noticed that the bot has paused: under 250 ms, a pause is
        # taken for a part of fluent speech. Its words may still tell otherwise.
        if not self.has_voice:
            return Verdict(Rule.NOT_VOICE, yields=False)
        return Verdict(Rule.TOO_SHORT, yields=False)

    def decide_by(self, wants: BargeIn) -> float:
        """When a verdict must have fallen."""
        if self.asked_at is None:
            return self.paused_at + (wants.confirm_ms + wants.decide_ms) / 1000
        patient = self.is_sure or self.has_syllables
        return self.asked_at + (1 + patient) * wants.decide_ms / 1000

    def when_time_is_up(self) -> Verdict:
        """The verdict if nothing has told until `decide_by`."""
        if self.asked_at is None:
            return Verdict(Rule.NOT_VOICE, yields=False)  # neither over nor clear
        return Verdict(Rule.NO_ANSWER, yields=self.is_sure)

    @property
    def is_sure(self) -> bool:
        return self.evidence_ms >= SURE_MS

    @property
    def can_be_asked(self) -> bool:
        """Whether its words can be asked for, though more may come."""
        return self.is_word or self.evidence_ms >= VOICE_MS

    @property
    def has_voice(self) -> bool:
        """Whether it may have words."""
        return self.half_heard or self.evidence_ms >= VOICE_MS

    @property
    def is_word(self) -> bool:
        return self.has_syllables or self.evidence_ms >= WORD_MS

    @property
    def has_syllables(self) -> bool:
        syllables = self.syllables + self.goes_on
        return syllables >= SYLLABLES and self.has_voice


class Floor:
    """
    How much clear speech it takes to stop the bot, in the light of this call.

    Who tries again and again wants the floor, even if each try was taken for a cough;
    and a line on which the bot stopped for nothing has sounds that are like speech.

    Attributes:
        min_ms: what it takes where nothing is known of the call.
    """

    def __init__(self, min_ms: int) -> None:
        self.min_ms = min_ms
        self._peaks_dbov: deque[float] = deque(maxlen=TURNS)
        self._rejected_at: deque[float] = deque(maxlen=2)
        self._false_stops = 0
        self._noisy = 1.0

    def factor(self, now: float) -> float:
        tries = sum(now - at <= INSIST_S for at in self._rejected_at)
        return self._noisy * (INSISTING if tries == 2 else 1.0)

    def needed_ms(self, now: float) -> float:
        """Evidence that makes the bot pause or stop."""
        return self.min_ms * self.factor(now)

    @property
    def level_dbov(self) -> float:
        """What interrupts must be as loud as this, going by the caller's turns."""
        return min(self._peaks_dbov, default=UNHEARD_DBOV + SOFTER_DB) - SOFTER_DB

    def heard(self, peak_dbov: float) -> None:
        """The caller had a turn, and was so loud in it."""
        if peak_dbov > FLOOR_DBOV:
            self._peaks_dbov.append(peak_dbov)

    def rejected(self, now: float) -> None:
        """The bot paused and went on."""
        self._rejected_at.append(now)

    def gained(self) -> None:
        """The caller has the floor: what was tried before is over."""
        self._rejected_at.clear()

    def stopped_for_nothing(self) -> None:
        """The bot gave the caller the floor, and no words came."""
        self._false_stops += 1
        if self._false_stops == 2:
            self._false_stops = 0
            self._noisy = min(NOISY * self._noisy, NOISY_MOST)
