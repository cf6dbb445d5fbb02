"""Python's garbage collector, and its lock, in a process that answers calls."""

# Three that libraries put off until a call needs them, which holds up all the others.
import encodings.idna  # noqa: F401
import gc
import sys
from collections.abc import Callable
from typing import Final

import numpy.fft
import numpy.ma  # noqa: F401

YOUNG: Final = 5000
"""Objects that come to stay, before the youngest are looked through: Python's default
is 700, which is what two calls are made of."""

RARELY: Final = 100
"""Rounds of ten looks each before Python looks through all of them by itself."""

CALLS: Final = 8
"""What these leave behind is taken away at once: 4 MB, and some milliseconds."""

SWITCH_S: Final = 0.001
"""Python's default is 5 ms: so long a thread that writes the call log, or renders
metrics, may keep all calls waiting when they have something to do again."""


def settle() -> None:
    """
    Prepare for calls, when all is there that stays as long as the process.

    Leave that out of all collections. A full collection walks all objects, those of
    libraries too, while every call waits: 60 to 120 ms of a busy core, some seconds
    apart under load. After this it walks what calls have made; `Sweeper` says when.
    """
    gc.enable()  # a worker starts without
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, RARELY)
    sys.setswitchinterval(SWITCH_S)


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
