"""`voicebot check`, run as a command."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES, written
from voicebot.cli import check

app = typer.Typer()
app.command()(check.run)


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "dumb")


def test_a_good_folder_is_a_line_and_a_table_of_its_routes(tmp_path: Path) -> None:
    more = (
        "routes:\n"
        "  - {name: 'spam [x]', match: {from: '+1900*'}, do: {reject: busy}}\n"
        "  - name: closed\n"
        "    match: {to: hotel}\n"
        "    do: {message: {text: Closed., language: en-US}}\n"
    )
    plan = NUMBERS + ROUTES.replace("routes:\n", more)
    result = CliRunner().invoke(app, [str(written(tmp_path, plan))])
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "3 routes, 1 persona, no problems, revision" in result.stdout
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in result.stdout.splitlines()
        if "│" in line
    ]
    assert rows == [
        ["spam [x]", "any", "+1900*", "always", "reject: busy"],
        ["closed", "hotel", "any", "always", "message (en-US)"],
        ["default", "any", "any", "always", "desk: Front desk (en)"],
    ]


def test_the_table_says_on_what_a_route_depends(tmp_path: Path) -> None:
    plan = (
        "version: 2\ntimezone: Europe/London\n"
        "calendars: {desk: {weekly: {daily: ['08:00-20:00']}}}\n"
        "callers: {vip: ['+12025550150']}\nroutes:\n"
        "  - name: a\n    match: {caller_tag: vip, from_country: GB}\n"
        "    do: {reject: busy}\n"
        "  - name: b\n    match: {hours: '!desk', weekday: mon, load: 0.9}\n"
        "    unless: [{date: 12-24}]\n    do: {reject: busy}\n"
    ) + ROUTES.removeprefix("routes:\n")
    plan += "numbers: {main: {e164: '+12025550100', display_name: Main}}\n"
    result = CliRunner().invoke(app, [str(written(tmp_path, plan))])
    assert "│ tag vip, GB │ always " in result.stdout
    assert "│ !desk, weekday, load 0.9, unless │" in result.stdout


def test_mistakes_are_a_line_each_on_stderr_and_exit_1(tmp_path: Path) -> None:
    folder = written(tmp_path, desk=PERSONA + "limits: {idle: 5}\nx: 1\n")
    result = CliRunner().invoke(app, [str(folder)])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"{folder}/personas/desk.yaml:5:16: limits.idle: expected a duration of 5s "
        "to 5m, with its unit (ms, s or m), got 5",
        f"{folder}/personas/desk.yaml:6:1: x: unknown key",
    ]


def test_json_of_a_good_folder(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--json", str(written(tmp_path))])
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert len(report.pop("revision")) == 12
    assert report == {
        "ok": True,
        "problems": [],
        "personas": ["desk"],
        "unused": [],
        "routes": ["default"],
        "failed_tests": [],
        "surprises": [],
    }


def test_personas_that_no_route_uses_are_mentioned(tmp_path: Path) -> None:
    folder = str(written(tmp_path, night=PERSONA, day=PERSONA))
    result = CliRunner().invoke(app, [folder])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1] == "no route uses: day, night"
    result = CliRunner().invoke(app, ["--json", folder])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["unused"] == ["day", "night"]


def test_json_of_a_bad_folder(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--json", str(written(tmp_path, desk=""))])
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "ok": False,
        "problems": [
            {
                "file": f"{tmp_path}/personas/desk.yaml",
                "line": 1,
                "column": 1,
                "key": "",
                "message": "the file is empty",
            }
        ],
        "personas": [],
        "unused": [],
        "routes": [],
        "revision": None,
        "failed_tests": [],
        "surprises": [],
    }


def test_the_folder_may_come_from_the_environment(tmp_path: Path) -> None:
    env = {"VOICEBOT_DIALPLANS": str(written(tmp_path))}
    result = CliRunner(env=env).invoke(app, ["--json"])
    assert json.loads(result.stdout)["ok"] is True


def test_a_secret_that_is_not_set_here_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("API_KEY", raising=False)
    monkeypatch.setenv("API", "https://api.example")
    desk = PERSONA + (
        "tools:\n"
        "  slots:\n"
        "    kind: http\n"
        "    description: Find a time.\n"
        '    url: "${env:API}/slots"\n'
        '    headers: {X-Key: "${env:API_KEY}"}\n'
        "vars: {name: {from: lookup}}\n"
        'lookup: {url: "${file:/not/there}", map: {name: name}}\n'
    )
    result = CliRunner().invoke(app, [str(written(tmp_path, desk=desk))])
    assert result.exit_code == 0
    place = f"warning: {tmp_path}/personas/desk.yaml"
    assert result.stderr.splitlines() == [
        f"{place}:10:22: tools.slots.headers.X-Key: API_KEY: not set",
        f"{place}:12:15: lookup.url: /not/there: no such file",
    ]
