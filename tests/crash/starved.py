"""
How long a process wanted to run and couldn't, because others had all cores.

A server that is killed while it starves hasn't written what it would have. What the
kernel says about that is taken off what is held against it; what it does to itself, by
waiting for a disk, isn't in there.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

LOOK_S: Final = 0.1
WINDOW_S: Final = 2.5


def waited_s(pid: int) -> float:
    """How long a process's main thread has waited for a core, in all; 0: unknown."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


class Starved:
    """Looks at a process now and then; `recently_s` is for the last seconds of it."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._looks: deque[tuple[float, float]] = deque()
        self.look()

    def look(self) -> None:
        now = time.monotonic()
        self._looks.append((now, waited_s(self._pid)))
        while len(self._looks) > 1 and self._looks[1][0] < now - WINDOW_S:
            self._looks.popleft()

    def recently_s(self) -> float:
        return self._looks[-1][1] - self._looks[0][1]


@asynccontextmanager
async def starving(pid: int) -> AsyncIterator[Starved]:
    """Look at a process for the time of the block."""
    one = Starved(pid)

    async def watch() -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            one.look()

    task = asyncio.create_task(watch())
    try:
        yield one
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
