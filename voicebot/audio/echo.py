"""
How loud the caller must be to be more than the echo of the bot.

Nobody says how late and how loud the bot's voice comes back, if it does. What is
known: an echo can't have been louder than the line was. So for every delay up to a
second there is a bound, the most that an echo so late can be relative to the bot;
each frame of the line in which the bot would have been loud lowers the bounds that it
belies. Where there is an echo, the bound of its delay stays at its gain, and those of
the others fall to the noise. Where there is none, all of them fall.

A caller who talks over the bot only makes the line louder. That belies no bound, and
between two syllables the line still tells the truth: so double talk neither destroys
what was learnt nor is it taken for echo. Bounds rise again, too, as lines change: soon
where the line follows the bot, slowly where it is louder than any echo may be.

Measured with 21 minutes of recorded speech at -20 dBov, its echo at -6 to -30 dB after
80 to 900 ms, half of it through a speakerphone: the VAD finds 180 ms of speech in it
0 to 4 times, depending on its version, most of these in the first second.
"""

from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME
from voicebot.audio.level import FLOOR_DBOV, dbov

FRAME_S: Final = FRAME_MS / 1000
DELAYS: Final = 50
"""How many delays are told apart: 20 ms to 1 s, with the network's there and back."""

SLOTS: Final = 512
"""How many frames of the bot are remembered; audio may be placed 4 s ahead."""

LOUD_DBOV: Final = -34.0  # softer frames of the bot prove nothing
MARGIN_DB: Final = 3.0  # how much an echo swings around its gain

# Before anything is known: with the margin, the caller must come within 13 dB of the
# bot's loudest frame of the last second, as most do who speak as loudly as the bot.
UNKNOWN_DB: Final = -16.0

# By how much a frame may raise and lower a bound, in dB. Arrays, as numpy takes longer
# to wrap a number than to work with fifty.
Levels = NDArray[np.float64]
Pace = tuple[Levels, Levels]


def _pace(rise_db: float, fall_db: float) -> Pace:
    return np.full(DELAYS, rise_db), np.full(DELAYS, -fall_db)


YOUNG: Final = _pace(0.5, 3.0)  # a second of the bot's speech must do
OWN: Final = _pace(0.3, 1.0)  # so a quarter of the frames may lie below the bound
FOREIGN: Final = _pace(0.04, 1.0)  # too loud for an echo: rather the caller
YOUNG_NOISE: Final = _pace(0.0, 3.0)
NOISE: Final = _pace(0.0, 1.0)
NOISE_DB: Final = 4.0  # how far its background swings
# Where there is no voice to be heard in noise or music, the bot's own is softer than
# the line by this: Silero VAD finds speech of the level of the noise that it is in.
MASKED_DB: Final = 6.0
FOREIGN_DB: Final = -2.0  # how far over the gate that begins
# A gate so low keeps out nothing that the VAD would let in (-45 dBov), nor would it if
# the bot were 6 dB louder. Then a soft line needn't lower it further: on a line without
# an echo that is most frames.
FAINT_DBOV: Final = -51.0
YOUNG_FRAMES: Final = 30

# An echo is learnt once one bound stands out among all of them.
LOOK_FRAMES: Final = 20
PEAK_DB: Final = 5.0
NEAR: Final = 3  # frames that may lie between two ways of an echo
ALL: Final = (0, DELAYS)
NO_GAIN: Final = np.zeros(DELAYS)

# Bounds that learn anew, on trial while the line is far louder than any echo may be.
TRIAL: Final = _pace(0.5, 3.0)
CHANGED_DB: Final = 3.0  # how far over the gate a trial begins
TRIAL_S: Final = 1.0  # without such a frame, and it is over
TRIAL_FRAMES: Final = 60  # until it is judged
TRIAL_PEAK_DB: Final = 12.0


@dataclass(frozen=True, slots=True)
class Learned:
    """The echo on a line."""

    delay_ms: int
    """From the bot at the caller's ear to its echo here."""

    gain_db: float
    """How loud the echo is at the most, relative to the bot: 0 or less."""


