"""Traces of decisions, written short: letters, mostly in long runs."""

import re
from itertools import groupby
from typing import Final

RUN: Final = re.compile("([^0-9])([0-9]*)")


def packed(trace: str) -> str:
    """
    Shorten the runs of a trace: `vvvVV.` is `v3V2.`.

    Args:
        trace: anything but digits.
    """
    runs = ((letter, len(list(run))) for letter, run in groupby(trace))
    return "".join(letter if n == 1 else f"{letter}{n}" for letter, n in runs)


def unpacked(runs: str) -> str:
    """Return the trace that was packed."""
    return "".join(letter * int(n or 1) for letter, n in RUN.findall(runs))
