"""What a plan does in the course of a year that nobody may have meant."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, Literal

from voicebot.dialplan.calls import CallFacts
from voicebot.dialplan.hours import ONE_DAY, Calendar, Rule, moments, periods
from voicebot.dialplan.model import Dialplan, Number, Route, RouteTest
from voicebot.dialplan.routing import NO_ROUTE, REJECTED, choose
from voicebot.dialplan.times import DAY_MIN, WEEKDAYS, changes, local

# Somebody whom no list knows: this country code is not given to any country.
STRANGER: Final = "+999000000000"

# A match that asks for no time.
TIMELESS: Final = {"hours": (), "weekday": None, "date": (), "time": ()}

LONG_CLOSURE: Final = timedelta(days=5)

Kind = Literal[
    "gap", "overlap", "dst", "never_open", "changes_nothing", "long_closure", "night"
]


@dataclass(frozen=True, slots=True)
class Finding:
    """
    Something that an operator should look at.

    Attributes:
        what: the calendar, or the label of the number, it is about.
        at: when it happens first.
        place: where it is written, such as `dialplan.yaml:12`; may be empty.
    """

    kind: Kind
    what: str
    at: datetime
    text: str
    place: str


def walk_year(plan: Dialplan, year: int) -> tuple[Finding, ...]:
    """Walk through every hour of a year and say what is surprising about it."""
    found: list[Finding] = []
    for calendar in plan.calendars.values():
        for look in (_never_open, _overlaps, _dead, _long, _nights, _dst):
            found += look(calendar, year)
    found += _gaps(plan, year)
    return tuple(found)


# ---- calendars ---------------------------------------------------------------


def _midnight(calendar: Calendar, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=calendar.zone)


def _days(year: int) -> list[date]:
    first, last = date(year, 1, 1), date(year + 1, 1, 1)
    return [first + timedelta(days=n) for n in range((last - first).days)]


def _never_open(calendar: Calendar, year: int) -> Iterator[Finding]:
    if not any(calendar.rule(day).open for day in _days(year)):
        at = _midnight(calendar, date(year, 1, 1))
        text = "is not open on any day of the year"
        yield Finding("never_open", calendar.name, at, text, calendar.place)


def _overlaps(calendar: Calendar, year: int) -> Iterator[Finding]:
    """Find hours that meet, and exceptions of which only the first counts."""
    rules = (*calendar.weekly, *calendar.special)
    at = _midnight(calendar, date(year, 1, 1))
    for rule in dict.fromkeys(rules):
        ordered = sorted(rule.open, key=lambda x: (x.starts_min, x.ends_min))
        for earlier, later in zip(ordered, ordered[1:], strict=False):
            if later.starts_min < earlier.ends_min:
                text = f"{earlier} and {later} of one day overlap"
                yield Finding("overlap", calendar.name, at, text, rule.place)
    for exceptions in (calendar.special, calendar.closed):
        for index, rule in enumerate(exceptions):
            if found := _shared(rule, exceptions[:index], year):
                day, first = found
                text = f"{day} is in {first.place} too, which counts"
                begins = _midnight(calendar, day)
                yield Finding("overlap", calendar.name, begins, text, rule.place)


def _shared(
    rule: Rule, others: tuple[Rule, ...], year: int
) -> tuple[date, Rule] | None:
    """Find the first day of a rule that another one has, too."""
    return next(
        (
            (day, other)
            for day in _days(year)
            if rule.days and rule.days.holds(day)
            for other in others
            if other.days and other.days.holds(day)
        ),
        None,
    )


def _dead(calendar: Calendar, year: int) -> Iterator[Finding]:
    """Find exceptions of which the year would be the same without."""
    for rule in (*calendar.closed, *calendar.special):
        days = [day for day in _days(year) if rule.days and rule.days.holds(day)]
        without = replace(
            calendar,
            closed=tuple(x for x in calendar.closed if x is not rule),
            special=tuple(x for x in calendar.special if x is not rule),
        )
        if days and all(
            without.rule(day).open == calendar.rule(day).open for day in days
        ):
            text = f"{rule.kind} {rule.days}{_reason(rule)} changes nothing"
            at = _midnight(calendar, days[0])
            yield Finding("changes_nothing", calendar.name, at, text, rule.place)


def _long(calendar: Calendar, year: int) -> Iterator[Finding]:
    """Find closures of days that an exception is part of."""
    for period in periods(calendar, date(year, 1, 1), len(_days(year))):
        length = period.ends - period.starts
        if period.is_open or length < LONG_CLOSURE:
            continue
        days = [period.starts.date() + timedelta(n) for n in range(length.days + 1)]
        rules = (calendar.rule(day) for day in days)
        if rule := next((rule for rule in rules if rule.days), None):
            text = (
                f"is closed for {length.days} days, until {period.ends:%Y-%m-%d %H:%M}"
                f"{_reason(rule)}"
            )
            yield Finding(
                "long_closure", calendar.name, period.starts, text, rule.place
            )


def _nights(calendar: Calendar, year: int) -> Iterator[Finding]:
    """Find hours that go on past midnight into a day that has none of its own."""
    for day in _days(year):
        before, rule = calendar.rule(day - ONE_DAY), calendar.rule(day)
        late = [x for x in before.open if x.ends_min > DAY_MIN]
        if late and rule.kind == "closed":
            text = (
                f"{day} is closed{_reason(rule)}, but the hours {late[0]} "
                f"of the day before go on into it"
            )
            at = _midnight(calendar, day)
            yield Finding("night", calendar.name, at, text, rule.place)


def _dst(calendar: Calendar, year: int) -> Iterator[Finding]:
    """Find hours that are longer or shorter because clocks are changed."""
    for change in changes(calendar.zone, date(year, 1, 1), date(year + 1, 1, 1)):
        day = change.date()
        for began in (day - ONE_DAY, day):
            rule = calendar.rule(began)
            midnight = datetime(began.year, began.month, began.day)  # noqa: DTZ001
            for interval in rule.open:
                starts, ends = (
                    local(midnight + timedelta(minutes=minute), calendar.zone)
                    for minute in (interval.starts_min, interval.ends_min)
                )
                wall = timedelta(minutes=interval.ends_min - interval.starts_min)
                lasts = timedelta(seconds=ends.timestamp() - starts.timestamp())
                if lasts != wall:
                    text = (
                        f"clocks change on {change:%Y-%m-%d} at {change:%H:%M}: "
                        f"{interval} of {WEEKDAYS[began.weekday()]} lasts {lasts}, "
                        f"not {wall}"
                    )
                    yield Finding("dst", calendar.name, change, text, rule.place)


def _reason(rule: Rule) -> str:
    return f" ({rule.reason})" if rule.reason else ""


# ---- routes --------------------------------------------------------------------


def _gaps(plan: Dialplan, year: int) -> Iterator[Finding]:
    """Find times at which nobody is there for a number: no route takes its calls."""
    times = _turning_points(plan, year)
    for label, number in plan.numbers.items():
        asked = _asked(plan, number)
        if asked is None:
            continue
        gaps: list[tuple[datetime, datetime]] = []
        began: datetime | None = None
        for at in times:
            facts = CallFacts(number.e164, STRANGER, at, call_sid=label)
            if choose(asked, facts).route == NO_ROUTE.route:
                began = began or at
            elif began:
                gaps.append((began, at))
                began = None
        if began:
            gaps.append((began, times[-1] + timedelta(minutes=1)))
        if gaps:
            seconds = sum(e.timestamp() - b.timestamp() for b, e in gaps)
            (first, end), hours = gaps[0], seconds / 3600
            text = (
                f"nobody answers {number.display_name} for {hours:,.0f} h of the "
                f"year: {len(gaps)} times, first from {first:%Y-%m-%d %H:%M} to "
                f"{end:%Y-%m-%d %H:%M}"
            )
            yield Finding("gap", label, first, text, "")


def _asked(plan: Dialplan, number: Number) -> Dialplan | None:
    """
    Leave the routes that take a stranger's calls to a number at some time of the year.

    None if one of them always does: then there is no gap.
    """
    facts = CallFacts(number.e164, STRANGER, datetime(2000, 1, 1, tzinfo=plan.zone))
    left: list[Route] = []
    for route in plan.routes:
        timeless = route.match.model_copy(update=TIMELESS)
        taken = {"do": REJECTED, "match": timeless, "unless": ()}
        alone = replace(plan, routes=(route.model_copy(update=taken),))
        if choose(alone, facts).route == NO_ROUTE.route:
            continue
        if timeless == route.match and not route.unless:
            return None
        left.append(route.model_copy(update={"do": REJECTED}))
    return replace(plan, routes=tuple(left))


def _turning_points(plan: Dialplan, year: int) -> list[datetime]:
    """Return, in order, every moment at which another route may begin to match."""
    start = datetime(year, 1, 1, tzinfo=plan.zone)
    end = datetime(year + 1, 1, 1, tzinfo=plan.zone)
    found = {start.timestamp(), end.timestamp() - 60}
    for calendar in plan.calendars.values():
        found.update(x.timestamp() for x in moments(calendar, start, 367))
    groups = [x for route in plan.routes for x in (route.match, *route.unless)]
    clock = {
        minute % DAY_MIN
        for group in groups
        for interval in group.time
        for minute in (interval.starts_min, interval.ends_min)
    }
    if clock or any(group.date or group.weekday for group in groups):
        for day in _days(year):
            midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001
            found.update(
                local(midnight + timedelta(minutes=minute), plan.zone).timestamp()
                for minute in {0, *clock}
            )
    first, last = start.timestamp(), end.timestamp()
    return [
        datetime.fromtimestamp(second, plan.zone)
        for second in sorted(found)
        if first <= second < last
    ]


# ---- tests in the file ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failure:
    """A test of the plan's own that does not hold."""

    index: int
    place: str
    expected: str
    got: str

    def __str__(self) -> str:
        where = f"{self.place}: tests[{self.index}]"
        return f"{where}: expected {self.expected}, {self.got}"


def failures(plan: Dialplan) -> Iterator[Failure]:
    """Run the plan's own tests."""
    for index, test in enumerate(plan.tests):
        decision = choose(plan, facts_of(plan, test))
        place = plan.places.get(f"tests[{index}]", "")
        said = "; ".join(f"{x.calendar}: {x.why}" for x in decision.hours)
        why = f" ({said})" if said else ""
        if test.expect not in (decision.route, decision.via):
            got = f"got {decision.route}{why}"
            yield Failure(index, place, f"route {test.expect}", got)
        elif test.because and test.because not in said:
            got = f"got {said or 'no hours at all'}"
            yield Failure(index, place, f"because of {test.because}", got)


def facts_of(plan: Dialplan, test: RouteTest) -> CallFacts:
    """Make the call that a test is about."""
    number = plan.numbers.get(test.to)
    return CallFacts(
        to=number.e164 if number else test.to,
        from_=test.from_,
        at=local(test.at, plan.zone),
        country=test.country,
        headers={name.lower(): value for name, value in test.header.items()},
        load=test.load,
    )
