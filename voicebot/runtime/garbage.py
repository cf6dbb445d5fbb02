"""Python's garbage collector, and its lock, in a process that answers calls."""

# Three that libraries put off until a call needs them, which holds up all the others.
import encodings.idna  # noqa: F401
import gc
import sys
from asyncio import CancelledError
from collections.abc import Awaitable, Callable
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
"""Looks of that kind before Python looks through all objects by itself."""

CALLS: Final = 8
"""So many that began or are over are looked through at once: some milliseconds."""

MANY: Final = 100
"""After so many, all objects are looked through when no call is on: 60 to 120 ms."""

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
    _sweep()
    gc.set_threshold(YOUNG, MIDDLE, RARELY)
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
    Takes away what calls leave behind that are over.

    Little does (see `tidily`), and all of that stays until a full collection, which
    would come the later the more calls go on, and walk what all of them are made of
    while they wait: 200 ms of 280 calls. This has it come after so few calls, those
    that begin too, and leaves out what was walked once: it takes what new calls are
    made of, however many go on. Of those left out something may stay after all; that
    is found when no call is on.

    Args:
        soon: runs what it is given when no event is being handled.
    """

    def __init__(self, soon: Callable[[Callable[[], object]], object]) -> None:
        self._soon = soon
        self._new = 0  # that began or are over, since the last look
        self._over = 0  # since all was looked through

    def call_begun(self) -> None:
        """A call of this process has begun."""
        self._count()

    def call_over(self, others: int) -> None:
        """A call of this process is over; so many others go on."""
        self._over += 1
        if not others and self._over >= MANY:
            self._new = self._over = 0
            self._soon(_sweep_all)
        else:
            self._count()

    def _count(self) -> None:
        self._new += 1
        if self._new == CALLS:
            self._new = 0
            self._soon(_sweep)


def _sweep() -> None:
    gc.collect()
    gc.freeze()


def _sweep_all() -> None:
    gc.unfreeze()
    _sweep()
