"""
The conversation as the server has it, and how to mend it without `truncate`.

A caller who interrupts hasn't heard all that the model believes to have said.
Either the answer's item is deleted and made anew with the words that were heard,
where it stood; or, if the server refuses that, a system message tells.

Source: StepFun API reference "Realtime" (api-reference/realtime/chat), client
events; that ids and places are the server's own, from public clients.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from voicebot.stepfun.realtime import commands
from voicebot.stepfun.realtime.events import (
    Committed,
    ErrorKind,
    ItemCreated,
    ItemDeleted,
    OutputItemAdded,
    ServerError,
    ServerEvent,
    SpeechStarted,
    TranscriptDelta,
)

# In English whatever the call's language: it is for the model alone.
HEARD: Final = (
    "The caller interrupted you and heard only this of what you were saying:"
    ' "{text}" Take the rest as not said.'
)
HEARD_NOTHING: Final = (
    "The caller interrupted you and heard nothing of what you were saying."
    " Take it as not said."
)

SAID_BEFORE: Final = 'Earlier in this call you said, and the caller heard: "{text}"'

# Items, answers and unanswered commands that are remembered; the oldest go first.
KEPT: Final = 64

# What a server says that won't do something, and not that it can't do anything now.
REFUSALS: Final = frozenset(
    {
        ErrorKind.BAD_ITEM_TYPE,
        ErrorKind.BAD_PREVIOUS_ITEM,
        ErrorKind.INVALID_EVENT_FORMAT,
        ErrorKind.OTHER,
    }
)


class Means(StrEnum):
    """What a repair asks of the server."""

    DELETE = "delete"
    APPEND = "append"  # an assistant message at the end
    INSERT = "insert"  # one behind an item that is named
    NOTE = "note"  # a system message at the end


CREATED: Final = {
    "assistant": frozenset({Means.APPEND, Means.INSERT}),
    "system": frozenset({Means.NOTE}),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """The server refused a command of a repair."""

    means: Means
    is_news: bool
    """Whether it is the first time that it did."""
    instead: list[bytes]
    """Frames to send now."""


@dataclass(slots=True)
class _Repair:
    """Of an answer; several commands may belong to it."""

    heard_text: str
    told: str
    """The same as a note."""
    noted: bool = False


@dataclass(frozen=True, slots=True)
class _Command:
    """One that the server hasn't answered yet."""

    means: Means
    item_id: str | None
    repair: _Repair | None
    """None: it is about nothing that a note could tell."""