class EchoGate:
    """
    Learns what comes back of the bot's voice on one caller's line.

    Times are seconds on any clock that never goes back.
    """

    def __init__(self) -> None:
        self._bot = _Timeline()
        self._bounds: Levels = np.full(DELAYS, UNKNOWN_DB)  # the longest delay first
        self._young = YOUNG_FRAMES  # frames until all delays are known
        self._trial: Levels | None = None
        self._trial_until = 0.0
        self._tried = 0  # frames
        self._frames = 0
        self._near = ALL  # of the bounds: those around the delay that was learnt
        self._learned: Learned | None = None
        self._asked_at = -inf
        self._end: int | None = None
        self._gate = FLOOR_DBOV

    @property
    def learned(self) -> Learned | None:
        """The echo; None if nothing comes back, or not enough is known yet."""
        return self._learned

    def played(self, ulaw: bytes, starts_at: float) -> None:
        """
        Note bot audio that the caller hears from `starts_at` on.

        Args:
            starts_at: may lie up to 4 s in the future. Audio follows what was noted
                before; an earlier time is taken for the end of that.
        """
        self._asked_at = -inf
        if ulaw:
            self._bot.place(ulaw, starts_at)

    def cut(self, at: float) -> None:
        """Forget what the caller would have heard from `at` on: it was cleared."""
        self._asked_at = -inf
        self._bot.cut(at)

    def gate_dbov(self, now: float) -> float:
        """
        Give the level that a frame of the line must exceed to be more than echo.

        Args:
            now: when the frame arrived, whole.

        Returns:
            dBov as in `level.dbov`; -96 if the bot wasn't heard for a second.
        """
        self._ask(now)
        return self._gate

    def heard(
        self,
        dbov: float,
        now: float,
        floor_dbov: float = FLOOR_DBOV,
        *,
        voiceless: bool = False,
    ) -> None:
        """
        Learn from a frame of the line: its level, and when it arrived, whole.

        Args:
            floor_dbov: the line's background. What isn't louder can lower bounds, but
                raises none: it needs no echo to be explained.
            voiceless: there is no voice on the line, so that no bound is raised, and
                an echo is softer than the background.
        """
        if now != self._asked_at:
            self._ask(now)
        if (end := self._end) is None:
            return
        noise = dbov < floor_dbov + NOISE_DB
        settled = not self._young and self._trial is None
        if settled and noise and max(dbov, self._gate) < FAINT_DBOV:
            return  # nothing is heard of the bot, and nothing could be learnt
        if voiceless:
            dbov -= MASKED_DB if noise else 0.0
            noise = True
        loud = self._bot.loud[end - DELAYS : end]
        excess = dbov - self._bot.least[end - DELAYS : end]
        if self._young:
            _follow(self._bounds, excess, loud, YOUNG_NOISE if noise else YOUNG)
            self._young -= int(loud[0])
            return
        over_db = dbov - self._gate
        own = NOISE if noise else OWN
        _follow(self._bounds, excess, loud, FOREIGN if over_db > FOREIGN_DB else own)
        if over_db > CHANGED_DB or self._trial is not None:
            self._try(excess, loud, over_db, now)
        self._frames += 1
        if self._frames % LOOK_FRAMES == 0:
            self._look()

    def _ask(self, now: float) -> None:
        """Find the gate, and what else `heard` will need for the same frame."""
        self._asked_at = now
        self._end = end = self._bot.window(now)
        self._gate = FLOOR_DBOV
        if end is not None:
            first, last = self._near
            start = end - DELAYS
            levels = self._bot.most[start + first : start + last]
            loudest = float(np.maximum.reduce(levels + self._bounds[first:last]))
            self._gate = max(loudest + MARGIN_DB, FLOOR_DBOV)

    def _look(self) -> None:
        """See whether one delay stands out."""
        np.minimum(self._bounds, NO_GAIN, out=self._bounds)
        best = int(self._bounds.argmax())
        gain = float(self._bounds[best])
        if gain - np.add.reduce(self._bounds) / DELAYS > PEAK_DB:
            self._near = max(best - NEAR, 0), min(best + NEAR + 1, DELAYS)
            self._learned = Learned((DELAYS - best) * FRAME_MS, round(gain, 1))
        else:
            self._near, self._learned = ALL, None

    def _try(self, excess: Levels, loud: Levels, over_db: float, now: float) -> None:
        """While the line is louder than any echo may be: does it follow the bot?"""
        if self._trial is None:
            self._trial, self._tried = self._bounds.copy(), 0
        if over_db > CHANGED_DB:
            self._trial_until = now + TRIAL_S
        _follow(self._trial, excess, loud, TRIAL)
        self._tried += int(loud.any())
        if self._tried >= TRIAL_FRAMES:
            if self._trial.max() - self._trial.mean() > TRIAL_PEAK_DB:
                self._bounds = self._trial
            self._trial = None
        elif now > self._trial_until:
            self._trial = None


