"""Traces of decisions, written short: letters, mostly in long runs."""

import re
from functools import lru_cache
from typing import Final

SAME: Final = re.compile(r"(.)\1+")
RUN: Final = re.compile("([^0-9])([0-9]*)")


@lru_cache(256)  # of a decision, it is in the event and in the row
def packed(trace: str) -> str:
    """
    Shorten the runs of a trace: `vvvVV.` is `v3V2.`.

    Args:
        trace: anything but digits.
    """
    return SAME.sub(lambda run: f"{run[1]}{len(run[0])}", trace)


def unpacked(runs: str) -> str:
    """Return the trace that was packed."""
    return "".join(letter * int(n or 1) for letter, n in RUN.findall(runs))
