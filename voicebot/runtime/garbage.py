"""Python's garbage collector, and its lock, in a process that answers calls."""

# Three that libraries put off until a call needs them, which holds up all the others.
import encodings.idna  # noqa: F401
import gc
import sys
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Mapping
from traceback import clear_frames
from typing import Final, ParamSpec

import numpy.fft
import numpy.ma  # noqa: F401

P = ParamSpec("P")

YOUNG: Final = 2000
"""Objects that come to stay, before the youngest are looked through: Python's default
is 700, which is what two calls are made of."""

MIDDLE: Final = 1
"""Such looks before the next takes in those that were left by them. By default ten: of
so many objects that takes 20 ms, whichever thread does it, and every call waits."""

RARELY: Final = 1000
"""Looks of that kind before Python looks through all that isn't left out."""

MANY: Final = 100
"""After so many, all objects are looked through when no call is on: 60 to 120 ms."""

SWITCH_S: Final = 0.001
"""Python's default is 5 ms: so long a thread that writes the call log, or renders
metrics, may keep all calls waiting when they have something to do again."""


def settle() -> None:
    """
    Prepare for calls, when all is there that stays as long as the process.

    Leave that out of all collections, and all that gets as old later. A full collection
    walks all objects, those of libraries and of every call too, while every call waits:
    60 to 200 ms of a busy core, some seconds apart under load. What is left out and
    becomes garbage after all is found by a `Sweeper`.
    """
    gc.enable()  # a worker starts without
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, RARELY)
    if _leave_out not in gc.callbacks:
        gc.callbacks.append(_leave_out)
    sys.setswitchinterval(SWITCH_S)


async def tidily(
    work: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
) -> None:
    """
    Do the work of a task, and leave nothing behind if it is cancelled.

    A task keeps the error that ended it, that the frames it passed, and they all that
    they knew, the task too: so much of a call stays until a collection finds it.
    """
    try:
        await work(*args, **kwargs)
    except CancelledError as cancelled:
        clear_frames(cancelled.__traceback__)
        del work, args, kwargs  # of this frame, which still runs
        raise


class Sweeper:
    """
    Takes away what calls left behind that are over, when no other is on.

    Little is (see `tidily`), and what is looked through while calls go on is no more
    than what is new since the last look.

    Args:
        soon: runs what it is given when no event is being handled.
    """

    def __init__(self, soon: Callable[[Callable[[], object]], object]) -> None:
        self._soon = soon
        self._calls = 0  # since all was looked through

    def call_over(self, others: int) -> None:
        """A call of this process is over; so many others go on."""
        self._calls += 1
        if not others and self._calls >= MANY:
            self._calls = 0
            self._soon(_sweep)


def _sweep() -> None:
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _leave_out(phase: str, found: Mapping[str, int]) -> None:
    """Have what was found alive by a look of the middle kind not looked at again."""
    if phase == "stop" and found["generation"] == 1:
        gc.freeze()
