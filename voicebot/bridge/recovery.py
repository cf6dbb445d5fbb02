"""The model is lost in mid-call: what another session must be told, and how often."""

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import Final

from voicebot.audio.framing import pcm_bytes
from voicebot.bridge.model import (
    Action,
    AppendAudio,
    CommitAudio,
    Ending,
    ModelBack,
    NoteTurn,
    Recall,
    Redial,
)
from voicebot.bridge.settings import Resume
from voicebot.bridge.speech import PROMPT

# Of the caller's voice, what is kept until its words are known; the oldest goes first.
KEPT_BYTES: Final = pcm_bytes(20_000)

# While the model's own VAD listens and nobody speaks: a turn's first words.
IDLE_BYTES: Final = pcm_bytes(1000)

# What the model is told again of a conversation: its end.
MAX_TURNS: Final = 40
MAX_CHARACTERS: Final = 8000

# Turns of which the model hasn't told the words; it does so within seconds.
MAX_OPEN_TURNS: Final = 16

# A call that loses its model so often isn't helped by one more session.
MAX_LOSSES: Final = 5


# What is sent late is sent in pieces of this size: few frames cost less than many.
PIECE_BYTES: Final = pcm_bytes(1000)


def joined(orders: list[Action]) -> list[Action]:
    """Make larger pieces of audio that follows audio."""
    whole: list[Action] = []
    for order in orders:
        match order, whole[-1:]:
            case AppendAudio(more), [AppendAudio(pcm16)] if (
                len(pcm16) + len(more) <= PIECE_BYTES
            ):
                whole[-1] = AppendAudio(pcm16 + more)
            case _:
                whole.append(order)
    return whole


class Recovery:
    """
    How often the model may be lost, and whether another session is on its way.

    Losses count as one until an answer was heard: a server that takes calls and drops
    them is asked no more often than one that refuses them.
    """

    def __init__(self, wants: Resume) -> None:
        self._wants = wants
        self._ending = Ending.STEPFUN_LOST
        self._lost_at: float | None = None
        self._give_up_at = inf
        self._spare_used = False
        self._attempts = 0
        """New sessions that were asked for since an answer was heard."""
        self._losses = 0

    @property
    def away(self) -> bool:
        """Whether another session is on its way."""
        return self._lost_at is not None

    @property
    def give_up_at(self) -> float:
        """When it must be open; never while none is on its way."""
        return inf if self._lost_at is None else self._give_up_at

    @property
    def ending(self) -> Ending:
        """How the model was lost, of which the call ends if no other session comes."""
        return self._ending

    def lost(self, ending: Ending, now: float, *, heals: bool) -> Redial | None:
        """
        The model is lost, or another session came to nothing.

        Args:
            heals: whether another session may help; one of another engine always may.

        Returns:
            The order for another session, if there is to be one.
        """
        if self._lost_at is None:
            self._ending = ending
            self._losses += 1
        over = self._losses > MAX_LOSSES or now >= self.give_up_at
        spare = not heals or over or self._attempts >= self._wants.attempts
        if spare and (self._spare_used or not self._wants.spare):
            self._lost_at = None
            return None
        if self._lost_at is None or spare:
            self._give_up_at = now + self._wants.within_s
        if self._lost_at is None:
            self._lost_at = now
        self._spare_used = self._spare_used or spare
        self._attempts += 1
        return Redial(ending, self.give_up_at, spare)

    def back(self, now: float) -> ModelBack | None:
        """A session is open; what came of the loss, if there was one."""
        if self._lost_at is None:
            return None
        away_ms = round((now - self._lost_at) * 1000)
        self._lost_at = None
        return ModelBack(away_ms, self._attempts)

    def answered(self) -> None:
        """The model works: an answer of its can be heard."""
        self._attempts = 0


class Memory:
    """The conversation in words, as far as the model knew it: for another session."""

    def __init__(self) -> None:
        self._turns: dict[int, tuple[Recall, str | None]] = {}  # and its item
        self._forgotten: deque[str] = deque(maxlen=MAX_OPEN_TURNS)

    def note(self, turn: NoteTurn) -> None:
        """Take in a turn, or what is known of it now."""
        ours = (turn.response_id or "").startswith(PROMPT)
        if ours or turn.item_id in self._forgotten:
            return  # the model never knew of it, or isn't to know
        self._turns[turn.seq] = Recall(turn.who, turn.heard_text), turn.item_id
        if len(self._turns) > MAX_TURNS:
            del self._turns[min(self._turns)]

    def forget(self, item_id: str) -> None:
        """That was no turn."""
        self._forgotten.append(item_id)
        for seq, (_, named) in self._turns.items():
            if named == item_id:
                del self._turns[seq]
                return

    def recalled(self) -> list[Recall]:
        """What was said and heard, oldest first: the end of it, if it is long."""
        recalled: deque[Recall] = deque()
        left = MAX_CHARACTERS
        for seq in sorted(self._turns, reverse=True):
            said, _ = self._turns[seq]
            left -= len(said.text)
            if left < 0:
                break
            if said.text:
                recalled.appendleft(said)
        return list(recalled)


@dataclass(slots=True)
class _Spoken:
    """What the model got of one turn of the caller's."""

    audio: deque[AppendAudio] = field(default_factory=deque)
    item_id: str | None = None


class Tape:
    """
    The caller's voice as the model got it, until its words are known or answered.

    The model makes its items in the order of the turns that were committed.
    """

    def __init__(self) -> None:
        self._over: deque[_Spoken] = deque()
        self._open = _Spoken()

    def appended(self, audio: AppendAudio) -> None:
        """The model got this."""
        self._open.audio.append(audio)
        self._trim([*self._over, self._open], KEPT_BYTES)

    def idle(self) -> None:
        """Nobody speaks: what was appended is no turn, or the beginning of one."""
        self._trim([self._open], IDLE_BYTES)

    def forget(self) -> None:
        """The model forgets what it got of a turn that isn't over."""
        self._open = _Spoken()

    def committed(self) -> None:
        """The turn is over: the model makes an item of it."""
        self._over.append(self._open)
        self._open = _Spoken()
        if len(self._over) > MAX_OPEN_TURNS:
            self._over.popleft()

    def named(self, item_id: str) -> None:
        """It has made one; of a turn that its own VAD has found, maybe."""
        if all(each.item_id for each in self._over):
            self.committed()
        next(each for each in self._over if not each.item_id).item_id = item_id

    def refused(self) -> None:
        """It hasn't made one: there were no words in it."""
        if spoken := next((each for each in self._over if not each.item_id), None):
            self._over.remove(spoken)

    def understood(self, item_id: str) -> None:
        """The words of an item are known."""
        if spoken := next((s for s in self._over if s.item_id == item_id), None):
            self._over.remove(spoken)

    def answered(self) -> None:
        """What was said up to now has been answered."""
        self._over.clear()

    def over(self) -> list[list[AppendAudio | CommitAudio]]:
        """The orders that make items of the turns that are over, turn by turn."""
        for spoken in self._over:
            spoken.item_id = None  # that was the other session's
        return [[*spoken.audio, CommitAudio()] for spoken in self._over]

    def open(self) -> list[AppendAudio]:
        """What the model got of a turn that isn't over."""
        return list(self._open.audio)

    @staticmethod
    def _trim(turns: list[_Spoken], limit: int) -> None:
        """Drop the oldest audio of these."""
        excess = -limit
        for turn in turns:
            excess += sum(len(audio.pcm16) for audio in turn.audio)
        for turn in turns:
            while excess > 0 and turn.audio:
                excess -= len(turn.audio.popleft().pcm16)
