"""The caller's turns: begun, ended, made an item of the conversation, understood."""

from collections import deque
from collections.abc import Container

from voicebot.bridge.model import NoteTurn
from voicebot.bridge.notes import CallerTurn, Notes

# A transcript comes seconds after its turn, not this many turns later.
MAX_TURNS = 64


class Transcript:
    """
    Knows which item is which turn. The model names the items in the order of the
    turns, and says what was said in them whenever it likes.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self.turn: CallerTurn | None = None
        """While the caller speaks."""
        self._unnamed: deque[CallerTurn] = deque(maxlen=MAX_TURNS)
        """Ended; the model has not made an item of them yet."""
        self._items: dict[str, CallerTurn] = {}

    def begin(self, at: float) -> None:
        self.turn = CallerTurn(self._notes.next_seq(), at, at)

    @property
    def seq(self) -> int | None:
        """The number of the turn that is being spoken."""
        return self.turn.seq if self.turn else None

    def end(self, at: float) -> None:
        """The turn is over; the model is to make an item of it."""
        if self.turn:
            self.turn.ended_at = at
            self._unnamed.append(self.turn)
            self.turn = None

    def drop(self, at: float) -> list[NoteTurn]:
        """The turn is over, if there is one; no item is made of it."""
        dropped, self.turn = self.turn, None
        if not dropped:
            return []
        dropped.ended_at = at
        return [self._notes.caller(dropped)]

    @property
    def unnamed(self) -> bool:
        """Whether there is a turn that ended, but is no item yet."""
        return bool(self._unnamed)

    @property
    def unnamed_seqs(self) -> set[int]:
        """The numbers of such turns."""
        return {turn.seq for turn in self._unnamed}

    @property
    def next_unnamed(self) -> int | None:
        """The number of the turn of which the next item is made."""
        return self._unnamed[0].seq if self._unnamed else None

    def named(self, item_id: str, now: float) -> NoteTurn:
        """The oldest turn without a name has one; or one that only the model heard."""
        if self._unnamed:
            turn = self._unnamed.popleft()
        else:
            turn = CallerTurn(self._notes.next_seq(), now, now)
        turn.item_id = item_id
        self._items[item_id] = turn
        if len(self._items) > MAX_TURNS:
            del self._items[next(iter(self._items))]
        return self._notes.caller(turn)

    def refused(self) -> list[NoteTurn]:
        """No item is made of the oldest turn without a name."""
        if not self._unnamed:
            return []
        return [self._notes.caller(self._unnamed.popleft())]

    def flush(self, kept: int = 0) -> list[NoteTurn]:
        """
        The session is over, or the call: its items get no words any more.

        Args:
            kept: so many of the last turns are to get new names.
        """
        unknown = [turn for turn in self._items.values() if not turn.text]
        turns = [*unknown, *self._unnamed]
        self._items.clear()
        self._unnamed = deque(turns[len(turns) - kept :] if kept else (), MAX_TURNS)
        return [
            self._notes.caller(turn)
            for turn in turns[: len(turns) - len(self._unnamed)]
            if turn.item_id is None
        ]

    def understood(self, item_id: str, text: str) -> list[NoteTurn]:
        """This is what was said in that item, if we know it."""
        if item_id not in self._items:
            return []
        self._items[item_id].text = text
        return [self._notes.caller(self._items[item_id])]

    def is_last(self, item_id: str, undecided: Container[int | None] = ()) -> bool:
        """
        Whether the caller hasn't had a turn since that item.

        Args:
            undecided: numbers of turns that may turn out to be none.
        """
        turns = [*self._items.items(), *((None, turn) for turn in self._unnamed)]
        names = [name for name, turn in turns if turn.seq not in undecided]
        return names[-1:] == [item_id] and not self.turn
