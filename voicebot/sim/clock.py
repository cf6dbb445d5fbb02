"""When to set a timer, on a loop whose clock goes by milliseconds."""

from math import ceil


def instant(at_s: float) -> float:
    """
    The first whole millisecond that isn't before a deadline: set timers for it.

    uvloop counts no less, and rounds: a timer in between may fire too early, and who
    sets it again keeps a core busy until the millisecond is over.
    """
    # The small term: a whole millisecond as a float may be a bit more than that.
    return ceil(at_s * 1000 - 1e-5) / 1000
