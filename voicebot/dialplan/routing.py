"""
What is done with a call: one walk through the plan, with its reasons.

Asked in this order: who is blocked, callers who hide their number if the plan has
something special for them, then the routes from the first to the last.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from voicebot.dialplan.callers import ALLOWED, BLOCKED
from voicebot.dialplan.calls import CallFacts
from voicebot.dialplan.hours import Standing, standing
from voicebot.dialplan.model import (
    Action,
    Answer,
    Dialplan,
    Do,
    Goto,
    Keypad,
    Match,
    Number,
    Queued,
    Reject,
)
from voicebot.dialplan.times import DAY_MIN, WEEKDAYS, minute_of
from voicebot.dialplan.values import ANONYMOUS

BLOCK: Final = "block"
ANONYMOUS_CALLERS: Final = "specials.anonymous"
UNKNOWN: Final = "unknown"
SHOWN: Final = 4  # of a long list


@dataclass(frozen=True, slots=True)
class Check:
    """
    One key of a `match`: what it wants, and what the call has.

    Attributes:
        key: such as `hours`, or `unless.hours`.
    """

    key: str
    wanted: str
    got: str = field(repr=False)
    ok: bool
    hours: Standing | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One route that was asked."""

    route: str
    place: str
    matched: bool
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """
    What is done with a call.

    Attributes:
        route: the name of the route that says so.
        persona: who answers, after any rollout, or whose menu; None if nobody does.
        rollout: whether that is the rollout's persona; None if there is no rollout.
        hours: what calendars had to say about it.
        via: a route that sent the call on to this one.
    """

    route: str
    action: Action
    persona: str | None = None
    rollout: bool | None = None
    hours: tuple[Standing, ...] = ()
    via: str = ""

    @property
    def vars(self) -> Mapping[str, str]:
        do = self.action
        return do.vars if isinstance(do, Answer | Keypad) else {}

    @property
    def menu(self) -> str | None:
        """The menu that it gets instead of a model; None if there is a model."""
        return self.action.name if isinstance(self.action, Keypad) else None


REJECTED: Final = Reject(reject="rejected")
NO_ROUTE: Final = Decision("no route", REJECTED)


@dataclass(frozen=True, slots=True)
class Steps:
    """Every route that was asked, in order, and what came of it."""

    steps: tuple[Step, ...]
    decision: Decision


def choose(plan: Dialplan, facts: CallFacts) -> Decision:
    """Take the first route that matches; without one, reject the call."""
    return explain(plan, facts).decision


def explain(plan: Dialplan, facts: CallFacts) -> Steps:
    """Decide as `choose` does, and tell how it came to that."""
    steps: list[Step] = []
    for step, do in _walk(plan, facts):
        steps.append(step)
        if step.matched:
            decision = settled(plan, facts, step.route, do, _hours(steps))
            return Steps(tuple(steps), decision)
    return Steps(tuple(steps), replace(NO_ROUTE, hours=_hours(steps)))


def settled(
    plan: Dialplan,
    facts: CallFacts,
    name: str,
    do: Do | Queued,
    hours: tuple[Standing, ...],
) -> Decision:
    """Say what comes of a route, or of a special, that a call takes."""
    via = ""
    while isinstance(do, Goto):  # only forward, so this ends
        via, name = via or name, do.goto
        do = next(route.do for route in plan.routes if route.name == name)
    if isinstance(do, Keypad):
        return Decision(name, do, do.persona, None, hours, via)
    if not isinstance(do, Answer):
        return Decision(name, do, None, None, hours, via)
    if do.rollout is None:
        return Decision(name, do, do.persona, None, hours, via)
    rollout = do.rollout
    key = facts.caller if rollout.sticky == "caller" else ANONYMOUS
    drawn = _draw(f"rollout of {name}", key, facts.call_sid) < rollout.percent
    return Decision(name, do, rollout.to if drawn else do.persona, drawn, hours, via)


def _hours(steps: list[Step]) -> tuple[Standing, ...]:
    """What calendars said on the way, each once."""
    checks = (check for step in steps for check in step.checks)
    return tuple(dict.fromkeys(check.hours for check in checks if check.hours))


def _walk(plan: Dialplan, facts: CallFacts) -> Iterator[tuple[Step, Do]]:
    tags = plan.callers.tagged(facts.caller)
    if BLOCKED in tags:
        blocked = ALLOWED not in tags
        got = "blocked" if blocked else "blocked, and allowed"
        check = Check("from", "blocked, and not allowed", got, blocked)
        yield Step(BLOCK, plan.places.get(BLOCK, ""), blocked, (check,)), REJECTED
    anonymous = plan.specials.anonymous
    if anonymous and facts.caller == ANONYMOUS:
        place = plan.places.get(ANONYMOUS_CALLERS, "")
        check = Check("from", ANONYMOUS, ANONYMOUS, True)
        yield Step(ANONYMOUS_CALLERS, place, True, (check,)), anonymous
    asked: dict[str, Standing] = {}
    for index, route in enumerate(plan.routes):
        ask = _Question(plan, facts, route.name, tags, asked)
        checks = list(ask.all(route.match))
        matched = all(check.ok for check in checks)
        for group in route.unless:
            found = list(ask.all(group))
            excluded = all(check.ok for check in found)
            # An exclusion is fine as long as one of its keys is not met.
            checks += [
                replace(x, key=f"unless.{x.key}", ok=not (excluded and x.ok))
                for x in found
            ]
            matched = matched and not excluded
        place = plan.places.get(f"routes[{index}]", "")
        yield Step(route.name, place, matched, tuple(checks)), route.do


