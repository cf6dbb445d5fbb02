"""A call that comes back, because nobody took it who was rung."""

from typing import Final

from voicebot.dialplan.actions import Action

GREETING: Final = "prompt:greeting"
"""How the bridge calls the first words."""

TOLD: Final = (
    "The caller was with you before and was put through, but nobody took the call. "
    "They are back with you now, and were told so."
)


class ComeBack:
    """
    What is to be done when the first words were heard, or cut off: once.

    Args:
        action: None for nothing.
        speaks: whether there are first words at all.
    """

    def __init__(self, action: Action | None, *, speaks: bool) -> None:
        self._action = action
        self._speaks = speaks

    def __bool__(self) -> bool:
        """Whether something is still to be done."""
        return self._action is not None

    def begun(self) -> Action | None:
        """Return what is due at the start."""
        return None if self._speaks else self.drop()

    def heard(self, response_id: str) -> Action | None:
        """Return what is due after these words."""
        return self.drop() if response_id == GREETING else None

    def drop(self) -> Action | None:
        """Take it out: it is done now, or something else is."""
        action, self._action = self._action, None
        return action
