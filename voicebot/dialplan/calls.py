"""What is known of a call when it is to be routed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from voicebot.dialplan.values import ANONYMOUS

# Words and numbers that stand for a caller who hides theirs. The numbers spell
# ANONYMOUS, BLOCKED, RESTRICTED, UNAVAILABLE and UNKNOWN on a keypad.
HIDDEN: Final = frozenset(
    {
        "",
        "anonymous",
        "blocked",
        "restricted",
        "unavailable",
        "unknown",
        "+266696687",
        "+2562533",
        "+7378742833",
        "+86282452253",
        "+8656696",
    }
)


@dataclass(frozen=True, slots=True)
class CallFacts:
    """
    A call that asks what is to be done with it. Callers are private: not in its repr.

    Attributes:
        to: the number that was called, in E.164.
        from_: the caller as Twilio names it: E.164, or a word such as `anonymous`.
        at: now; it knows its time zone.
        country: the caller's, as two letters, or empty.
        headers: of SIP, by their names in lower case.
        load: how full we are: calls that are on, of those that may be.
        call_sid: keeps anonymous callers apart where chance is to decide.
    """

    to: str = field(repr=False)
    from_: str = field(repr=False)
    at: datetime
    country: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    load: float = 0.0
    call_sid: str = ""

    @property
    def caller(self) -> str:
        """The caller; one who hides the number is `anonymous`, however that is said."""
        return ANONYMOUS if self.from_.strip().lower() in HIDDEN else self.from_