@dataclass(frozen=True, slots=True)
class _Question:
    """Asks of one call what one route wants."""

    plan: Dialplan
    facts: CallFacts
    route: str
    tags: frozenset[str]

    asked: dict[str, Standing]
    """What calendars said to routes before: with 400 exceptions each looks long."""

    def all(self, match: Match) -> Iterator[Check]:
        """Check every key that is given."""
        plan, facts = self.plan, self.facts
        if match.to:
            ok = facts.to in called(plan.numbers, match.to)
            yield Check("to", _shown(match.to), facts.to, ok)
        if match.from_:
            ok = any(map(_like(facts.caller), match.from_))
            yield Check("from", _shown(match.from_), facts.caller, ok)
        if match.from_country:
            ok = facts.country in match.from_country
            wanted = _shown(match.from_country)
            yield Check("from_country", wanted, facts.country or UNKNOWN, ok)
        if match.caller_tag:
            ok = not self.tags.isdisjoint(match.caller_tag)
            named = sorted(tag for tag in self.tags if tag not in (BLOCKED, ALLOWED))
            yield Check("caller_tag", _shown(match.caller_tag), _shown(named), ok)
        for name, pattern in match.header.items():
            got = facts.headers.get(name.lower())
            ok = got is not None and _like(got)(pattern)
            yield Check(f"header.{name}", pattern, UNKNOWN if got is None else got, ok)
        yield from self._when(match)
        yield from self._chance(match)

    def _when(self, match: Match) -> Iterator[Check]:
        for wanted in match.hours:
            found = self._standing(wanted.removeprefix("!"))
            ok = found.is_open is not wanted.startswith("!")
            yield Check("hours", wanted, found.why, ok, found)
        here = self.facts.at.astimezone(self.plan.zone)
        if match.weekday is not None:
            got = WEEKDAYS[here.weekday()]
            days = tuple(WEEKDAYS[day] for day in match.weekday)
            yield Check("weekday", ", ".join(days), got, got in days)
        if match.date:
            ok = any(days.holds(here.date()) for days in match.date)
            yield Check("date", _shown(map(str, match.date)), str(here.date()), ok)
        if match.time:
            minute = minute_of(here)
            ok = any(x.holds(minute) or x.holds(minute + DAY_MIN) for x in match.time)
            yield Check("time", _shown(map(str, match.time)), f"{here:%H:%M}", ok)

    def _standing(self, name: str) -> Standing:
        found = self.asked.get(name)
        if found is None:
            found = standing(self.plan.calendars[name], self.facts.at)
            self.asked[name] = found
        return found

    def _chance(self, match: Match) -> Iterator[Check]:
        facts = self.facts
        if match.language:
            spoken = spoken_in(self.plan, facts)
            ok = spoken in match.language
            yield Check("language", _shown(match.language), spoken or UNKNOWN, ok)
        if match.percent is not None:
            drawn = _draw(self.route, facts.caller, facts.call_sid)
            ok = drawn < match.percent
            yield Check("percent", f"below {match.percent}", f"{drawn}", ok)
        if match.load is not None:
            ok = facts.load >= match.load
            yield Check("load", f"at least {match.load:g}", f"{facts.load:g}", ok)


def called(numbers: Mapping[str, Number], wanted: Iterable[str]) -> frozenset[str]:
    """Return the numbers that labels, tags and numbers stand for."""
    found: set[str] = set()
    for name in wanted:
        tag = name.removeprefix("tag:")
        if tag != name:
            found.update(n.e164 for n in numbers.values() if tag in n.tags)
        else:
            found.add(numbers[name].e164 if name in numbers else name)
    return frozenset(found)


def _like(text: str) -> Callable[[str], bool]:
    def like(pattern: str) -> bool:
        if pattern.endswith("*"):
            return text.startswith(pattern[:-1])
        return text == pattern

    return like


def _draw(salt: str, caller: str, call_sid: str) -> int:
    """
    Draw 0 to 99: for a caller always the same, for an anonymous one by the call.

    The salt keeps draws apart, so that not the same callers are in all of them.
    """
    key = call_sid if caller == ANONYMOUS else caller
    digest = sha256(f"{salt}\0{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 100


def _shown(wanted: Iterable[str]) -> str:
    given = list(wanted)
    more = f" and {len(given) - SHOWN} more" if len(given) > SHOWN else ""
    return (", ".join(given[:SHOWN]) or "none") + more


def spoken_in(plan: Dialplan, facts: CallFacts) -> str | None:
    """Return the language of a call, as far as it is known before the first word."""
    if told := facts.headers.get("x-language"):
        return told
    numbers = (n.language for n in plan.numbers.values() if n.e164 == facts.to)
    return next(numbers, None)
