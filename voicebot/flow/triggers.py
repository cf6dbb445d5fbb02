"""Which trigger a turn sets off."""

from collections.abc import Collection, Iterable
from typing import Final, Literal

from voicebot.bridge.words import says
from voicebot.dialplan.patterns import compiled
from voicebot.dialplan.triggers import Trigger

# Of a turn; the rest isn't searched by regular expressions.
SEARCHED: Final = 500


def find(
    triggers: Iterable[Trigger],
    who: Literal["caller", "bot"],
    text: str,
    fired: Collection[str],
) -> Trigger | None:
    """
    Return the first trigger that the words of a turn set off.

    Args:
        fired: names of those that were set off before.
    """
    for trigger in triggers:
        spent = trigger.once and trigger.name in fired
        if trigger.by == who and not spent and _fits(trigger, text):
            return trigger
    return None


def _fits(trigger: Trigger, text: str) -> bool:
    if trigger.matches is None:
        return says(text, trigger.says)
    return compiled(trigger.matches).search(text[:SEARCHED]) is not None
