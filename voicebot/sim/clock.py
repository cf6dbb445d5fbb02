"""Timers, on a loop whose clock goes by milliseconds."""

import asyncio
from collections.abc import Callable
from math import ceil
from typing import Final
from weakref import WeakKeyDictionary


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
    """
    Calls `wake` when its time has come, maybe too early; in the loop it was made in.

    Alarms of the same millisecond have one timer of the loop: each of hundreds of
    callers sets fifty a second.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._due = _DUE.setdefault(self._loop, {})
        self._wake = wake
        self._wakes_s: float | None = None

    def set(self, at_s: float) -> None:
        """Wake right after a deadline, or before it if it was set for that."""
        at_s = instant(at_s)
        if self._wakes_s is not None:
            if self._wakes_s <= at_s:
                return
            self.stop()
        self._wakes_s = at_s
        if at_s in self._due:
            self._due[at_s].append(self)
        else:
            self._due[at_s] = [self]
            self._loop.call_at(at_s, _ring, self._loop, self._due, at_s)

    def stop(self) -> None:
        # Those of an instant that rings aren't among the due any more.
        if self._wakes_s in self._due:
            self._due[self._wakes_s].remove(self)
        self._wakes_s = None

    def ring(self, at_s: float) -> None:
        """Wake, if it is still set for this instant."""
        if self._wakes_s == at_s:
            self._wakes_s = None
            self._wake()


_DUE: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, dict[float, list[Alarm]]]] = (
    WeakKeyDictionary()
)
"""By loop, and by the instant they are set for."""


def _ring(
    loop: asyncio.AbstractEventLoop, due: dict[float, list[Alarm]], at_s: float
) -> None:
    for alarm in due.pop(at_s):
        try:
            alarm.ring(at_s)
        except Exception as exc:  # noqa: BLE001 - a bug: none of the other alarms'
            loop.call_exception_handler({"message": "an alarm", "exception": exc})
