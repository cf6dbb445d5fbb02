"""Python's garbage collector, in a process that answers calls."""

import gc
from collections.abc import Callable
from typing import Final

YOUNG: Final = 5000
"""Objects that come to stay, before the youngest are looked through: Python's default
is 700, which is what two calls are made of."""

RARELY: Final = 100
"""Rounds of ten looks each before Python looks through all of them by itself."""

CALLS: Final = 16
"""What these leave behind is taken away at once: 8 MB, and some milliseconds."""


def settle() -> None:
    """
    Leave out of all collections what is there now: it stays as long as the process.

    A full collection walks all objects, those of libraries too, while every call
    waits: 60 to 120 ms of a busy core, some seconds apart under load. After this it
    walks what calls have made, and when is said by `Sweeper`.
    """
    gc.enable()  # a worker starts without
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, RARELY)


class Sweeper:
    """
    Takes away what calls leave behind that are over.

    The tasks and errors of a call know each other, so what it had stays until a full
    collection, which would come the later the more calls go on. This has it come
    after so many calls: the pause has a bound, and so has what they hold.

    Args:
        soon: runs what it is given when no event is being handled.
    """

    def __init__(self, soon: Callable[[Callable[[], object]], object]) -> None:
        self._soon = soon
        self._calls = 0

    def call_over(self) -> None:
        """A call of this process is over."""
        self._calls += 1
        if self._calls % CALLS == 0:
            self._soon(gc.collect)
