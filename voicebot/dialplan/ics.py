"""
Holidays out of calendar files (`.ics`): events of whole days, and their yearly rules.

The part of iCalendar that such files are made of, read strictly: what would close a
business at another time than the file says is a mistake, with its place. Libraries
for all of iCalendar do not say on which line something stands.

Source: RFC 5545.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from voicebot.dialplan.series import MAX_DAYS, Series
from voicebot.dialplan.source import MAX_BYTES, MAX_PROBLEMS, Problem, shown_key
from voicebot.dialplan.times import YEARS, Span
from voicebot.dialplan.values import UNSPEAKABLE

MAX_EVENTS: Final = 400  # as many as there may be in `closed`
MAX_REASON: Final = 200

LINE: Final = re.compile(r'([A-Za-z0-9-]+)((?:"[^"]*"|[^":])*+):(.*)', re.DOTALL)
DATE: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
LENGTH: Final = re.compile(r"P([0-9]{1,4})([DW])")
NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}")
BYDAY: Final = re.compile(r"([+-]?[1-5])(MO|TU|WE|TH|FR|SA|SU)")
DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)

REFUSED: Final = {
    "RDATE": "write an event for each date",
    "EXRULE": "write EXDATE",
    "RECURRENCE-ID": "write EXDATE, and an event of its own",
}
READ: Final = frozenset(
    {"DTSTART", "DTEND", "DURATION", "SUMMARY", "RRULE", "EXDATE", "STATUS", *REFUSED}
)
PARTS: Final = frozenset(
    {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYMONTH", "BYMONTHDAY", "BYDAY", "WKST"}
)


@dataclass(frozen=True, slots=True)
class Holiday:
    """One event, or all times of one that comes again."""

    days: Span | Series
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A line without its folds, and where it stands."""

    number: int
    name: str
    parameters: str
    value: str

    @property
    def column(self) -> int:
        """Where the value begins; of a folded line, as if it were not."""
        return len(self.name) + len(self.parameters) + 2


class _WrongError(Exception):
    """Of one line: its number, the column, the property, what is wrong."""

    def __init__(self, line: _Line, message: str) -> None:
        super().__init__(line.number, line.column, line.name, message)


class _GivenUpError(Exception):
    """The same where it makes no sense to read on."""


def read_ics(path: Path, data: bytes) -> tuple[list[Holiday], list[Problem]]:
    """
    Read the days of a calendar file, and the problems found in it.

    Events with STATUS:CANCELLED are left out. Never raises because of the data.

    Args:
        path: only for the problems to name.
        data: what the file holds.
    """
    if len(data) > MAX_BYTES:
        message = f"expected at most {MAX_BYTES // 1024} KiB"
        return [], [Problem(path, 1, 1, "", message)]
    found: list[Holiday] = []
    problems: list[Problem] = []
    try:
        for number, (begins, lines) in enumerate(_events(_lines(data))):
            if number == MAX_EVENTS:
                raise _GivenUpError(
                    begins, 1, "", f"expected at most {MAX_EVENTS} events"
                )
            try:
                found += _holiday(begins, lines)
            except _WrongError as exc:
                problems.append(Problem(path, *exc.args))
                if len(problems) == MAX_PROBLEMS:
                    return [], problems
    except _GivenUpError as exc:
        problems.append(Problem(path, *exc.args))
    if not problems and not found:
        problems.append(Problem(path, 1, 1, "", "expected at least one event"))
    return found, problems


def _lines(data: bytes) -> Iterator[_Line]:
    """Unfold and split: a line that begins with a blank goes on with the one before.

    In bytes, as a fold may stand within a letter.
    """
    number, parts = 1, [b""]
    for at, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        line = raw.removesuffix(b"\r")
        if line[:1] in (b" ", b"\t"):
            parts.append(line[1:])
            continue
        yield from _line(number, b"".join(parts))
        number, parts = at, [line]
    yield from _line(number, b"".join(parts))


def _line(number: int, data: bytes) -> Iterator[_Line]:
    if not data.strip():
        return
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise _GivenUpError(number, 1, "", "expected text in UTF-8") from None
    match = LINE.fullmatch(text)
    if match is None:
        raise _GivenUpError(number, 1, "", "expected a line such as DTSTART:20271224")
    name, parameters, value = match.groups()
    yield _Line(number, name.upper(), parameters, value.strip())


def _events(lines: Iterator[_Line]) -> Iterator[tuple[int, list[_Line]]]:
    """Yield the events, each with its first line and what of it is read."""
    inside: list[str] = []
    begins, event = 0, list[_Line]()
    last = 1
    for line in lines:
        last = line.number
        value = line.value.upper()
        if not inside and (line.name, value) != ("BEGIN", "VCALENDAR"):
            raise _GivenUpError(last, 1, "", "expected BEGIN:VCALENDAR")
        match line.name:
            case "BEGIN":
                inside.append(value)
                if inside == ["VCALENDAR", "VEVENT"]:
                    begins, event = line.number, []
            case "END":
                if value != inside[-1]:
                    message = f"expected END:{_shown(inside)}"
                    raise _GivenUpError(last, 1, "", message)
                if inside == ["VCALENDAR", "VEVENT"]:
                    yield begins, event
                inside.pop()
            case name if name in READ and inside == ["VCALENDAR", "VEVENT"]:
                event.append(line)
            case _:
                pass  # of what closes nothing: time zones, alarms, who wrote it
    if inside or not begins:
        missing = f"END:{_shown(inside)}" if inside else "BEGIN:VEVENT"
        raise _GivenUpError(last, 1, "", f"the file ends before {missing}")