def _follow(bounds: Levels, excess: Levels, loud: Levels, pace: Pace) -> None:
    """Move bounds towards what was seen, where the bot would have been loud."""
    excess = excess - bounds
    np.minimum(excess, pace[0], out=excess)
    np.maximum(excess, pace[1], out=excess)
    excess *= loud
    bounds += excess


NEVER: Final = -(2**62)  # longer ago than any clock shows
EDGE: Final = 4  # slots at the beginning that only neighbours are looked for in


class _Timeline:
    """
    How loud the bot is at the caller's ear, frame by frame.

    `least` and `most` are the levels of a frame and its neighbours, as no frame of
    the line coincides with one of the bot; `loud` is 1 where `least` proves something,
    else 0.
    """

    def __init__(self) -> None:
        self._first = -DELAYS  # the frame in slot 0, counted from time 0
        self._next = NEVER  # the frame behind the last one placed
        self._levels: Levels = np.full(SLOTS, FLOOR_DBOV)
        self.least: Levels = self._levels.copy()
        self.most: Levels = self._levels.copy()
        self.loud: Levels = np.zeros(SLOTS)

    def window(self, now: float) -> int | None:
        """
        Find the slots that a frame of the line, whole at `now`, may be an echo of.

        Returns:
            The slot behind the last of DELAYS; None if the bot is silent in them.
        """
        frame = round(now / FRAME_S) - 1  # when it began; behind what it may echo
        if frame > self._next + DELAYS:
            return None
        end = frame - self._first
        return end if end >= DELAYS else None

    def place(self, ulaw: bytes, starts_at: float) -> None:
        frame = round(starts_at / FRAME_S)
        if frame <= self._next + 1:
            frame = self._next  # it follows: no gap, no overlap by rounding
        for at in range(0, len(ulaw), ULAW_FRAME):
            self._set(frame, dbov(ulaw[at : at + ULAW_FRAME]))
            frame += 1
        self._next = frame

    def cut(self, at: float) -> None:
        frame = max(round(at / FRAME_S), self._first + EDGE)
        if frame >= self._next:
            return
        slot = frame - self._first
        kept = [float(level) for level in self._levels[slot - 2 : slot]]
        for levels in (self._levels, self.least, self.most):
            levels[slot - 2 :] = FLOOR_DBOV
        self.loud[slot - 2 :] = 0.0
        self.most[slot - 2] = self._levels[slot - 3]
        for back, level in zip((2, 1), kept, strict=True):
            self._set(frame - back, level)
        self._next = frame

    def _set(self, frame: int, level: float) -> None:
        slot = self._slot(frame)
        levels, most = self._levels, self.most
        levels[slot] = level
        for near in (slot - 1, slot, slot + 1):
            if most[near] < level:
                most[near] = level
        least = min(level, levels[slot - 1], levels[slot - 2])
        self.least[slot - 1] = least
        self.loud[slot - 1] = least > LOUD_DBOV

    def _slot(self, frame: int) -> int:
        """Where a frame goes; forgets the oldest ones if there is no room."""
        slot = frame - self._first
        if not EDGE <= slot < SLOTS - DELAYS:
            moved = slot - SLOTS // 2
            self._first += moved
            kept = max(SLOTS - moved, 0) if moved > 0 else 0
            for levels in (self._levels, self.least, self.most):
                levels[:kept] = levels[SLOTS - kept :]
                levels[kept:] = FLOOR_DBOV
            self.loud[:kept] = self.loud[SLOTS - kept :]
            self.loud[kept:] = 0.0
            slot = SLOTS // 2
        return slot
