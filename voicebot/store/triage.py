"""
Where what was noted goes: to the database, or to the spill while that is away. Pure.

The database is away if it failed, and doesn't answer in time if it takes longer than
`slow_s`: then what it was given goes to the spill as well. Twice is once: see
`events.py`.

A transaction costs some milliseconds, however little is in it. So what nobody waits for
is gathered for a moment; a process that is killed takes that much more along.
"""

from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what."""

    slow_s: float = 1.0
    """A caller waits for us while the first event of the call is written."""

    again_s: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0)
    """Before something that failed is tried again; the last one for ever."""

    gather_s: float = 0.25
    """From one transaction to the next, if nobody waits for what is held."""

    def after(self, failures: int) -> float:
        return self.again_s[min(failures, len(self.again_s)) - 1]


class Step(Enum):
    """What to do now."""

    COMMIT = auto()
    """Write what is held to the database."""

    REPLAY = auto()
    """Write the beginning of the spill to the database."""

    SPILL = auto()
    """Write all that is held to the end of the spill."""

    WAIT = auto()
    """Nothing, until something is noted or has finished, or until `next_deadline`."""


class Triage:
    """Decides; is told how it went. One thing is written to the database at a time."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._busy_since: float | None = None
        self._database_failures = 0
        self._database_at = 0.0  # when it may be tried again
        self._gathers_until = 0.0
        self._spill_failures = 0
        self._spill_at = 0.0

    @property
    def is_away(self) -> bool:
        """Whether the database failed last."""
        return self._database_failures > 0

    def step(
        self, now: float, *, held: bool, spilled: bool, awaited: bool = False
    ) -> Step:
        """
        Say what to do now. COMMIT and REPLAY begin with that.

        Args:
            held: whether anything is held that isn't safe.
            spilled: whether anything is in the spill.
            awaited: whether somebody waits for what is held.
        """
        if self._busy_since is None and now >= self._database_at and (held or spilled):
            if not spilled and not awaited and now < self._gathers_until:
                return Step.WAIT
            self._busy_since = now
            self._gathers_until = now + self._patience.gather_s
            return Step.REPLAY if spilled else Step.COMMIT
        if held and now >= self._spills_at():
            return Step.SPILL
        return Step.WAIT

    def next_deadline(self, *, held: bool, spilled: bool) -> float | None:
        """When WAIT ends by itself; None if it doesn't."""
        gathers = held and not spilled and not self.is_away
        if self._busy_since is None and gathers:
            return self._gathers_until
        deadlines = []
        if self._busy_since is None and (held or spilled):
            deadlines.append(self._database_at)
        if held:
            deadlines.append(self._spills_at())
        return min(deadlines, default=None)

    def committed(self) -> None:
        """The database took what it was given."""
        self._busy_since = None
        self._database_failures = 0

    def failed(self, now: float) -> None:
        """It didn't."""
        self._busy_since = None
        self._database_failures += 1
        self._gathers_until = 0.0
        self._database_at = now + self._patience.after(self._database_failures)

    def spilled(self) -> None:
        """What was held is in the spill, on disk."""
        self._spill_failures = 0

    def spill_failed(self, now: float) -> None:
        """It isn't: it is held on."""
        self._spill_failures += 1
        self._spill_at = now + self._patience.after(self._spill_failures)

    def _spills_at(self) -> float:
        """From when on what is held goes to the spill."""
        if self._busy_since is None:
            return self._spill_at
        return max(self._spill_at, self._busy_since + self._patience.slow_s)