def _shown(inside: list[str]) -> str:
    return shown_key(inside[-1])


def _holiday(begins: int, lines: list[_Line]) -> Iterator[Holiday]:
    given: dict[str, _Line] = {}
    but: list[_Line] = []
    for line in lines:
        if line.name in REFUSED:
            raise _WrongError(line, f"is not supported: {REFUSED[line.name]}")
        if line.name == "EXDATE":
            but.append(line)
        elif line.name in given:
            message = f"stands on line {given[line.name].number} already"
            raise _WrongError(line, message)
        else:
            given[line.name] = line
    status, start = given.get("STATUS"), given.get("DTSTART")
    if status and status.value.upper() == "CANCELLED":
        return
    if start is None:
        event = _Line(begins, "BEGIN", "", "VEVENT")
        raise _WrongError(event, "expected a DTSTART in the event")
    first = _date(start, start.value)
    length_days = _length_days(first, given.get("DTEND"), given.get("DURATION"))
    summary = given.get("SUMMARY")
    reason = _text(summary.value) if summary else ""
    if rule := given.get("RRULE"):
        excluded = frozenset(_date(x, day) for x in but for day in x.value.split(","))
        days: Span | Series = _series(rule, first, length_days, excluded)
    elif but:
        raise _WrongError(but[0], "expected RRULE beside it")
    else:
        days = Span(first, first + timedelta(length_days - 1))
    yield Holiday(days, begins, reason)


def _date(line: _Line, text: str) -> date:
    """Read a date; who has a time is told that only whole days are holidays."""
    match = DATE.fullmatch(text)
    if match:
        year, month, day = map(int, match.groups())
        if year in YEARS:
            try:
                return date(year, month, day)
            except ValueError:
                pass
    elif re.match(r"[0-9]{8}T", text):
        message = "expected a whole day such as 20271224, got a time of day; "
        raise _WrongError(line, f"{message}hours of their own belong into `special`")
    message = f"expected a date such as 20271224, of {YEARS[0]} to {YEARS[-1]}"
    raise _WrongError(line, message)


def _length_days(first: date, end: _Line | None, length: _Line | None) -> int:
    """Return how many days an event has: DTEND is the day after the last one."""
    if end and length:
        raise _WrongError(length, f"expected no DTEND, as on line {end.number}")
    if end:
        line, days = end, (_date(end, end.value) - first).days
    elif length:
        line, match = length, LENGTH.fullmatch(length.value)
        days = int(match[1]) * (7 if match[2] == "W" else 1) if match else 0
    else:
        return 1
    if not 1 <= days <= MAX_DAYS:
        raise _WrongError(line, f"expected 1 to {MAX_DAYS} whole days")
    return days


def _series(line: _Line, first: date, length_days: int, but: frozenset[date]) -> Series:
    parts = dict[str, str]()
    for part in line.value.upper().split(";"):
        key, _, value = part.partition("=")
        if key not in PARTS or key in parts:
            known = ", ".join(sorted(PARTS))
            raise _WrongError(line, f"expected each once at most: {known}")
        parts[key] = value
    if parts.get("FREQ") != "YEARLY":
        raise _WrongError(line, "expected FREQ=YEARLY")
    for key, own in (("BYMONTH", first.month), ("BYMONTHDAY", first.day)):
        if _number(line, parts, key, own) != own:
            raise _WrongError(line, f"expected {key}={own}, as in DTSTART")
    every_years = _number(line, parts, "INTERVAL", 1)
    series = Series(first, length_days, every_years, _nth(line, parts), but=but)
    if series.begins(first.year) != first:
        raise _WrongError(line, "expected a DTSTART that is the BYDAY it names")
    return _ended(line, parts, series)


def _number(line: _Line, parts: dict[str, str], key: str, default: int) -> int:
    text = parts.get(key, str(default))
    if not NUMBER.fullmatch(text):
        raise _WrongError(line, f"expected {key} to be one whole number from 1 on")
    return int(text)


def _nth(line: _Line, parts: dict[str, str]) -> tuple[int, int] | None:
    if "BYDAY" not in parts:
        return None
    match = BYDAY.fullmatch(parts["BYDAY"])
    if match is None or "BYMONTH" not in parts or "BYMONTHDAY" in parts:
        message = "expected BYDAY to be one such as 4TH or -1MO, with BYMONTH alone"
        raise _WrongError(line, message)
    return int(match[1]), DAYS.index(match[2])


def _ended(line: _Line, parts: dict[str, str], series: Series) -> Series:
    """End a series: COUNT counts times that EXDATE takes out, too."""
    if "UNTIL" in parts and "COUNT" in parts:
        raise _WrongError(line, "expected UNTIL or COUNT, got both")
    until = date.max
    if "UNTIL" in parts:
        until = _date(line, parts["UNTIL"])
        if until < series.first:
            raise _WrongError(line, "expected UNTIL not before DTSTART")
    elif "COUNT" in parts:
        years = range(series.first.year, YEARS[-1] + 1, series.every_years)
        times = [day for year in years if (day := series.begins(year))]
        until = times[: _number(line, parts, "COUNT", 1)][-1]
    return replace(series, until=until)


def _text(value: str) -> str:
    """Take back what `\\,` and `\\n` stand for; one line, as it goes into the log."""
    plain = ESCAPED.sub(lambda x: " " if x[1] in "nN" else x[1], value)
    return UNSPEAKABLE.sub("", " ".join(plain.split()))[:MAX_REASON].strip()
