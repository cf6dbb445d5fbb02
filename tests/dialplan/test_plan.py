"""`dialplan.yaml` from the file to the plan: names, lists, zones, a year, its tests."""

import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.dialplan.calls import CALLER, HOTEL, MAIN
from tests.dialplan.plans import NUMBERS, ROUTES, mistakes, written
from voicebot.dialplan import routing
from voicebot.dialplan.calls import CallFacts
from voicebot.dialplan.coverage import failures, walk_year
from voicebot.dialplan.hours import Calendar, Standing, standing
from voicebot.dialplan.load import load
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.routing import Decision, choose, explain
from voicebot.dialplan.source import MAX_PROBLEMS

SHANGHAI = ZoneInfo("Asia/Shanghai")
HEAD = """\
version: 2
timezone: Asia/Shanghai
calendars:
  clinic:
    weekly: {mon-fri: ["08:30-12:00", "13:30-18:00"], sat: ["09:00-12:00"]}
    closed:
      - {from: 2027-02-05, to: 2027-02-12, reason: spring}
      - {from: 12-24, to: 01-02, reason: winter}
    special:
      - {date: "2027-02-13", open: ["10:00-12:00"], reason: half a day}
  bar: {weekly: {daily: ["22:00-02:00"]}, timezone: Europe/Berlin}
numbers:
  main: {e164: "+12025550100", display_name: Main, tags: [live], language: zh}
  hotel: {e164: "+12025550120", display_name: Hotel}
targets:
  desk: {number: "+862150001000", hours: clinic, fallback: mobile}
  mobile: {sip: "sip:desk@example.com", fallback: voicemail, mode: warm,
           whisper: A call., whisper_language: en}
callers:
  vip: ["+4420*"]
  spam: {file: lists/spam.txt}
"""
REST = """\
  - {name: rest, do: {persona: desk}}
"""


def plan(tmp_path: Path, routes: str, rest: str = "", head: str = HEAD) -> Dialplan:
    return load(folder(tmp_path, routes, rest, head))


def folder(tmp_path: Path, routes: str, rest: str = "", head: str = HEAD) -> Path:
    lists = tmp_path / "lists"
    lists.mkdir(exist_ok=True)
    (lists / "spam.txt").write_text("# nuisances\n+1900* # all\n\nanonymous\n")
    return written(tmp_path, f"{head}{rest}routes:\n{routes}{REST}")


def call(
    given: Dialplan,
    at: str = "2027-03-01T10:00",
    *,
    to: str = MAIN,
    from_: str = CALLER,
    load: float = 0.0,
    country: str = "",
    **headers: str,
) -> Decision:
    moment = datetime.fromisoformat(at).replace(tzinfo=SHANGHAI)
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return choose(given, CallFacts(to, from_, moment, country, names, load, "CA1"))


@pytest.mark.parametrize(
    ("match", "given", "matches"),
    [
        ("to: 'tag:live'", {}, True),
        ("to: 'tag:live'", {"to": HOTEL}, False),
        ("from_country: GB", {"country": "GB"}, True),
        ("from_country: [FR, DE]", {"country": "GB"}, False),
        ("caller_tag: vip", {}, True),
        ("caller_tag: spam", {"from_": "+19005550123"}, True),
        ("caller_tag: [spam]", {"from_": ""}, True),
        ("caller_tag: spam", {}, False),
        ("header: {X-Tenant: acme}", {"x_tenant": "acme"}, True),
        ("header: {X-Tenant: 'ac*'}", {"x_tenant": "acme"}, True),
        ("header: {X-Tenant: acme}", {"x_tenant": "other"}, False),
        ("header: {X-Tenant: '*'}", {}, False),
        ("hours: clinic", {}, True),
        ("hours: '!clinic'", {}, False),
        ("hours: ['!clinic', bar]", {"at": "2027-03-02T05:30"}, True),
        ("hours: clinic", {"at": "2027-02-08T10:00"}, False),
        ("hours: clinic", {"at": "2027-02-13T10:00"}, True),
        ("hours: clinic", {"at": "2031-12-31T10:00"}, False),
        ("weekday: mon", {}, True),
        ("weekday: [tue, sat-sun]", {}, False),
        ("date: 2027-03-01", {}, True),
        ("date: [{from: 03-02, to: 04-01}]", {}, False),
        ("date: {from: 12-20, to: 03-01}", {}, True),
        ("time: '22:00-10:30'", {}, True),
        ("time: ['10:01-11:00']", {}, False),
        ("language: zh", {}, True),
        ("language: zh", {"to": HOTEL}, False),
        ("language: en", {"x_language": "en"}, True),
        ("load: 0.9", {"load": 0.9}, True),
        ("load: 0.9", {"load": 0.89}, False),
    ],
)
def test_what_a_route_may_ask_for(
    tmp_path: Path, match: str, given: dict[str, str], matches: bool
) -> None:
    routes = f"  - {{name: it, match: {{{match}}}, do: {{reject: busy}}}}\n"
    built = plan(tmp_path, routes)
    assert (call(built, **given).route == "it") is matches  # type: ignore[arg-type]


