"""
What was sent to the caller, and how much of it was heard. Nobody else computes it.

The caller's side (Twilio) plays what we send in order, without pause, from a buffer
that we can't see. Two things tell where it is: the clock, since audio plays at 8000
bytes a second from the moment it arrives; and marks, which come back when everything
sent before them was played, **or** was cleared. So:

* a mark proves something only if it carries the current generation; each clear starts
  a new one, and echoes of the old one prove nothing;
* between marks the clock goes on from the last proof, never beyond what was sent;
* all positions are as of the instant at which a `clear` sent now would take effect
  over there. Then the way there cancels out: audio and clear travel equally long.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import inf

from voicebot.audio.framing import ULAW_BYTES_PER_SECOND

# More than ten seconds of unanswered marks; then the far end doesn't send them back.
MAX_MARKS = 64
# Stretches of speech of which no mark came back; older ones were heard long ago.
MAX_RUNS = 16


@dataclass(slots=True, eq=False)
class _Run:
    """Audio that was sent without a gap, from byte `first` to before byte `end`."""

    began_at: float
    """When its first byte would be heard if nothing came late."""
    first: int
    end: int
    lag_s: float = 0.0
    """How much later it plays, as far as marks have shown."""

    @property
    def ends_at(self) -> float:
        """When its last byte will have been heard."""
        return self.due_at(self.end) + self.lag_s

    def due_at(self, position: int) -> float:
        """When the ear is there if nothing came late."""
        return self.began_at + (position - self.first) / ULAW_BYTES_PER_SECOND

    def position_at(self, now: float) -> int:
        played_s = now - self.began_at - self.lag_s
        return min(self.end, self.first + round(played_s * ULAW_BYTES_PER_SECOND))


class Ledger:
    """
    The position of the caller's ear in the audio of one call.

    Positions are bytes of μ-law (8 of them a millisecond) from the start of the
    call; `now` is seconds on any clock that never goes back.
    """

    def __init__(self) -> None:
        self.generation = 0
        """Grows with each clear: what was sent before it is of an older one."""
        self._sent = 0
        self._proved = 0
        """The last position that a mark of this generation, or a clear, has fixed."""
        self._marked = 0
        self._runs: list[_Run] = []
        self._marks: dict[str, tuple[int, _Run]] = {}
        self._mark_count = 0
        self._round_trip_s = inf
        """The least delay of a mark so far: the way there and back."""

    @property
    def position_sent(self) -> int:
        """The position just after the last byte sent."""
        return self._sent

    @property
    def position_proved(self) -> int:
        """The last position that a mark has proved to be heard."""
        return self._marked

    @property
    def all_proved(self) -> bool:
        """Whether a mark has shown that all that was sent was heard."""
        return self._proved == self._sent

    def send(self, size: int, now: float) -> float:
        """
        Note that `size` bytes leave now.

        Returns:
            The instant at which the first of them will be heard.
        """
        starts_at = self.ends_at(now)
        if self._runs and self._runs[-1].due_at(self._sent) > now:
            self._runs[-1].end += size
        else:  # not heard before now, whatever marks will show of what was sent before
            end = self._sent + size
            self._runs.append(_Run(now, self._sent, end, starts_at - now))
            del self._runs[:-MAX_RUNS]
        self._sent += size
        return starts_at

    def ends_at(self, now: float) -> float:
        """The instant at which all that was sent will have been heard, or `now`."""
        if not self._runs:
            return now
        return max(now, self._runs[-1].ends_at)

    def paced_until(self, now: float) -> float:
        """
        The same, had nothing come late; `now` if that is over.

        What is to be sent follows this clock: a mark that was late on its way back
        must not make the next audio late.
        """
        return max(now, self._runs[-1].due_at(self._sent)) if self._runs else now

    def mark(self) -> str:
        """Name a mark that stands behind all that was sent so far."""
        self._mark_count += 1
        name = f"g{self.generation}.{self._mark_count}"
        if self._runs:
            self._marks[name] = (self._sent, self._runs[-1])
            if len(self._marks) > MAX_MARKS:
                del self._marks[next(iter(self._marks))]
        return name

    @property
    def knows_way(self) -> bool:
        """Whether a mark has told how long the way there and back is."""
        return self._round_trip_s < inf

    def returned(self, name: str, now: float, *, about: bool = False) -> bool:
        """
        Take a mark's echo.

        Args:
            about: it came some milliseconds before or after `now`: that tells how late
                audio plays, but not how long the way is.

        Returns:
            Whether it proves that all sent before it was heard. A mark of an older
            generation doesn't, nor does one that we never sent.
        """
        if name not in self._marks:
            return False
        while (older := next(iter(self._marks))) != name:
            del self._marks[older]  # lost: they come back in order
        position, run = self._marks.pop(name)
        self._proved = self._marked = position
        delay_s = max(0.0, now - run.due_at(position))
        if not (about and self.knows_way):
            self._round_trip_s = min(self._round_trip_s, delay_s)
        # What is above the least delay was spent waiting for late audio, so all
        # that follows in this run plays that much later, too.
        run.lag_s = max(0.0, delay_s - self._round_trip_s)
        self._forget(run)
        for before, after in pairwise(self._runs):
            after.lag_s = max(0.0, before.ends_at - after.began_at)
        return True

    def position_heard(self, now: float) -> int:
        """The position of the caller's ear. At least what marks prove, at most sent."""
        for run in reversed(self._runs):
            if run.began_at + run.lag_s <= now:
                return max(self._proved, run.position_at(now))
        return self._proved

    def clear(self, now: float) -> int:
        """
        Note that a clear leaves now: what was not heard never will be.

        Returns:
            The position at which the caller stopped hearing.
        """
        heard = self.position_heard(now)
        self.generation += 1
        self._marks.clear()
        self._runs.clear()
        # The next byte sent takes the place of the first one that was dropped.
        self._sent = self._proved = heard
        return heard

    def _forget(self, current: _Run) -> None:
        """Drop the runs before this one: a mark behind them was heard."""
        if current in self._runs:
            del self._runs[: self._runs.index(current)]
