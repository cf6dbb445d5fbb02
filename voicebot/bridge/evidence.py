"""
How much the caller's line speaks for speech, frame by frame.

While the bot speaks, clear speech is to stop it at once, a cough or a murmur only if
it goes on. The same rules serve the live call and `replay`, which decides again under
other settings: so all that they rest on is in the letters of a trace.
"""

from collections.abc import Mapping
from typing import Final

from voicebot.audio.framing import FRAME_MS
from voicebot.audio.level import FLOOR_DBOV
from voicebot.audio.timbre import Sound
from voicebot.audio.vad import VadFrame

# A pause inside a word, or between two, that doesn't undo a beginning turn.
ONSET_GAP_MS: Final = 300

# Who is silent for so long after a word or two may have said all there is to say.
SHORT_SPEECH_MS: Final = 200
# ... after less than a word. The closure of a `t` or a `k` is shorter.
SHORTER_MS: Final = 140

# Less speech than this is a click, and makes no turn whatever it sounds like.
ONSET_MS: Final = 100

WANING: Final = "w"  # voice that is dying away
VOWELS: Final = (Sound.VOICE.value, WANING)
SOFT: Final = "s"  # below the gate, in the middle of speech

# By what a frame sounds like, in the letters of a trace.
WEIGHTS: Final[Mapping[str, float]] = {
    Sound.VOICE.value: 1.0,
    WANING: 1.0,
    Sound.HUM.value: 0.2,
    Sound.NOISE.value: 0.2,
    Sound.TONE.value: 0.0,
    Sound.SILENCE.value: 0.0,
    SOFT: 0.0,
}

# Behind a vowel, noise is a consonant rather than a cough.
VOWEL_MS: Final = 60
CONSONANT: Final = 0.5

# "Yes", "right", "yeah" die away from their first syllable on; who has more to say
# goes on undiminished. So a voice that wanes needs more evidence.
WANES_DB: Final = 4.0
WANING_NEEDS: Final = 1.5
WORD_SPAN_MS: Final = 260  # such a word is over by then

# What parts one syllable from the next: the closure of a `t` or a `k`, or more.
APART_MS: Final = 60

# A pause of the bot tells whether to stop, by what is heard during it; and it isn't
# noticed while it is short, wherever it is laid (see `interruption`). So it is laid
# where it tells most. What has so much clear speech simply goes on, or is a word; of
# what has less, the next syllable may be due, and comes within a pause that begins
# so long after the first.
GOES_ON_MS: Final = 180
TELLS_MS: Final = 280


class Evidence:
    """What an onset has brought so far."""

    def __init__(self) -> None:
        self.speech_ms = 0
        """Frames that the VAD takes for speech."""
        self.ms = 0.0
        """The same, each weighed by what it sounds like."""
        self.syllables = 0
        """Vowels that follow a gap, the first one included."""
        self._span_ms = 0
        self.gap_ms = APART_MS
        """Since the last vowel, however soft."""
        self._vowel_ms = 0
        self._wanes = False

    def add(self, letter: str) -> None:
        """Take the next letter of the trace; in lower case it counts for nothing."""
        self._span_ms += FRAME_MS
        sound = letter.lower()
        self.gap_ms += FRAME_MS
        if sound in VOWELS:
            self.syllables += self.gap_ms > APART_MS
            self.gap_ms = 0
        if not letter.isupper():
            return
        weight = WEIGHTS[sound]
        if sound in VOWELS:
            self._vowel_ms += FRAME_MS
        elif sound == Sound.NOISE and self._vowel_ms >= VOWEL_MS:
            weight = CONSONANT
        self._wanes = sound != Sound.VOICE
        self.speech_ms += FRAME_MS
        self.ms += weight * FRAME_MS

    @property
    def tells(self) -> bool:
        """Whether it is time for a pause that tells what this is."""
        goes_on = self.ms >= GOES_ON_MS or self.syllables > 1
        return goes_on or self.late

    @property
    def late(self) -> bool:
        """Whether it is time for a pause whatever it may be."""
        return self._span_ms >= TELLS_MS

    def suffices(self, needed_ms: float, onset_ms: int = ONSET_MS) -> bool:
        """Whether it is enough, as the sound is now."""
        if self.speech_ms < onset_ms:
            return False
        short = self._wanes and self._span_ms <= WORD_SPAN_MS
        return self.ms >= needed_ms * (WANING_NEEDS if short else 1.0)


def letter(frame: VadFrame, peak_dbov: float = FLOOR_DBOV) -> str:
    """
    Write a frame into a trace: its sound, in upper case if it is taken for speech.

    Args:
        peak_dbov: the loudest frame of this onset.
    """
    sound = frame.sound
    if not frame.speech:
        return sound.value
    if sound is Sound.VOICE and frame.dbov < peak_dbov - WANES_DB:
        return WANING.upper()
    return (SOFT if sound is Sound.SILENCE else sound.value).upper()
