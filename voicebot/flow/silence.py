"""The ladder: what is done about a caller who says nothing, step by step."""

from collections.abc import Sequence

from voicebot.dialplan.silence import Silence


class Ladder:
    """
    Steps in order, each after so much silence.

    Attributes:
        climbed: whether a step was taken since the caller was heard last.
    """

    def __init__(self, steps: Sequence[Silence]) -> None:
        self._steps = steps
        self._next = 0

    @property
    def climbed(self) -> bool:
        return self._next > 0

    def reset(self) -> None:
        """The caller was heard: begin with the first step again."""
        self._next = 0

    def next_at(self, idle_since: float | None) -> float | None:
        """
        When the next step is due; None if the clock stands still.

        Args:
            idle_since: since when nobody speaks or is due to; None: somebody is. Our
                own words move it, so each step counts from the end of the one before.
        """
        if idle_since is None:
            return None
        return idle_since + self._steps[min(self._next, len(self._steps) - 1)].after_s

    def take(self, idle_since: float | None, now: float) -> Silence | None:
        """Return the step that is due; after the last one, the last again."""
        due_at = self.next_at(idle_since)
        if due_at is None or now < due_at:
            return None
        step = self._steps[min(self._next, len(self._steps) - 1)]
        self._next += 1
        return step
