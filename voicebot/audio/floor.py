"""
How loud a line is while nobody speaks on it: its noise, and music that doesn't end.

Speech never stays on one level. Between syllables and words it falls back to the
noise of the line, so that the softest frames of some seconds tell that noise, however
long somebody talks. Two sounds do stay: noise, which has no pitch, and hold music or
a TV, which has a pitch nearly all the time.
"""

from bisect import bisect_left, insort
from collections import deque
from typing import Final

QUIETEST_DBOV: Final = -62.0
"""What is softer counts as this soft: digital silence says nothing about a line."""

# Frames of 20 ms, and places in the window's levels, the softest first.
WINDOW: Final = 125
SOFT: Final = 12
LOUD: Final = 112
MUSIC: Final = 105
MIDDLE: Final = 62

# No word is as long as half a second without a pitch: 25 frames with at most 2 of
# them are noise, and its softest frame is known at once. Steady noise that began
# just now, which WebRTC's detector takes for speech if it is pink, is so judged by
# 0.5 s of it instead of 2.3 s.
UNVOICED: Final = 25
STRAY: Final = 2

# Which share of the window must have a pitch to make it music: more, the further its
# loud frames rise above its soft ones. 2 min of speech without pauses, clean and with
# white or pink noise 20, 10 and 5 dB below it, stay below in 99.8 % of windows (share
# less 0.027 a dB: at most 0.59); of five pieces of hold music, four are above in 72
# to 95 % and one, a guitar with rests, in none.
MUSIC_SHARE: Final = 0.58
MUSIC_SHARE_PER_DB: Final = 0.027
MUSIC_HELD: Final = 0.15  # less, once it is known to be music
# How much louder music may become in a frame: 2 dB a second. So somebody who talks
# above it isn't taken for its crescendo.
MUSIC_RISE_DB: Final = 0.04


class NoiseFloor:
    """Follows the background of one line, a frame of 20 ms at a time."""

    def __init__(self) -> None:
        self._levels = deque([QUIETEST_DBOV] * WINDOW)  # the oldest first
        self._ranked = [QUIETEST_DBOV] * WINDOW
        self._recent = deque([QUIETEST_DBOV] * UNVOICED, UNVOICED)
        self._pitched = 0  # one bit a frame, the newest lowest
        self._noise = QUIETEST_DBOV  # of the last stretch without a pitch, or less
        self._music = False
        self.dbov = QUIETEST_DBOV
        """The level of the background by now."""
        self.middle_dbov = QUIETEST_DBOV
        """The same, but of music that of its middle frames instead of its loud ones:
        for those who can tell a voice from music."""

    def push(self, dbov: float, *, pitched: bool) -> None:
        """
        Add a frame.

        Args:
            dbov: its level: see `level.dbov`.
            pitched: whether it sounds like a voice, a murmur, a tone or an instrument.
        """
        level = max(dbov, QUIETEST_DBOV)
        self._rank(level)
        self._recent.append(level)
        self._pitched = (self._pitched << 1 | pitched) & ((1 << WINDOW) - 1)
        if (self._pitched & ((1 << UNVOICED) - 1)).bit_count() <= STRAY:
            self._noise = min(self._recent)
        else:
            self._noise = min(self._noise, level)
        ranked = self._ranked
        wanted = MUSIC_SHARE + MUSIC_SHARE_PER_DB * (ranked[LOUD] - ranked[SOFT])
        was_music = self._music
        wanted -= MUSIC_HELD * was_music
        self._music = self._pitched.bit_count() >= wanted * WINDOW
        background = ranked[MUSIC if self._music else SOFT]
        if was_music and self._music:
            background = min(background, self.dbov + MUSIC_RISE_DB)
        self.dbov = max(background, self._noise)
        self.middle_dbov = min(self.dbov, max(ranked[MIDDLE], self._noise))

    def _rank(self, level: float) -> None:
        """Put a level in the place of the oldest one."""
        self._levels.append(level)
        oldest = self._levels.popleft()
        if level != oldest:
            del self._ranked[bisect_left(self._ranked, oldest)]
            insort(self._ranked, level)
