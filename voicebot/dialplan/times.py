"""Times of day, weekdays and dates, as they are written in `dialplan.yaml`."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN: Final = 24 * 60
LEAP_YEAR: Final = 2000  # stands for any year in which a date may exist

CLOCK: Final = r"([01][0-9]|2[0-4]):([0-5][0-9])"
INTERVAL: Final = re.compile(f"{CLOCK}-{CLOCK}")
DATE: Final = re.compile(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})")
# Years that calendars can be asked about: the calendar of Python ends a little later.
YEARS: Final = range(1970, 2201)
AT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?")


@dataclass(frozen=True, slots=True)
class Interval:
    """
    A part of a day by the clock on the wall, without its end.

    Minutes since midnight. What ends past midnight ends after 1440: it belongs to
    the day on which it begins.
    """

    starts_min: int
    ends_min: int

    def __str__(self) -> str:
        # 24:00 is written as such; what ends past midnight, as of the next day.
        past = self.ends_min > DAY_MIN
        return f"{_clock(self.starts_min)}-{_clock(self.ends_min - DAY_MIN * past)}"

    def holds(self, minute: float) -> bool:
        """Whether it goes on at a minute since the midnight before it began."""
        return self.starts_min <= minute < self.ends_min


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@dataclass(frozen=True, slots=True)
class Span:
    """
    Days from one to another, both included.

    Attributes:
        yearly: only month and day count; it may run over the end of the year.
    """

    first: date
    last: date
    yearly: bool = False

    def holds(self, day: date) -> bool:
        if not self.yearly:
            return self.first <= day <= self.last
        begins, ends, asked = map(_of_year, (self.first, self.last, day))
        if begins <= ends:
            return begins <= asked <= ends
        return asked >= begins or asked <= ends

    def __str__(self) -> str:
        form = "%m-%d" if self.yearly else "%Y-%m-%d"
        first, last = self.first.strftime(form), self.last.strftime(form)
        return first if first == last else f"{first} to {last}"


def _of_year(day: date) -> tuple[int, int]:
    return day.month, day.day


def minute_of(at: datetime) -> float:
    """Minutes since midnight by the clock on the wall."""
    return at.hour * 60 + at.minute + at.second / 60


def interval(value: object) -> object:
    """Read `"08:30-12:00"`; `"22:00-02:00"` ends on the next day."""
    found = INTERVAL.fullmatch(value) if isinstance(value, str) else None
    if found:
        h1, m1, h2, m2 = map(int, found.groups())
        starts, ends = h1 * 60 + m1, h2 * 60 + m2
        if starts < DAY_MIN and ends <= DAY_MIN and starts != ends:
            return Interval(starts, ends if ends > starts else ends + DAY_MIN)
    raise PydanticCustomError(
        "word",
        "expected times such as '08:30-12:00', '22:00-02:00' or, for the whole day, "
        "'00:00-24:00'",
    )


def weekdays(text: object) -> tuple[int, ...]:
    """
    Read `mon`, `mon-fri` or `daily`; `sat-mon` goes over the end of the week.

    Raises:
        PydanticCustomError: it is none of these.
    """
    if text == "daily":
        return tuple(range(7))
    if isinstance(text, str):
        first, dash, last = text.partition("-")
        if first in WEEKDAYS and (last in WEEKDAYS or not dash):
            start = WEEKDAYS.index(first)
            length = (WEEKDAYS.index(last or first) - start) % 7 + 1
            return tuple((start + step) % 7 for step in range(length))
    raise PydanticCustomError(
        "word", "expected days by their first three letters: mon, mon-fri, or daily"
    )


def _days(value: object) -> object:
    """Read a list of weekdays, or one, as numbers from 0 for Monday."""
    given = value if isinstance(value, list) else [value]
    if value == [] or isinstance(value, tuple | dict):
        raise PydanticCustomError("empty", "expected at least one day")
    return tuple(sorted({day for text in given for day in weekdays(text)}))


def _date(value: object) -> Span:
    found = DATE.fullmatch(value) if isinstance(value, str) else None
    if found:
        with suppress(ValueError):
            year, month, day = (int(part or LEAP_YEAR) for part in found.groups())
            return Span(date(year, month, day), date(year, month, day), not found[1])
        raise PydanticCustomError(
            "date", "expected a date that is in the calendar, month before day"
        )
    raise PydanticCustomError(
        "word", "expected a date such as 2027-12-24 or, for every year, 12-24"
    )


def until(begins: Span, ends: Span) -> Span:
    """
    All days from one to another.

    Raises:
        PydanticCustomError: only one has a year, or they are the wrong way round.
    """
    if begins.yearly != ends.yearly:
        raise PydanticCustomError("dates", "expected both dates with a year, or none")
    if ends.first < begins.first and not begins.yearly:
        raise PydanticCustomError("dates", "expected 'to' not before 'from'")
    return Span(begins.first, ends.first, begins.yearly)


def _dates(value: object) -> object:
    match value:
        case {"from": first, "to": last, **rest} if not rest:
            return until(_date(first), _date(last))
        case dict():
            raise PydanticCustomError("dates", "expected a date, or from and to")
        case _:
            return _date(value)


def _zone(value: object) -> object:
    # Names are paths, of which ZoneInfo refuses those that lead elsewhere.
    with suppress(ZoneInfoNotFoundError, ValueError, OSError):
        if isinstance(value, str):
            return ZoneInfo(value)
    raise PydanticCustomError(
        "zone",
        "expected a time zone such as {name}",
        {"name": _near(value) if isinstance(value, str) else "Europe/London"},
    )


@cache
def _zones() -> dict[str, list[str]]:
    """All names of zones, by their first letter."""
    names: dict[str, list[str]] = {}
    for name in files("tzdata").joinpath("zones").read_text("utf-8").split():
        names.setdefault(name[0].lower(), []).append(name)
    return names


def _near(name: str) -> str:
    """Return the zone that was probably meant: one that begins like it."""
    alike = _zones().get(name[:1].lower(), ())
    near = get_close_matches(name, alike, 1, cutoff=0.8)
    return next(iter(near), "Europe/London")


def _moment(value: object) -> object:
    """Read a local date and time."""
    with suppress(ValueError):
        if isinstance(value, str) and AT.fullmatch(value):
            moment = datetime.fromisoformat(value)
            if moment.year in YEARS:
                return moment
    raise PydanticCustomError(
        "word",
        "expected a local date and time such as '2027-12-24T10:00', of 1970 to 2200",
    )


def local(moment: datetime, zone: ZoneInfo) -> datetime:
    """Give a local time its zone; one that clocks skip becomes what they show then."""
    return datetime.fromtimestamp(moment.replace(tzinfo=zone).timestamp(), zone)


def changes(zone: ZoneInfo, first: date, last: date) -> Iterator[datetime]:
    """Yield the moments at which clocks are changed, from one midnight to another.

    The first midnight is not among them, the last one is.
    """
    day = first
    while day < last:
        low, high = _midnight(day, zone), _midnight(day + timedelta(1), zone)
        # Asked of seconds: a midnight that clocks skip has the offset before it.
        if _offset(low, zone) != _offset(high, zone):
            yield _changed(low, high, zone)
        day += timedelta(1)


def _midnight(day: date, zone: ZoneInfo) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def _offset(second: float, zone: ZoneInfo) -> timedelta | None:
    return datetime.fromtimestamp(second, zone).utcoffset()


def _changed(low: float, high: float, zone: ZoneInfo) -> datetime:
    before = _offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, zone)


def _schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern})


_DATES_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": DATE.pattern},
        {
            "type": "object",
            "properties": {"from": {"type": "string"}, "to": {"type": "string"}},
            "required": ["from", "to"],
            "additionalProperties": False,
        },
    ]
}

Hours = Annotated[Interval, BeforeValidator(interval), _schema(INTERVAL.pattern)]
Days = Annotated[
    tuple[int, ...],
    BeforeValidator(_days),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}),
]
Day = Annotated[Span, BeforeValidator(_date), _schema(DATE.pattern)]
Dates = Annotated[Span, BeforeValidator(_dates), WithJsonSchema(_DATES_SCHEMA)]
ZoneName = Annotated[
    ZoneInfo, BeforeValidator(_zone), WithJsonSchema({"type": "string"})
]
Moment = Annotated[datetime, BeforeValidator(_moment), _schema(AT.pattern)]
