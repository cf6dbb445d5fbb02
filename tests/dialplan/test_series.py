"""Days that come again, year after year."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialplan.series import Series


def day(text: str) -> date:
    return date.fromisoformat(text)


def begins(series: Series, *years: int) -> list[str]:
    return [str(found) for year in years if (found := series.begins(year))]


def test_christmas_is_every_year_from_the_first_on() -> None:
    christmas = Series(day("2026-12-25"), 2)
    assert christmas.holds(day("2026-12-26"))
    assert christmas.holds(day("2099-12-25"))
    assert not christmas.holds(day("2099-12-27"))
    assert not christmas.holds(day("2025-12-25"))
    assert str(christmas) == "2026-12-25 and every year"


def test_what_begins_before_new_year_goes_on_after_it() -> None:
    holidays = Series(day("2026-12-30"), 4)
    assert holidays.holds(day("2031-01-02"))
    assert not holidays.holds(day("2031-01-03"))
    assert not holidays.holds(day("2026-01-02"))


def test_the_29th_of_february_is_only_where_there_is_one() -> None:
    leap = Series(day("2024-02-29"))
    assert begins(leap, 2024, 2025, 2026, 2027, 2028) == ["2024-02-29", "2028-02-29"]


def test_weekdays_of_a_month() -> None:
    thanksgiving = Series(day("2026-11-26"), nth=(4, 3))
    assert begins(thanksgiving, 2027, 2028) == ["2027-11-25", "2028-11-23"]
    spring_bank = Series(day("2026-05-25"), nth=(-1, 0))
    assert begins(spring_bank, 2027, 2028) == ["2027-05-31", "2028-05-29"]
    fifth = Series(day("2026-01-29"), nth=(5, 3))
    assert begins(fifth, 2027, 2028, 2032) == ["2032-01-29"]
    fifth_last = Series(day("2026-01-01"), nth=(-5, 3))
    assert begins(fifth_last, 2027, 2032) == ["2032-01-01"]


def test_every_second_year_until_a_day_but_not_on_some() -> None:
    fair = Series(
        day("2026-06-01"),
        every_years=2,
        until=day("2032-06-01"),
        but=frozenset({day("2028-06-01")}),
    )
    found = [year for year in range(2020, 2040) if fair.holds(date(year, 6, 1))]
    assert found == [2026, 2030, 2032]
    assert str(fair) == "2026-06-01 and every 2 years"


@given(st.dates(date(1990, 1, 1), date(2050, 1, 1)), st.integers(0, 30))
def test_the_nth_weekday_is_that_weekday_of_that_month(first: date, years: int) -> None:
    for nth in ((first.day - 1) // 7 + 1, -1):
        series = Series(first.replace(day=1), nth=(nth, first.weekday()))
        found = series.begins(first.year + years)
        if found:
            assert (found.weekday(), found.month) == (first.weekday(), first.month)
            inside = found + timedelta(7 if nth < 0 else -7 * nth)
            assert inside.month != first.month