def test_a_call_that_an_exclusion_matches_in_full_is_not_for_a_route(
    tmp_path: Path,
) -> None:
    unless = "unless: [{from: '+44*', hours: clinic}, {load: 0.5}]"
    routes = f"  - {{name: it, {unless}, do: {{reject: busy}}}}\n"
    built = plan(tmp_path, routes)
    assert call(built).route == "rest"
    assert call(built, "2027-03-01T23:00").route == "it"
    assert call(built, from_="+33123456789").route == "it"
    assert call(built, from_="+33123456789", load=0.5).route == "rest"


def test_a_share_of_callers_is_the_same_callers_every_time(tmp_path: Path) -> None:
    routes = """\
  - {name: some, match: {percent: 20}, do: {reject: busy}}
  - name: new
    do: {persona: desk, vars: {a: b}, rollout: {to: other, percent: 30}}
"""
    path = folder(tmp_path, routes)
    desk = (path / "personas" / "desk.yaml").read_text() + "vars: {a: {from: route}}\n"
    for name in ("desk", "other"):
        (path / "personas" / f"{name}.yaml").write_text(desk)
    path.joinpath("dialplan.yaml").write_text(
        path.joinpath("dialplan.yaml").read_text().replace(REST, "")
    )
    built = load(path)
    callers = [f"+4420{n:08}" for n in range(4000)]
    first = [call(built, from_=caller) for caller in callers]
    assert first == [call(built, from_=caller) for caller in callers]
    some = sum(found.route == "some" for found in first) / len(first)
    assert 0.18 < some < 0.22
    new = [found for found in first if found.route == "new"]
    share = sum(found.persona == "other" for found in new) / len(new)
    assert 0.27 < share < 0.33
    assert all(found.rollout is (found.persona == "other") for found in new)
    assert new[0].vars == {"a": "b"}


def test_who_is_blocked_gets_nowhere_unless_allowed(tmp_path: Path) -> None:
    blocked = "block: [spam, '+4420*', anonymous]\nallow: ['+442079460000']\n"
    built = plan(tmp_path, "", blocked)
    assert call(built, from_="+19005550123").route == "block"
    assert call(built, from_="+442079460001").route == "block"
    assert call(built, from_="+442079460000").route == "rest"


def test_callers_who_hide_have_their_own_way(tmp_path: Path) -> None:
    anonymous = "specials: {anonymous: {transfer: desk}}\n"
    built = plan(tmp_path, "", anonymous)
    assert call(built, from_="Restricted").route == "specials.anonymous"
    assert call(built).route == "rest"
    hidden = "  - {name: it, match: {from: anonymous}, do: {reject: busy}}\n"
    (problem,) = mistakes(folder(tmp_path, hidden, anonymous))
    assert "routes[0]: never reached" in problem


def test_a_route_can_do_as_later_ones_do(tmp_path: Path) -> None:
    routes = """\
  - {name: a, match: {date: 2027-03-01}, do: {goto: b}}
  - {name: b, match: {date: 2027-03-02}, do: {goto: c}}
  - {name: c, match: {date: 2027-03-03}, do: {reject: busy}}
"""
    found = call(plan(tmp_path, routes))
    assert (found.route, found.via) == ("c", "a")


def test_a_route_only_sends_on_to_a_later_one(tmp_path: Path) -> None:
    routes = """\
  - {name: a, match: {date: 2027-03-01}, do: {reject: busy}}
  - {name: b, match: {date: 2027-03-02}, do: {goto: a}}
  - {name: c, match: {date: 2027-03-03}, do: {goto: rust}}
  - {name: d, match: {date: 2027-03-04}, do: {goto: [x]}}
"""
    found = mistakes(folder(tmp_path, routes))
    assert "routes[1].do.goto: expected the name of a later route, got 'a'" in found[0]
    assert "there is no route 'rust'; did you mean 'rest'?" in found[1]
    assert len(found) == 3


