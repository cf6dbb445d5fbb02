"""Holidays come out of calendar files as they stand there, or with a clear mistake."""

from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialplan.broken import BAD_CALENDARS, event
from tests.dialplan.plans import NUMBERS, mistakes, written
from voicebot.dialplan.coverage import failures, walk_year
from voicebot.dialplan.hours import decide
from voicebot.dialplan.ics import Holiday, read_ics
from voicebot.dialplan.load import load
from voicebot.dialplan.series import Series
from voicebot.dialplan.times import Span

PLAN = (
    NUMBERS
    + """\
timezone: Europe/London
calendars:
  desk:
    weekly: {daily: ["08:00-20:00"]}
    ics: [holidays.ics, more/ours.ics]
    closed: [{date: 2027-12-24, reason: Ours}]
    special: [{date: 2027-12-26, open: ["10:00-12:00"]}]
  shop: {ics: holidays.ics}
routes:
  - {name: closed, match: {hours: "!desk"}, do: {reject: busy}}
  - {name: default, do: {persona: desk}}
tests:
  - {at: "2027-12-25T10:00", to: main, expect: closed, because: Christmas}
"""
)
CHRISTMAS = event("DTSTART;VALUE=DATE:20271224", "DTEND:20271228", "SUMMARY:Christmas")
OURS = event("DTSTART:20270301", "RRULE:FREQ=YEARLY", "SUMMARY:Founders' day")


def days(*lines: str) -> list[Holiday]:
    found, problems = read_ics(Path("a.ics"), event(*lines).encode())
    assert problems == []
    return found


def plan_with(folder: Path, holidays: str = CHRISTMAS, ours: str = OURS) -> Path:
    written(folder, PLAN)
    (folder / "more").mkdir(exist_ok=True)
    (folder / "holidays.ics").write_text(holidays)
    (folder / "more" / "ours.ics").write_text(ours)
    return folder


def test_the_end_of_an_event_is_the_day_after_it() -> None:
    day = date(2027, 12, 24)
    one, two = Span(day, day), Span(day, date(2027, 12, 25))
    week = Span(day, date(2027, 12, 30))
    start = "DTSTART;VALUE=DATE:20271224"
    assert days(start) == [Holiday(one, 2, "")]
    assert days(start, "DTEND;VALUE=DATE:20271226") == [Holiday(two, 2, "")]
    assert days(start, "DURATION:P2D") == [Holiday(two, 2, "")]
    assert days(start, "DURATION:P1W") == [Holiday(week, 2, "")]


def test_a_rule_makes_a_series() -> None:
    start = date(2026, 5, 25)
    (found,) = days(
        "DTSTART:20260525",
        "RRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;WKST=MO;INTERVAL=2;UNTIL=20300601",
        "EXDATE:20280529,20300527",
        "EXDATE:20320531",
    )
    but = frozenset({date(2028, 5, 29), date(2030, 5, 27), date(2032, 5, 31)})
    assert found.days == Series(start, 1, 2, (-1, 0), date(2030, 6, 1), but)


def test_times_that_are_taken_out_count_too() -> None:
    (found,) = days("DTSTART:20240229", "RRULE:FREQ=YEARLY;COUNT=2;BYMONTHDAY=29")
    assert found.days == Series(date(2024, 2, 29), until=date(2028, 2, 29))


def test_folds_escapes_alarms_and_what_is_cancelled() -> None:
    text = (
        '\ufeffBEGIN:VCALENDAR\r\nX-NAME;A="b:c":d\r\n'
        "BEGIN:VTIMEZONE\r\nDTSTART:19700101T000000\r\nEND:VTIMEZONE\r\n\r\n"
        "begin:vevent\r\nDTSTART:20270101\r\n"
        "SUMMARY:New\\, \\nY\r\n ear\\\\s \x07Day\r\n"
        "BEGIN:VALARM\r\nSUMMARY:Beep\r\nEND:VALARM\r\nTRANSP:OPAQUE\r\nEND:VEVENT\r\n"
        "BEGIN:VEVENT\r\nDTSTART:20270102\r\nSTATUS:CANCELLED\r\nEND:VEVENT\r\n"
        "END:VCALENDAR\r\n"
    )
    found, problems = read_ics(Path("a.ics"), text.encode())
    assert problems == []
    assert [(x.line, x.reason) for x in found] == [(7, "New, Year\\s Day")]


def test_a_fold_may_stand_within_a_letter() -> None:
    data = event("DTSTART:20270206", "SUMMARY:春节").encode()
    at = data.index("节".encode()) + 1
    (found,), problems = read_ics(Path("a"), data[:at] + b"\r\n\t" + data[at:])
    assert (found.reason, problems) == ("春节", [])


def test_a_file_of_cancelled_events_only_closes_nothing_and_says_so() -> None:
    found, problems = read_ics(
        Path("a.ics"), event("DTSTART:20270101", "STATUS:CANCELLED").encode()
    )
    assert found == []
    assert list(map(str, problems)) == ["a.ics:1:1: expected at least one event"]


