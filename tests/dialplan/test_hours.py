"""Whether somebody is there, at any moment of a year, wherever clocks are changed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voicebot.dialplan.hours import (
    Calendar,
    HoursDecision,
    Rule,
    decide,
    periods,
    standing,
)
from voicebot.dialplan.times import Interval, Span, changes, interval

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Shanghai"]
# Half an hour; midnight that does not exist; 45 minutes beside the hour.
ZONES += ["Australia/Lord_Howe", "America/Santiago", "Pacific/Chatham"]


def hours(*texts: str) -> tuple[Interval, ...]:
    found = [interval(text) for text in texts]
    return tuple(one for one in found if isinstance(one, Interval))


def calendar(
    *week: tuple[str, ...],
    zone: ZoneInfo = BERLIN,
    closed: dict[str, str] | None = None,
    special: dict[str, tuple[str, ...]] | None = None,
) -> Calendar:
    """Hours by weekday, the last of them repeated; exceptions by date."""
    days = [*week, *[week[-1]] * (7 - len(week))]
    return Calendar(
        "shop",
        zone,
        tuple(Rule("weekly", hours(*day), f"w{n}") for n, day in enumerate(days)),
        tuple(
            Rule("closed", (), f"c{n}", on(day), why)
            for n, (day, why) in enumerate((closed or {}).items())
        ),
        tuple(
            Rule("special", hours(*day), f"s{n}", on(text))
            for n, (text, day) in enumerate((special or {}).items())
        ),
    )


def on(text: str) -> Span:
    day = date.fromisoformat(text)
    return Span(day, day)


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


@pytest.mark.parametrize(
    ("when", "is_open", "why", "until"),
    [
        ("2027-03-01T08:29:59", False, "mon 2027-03-01 open only", "01T08:30"),
        ("2027-03-01T08:30", True, "mon 2027-03-01 08:30-12:00", "01T12:00"),
        ("2027-03-01T12:00", False, "open only 08:30-12:00, 13:30-18:00", "01T13:30"),
        ("2027-03-01T17:59", True, "mon 2027-03-01 13:30-18:00", "01T18:00"),
        ("2027-03-02T10:00", False, "tue 2027-03-02 closed (stocktaking)", "03T08:30"),
        ("2027-03-06T10:00", False, "sat 2027-03-06 closed", "07T10:00"),
        ("2027-03-07T10:00", True, "sun 2027-03-07 10:00-11:00", "07T11:00"),
    ],
)
def test_a_week_with_exceptions(when: str, is_open: bool, why: str, until: str) -> None:
    work = ("08:30-12:00", "13:30-18:00")
    shop = calendar(
        *[work] * 5,
        (),
        closed={"2027-03-02": "stocktaking", "2027-03-07": "fair"},
        special={"2027-03-07": ("10:00-11:00",)},
    )
    found = decide(shop, at(when))
    assert found.is_open is is_open
    assert why in found.why
    assert found.until == at(f"2027-03-{until}")


def test_the_first_of_two_exceptions_of_a_day_counts() -> None:
    day = on("2027-03-02")
    both = tuple(Rule("closed", (), f"{n}", day, why) for n, why in enumerate("ab"))
    shop = Calendar("x", BERLIN, calendar(("09:00-10:00",)).weekly, both)
    assert standing(shop, at("2027-03-02T09:00")).place == "0"


def test_hours_past_midnight_belong_to_the_day_on_which_they_begin() -> None:
    bar = calendar(("22:00-02:00",), closed={"2027-12-25": "Christmas"})
    assert decide(bar, at("2027-12-25T01:59")) == HoursDecision(
        "shop", True, "fri 2027-12-24 22:00-02:00", "w4", at("2027-12-25T02:00")
    )
    assert not standing(bar, at("2027-12-25T22:30")).is_open
    assert not standing(bar, at("2027-12-26T01:00")).is_open
    assert standing(bar, at("2027-12-26T22:00")).is_open


def test_two_days_that_meet_at_midnight_are_open_without_a_break() -> None:
    shop = calendar(("08:00-24:00",), ("00:00-05:00",), ())
    assert decide(shop, at("2027-03-01T09:00")).until == at("2027-03-02T05:00")


def test_what_never_changes_has_no_end() -> None:
    assert decide(calendar(("00:00-24:00",)), at("2027-03-01T09:00")).until is None
    assert decide(calendar(()), at("2027-03-01T09:00")).until is None


def test_where_clocks_skip_an_hour_hours_begin_when_it_is_over() -> None:
    shop = calendar(("02:30-05:00",))
    found = decide(shop, at("2027-03-28T01:59"))
    assert not found.is_open
    assert found.until == at("2027-03-28T03:00")


def test_where_clocks_skip_midnight_hours_begin_when_that_hour_is_over() -> None:
    santiago = ZoneInfo("America/Santiago")
    shop = calendar(*[()] * 6, ("00:30-02:00",), zone=santiago)
    found = decide(shop, datetime(2027, 9, 4, 12, tzinfo=santiago))
    assert found.until == datetime(2027, 9, 5, 4, tzinfo=UTC)  # 01:00 there
    turned = list(changes(santiago, date(2027, 1, 1), date(2028, 1, 1)))
    assert [f"{x:%m-%d %H:%M}" for x in turned] == ["04-03 23:00", "09-05 01:00"]


def test_an_hour_that_clocks_show_twice_is_the_same_both_times() -> None:
    shop = calendar(("02:15-02:45",), zone=BERLIN)
    for fold in (0, 1):
        assert standing(shop, at("2027-10-31T02:30", fold=fold)).is_open
        assert not standing(shop, at("2027-10-31T02:50", fold=fold)).is_open
    open_ = [p for p in periods(shop, date(2027, 10, 31), 1) if p.is_open]
    assert [(p.starts.fold, p.ends.fold) for p in open_] == [(0, 0), (1, 1)]


def test_the_29th_of_february_is_a_day_like_others() -> None:
    shop = calendar(("09:00-10:00",), closed={"2028-02-29": "leap"})
    assert not standing(shop, at("2028-02-29T09:30")).is_open
    assert standing(shop, at("2028-03-01T09:30")).is_open


clock = st.sampled_from(["00:00", "01:00", "02:00", "02:30", "03:00", "09:00", "23:30"])
intervals = st.lists(
    st.tuples(clock, st.sampled_from(["01:30", "02:15", "03:10", "12:00", "24:00"])),
    max_size=2,
).map(lambda pairs: tuple(f"{a}-{b}" for a, b in pairs if a != b))
exceptional = st.sampled_from(["03-13", "03-14", "03-28", "04-04", "10-31", "11-07"])


def open_by_the_wall(shop: Calendar, moment: datetime) -> bool:
    """Open or not, said once more in the words of the handbook."""
    here = moment.astimezone(shop.zone).replace(tzinfo=None)
    for back in (0, 1):
        day = here.date() - timedelta(days=back)
        begins = datetime.combine(day, datetime.min.time())  # noqa: DTZ901
        for opening in shop.rule(day).open:
            starts = begins + timedelta(minutes=opening.starts_min)
            if starts <= here < begins + timedelta(minutes=opening.ends_min):
                return True
    return False


@settings(max_examples=60, deadline=None)
@example("America/Santiago", [("00:00-01:30",)], {}, {}, "09-04")
@given(
    st.sampled_from(ZONES),
    st.lists(intervals, min_size=1, max_size=7),
    st.dictionaries(exceptional, st.just("x"), max_size=2),
    st.dictionaries(exceptional, intervals, max_size=2),
    st.sampled_from(["03-12", "03-27", "04-03", "09-04", "10-02", "10-30", "11-06"]),
)
def test_every_minute_is_what_clocks_on_the_wall_say(
    zone: str,
    week: list[tuple[str, ...]],
    closed: dict[str, str],
    special: dict[str, tuple[str, ...]],
    start: str,
) -> None:
    shop = calendar(
        *week,
        zone=ZoneInfo(zone),
        closed={f"2027-{day}": why for day, why in closed.items()},
        special={f"2027-{day}": open_ for day, open_ in special.items()},
    )
    first, days = date.fromisoformat(f"2027-{start}"), 3
    begins = datetime(first.year, first.month, first.day, tzinfo=shop.zone)
    ends = begins.timestamp() + days * 86_400
    expected, second = [], begins.timestamp()
    while second < ends:
        expected.append(open_by_the_wall(shop, datetime.fromtimestamp(second, UTC)))
        second += 300
    spans = list(periods(shop, first, days + 1))
    got, second = [], begins.timestamp()
    for span in spans:
        while second < min(ends, span.ends.timestamp()):
            got.append(span.is_open)
            second += 300
    assert got == expected
    for earlier, later in zip(spans, spans[1:], strict=False):
        assert earlier.ends == later.starts
        assert earlier.is_open is not later.is_open
        found = decide(shop, earlier.starts)
        assert found.is_open is earlier.is_open
        assert found.until
        assert found.until.timestamp() == earlier.ends.timestamp()