def test_only_exceptions_of_one_calendar_are_told_apart(tmp_path: Path) -> None:
    closed = "closed: [{date: 2027-03-01}, {date: 2027-03-02}]"
    head = HEAD.replace("closed:\n", "").replace(
        "      - {from: 2027-02-05, to: 2027-02-12, reason: spring}\n", ""
    )
    head = head.replace(
        "      - {from: 12-24, to: 01-02, reason: winter}\n", f"{closed}\n"
    )
    assert walk_year(plan(tmp_path, "", "", head), 2027) == ()


def test_however_many_routes_ask_a_calendar_it_answers_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = "".join(
        f"  - {{name: r{n}, match: {{hours: '!clinic', from: '+44{n}'}}, "
        "do: {reject: busy}}\n"
        for n in range(1_000_000, 1_000_009)
    )
    found = plan(tmp_path, routes)
    asked: list[str] = []

    def counted(calendar: Calendar, at: datetime) -> Standing:
        asked.append(calendar.name)
        return standing(calendar, at)

    monkeypatch.setattr(routing, "standing", counted)
    call(found)
    assert asked == ["clinic"]


def test_a_walk_without_an_end_tells_what_calendars_said(tmp_path: Path) -> None:
    path = folder(tmp_path, "  - {name: a, match: {hours: bar}, do: {reject: busy}}\n")
    text = path.joinpath("dialplan.yaml").read_text().replace(REST, "")
    path.joinpath("dialplan.yaml").write_text(text)
    at = datetime(2027, 3, 1, 10, tzinfo=SHANGHAI)
    told = explain(load(path), CallFacts(MAIN, CALLER, at))
    assert told.decision.route == "no route"
    assert [hours.calendar for hours in told.decision.hours] == ["bar"]
    assert CALLER not in repr(told)


