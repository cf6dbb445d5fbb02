"""Frames that will leave, in the order of their moments."""

import heapq
from collections.abc import Iterator
from itertools import count

from voicebot.sim.stepfun.delivery import Due


class Outbox:
    """A queue by time. At one instant, what came first goes first."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, str | None, Due]] = []
        self._numbers = count()

    def add(self, due: Due, response_id: str | None = None) -> None:
        """Queue a frame, maybe as part of a response."""
        entry = (due.at, next(self._numbers), response_id, due)
        heapq.heappush(self._entries, entry)

    def drop(self, response_id: str, after: float) -> None:
        """Forget what is left of a response after a moment."""
        self._entries = [
            entry
            for entry in self._entries
            if entry[2] != response_id or entry[0] <= after
        ]
        heapq.heapify(self._entries)

    def until(self, now: float) -> Iterator[tuple[Due, str | None]]:
        """Take out what is due, even what is added while this goes on."""
        while self._entries and self._entries[0][0] <= now:
            _, _, response_id, due = heapq.heappop(self._entries)
            yield due, response_id

    def next_at(self) -> float | None:
        return self._entries[0][0] if self._entries else None
