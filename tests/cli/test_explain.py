"""`voicebot explain` and `voicebot check --year`, run as commands."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.dialplan.broken import event
from tests.dialplan.plans import PERSONA, written
from voicebot.cli import check, explain

app = typer.Typer()
app.command("explain")(explain.run)
app.command("check")(check.run)

PLAN = """\
version: 2
timezone: Asia/Shanghai
calendars:
  clinic:
    weekly: {mon-fri: ["08:30-18:00"]}
    closed: [{from: 2027-02-05, to: 2027-02-12, reason: spring}]
numbers:
  main: {e164: "+12025550100", display_name: Main}
targets: {desk: {number: "+12025550150", hours: clinic, fallback: hangup}}
routes:
  - {name: caller, match: {from: "+4420*", header: {X-A: b}}, do: {transfer: desk}}
  - {name: later, match: {date: 2027-02-09}, do: {goto: closed}}
  - name: open
    match: {hours: clinic}
    do: {persona: desk, vars: {place: front}, rollout: {to: desk, percent: 50}}
  - name: closed
    match: {hours: "!clinic", to: main}
    do: {voicemail: {greeting: Speak., language: en}}
specials: {overload: {message: {text: Later., language: en}}}
tests:
  - {at: "2027-02-08T10:00", to: main, expect: closed, because: spring}
