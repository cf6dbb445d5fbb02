"""Whether a call may be recorded: nothing is, before the caller knows or agrees."""

from hashlib import sha256
from math import inf
from typing import Final

from voicebot.bridge.model import NoteTurn
from voicebot.bridge.words import says
from voicebot.dialplan.recording import TOLD, Recording
from voicebot.flow.model import NoteEvent, Order, RecordCall
from voicebot.flow.words import affirms

# After the question: silence for so long means no.
ANSWER_S: Final = 6.0

# An answer whose words don't come means no, too.
WORDS_S: Final = 8.0

# Twilio tells at once that words were played; until then nothing clears the line.
PROOF_S: Final = 1.0

YES_KEY: Final = "1"

# Said by who was told of the recording, and doesn't want it.
WITHDRAWALS: Final = (
    *("stop recording", "stop the recording", "don't record", "do not record"),
    *("not be recorded", "no recording", "turn off the recording"),
    *("不要录音", "别录音", "别录了", "不要录了", "停止录音", "关闭录音", "不同意录音"),
    *("不想被录音", "录音しないで", "録音しないで", "no grabe", "no grabar"),
    *("n'enregistrez pas", "nicht aufzeichnen", "nicht aufnehmen"),
)


class Consent:
    """
    Follows the words that tell or ask, and what the caller says to them.

    They are proved to be heard when Twilio gave back the mark behind their last byte.

    Args:
        name: what `NoteHeard` calls those words.
        held: whether the caller knew or agreed earlier in the call: that holds.
    """

    def __init__(self, recording: Recording, name: str, *, held: bool = False) -> None:
        self._recording, self._name = recording, name
        self._asks = recording.mode == "ask"
        self._orders: list[Order] = []
        self._digest = ""
        self._last: NoteTurn | None = None
        self._seq: int | None = None  # of the turn that those words are
        self._proved = False
        self._answer: bool | None = None if self._asks else True
        self._key: bool | None = None  # pressed before all was heard
        self._asked_at = inf
        self._on = False
        self._state = "given" if self._asks else "announced"
        self.is_open = recording.mode in TOLD
        """Whether the words are still being said, or the answer is still to come."""

        if held and self.is_open:
            self._proved = self._answer = True
            self._state, self.is_open = "held", False

    @property
    def holds(self) -> bool:
        """Whether the call is recorded because the caller knows, or agreed."""
        return self._on

    def words_are(self, text: str) -> None:
        """What will be said: the call log has its hash."""
        self._digest = sha256(text.encode()).hexdigest()

    def noted(self, turn: NoteTurn) -> None:
        """The bot said something, or more of that is known."""
        self._last = turn
        if turn.seq == self._seq:
            self._prove(turn)

    def heard(self, name: str, whole: bool, now: float) -> None:
        """Something that the bot said is over."""
        if not self.is_open or name != self._name:
            return
        if whole and self._last:
            self._seq = self._last.seq
            self._prove(self._last)
        if not whole:
            self.is_open = False
            self._answer = False
            self._note("unheard")
        self._asked_at = now
        if self._key is not None:
            self._answered(self._key)

    def key(self, digit: str) -> None:
        """The caller presses a key: only one means yes."""
        self._key = digit == YES_KEY
        if self._asked_at < inf:
            self._answered(self._key)

    def caller_said(self, text: str) -> bool:
        """
        The caller says something.

        Returns:
            Whether that ended the recording.
        """
        if self.is_open:
            if self._asked_at < inf:
                self._answered(affirms(text))
        elif self._on and says(text, (*self._recording.withdraw, *WITHDRAWALS)):
            self._on, self._answer = False, False
            self._orders.append(RecordCall(False))
            self._note("withdrawn")
            return True
        return False

    def due_at(self, words_by: float) -> float:
        """
        Until when an answer is waited for.

        Args:
            words_by: when the caller's words will have come; inf: they still speak.
        """
        if not self._asks:
            return self._asked_at + PROOF_S
        late_at = self._asked_at + ANSWER_S
        return min(max(late_at, words_by), late_at + WORDS_S)

    def tick(self, now: float, words_by: float) -> None:
        """Wait no longer for an answer that is late."""
        if self.is_open and now >= self.due_at(words_by):
            self.is_open = False
            if self._asks:
                self._answer = False
                self._note("silent")

    def close(self) -> None:
        """The call ends: what wasn't agreed to by now never will be."""
        self.is_open = False

    def take(self) -> list[Order]:
        """Take what is to be done."""
        if self._proved and self._answer and not self._on:
            self._on = True
            self._orders.append(RecordCall(True))
            self._note(self._state)
        orders, self._orders = self._orders, []
        return orders

    def _answered(self, yes: bool) -> None:
        if self._asks and self.is_open:
            self._answer, self.is_open = yes, False
            if not yes:
                self._note("refused")

    def _prove(self, turn: NoteTurn) -> None:
        if not turn.interrupted and turn.proved_ms >= turn.generated_ms > 0:
            self._proved = True
            self.is_open = self.is_open and self._asks

    def _note(self, state: str) -> None:
        self._orders.append(NoteEvent("consent", state, self._digest))
