"""Text messages of one call: which were sent, and what the model is told of them."""

from typing import Final

from voicebot.flow.model import ModelCalled, SendSms

DONE: Final = "The text message was sent."
SAID: Final = {
    "sent": DONE,
    "unsubscribed": "It was not sent: they asked us once to send no more messages.",
    "not_mobile": "It was not sent: that telephone cannot get text messages.",
    "not_allowed": "It was not sent: we cannot send messages to that country.",
    "too_many": "It was not sent: too many messages are being sent just now.",
    "hidden": "It was not sent: the caller hides their number.",
}
FAILED: Final = "It was not sent, and it is not known why; offer something else."


class Texts:
    """
    Remembers what was sent, and who waits to be told how that went.

    A tool of the model's waits; what the operator arranged goes on at once, and is
    done once in a call, word for word.
    """

    def __init__(self) -> None:
        self._sent = 0
        self._arranged: set[tuple[str, str]] = set()
        self._waiting: dict[int, ModelCalled] = {}

    def __bool__(self) -> bool:
        """Whether the model waits for one."""
        return bool(self._waiting)

    def send(self, name: str, text: str, to: str, call: ModelCalled | None) -> SendSms:
        """
        Order one.

        Args:
            name: of the tool, or of whom it goes to, for the call log.
            text: with its variables filled in.
        """
        self._sent += 1
        if call:
            self._waiting[self._sent] = call
        return SendSms(self._sent, name, text, to)

    def is_new(self, text: str, to: str) -> bool:
        """Whether an operator's message, as it is written, wasn't sent before."""
        known = (text, to) in self._arranged
        self._arranged.add((text, to))
        return not known

    def over(self, number: int) -> ModelCalled | None:
        """Return the call that waits for it, if one does."""
        return self._waiting.pop(number, None)

    def clear(self) -> None:
        """The model is gone: nobody waits."""
        self._waiting.clear()


def told(status: str) -> str:
    """Say in one sentence what became of it."""
    return SAID.get(status, FAILED)