"""
DESK = PERSONA + "vars: {place: {from: route}}\n"
BASE = ["explain", "--to", "main", "--from", "+442079460000"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("VOICEBOT_DIALPLANS", str(written(tmp_path, PLAN, desk=DESK)))
    return tmp_path


def said(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result.output


def test_a_closed_day_is_explained_rule_by_rule(folder: Path) -> None:
    lines = said(*BASE, "--at", "2027-02-08T10:00").splitlines()
    assert lines[0] == (
        "at Mon 2027-02-08 10:00 CST, from +442079460000 to +12025550100"
    )
    assert "✗ caller  dialplan.yaml:11" in lines
    assert "    ✗ header.X-A: wanted b; got unknown" in lines
    assert "    ✗ hours: wanted clinic; got mon 2027-02-08 closed (spring)" in lines
    assert "✓ closed  dialplan.yaml:16" in lines
    assert "clinic is closed, until Mon 2027-02-15 08:30 CST" in lines
    assert "    mon 2027-02-08 closed (spring)  dialplan.yaml:6" in lines
    assert "route: closed" in lines
    assert "<Record" in lines[-1]
    assert "https://bot.example/twilio/recorded/…" in lines[-1]


def test_a_persona_is_named_with_what_it_is_given(folder: Path) -> None:
    text = said(*BASE, "--at", "2027-03-01T10:00", "--url", "https://a.example/")
    assert "persona: desk: Front desk (en)" in text
    assert "rollout: " in text
    assert "var place: front" in text
    assert 'url="wss://a.example/twilio/media/…"' in text


def test_a_transfer_shows_whom_it_rings(folder: Path) -> None:
    header = ("--header", "X-A=b")
    assert "<Number>+12025550150" in said(*BASE, *header, "--at", "2027-03-01T10:00")
    assert "<Hangup" in said(*BASE, *header, "--at", "2027-03-01T23:00+08:00")


def test_a_full_house_says_what_the_plan_has_for_that(folder: Path) -> None:
    text = said(*BASE, "--at", "2027-03-01T10:00", "--load", "1")
    assert "route: specials.overload, sent on by open" in text
    assert "Later." in text


def test_a_route_that_sends_on_is_named(folder: Path) -> None:
    text = said(*BASE, "--at", "2027-02-09T10:00")
    assert "route: closed, sent on by later" in text


def test_all_of_it_for_programs(folder: Path) -> None:
    report = json.loads(said(*BASE, "--at", "2027-02-08T10:00", "--json"))
    assert report["route"] == "closed"
    assert [step["matched"] for step in report["steps"]] == [False] * 3 + [True]
    assert report["hours"][0]["until"] == "2027-02-15T08:30:00+08:00"
    assert report["twiml"].startswith("<?xml")


def test_now_is_when_nothing_else_is_said(folder: Path) -> None:
    assert "route: " in said(*BASE)


@pytest.mark.parametrize("wrong", [("--at", "noon"), ("--header", "X-A")])
def test_what_is_no_moment_or_header_is_refused(
    folder: Path, wrong: tuple[str, str]
) -> None:
    assert "expected" in said(*BASE, *wrong, code=2)


def test_a_year_is_walked_on_demand(folder: Path) -> None:
    text = said("check", "--year", "2027")
    assert "1 test, all good" in text
    assert "2027: 1 surprise" in text
    assert "clinic: is closed for 10 days" in text.replace("\n", "")
    report = json.loads(said("check", "--year", "2027", "--json"))
    assert [found["kind"] for found in report["surprises"]] == ["long_closure"]


def test_a_test_of_the_plan_that_fails_is_exit_1(folder: Path) -> None:
    path = folder / "dialplan.yaml"
    path.write_text(path.read_text().replace("because: spring", "because: winter"))
    assert f"{path}:21: tests[0]: expected because of winter" in said("check", code=1)
    report = json.loads(said("check", "--json", code=1))
    assert not report["ok"]
    assert len(report["failed_tests"]) == 1


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00", "9999-12-31T23:59", "0001-01-01T00:00+14:00"]
)
def test_a_year_that_no_calendar_has_is_refused(folder: Path, at: str) -> None:
    assert "1970 to 2200" in said(*BASE, "--at", at, code=2)


def test_a_label_that_no_number_has_is_no_number(folder: Path) -> None:
    shown = said("explain", "--to", "mian", "--from", "anonymous", code=2)
    assert "did you mean 'main'?" in shown
    assert "got +15550100777" in said(
        "explain", "--to", "+15550100777", "--from", "anonymous", "--at", "2027-02-08"
    )


def test_a_caller_is_a_number_or_none(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app,
        [
            "explain",
            "--to",
            "main",
            "--from",
            "garbage",
            "--dialplans",
            str(written(tmp_path)),
        ],
    )
    assert result.exit_code == 2
    assert "expected a number such as" in result.output


def test_mistakes_for_programs(tmp_path: Path) -> None:
    folder = written(tmp_path, desk=PERSONA + "x: 1\n")
    given = [
        "explain",
        "--to",
        "main",
        "--from",
        "anonymous",
        "--dialplans",
        str(folder),
    ]
    result = CliRunner().invoke(app, [*given, "--json"])
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert [problem["key"] for problem in told["problems"]] == ["x"]


def test_a_holiday_is_told_with_the_line_of_its_calendar_file(folder: Path) -> None:
    plan = PLAN.replace("    closed:", "    ics: a.ics\n    closed:")
    (folder / "dialplan.yaml").write_text(plan)
    (folder / "a.ics").write_text(event("DTSTART:20271224", "SUMMARY:Christmas"))
    result = CliRunner().invoke(app, [*BASE, "--at", "2027-12-24T10:00"])
    assert "fri 2027-12-24 closed (Christmas)  a.ics:2\n" in result.output


def test_what_is_no_country_is_refused(folder: Path) -> None:
    assert "two letters, such as GB" in said(*BASE, "--country", "china", code=2)


def test_the_persona_is_shown_in_the_language_in_which_it_begins(folder: Path) -> None:
    french = "also_speaks: [fr]\nin: {fr: {greeting: {text: Bonjour.}}}\n"
    desk = folder / "personas" / "desk.yaml"
    desk.write_text(desk.read_text() + french)
    at = ["--at", "2027-03-01T10:00"]
    told = CliRunner().invoke(app, [*BASE, *at, "--header", "X-Language=fr"])
    assert "persona: desk: Front desk (fr)" in told.stdout
    told = CliRunner().invoke(app, [*BASE, *at])
    assert "persona: desk: Front desk (en)" in told.stdout
