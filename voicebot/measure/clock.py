"""What is on its way, in the order in which it arrives: the virtual clock of a call."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import inf
from typing import Generic, TypeVar

Post = TypeVar("Post")


class Posts(Generic[Post]):
    """Posts by their time; what was sent first comes first if they are due together."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Post]] = []
        self._sent = 0

    def send(self, at: float, what: Post) -> None:
        self._sent += 1
        heappush(self._waiting, (at, self._sent, what))

    def drop(self, lost: Callable[[Post], bool]) -> None:
        """Lose what is on its way."""
        self._waiting = [each for each in self._waiting if not lost(each[2])]
        heapify(self._waiting)

    def next_at(self) -> float:
        """When the next one arrives; infinity if none is on its way."""
        return self._waiting[0][0] if self._waiting else inf

    def take(self) -> Post:
        """Take the next one."""
        return heappop(self._waiting)[2]
