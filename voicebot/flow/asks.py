"""What the model has asked for, until it can be answered."""

from collections import deque
from math import inf
from typing import Final, TypeVar

from voicebot.bridge.model import Phase
from voicebot.flow.model import ModelCalled

# A response that isn't over so long after its call: it never will be.
UNFINISHED_S: Final = 15.0

# A response that nobody tells was heard, or wasn't: one that was given up.
UNHEARD_S: Final = 4.0

# Responses of which it is known what became of them.
KEPT: Final = 8

TALKING: Final = frozenset({Phase.CALLER, Phase.TENTATIVE})

T = TypeVar("T")


class Asks:
    """
    Calls of the model's, in order.

    One can be answered when its response is over and was heard, the caller doesn't
    speak, and it is known what they said: that may be the yes that it needs.
    """

    def __init__(self) -> None:
        self._called: deque[ModelCalled] = deque()
        self._called_at = 0.0
        self._done_at: dict[str, float] = {}
        self._whole: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._called)

    def called(self, call: ModelCalled, now: float) -> None:
        self._called.append(call)
        self._called_at = now

    def done(self, response_id: str, now: float) -> None:
        """The model has nothing to add to this response."""
        _keep(self._done_at, response_id, now)

    def heard(self, response_id: str, whole: bool) -> None:
        """So much of it was heard."""
        _keep(self._whole, response_id, whole)

    def clear(self) -> list[ModelCalled]:
        """Nobody waits for an answer any more; returns what nobody will answer."""
        called = list(self._called)
        self._called.clear()
        return called

    def due_at(self, phase: Phase, text_by: float) -> float:
        """
        When the next can be answered, if nothing happens before; never without one.

        Args:
            text_by: when the words of the caller's last turn are known.
        """
        if not self._called or phase in TALKING:
            return inf
        response_id = self._called[0].response_id
        done_at = self._done_at.get(response_id)
        if done_at is None:
            return self._called_at + UNFINISHED_S
        if response_id in self._whole:
            return max(done_at, text_by)
        return inf if phase is Phase.SPEAKING else done_at + UNHEARD_S

    def take(self) -> list[tuple[ModelCalled, bool]]:
        """Take all calls of the first response; each with whether it was heard."""
        response_id = self._called[0].response_id
        whole = self._whole.get(response_id, True)
        taken = []
        while self._called and self._called[0].response_id == response_id:
            taken.append((self._called.popleft(), whole))
        return taken


def _keep(known: dict[str, T], name: str, value: T) -> None:
    """Keep the last few."""
    known[name] = value
    if len(known) > KEPT:
        del known[next(iter(known))]
