"""The items of a session, and what they come to for a chat model."""

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from voicebot.stepfun.chat import Message, ToolCall

Kind: TypeAlias = Literal["user", "assistant", "system", "call", "output"]

NO_WORDS: Final = "(The caller said something here that could not be understood.)"
WITHHELD: Final = "(The caller said something here that you may not be told.)"
NOBODY_SPOKE: Final = "(The call has begun. The caller has said nothing yet.)"
NO_OUTPUT: Final = "(There is no result yet.)"

MAX_ITEMS: Final = 400
"""The latest are told to the model: more than a call of half an hour has."""


@dataclass(slots=True)
class Item:
    """
    One item.

    Attributes:
        text: what was said; of a call its arguments, of an output what came of it.
            None while it isn't known.
        call_id: of a call, and of its output.
        name: of the function that is called.
        response_id: that holds the call.
    """

    id: str
    kind: Kind
    text: str | None = field(default=None, repr=False)
    call_id: str = ""
    name: str = ""
    response_id: str = ""


class Conversation:
    """The items in their order."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    def add(self, item: Item, after: str | None = None) -> str | None:
        """
        Put an item behind another, or at the end; return the id of that other.

        Raises:
            KeyError: there is no such item.
        """
        at = len(self._items) if after is None else self._at(after) + 1
        self._items.insert(at, item)
        return self._items[at - 1].id if at else None

    def is_last(self, item: Item) -> bool:
        """Whether an item that is there has none behind it."""
        return self._items[-1] is item

    def before(self, item: Item) -> str | None:
        """Return the id of the item that stands before another."""
        at = self._at(item.id)
        return self._items[at - 1].id if at else None

    def remove(self, item_id: str) -> None:
        """
        Take an item out.

        Raises:
            KeyError: there is no such item.
        """
        del self._items[self._at(item_id)]

    def withhold(self) -> None:
        """Don't tell the model any more what the caller said since its last answer."""
        for item in reversed(self._items):
            if item.kind == "assistant":
                return
            if item.kind == "user":
                item.text = WITHHELD

    def has_call(self, call_id: str) -> bool:
        """Whether the model has asked for this."""
        return any(i.kind == "call" and i.call_id == call_id for i in self._items)

    def messages(self, instructions: str) -> tuple[Message, ...]:
        """
        Return all of it for a chat model: the instructions first.

        A chat model takes the outputs of calls directly behind the calls only, and all
        of them: so they are put there, whenever they came.
        """
        items = self._items[-MAX_ITEMS:]
        outputs = {i.call_id: i.text or "" for i in items if i.kind == "output"}
        told = [Message("system", instructions)] if instructions else []
        if not items:
            told.append(Message("user", NOBODY_SPOKE))
        answers: set[str] = set()  # whose calls are told
        for item in items:
            match item.kind:
                case "user":
                    told.append(Message("user", item.text or NO_WORDS))
                case "assistant" | "system" as role:
                    if item.text:
                        told.append(Message(role, item.text))
                case "call" if item.response_id not in answers:
                    answers.add(item.response_id)
                    calls = [i for i in items if i.response_id == item.response_id]
                    told += _calls(calls, outputs)
                case _:
                    pass
        return tuple(told)

    def _at(self, item_id: str) -> int:
        for at, item in enumerate(self._items):
            if item.id == item_id:
                return at
        raise KeyError(item_id)


def _calls(calls: list[Item], outputs: dict[str, str]) -> list[Message]:
    """Say which functions one answer called, and what came of them."""
    asked = tuple(ToolCall(call.call_id, call.name, call.text or "") for call in calls)
    return [
        Message("assistant", "", tool_calls=asked),
        *(
            Message("tool", outputs.get(call.call_id, NO_OUTPUT), call_id=call.call_id)
            for call in calls
        ),
    ]
