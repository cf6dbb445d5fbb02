"""Timers, on a loop whose clock goes by milliseconds."""

import asyncio
from collections.abc import Callable
from math import ceil


def instant(at_s: float) -> float:
    """
    The first whole millisecond that isn't before a deadline: set timers for it.

    uvloop counts no less, and rounds: a timer in between may fire too early, and who
    sets it again keeps a core busy until the millisecond is over.
    """
    # The small term: a thousand times a whole millisecond may be a bit more than whole.
    whole_ms = ceil(at_s * 1000 - 1e-5)
    # And a sum may be a bit more than the millisecond that is meant.
    return (whole_ms if whole_ms / 1000 >= at_s else whole_ms + 1) / 1000


class Alarm:
    """One timer of the running loop, which calls `wake`, maybe too early."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = wake
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_s = 0.0

    def set(self, at_s: float) -> None:
        """Wake right after a deadline, or before it if it was set for that."""
        at_s = instant(at_s)
        if self._timer:
            if self._wakes_s <= at_s:
                return
            self._timer.cancel()
        self._wakes_s = at_s
        self._timer = self._loop.call_at(at_s, self._ring)

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _ring(self) -> None:
        self._timer = None
        self._wake()