@pytest.mark.parametrize(
    ("routes", "rest", "problem"),
    [
        ("match: {hours: clinik}", "", "there is no calendar 'clinik'; did you mean"),
        ("match: {hours: '!clinik'}", "", "there is no calendar 'clinik'"),
        ("unless: {caller_tag: vop}", "", "unless[0].caller_tag: no callers are tagg"),
        ("match: {to: 'tag:life'}", "", "no number has the tag 'life'; did you mean"),
        ("unless: [{}]", "", "expected at least one key: this excludes every call"),
        ("match: {date: 2027-02-30}", "", "expected a date that is in the calendar"),
        ("match: {date: {from: 12-24, to: 2027-01-02}}", "", "both dates with a year"),
        ("match: {date: {from: 2027-02-02, to: 2027-02-01}}", "", "not before 'from'"),
        ("match: {date: {from: 2027-02-02}}", "", "expected a date, or from and to"),
        ("match: {date: soon}", "", "expected a date such as 2027-12-24"),
        ("match: {time: 17:30}", "", "expected times such as '08:30-12:00'"),
        ("match: {time: '10:00-10:00'}", "", "expected times such as '08:30-12:00'"),
        ("match: {time: '10:00-24:30'}", "", "expected times such as '08:30-12:00'"),
        ("match: {weekday: monday}", "", "expected days by their first three letters"),
        ("match: {weekday: 5}", "", "expected days by their first three letters"),
        ("match: {weekday: []}", "", "expected at least one day"),
        ("match: {percent: 0}", "", "expected at least 1"),
        ("match: {hours: !clinic }", "", "tags (!name) are refused"),
        ("", "block: [vap]\n", "block[0]: no callers are tagged 'vap'"),
        ("", "capacity: {per_number: {mian: 1}}\n", "no number is labelled 'mian'"),
        ("", "specials: {overload: {persona: desk}}\n", "there is no room"),
        ("", "specials: {failure: {goto: rest}}\n", "leads nowhere here"),
        ("", "specials: {failure: {transfer: disk}}\n", "no target 'disk'; did you"),
        (
            "",
            "tests: [{at: '2027-01-01T10:00', to: main, expect: x}]\n",
            "no route 'x'",
        ),
        ("", "tests: [{at: noon, to: main, expect: rest}]\n", "expected a local date"),
        (
            "",
            "tests: [{at: '2027-13-01T10:00', to: main, expect: rest}]\n",
            "expected a local date",
        ),
        (
            "",
            "tests: [{at: '9999-12-31T23:59', to: main, expect: rest}]\n",
            "of 1970 to 2200",
        ),
        (
            "",
            "tests: [{at: '0001-01-01T00:00', to: main, expect: rest}]\n",
            "of 1970 to 2200",
        ),
    ],
)
def test_what_leads_nowhere_is_named(
    tmp_path: Path, routes: str, rest: str, problem: str
) -> None:
    route = f"  - {{name: it, {routes}, do: {{reject: busy}}}}\n" if routes else ""
    found = mistakes(folder(tmp_path, route, rest))
    assert len(found) == 1
    assert problem in found[0]
    assert found[0].startswith("dialplan.yaml:")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("Asia/Shanghai", "Asia/Shangai", "such as Asia/Shanghai, got 'Asia/Shangai'"),
        ("Asia/Shanghai", "../../etc/passwd", "a time zone such as Europe/London"),
        ("Asia/Shanghai", "5", "a time zone such as Europe/London, got 5"),
        ("timezone: Asia/Shanghai\n", "", "timezone: timezone is missing"),
        ("mon-fri: [", "mon: [], mon-fri: [", "expected every day once"),
        ("mon-fri: [", "monday: [", "expected days by their first three letters"),
        (
            '{mon-fri: ["08:30-12:00", "13:30-18:00"], sat: ["09:00-12:00"]}',
            "1",
            "keys",
        ),
        ("from: 12-24, to: 01-02", "from: 12-24", "expected date, or from and to"),
        ("fallback: mobile", "fallback: desk", "desk leads back to desk"),
        ("fallback: voicemail", "fallback: desk", "leads back to"),
        ("fallback: voicemail", "fallback: nobody", "there is no target 'nobody'"),
        ("hours: clinic", "hours: clinik", "targets.desk.hours: there is no calendar"),
        ("  mobile: {sip", "  hangup: {sip", "a target cannot be called hangup"),
        ('number: "+862150001000"', 'number: "+19005550100"', "no premium or emerg"),
        ('number: "+862150001000", ', "", "expected either number or sip"),
        ("mode: warm", "mode: blind", "expected whisper with mode: warm"),
        (", whisper_language: en", "", "expected whisper_language with whisper"),
        (
            "lists/spam.txt",
            "lists/none.txt",
            "'lists/none.txt' cannot be read: No such",
        ),
        ("lists/spam.txt", "lists", "expected a regular file, got 'lists'"),
        ("lists/spam.txt", "../spam.txt", "expected a file below"),
        ("lists/spam.txt", "/etc/passwd", "expected a file below"),
    ],
)
def test_what_is_wrong_at_the_top_is_named(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    assert old in HEAD
    found = mistakes(folder(tmp_path, "", "", HEAD.replace(old, new)))
    assert any(problem in one for one in found), found
    assert all(one.startswith("dialplan.yaml:") for one in found)


def test_a_list_of_callers_is_read_line_by_line_and_never_quoted(
    tmp_path: Path,
) -> None:
    path = folder(tmp_path, "")
    revision = load(path).revision
    (path / "lists" / "spam.txt").write_text("+19005550100\n0900 5550\n")
    assert mistakes(path) == [
        "lists/spam.txt:2:1: expected a phone number, '+44*' or anonymous"
    ]
    (path / "lists" / "spam.txt").write_text("+19005550100\n")
    assert load(path).revision != revision
    (path / "lists" / "spam.txt").write_text("\n" * 20_001)
    assert mistakes(path) == [
        "lists/spam.txt:1:1: expected at most 20000 lines, and 1 MiB"
    ]


def test_of_a_list_in_no_form_of_ours_only_the_first_mistakes_are_named(
    tmp_path: Path,
) -> None:
    where = folder(tmp_path, "")
    (where / "lists" / "spam.txt").write_text("020 7946 0000\n" * 20_000)
    assert len(mistakes(where)) == MAX_PROBLEMS


def test_a_plan_without_times_needs_no_zone(tmp_path: Path) -> None:
    path = written(tmp_path, NUMBERS + "routes:\n" + REST)
    assert load(path).zone.key == "UTC"
    day = "  - {name: x, match: {weekday: mon}, do: {reject: busy}}\n"
    (problem,) = mistakes(written(tmp_path, f"{NUMBERS}routes:\n{day}{REST}"))
    assert "timezone is missing" in problem


def test_the_tests_of_a_plan_say_what_they_got_instead(tmp_path: Path) -> None:
    routes = "  - {name: closed, match: {hours: '!clinic'}, do: {reject: busy}}\n"
    tests = """\
tests:
  - {at: "2027-02-08T10:00", to: main, expect: closed, because: spring}
  - {at: "2027-02-08T10:00", to: "+12025550100", expect: closed, because: winter}
  - {at: "2027-02-08T10:00", to: main, expect: rest}
  - {at: "2027-03-01T10:00", to: main, header: {X-A: b}, expect: rest}
"""
    found = [str(one) for one in failures(plan(tmp_path, routes, tests))]
    assert found == [
        "dialplan.yaml:24: tests[1]: expected because of winter, got clinic: mon "
        "2027-02-08 closed (spring)",
        "dialplan.yaml:25: tests[2]: expected route rest, got closed (clinic: mon "
        "2027-02-08 closed (spring))",
    ]


def test_a_year_is_walked_for_what_nobody_may_have_meant(tmp_path: Path) -> None:
    text = """\
version: 2
timezone: Europe/Berlin
calendars:
  shop:
    weekly: {mon-fri: ["09:00-12:00", "11:00-18:00"]}
    closed:
      - {date: 2027-01-02, reason: a Saturday}
      - {from: 2027-07-05, to: 2027-07-25, reason: summer}
      - {date: 2027-07-06}
    special: [{date: 2027-01-04, open: ["09:00-12:00", "11:00-18:00"]}]
  bar:
    weekly: {daily: ["22:00-04:00"]}
    closed: [{date: 2027-12-25, reason: Christmas}]
  never: {}
numbers:
  main: {e164: "+12025550100", display_name: Main}
  day: {e164: "+12025550120", display_name: Day}
routes:
  - {name: a, match: {to: main, hours: shop}, do: {persona: desk}}
  - name: b
    match: {to: day, weekday: mon-sat, time: "00:00-12:00"}
    do: {persona: desk}
  - {name: c, match: {to: day, time: "12:00-24:00"}, do: {persona: desk}}
"""
    found = walk_year(load(written(tmp_path, text)), 2027)
    said = [f"{one.kind} {one.what}: {one.text}" for one in found]
    for expected in (
        "never_open never: is not open on any day",
        "overlap shop: 09:00-12:00 and 11:00-18:00 of one day overlap",
        "overlap shop: 2027-07-06 is in dialplan.yaml:8 too, which counts",
        "changes_nothing shop: closed 2027-01-02 (a Saturday) changes nothing",
        "changes_nothing shop: special 2027-01-04 changes nothing",
        "changes_nothing shop: closed 2027-07-06 changes nothing",
        "long_closure shop: is closed for 23 days, until 2027-07-26 09:00 (summer)",
        "night bar: 2027-12-25 is closed (Christmas), but the hours 22:00-04:00",
        "dst bar: clocks change on 2027-03-28 at 03:00: 22:00-04:00 of sat lasts 5:00",
        "dst bar: clocks change on 2027-10-31 at 02:00: 22:00-04:00 of sat lasts 7:00",
        "gap main: nobody answers Main for ",
        "gap day: nobody answers Day for 624 h of the year: 52 times, first from "
        "2027-01-03 00:00 to 2027-01-03 12:00",
    ):
        assert any(one.startswith(expected) for one in said), (expected, said)


@pytest.mark.parametrize(
    ("plan", "place"),
    [
        ('callers: {vip: ["+1 202 555 0188"]}\n', "callers.vip[0]"),
        ('callers: {"+12025550188": []}\n', "callers.…"),
        ('callers: {vip: {"+12025550188": 1, "+12025550188": 2}}\n', "callers.vip.…"),
        ('block: ["12025550188"]\n', "block[0]"),
        ("allow: [12025550188]\n", "allow[0]"),
        ('targets: {a: {number: "202-555-0188"}}\n', "targets.a.number"),
        (ROUTES.replace("do:", 'match: {from: "2025550188"}\n    do:'), "from"),
    ],
)
def test_a_mistake_in_somebodys_number_is_named_and_never_quoted(
    tmp_path: Path, plan: str, place: str
) -> None:
    text = NUMBERS + plan + (ROUTES if "routes" not in plan else "")
    found = mistakes(written(tmp_path, text))
    assert any(place in line for line in found)
    assert not any("0188" in line for line in found)


def test_a_big_plan_is_read_in_no_time(tmp_path: Path) -> None:
    """Counted, as a clock would depend on the machine: each name is walked once."""
    chain = "".join(
        f'  t{n}: {{number: "+1202555{n:04}", fallback: t{n + 1}}}\n'
        for n in range(499)
    )
    plan = f'{NUMBERS}targets:\n{chain}  t499: {{number: "+12025550499"}}\n{ROUTES}'
    calls = 0

    def count(frame: object, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call"

    folder = written(tmp_path, plan)
    sys.setprofile(count)
    try:
        load(folder)
    finally:
        sys.setprofile(None)
    assert calls < 100_000  # it was a million
