"""The model's session is lost and another takes its place: what that one must know."""

from collections import deque
from typing import Final

from voicebot.bridge.model import ModelBack, Redial
from voicebot.flow.model import ModelCalled, Order, TellModel, ToolOutput

# What was told last counts most; a call has few such things.
MAX_FACTS: Final = 20

GAVE: Final = "Earlier in this call, {name} gave: {text}"
VOID: Final = (
    "The line to you broke off before {name} was carried out, and it was not. Call it"
    " again if the caller still wants it."
)


class Facts:
    """
    What the model was told that no turn says, for a session that wasn't told.

    A call of the model's that another session answers to is void there: what comes of
    it is told as a note.
    """

    def __init__(self) -> None:
        self._told: deque[str] = deque(maxlen=MAX_FACTS)
        self._names: dict[str, str] = {}  # of the calls that this session knows
        self._void: dict[str, str] = {}  # and of those that only another one knew
        self._away = False

    def called(self, call: ModelCalled) -> None:
        """The model asks for a tool."""
        self._names[call.call_id] = call.name
        self._void.pop(call.call_id, None)  # ids are no finer than a second

    def given_up(self, call: ModelCalled) -> None:
        """Nobody carries that out: the session that asked for it is lost."""
        self._told.append(VOID.format(name=call.name))

    def pass_on(self, orders: list[Order]) -> list[Order]:
        """Return what is to be done instead of these orders."""
        passed: list[Order] = []
        for order in orders:
            match order:
                case ToolOutput(call_id, text):
                    passed += self._output(order, call_id, text)
                case TellModel(text):
                    passed += self._tell(text)
                case Redial():
                    self._away = True
                    self._void |= self._names
                    self._names.clear()
                    passed.append(order)
                case ModelBack():
                    self._away = False
                    passed += [order, *map(TellModel, self._told)]
                case _:
                    passed.append(order)
        return passed

    def _output(self, order: ToolOutput, call_id: str, text: str) -> list[Order]:
        name = self._void.get(call_id)
        if name is not None:
            return self._tell(GAVE.format(name=name, text=text))
        name = self._names.get(call_id, "a tool")
        self._told.append(GAVE.format(name=name, text=text))
        return [order]

    def _tell(self, text: str) -> list[Order]:
        self._told.append(text)
        return [] if self._away else [TellModel(text)]
