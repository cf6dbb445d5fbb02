"""
The alarms of all calls of a process.

A call's next deadline moves on with nearly everything that happens in it, and many a
time in a second. A timer of the loop for each would cost as much as what it guards, so
those of all calls ring together, on a grid.
"""

import asyncio
from math import ceil
from typing import Final, Protocol

GRID_S: Final = 0.01  # an alarm rings so much later at most


class Rings(Protocol):
    """Who is to be woken."""

    def ring(self) -> None:
        """Take the alarm. Mustn't raise: others ring behind it."""


class Alarms:
    """Those of one loop, which must be the running one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due: dict[int, tuple[asyncio.TimerHandle, set[Rings]]] = {}

    def set(self, who: Rings, at: float) -> int:
        """
        Ring once at this time of the loop's, or up to 10 ms later.

        Returns:
            The instant, as `stop` takes it.
        """
        instant = ceil(at / GRID_S)
        if instant * GRID_S < at:
            instant += 1  # a bit too early, who is rung would set it again and again
        if instant not in self._due:
            timer = self._loop.call_at(instant * GRID_S, self._ring, instant)
            self._due[instant] = timer, set()
        self._due[instant][1].add(who)
        return instant

    def stop(self, who: Rings, instant: int) -> None:
        """Don't ring then, if it hasn't rung already."""
        if instant in self._due:
            timer, who_else = self._due[instant]
            who_else.discard(who)
            if not who_else:
                timer.cancel()
                del self._due[instant]

    def _ring(self, instant: int) -> None:
        for who in self._due.pop(instant)[1]:
            who.ring()