@pytest.mark.parametrize(("says", "text"), BAD_CALENDARS, ids=lambda x: str(x)[:30])
def test_what_is_not_understood_is_a_mistake_with_its_place(
    says: str, text: str | bytes
) -> None:
    data = text.encode() if isinstance(text, str) else text
    _, problems = read_ics(Path("a.ics"), data)
    assert f"a.ics:{says}" in "\n".join(map(str, problems))


def test_no_more_mistakes_are_told_than_one_reads() -> None:
    again = ["END:VEVENT", "BEGIN:VEVENT"] * 150
    found, problems = read_ics(Path("a.ics"), event(*again).encode())
    assert (found, len(problems)) == ([], 100)


LINES = [
    "BEGIN:VCALENDAR",
    "BEGIN:VEVENT",
    "END:VEVENT",
    "END:VCALENDAR",
    "DTSTART:20240229",
    "DTEND:20240302",
    "EXDATE:20280229",
    "RRULE:FREQ=YEARLY;COUNT=3",
    "SUMMARY:x",
    " y",
    "",
]


@settings(max_examples=60)
@given(
    st.binary(max_size=80)
    | st.lists(st.sampled_from(LINES), max_size=12).map(lambda x: "\n".join(x).encode())
)
def test_no_file_makes_it_raise_and_every_mistake_has_a_place(data: bytes) -> None:
    found, problems = read_ics(Path("a.ics"), data)
    assert found or problems
    assert all(x.line >= 1 and x.column >= 1 and x.message for x in problems)


def test_holidays_are_closed_unless_the_plan_says_something_else(
    tmp_path: Path,
) -> None:
    plan = load(plan_with(tmp_path))
    desk = plan.calendars["desk"]
    told = {}
    for day in ("12-23", "12-24", "12-25", "12-26", "12-27", "12-28", "03-01"):
        at = datetime.fromisoformat(f"2027-{day}T11:00").replace(tzinfo=plan.zone)
        found = decide(desk, at)
        told[day] = (found.is_open, found.place, found.why.partition("(")[2])
    assert told == {
        "12-23": (True, "dialplan.yaml:8", ""),
        "12-24": (False, "dialplan.yaml:10", "Ours)"),
        "12-25": (False, "holidays.ics:2", "Christmas)"),
        "12-26": (True, "dialplan.yaml:11", ""),
        "12-27": (False, "holidays.ics:2", "Christmas)"),
        "12-28": (True, "dialplan.yaml:8", ""),
        "03-01": (False, "more/ours.ics:2", "Founders' day)"),
    }
    assert list(failures(plan)) == []
    assert [x.place for x in plan.calendars["shop"].closed] == ["holidays.ics:2"]


def test_the_walk_through_a_year_walks_through_the_files(tmp_path: Path) -> None:
    long = event("DTSTART:20270801", "DTEND:20270815", "SUMMARY:Summer")
    plan = load(plan_with(tmp_path, CHRISTMAS, long))
    told = [x for x in walk_year(plan, 2027) if x.what == "desk"]
    found = next(x for x in told if x.kind == "long_closure")
    assert found.place == "more/ours.ics:2"
    assert "14 days" in found.text


def test_a_change_of_the_file_is_another_revision(tmp_path: Path) -> None:
    before = load(plan_with(tmp_path)).revision
    assert load(plan_with(tmp_path)).revision == before
    changed = CHRISTMAS.replace("20271228", "20271227")
    assert load(plan_with(tmp_path, changed)).revision != before


def test_a_mistake_in_a_file_is_told_once_with_its_place(tmp_path: Path) -> None:
    bad = CHRISTMAS.replace("20271228", "20271224")
    assert mistakes(plan_with(tmp_path, bad)) == [
        "holidays.ics:4:7: DTEND: expected 1 to 366 whole days"
    ]


def test_the_files_of_a_calendar_have_400_events_in_all(tmp_path: Path) -> None:
    again = ["DTSTART:20270101", "END:VEVENT", "BEGIN:VEVENT"]
    many = event(*again * 399, "DTSTART:20270101")
    assert mistakes(plan_with(tmp_path, many)) == [
        "dialplan.yaml:9:10: calendars.desk.ics: expected at most 400 events in all "
        "its files"
    ]


@pytest.mark.parametrize("name", ["none.ics", "/etc/x.ics", "../x.ics", "a/b/c.ics"])
def test_a_file_that_is_not_read_is_told_at_its_name(tmp_path: Path, name: str) -> None:
    folder = plan_with(tmp_path)
    text = PLAN.replace("more/ours.ics", name)
    (folder / "dialplan.yaml").write_text(text)
    (found,) = mistakes(folder)
    assert found.startswith("dialplan.yaml:9:25: calendars.desk.ics[1]: ")
