"""Which route a call takes."""

from dataclasses import dataclass
from typing import Final

from voicebot.dialplan.model import Action, Dialplan, Match, Reject
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
class Decision:
    """What is done with a call, and the name of the route that says so."""

    route: str
    action: Action


NO_ROUTE: Final = Decision("no route", Reject(reject="rejected"))


def choose(plan: Dialplan, *, to: str, from_: str) -> Decision:
    """
    Take the first route that matches; without one, reject the call.

    Args:
        to: the number that was called, in E.164.
        from_: the caller as Twilio names it: E.164, or a word such as `anonymous`.
    """
    caller = ANONYMOUS if from_.strip().lower() in HIDDEN else from_
    for route in plan.routes:
        if _is_called(plan, route.match, to) and _is_caller(route.match, caller):
            return Decision(route.name, route.do)
    return NO_ROUTE


def _is_called(plan: Dialplan, match: Match, to: str) -> bool:
    called = (
        plan.numbers[name].e164 if name in plan.numbers else name for name in match.to
    )
    return not match.to or to in called


def _is_caller(match: Match, caller: str) -> bool:
    return not match.from_ or any(
        caller.startswith(pattern[:-1]) if pattern.endswith("*") else caller == pattern
        for pattern in match.from_
    )
