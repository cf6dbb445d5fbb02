"""Days that come again: the yearly rules of iCalendar."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

MAX_DAYS: Final = 366  # of one time


@dataclass(frozen=True, slots=True)
class Series:
    """
    Some days of every year, or of every second, third, … one.

    Attributes:
        first: the day on which it begins for the first time.
        length_days: 1 to MAX_DAYS.
        nth: which weekday of the month of `first`, from 0 for Monday: `(4, 3)` is
            the fourth Thursday, `(-1, 0)` the last Monday. None for the same date.
        until: no later time begins after this day.
        but: days on which it does not begin.

    Source: RFC 5545, 3.3.10.
    """

    first: date
    length_days: int = 1
    every_years: int = 1
    nth: tuple[int, int] | None = None
    until: date = date.max
    but: frozenset[date] = frozenset()

    def begins(self, year: int) -> date | None:
        """The day on which it begins in a year: none of 29 February in most."""
        if (year - self.first.year) % self.every_years:
            return None
        month, day = self.first.month, self.first.day
        if self.nth or day > 28:
            weekday, days = monthrange(year, month)
        else:
            weekday, days = 0, 28  # it is asked often, and most are there
        if self.nth:
            nth, wanted = self.nth
            day = 1 + (wanted - weekday) % 7 + 7 * (nth - 1)
            if nth < 0:
                last = days - (weekday + days - 1 - wanted) % 7
                day = last + 7 * (nth + 1)
        if not 1 <= day <= days:
            return None
        begins = date(year, month, day)
        return begins if self.first <= begins <= self.until else None

    def holds(self, day: date) -> bool:
        earliest = day - timedelta(self.length_days - 1)
        found = map(self.begins, range(earliest.year, day.year + 1))
        return any(x and earliest <= x <= day and x not in self.but for x in found)

    def __str__(self) -> str:
        years = "year" if self.every_years == 1 else f"{self.every_years} years"
        return f"{self.first} and every {years}"
