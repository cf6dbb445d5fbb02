"""How loud the caller must be to be more than the echo of the bot."""

from bisect import bisect_left, bisect_right
from typing import Final

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME
from voicebot.audio.level import FLOOR_DBOV, dbov

FRAME_S: Final = FRAME_MS / 1000
LEAD_S: Final = 1.0
"""How far ahead of the ear audio may be placed and still be remembered for sure."""


class EchoGate:
    """
    Remembers how loud the bot was lately, on the timeline of the caller's ear.

    Times are seconds on any clock that never goes back.

    Args:
        loss_db: how much softer than the bot its echo comes back, at the least.
        window_s: how late an echo may come back, the network's delay included.
    """

    def __init__(self, *, loss_db: float = 20.0, window_s: float = 0.6) -> None:
        self._loss_db = loss_db
        self._window_s = window_s
        # One entry a frame, in the order of time.
        self._starts: list[float] = []
        self._levels: list[float] = []

    def played(self, ulaw: bytes, starts_at: float) -> None:
        """
        Note bot audio that the caller hears from `starts_at` on.

        Args:
            starts_at: may lie up to LEAD_S in the future. Audio follows what was
                noted before; an earlier time is taken for the start of the last frame.
        """
        if self._starts:
            starts_at = max(starts_at, self._starts[-1])
        self._forget(starts_at - LEAD_S)
        for frame, at in enumerate(range(0, len(ulaw), ULAW_FRAME)):
            self._starts.append(starts_at + frame * FRAME_S)
            self._levels.append(dbov(ulaw[at : at + ULAW_FRAME]))

    def cut(self, at: float) -> None:
        """Forget what the caller would have heard from `at` on: it was cleared."""
        first = bisect_left(self._starts, at)
        del self._starts[first:], self._levels[first:]

    def gate_dbov(self, now: float) -> float:
        """Give the level that an echo may have by `now`; -96 if nothing was heard."""
        self._forget(now)
        heard = self._levels[: bisect_right(self._starts, now)]
        return max(max(heard) - self._loss_db, FLOOR_DBOV) if heard else FLOOR_DBOV

    def _forget(self, now: float) -> None:
        """Drop the frames that ended before the window that ends with `now`."""
        first = bisect_right(self._starts, now - self._window_s - FRAME_S)
        del self._starts[:first], self._levels[:first]
