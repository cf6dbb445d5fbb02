"""A call that leaves us: announced, then committed; in between, it can be stopped."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from voicebot.bridge.model import Ending
from voicebot.bridge.words import says
from voicebot.flow.model import Leave

# Words that nobody tells were heard count as heard after so long.
UNHEARD_S: Final = 30.0

# The caller speaks when it is announced: so long we wait for their words, at most.
HEAR_OUT_S: Final = 8.0


class State(StrEnum):
    """How far a call has come."""

    ANNOUNCED = "announced"
    COMMITTED = "committed"
    DONE = "done"
    ABORTED = "aborted"
    FAILED = "failed"


@dataclass(slots=True)
class PendingCall:
    """
    Only the caller's own abort words stop it, and only before it is committed.

    Args:
        leave: where the call goes.
        abort_words: phrases that stop it.
        call_id: the model's call that asked for it, if it was one.
        announced_at: when.
    """

    leave: Leave
    abort_words: tuple[str, ...]
    call_id: str | None
    announced_at: float
    state: State = field(default=State.ANNOUNCED, init=False)
    _heard_at: float | None = field(default=None, init=False)

    @property
    def ending(self) -> Ending:
        transfer = self.leave.kind == "transfer"
        return Ending.TRANSFERRED if transfer else Ending.VOICEMAIL

    def heard(self, now: float) -> None:
        """The announcement was heard, or cut: what matters now is what was said."""
        if self._heard_at is None:
            self._heard_at = now

    def caller_said(self, text: str) -> bool:
        """Whether these words stop it."""
        if self.state is State.ANNOUNCED and says(text, self.abort_words):
            self.state = State.ABORTED
        return self.state is State.ABORTED

    def commit(self, now: float, *, caller_open: bool) -> bool:
        """
        Commit, if it is time.

        Args:
            caller_open: whether the caller speaks, or said what isn't known yet.
        """
        if self.state is State.ANNOUNCED and now >= self.due_at(caller_open):
            self.state = State.COMMITTED
            return True
        return False

    def due_at(self, caller_open: bool) -> float:
        """When it is committed, if nothing happens before."""
        if self._heard_at is None:
            return self.announced_at + UNHEARD_S
        return self._heard_at + (HEAR_OUT_S if caller_open else 0.0)

    def ended(self, ending: Ending) -> None:
        """The call is over for us: it left as it was to, or otherwise."""
        left = self.state is State.COMMITTED and ending is self.ending
        self.state = State.DONE if left else State.FAILED
