"""
When somebody is there: calendars, and what they say at a moment.

A day has one rule: the first `special` that holds it, else the first `closed`, else
its weekday. Hours belong to the day on which they begin: those that go on past
midnight do so whatever the next day says. What counts is what clocks on the wall
show: where they skip an hour, it is neither open nor closed; where they show it
twice, it is the same both times.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final, Literal
from zoneinfo import ZoneInfo

from voicebot.dialplan.series import Series
from voicebot.dialplan.times import (
    DAY_MIN,
    WEEKDAYS,
    Interval,
    Span,
    changes,
    local,
    minute_of,
)

ONE_DAY: Final = timedelta(days=1)
AHEAD_DAYS: Final = 370  # what does not change in a year is taken for lasting


@dataclass(frozen=True, slots=True)
class Rule:
    """When it is open on some days, and where that is written."""

    kind: Literal["special", "closed", "weekly"]
    open: tuple[Interval, ...]
    place: str
    days: Span | Series | None = None
    """None for a weekday."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """One of the plan's calendars."""

    name: str
    zone: ZoneInfo
    weekly: tuple[Rule, ...]
    """Seven, from Monday on."""

    closed: tuple[Rule, ...] = ()
    special: tuple[Rule, ...] = ()
    place: str = ""

    def rule(self, day: date) -> Rule:
        """What counts for the hours that begin on a day."""
        for rule in (*self.special, *self.closed):
            if rule.days and rule.days.holds(day):
                return rule
        return self.weekly[day.weekday()]


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a calendar is open at a moment, and why."""

    calendar: str
    is_open: bool
    why: str
    place: str


@dataclass(frozen=True, slots=True)
class HoursDecision(Standing):
    """The same with its end: None if nothing changes within a year."""

    until: datetime | None = None


def standing(calendar: Calendar, at: datetime) -> Standing:
    """
    Say whether it is open.

    Args:
        at: any moment that knows its time zone.
    """
    here = at.astimezone(calendar.zone)
    today, minute = here.date(), minute_of(here)
    yesterday = today - ONE_DAY
    for day, since in ((yesterday, minute + DAY_MIN), (today, minute)):
        rule = calendar.rule(day)
        for interval in rule.open:
            if interval.holds(since):
                why = f"{_named(day)} {interval}{_because(rule)}"
                return Standing(calendar.name, True, why, rule.place)
    rule = calendar.rule(today)
    if rule.open:
        hours = ", ".join(map(str, rule.open))
        why = f"{_named(today)} open only {hours}{_because(rule)}"
    else:
        why = f"{_named(today)} closed{_because(rule)}"
    return Standing(calendar.name, False, why, rule.place)


def decide(calendar: Calendar, at: datetime) -> HoursDecision:
    """Say whether it is open, why, and until when that stays so."""
    now = standing(calendar, at)
    until = next(
        (
            moment
            for moment in moments(calendar, at, AHEAD_DAYS)
            if standing(calendar, moment).is_open is not now.is_open
        ),
        None,
    )
    return HoursDecision(now.calendar, now.is_open, now.why, now.place, until)


def moments(calendar: Calendar, after: datetime, days: int) -> Iterator[datetime]:
    """Yield, in order, every later moment at which open and closed may change."""
    zone = calendar.zone
    first, last = after.astimezone(zone).date(), after.timestamp()
    for day in (first + timedelta(days=n) for n in range(days)):
        minutes = {
            minute - past
            for began, past in ((day - ONE_DAY, DAY_MIN), (day, 0))
            for interval in calendar.rule(began).open
            for minute in (interval.starts_min, interval.ends_min)
            if 0 <= minute - past < DAY_MIN
        }
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - on the wall
        # A time that clocks show twice is two moments, which are equal to Python.
        found = {
            local(
                (midnight + timedelta(minutes=minute)).replace(fold=fold), zone
            ).timestamp()
            for minute in minutes
            for fold in (0, 1)
        }
        found.update(x.timestamp() for x in changes(zone, day, day + ONE_DAY))
        # A midnight that clocks skip is, told one way, an hour of the day before.
        for second in sorted(each for each in found if each > last):
            last = second
            yield datetime.fromtimestamp(second, zone)


@dataclass(frozen=True, slots=True)
class Period:
    """A time during which a calendar is open, or closed, without a break."""

    is_open: bool
    starts: datetime
    ends: datetime


def periods(calendar: Calendar, first: date, days: int) -> Iterator[Period]:
    """Yield what a calendar is on some days, from midnight to midnight."""
    zone = calendar.zone
    start = datetime(first.year, first.month, first.day, tzinfo=zone)
    last = first + timedelta(days=days)
    end = datetime(last.year, last.month, last.day, tzinfo=zone)
    turns = [(start, standing(calendar, start).is_open)]
    for moment in moments(calendar, start, days):
        is_open = standing(calendar, moment).is_open
        if is_open is not turns[-1][1]:
            turns.append((moment, is_open))
    for (begins, is_open), (ends, _) in pairwise([*turns, (end, False)]):
        yield Period(is_open, begins, ends)


def _named(day: date) -> str:
    return f"{WEEKDAYS[day.weekday()]} {day}"


def _because(rule: Rule) -> str:
    return f" ({rule.reason})" if rule.reason else ""