class History:
    """
    The order of one conversation's items, and repairs of it.

    Args:
        refused: what the server has refused so far. To be shared by all sessions with
            one server: what it refuses once isn't asked of it again.
    """

    def __init__(self, refused: set[Means]) -> None:
        self._refused = refused
        self._order: list[str] = []
        self._made: dict[str, str] = {}  # response -> its message, until amended
        self._turn_coming = False
        self._unanswered: dict[str, _Command] = {}  # by our event_id, in order
        self._sent = 0

    def saw(self, event: ServerEvent) -> None:
        """Take in an event of the server."""
        match event:
            case ItemCreated(item_id, role=role, previous_item_id=before):
                self._place(item_id, before)
                if item_id not in self._made.values():  # else it is the model's own
                    self._answered(CREATED.get(role or "", ()))
            case Committed(item_id, before):
                self._turn_coming = False
                self._place(item_id, before)
            case ItemDeleted(item_id):
                if item_id in self._order:
                    self._order.remove(item_id)
                self._answered({Means.DELETE}, item_id)
            case OutputItemAdded(
                response_id, item_id, kind="message"
            ) | TranscriptDelta(response_id, item_id) if item_id:
                self._made[response_id] = item_id
                if len(self._made) > KEPT:
                    del self._made[next(iter(self._made))]
            case SpeechStarted():
                self._turn_coming = True
            case ServerError(ErrorKind.NO_SPEECH | ErrorKind.APPEND_NOT_CALLED):
                self._turn_coming = False
            case _:
                pass

    def committing(self) -> None:
        """Note that a turn of the caller's was committed: its item will come."""
        self._turn_coming = True

    def amend(self, response_id: str, heard_text: str) -> list[bytes]:
        """
        Make the model know what the caller heard of an answer that is over.

        Only the first amendment of an answer counts.

        Args:
            heard_text: "" if it was nothing.

        Returns:
            Frames to send, none if the answer left nothing in the conversation.
        """
        item_id = self._made.pop(response_id, None)
        if item_id is None:
            return []
        told = HEARD.format(text=heard_text) if heard_text else HEARD_NOTHING
        repair = _Repair(heard_text, told)
        there = self._there()
        if item_id not in there:
            return self._note(repair)
        at = there.index(item_id)
        before = there[at - 1] if at else None
        is_last = at == len(there) - 1 and not self._turn_coming
        means = {Means.DELETE}
        if heard_text:
            means.add(Means.APPEND if is_last else Means.INSERT)
        homeless = Means.INSERT in means and before is None
        if homeless or means & self._refused:
            return self._note(repair)
        frames = [self._delete(item_id, repair)]
        if heard_text:
            frames.append(self._say_anew(repair, None if is_last else before))
        return frames

    def recall(self, role: Literal["user", "assistant"], text: str) -> list[bytes]:
        """Make the model know what was said before its session began."""
        if role == "user":
            return [commands.create_message("user", text)]
        repair = _Repair(text, SAID_BEFORE.format(text=text))
        if Means.APPEND in self._refused:
            return self._note(repair)
        return [self._say_anew(repair, None)]

    def forget(self, item_id: str) -> list[bytes]:
        """
        Take an item of the caller's out of the conversation.

        Returns:
            Frames to send, none if it isn't there or the server doesn't delete.
        """
        if item_id not in self._there() or Means.DELETE in self._refused:
            return []
        return [self._delete(item_id, None)]

    def _there(self) -> list[str]:
        """The items, without those that we have asked to be deleted."""
        leaving = {command.item_id for command in self._unanswered.values()}
        return [item_id for item_id in self._order if item_id not in leaving]

    def refused(self, error: ServerError) -> Refusal | None:
        """Take in an error; None if it isn't about a repair."""
        event_id = self._at_fault(error)
        if event_id is None:
            return None
        command = self._unanswered.pop(event_id)
        is_news = command.means not in self._refused
        self._refused.add(command.means)
        note = self._note(command.repair) if command.repair else []
        return Refusal(command.means, is_news, note)

    def _at_fault(self, error: ServerError) -> str | None:
        if error.kind not in REFUSALS:
            return None
        if error.event_id is not None:
            return error.event_id if error.event_id in self._unanswered else None
        # It names none: the server answers in order, so it is the oldest that fits.
        for event_id, command in self._unanswered.items():
            about_place = error.kind is ErrorKind.BAD_PREVIOUS_ITEM
            if not about_place or command.means is Means.INSERT:
                return event_id
        return None

    def _delete(self, item_id: str, repair: _Repair | None) -> bytes:
        event_id = self._command(Means.DELETE, repair, item_id)
        return commands.delete_item(item_id, event_id=event_id)

    def _say_anew(self, repair: _Repair, after: str | None) -> bytes:
        means = Means.INSERT if after else Means.APPEND
        event_id = self._command(means, repair)
        return commands.create_message(
            "assistant", repair.heard_text, after=after, event_id=event_id
        )

    def _note(self, repair: _Repair) -> list[bytes]:
        """Tell in words, once for a repair."""
        if repair.noted or Means.NOTE in self._refused:
            return []
        repair.noted = True
        event_id = self._command(Means.NOTE, repair)
        return [commands.create_message("system", repair.told, event_id=event_id)]

    def _command(
        self, means: Means, repair: _Repair | None, item_id: str | None = None
    ) -> str:
        self._sent += 1
        event_id = f"history_{self._sent}"
        self._unanswered[event_id] = _Command(means, item_id, repair)
        if len(self._unanswered) > KEPT:
            del self._unanswered[next(iter(self._unanswered))]
        return event_id

    def _answered(self, means: Collection[Means], item_id: str | None = None) -> None:
        """Note that the oldest of such commands was carried out."""
        for event_id, command in self._unanswered.items():
            if command.means in means and command.item_id == item_id:
                del self._unanswered[event_id]
                return

    def _place(self, item_id: str, before: str | None) -> None:
        if item_id in self._order:
            return
        at = len(self._order)
        if before is not None and before in self._order:
            at = self._order.index(before) + 1
        self._order.insert(at, item_id)
        del self._order[:-KEPT]
