"""What a call has seen of asks and answers: what the judge rests on."""

from collections import Counter
from typing import Final

from voicebot.flow.policy import Allowed, Ask, CallState, Refused, Rule, Source

# After so many refusals without a word of the caller's, the model isn't asked again.
MAX_REFUSALS: Final = 3


class History:
    """
    Remembers what was asked, what came of it, and what the caller said.

    Attributes:
        said: the caller's last turn.
    """

    def __init__(self) -> None:
        self.said = ""
        self._used: Counter[str] = Counter()
        self._done: set[str] = set()
        self._repeats: Counter[str] = Counter()  # since the caller spoke
        self._refusals = 0
        self._unconfirmed: set[str] = set()  # the caller is being asked
        self._to_confirm: set[str] = set()  # the caller has answered, by `said`

    def caller_said(self, text: str) -> None:
        self.said = text
        self._repeats.clear()
        self._refusals = 0
        self._to_confirm, self._unconfirmed = self._unconfirmed, set()

    def judged(self, ask: Ask, verdict: Allowed | Refused) -> None:
        """A tool was asked for, and this came of it."""
        self._repeats[ask.key] += 1
        if isinstance(verdict, Allowed):
            self._used[ask.tool] += 1
            self._refusals = 0
            return
        self._refusals += ask.source is Source.MODEL
        if verdict.rule is Rule.UNCONFIRMED:
            self._unconfirmed.add(ask.key)

    def done(self, tool: str) -> None:
        """Something came of a tool."""
        self._done.add(tool)

    @property
    def refused_enough(self) -> bool:
        """The model asks for one thing after another that it doesn't get."""
        return self._refusals >= MAX_REFUSALS

    def state(
        self,
        ask: Ask,
        *,
        stage: str | None,
        busy: bool,
        silent: bool,
        near_end: bool,
        has_number: bool = True,
    ) -> CallState:
        return CallState(
            stage=stage,
            busy=busy,
            used=self._used,
            done=frozenset(self._done),
            repeats=self._repeats[ask.key],
            said=self.said,
            to_confirm=frozenset(self._to_confirm),
            silent=silent,
            near_end=near_end,
            has_number=has_number,
        )
