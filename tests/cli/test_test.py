"""`voicebot test`, run as a command."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tests.dialplan.plans import PERSONA, written
from tests.rehearse.test_run import TESTS
from voicebot.cli import test
from voicebot.errors import ConfigError, DialplanError

app = typer.Typer()
app.command()(test.run)

GREETS = """\
tests:
  - {name: greets, expect: [{heard: Hello}]}
"""


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")


def run(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(app, [str(folder), *options])


def test_what_passes_is_a_line_each_and_exit_0(tmp_path: Path) -> None:
    result = run(written(tmp_path, desk=PERSONA + GREETS))
    assert result.exit_code == 0
    first, last = result.stdout.splitlines()
    assert first == "ok      desk: greets"
    assert last.startswith("1 test, 0 failed; 3 s of calls in ")


def test_what_fails_says_where_and_what_happened_and_exits_with_1(
    tmp_path: Path,
) -> None:
    folder = written(tmp_path, desk=PERSONA + TESTS)
    result = run(folder)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[1] == "FAILED  desk: does more"
    path = folder / "personas" / "desk.yaml"
    assert lines[4] == (f"  {path}:17:10: ended_by: expected idle, got caller_hangup")
    assert lines[5] == "       0.0s  caller    is silent for 1s"
    assert lines[6] == "       0.1s  bot       Hello."
    assert lines[-1].startswith("2 tests, 1 failed; ")


def test_one_object_for_programs(tmp_path: Path) -> None:
    result = run(written(tmp_path, desk=PERSONA + TESTS), "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["ok"] is False
    assert [each["ok"] for each in report["tests"]] == [True, False]
    assert json.loads(run(tmp_path, "--json", "-k", "greets").stdout)["ok"] is True


def test_a_name_that_no_test_has_is_a_mistake(tmp_path: Path) -> None:
    result = run(written(tmp_path, desk=PERSONA + GREETS), "-k", "greed")
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception).startswith("-k greed: no test of ")


def test_no_tests_at_all_is_none_failed(tmp_path: Path) -> None:
    result = run(written(tmp_path))
    assert result.exit_code == 0
    assert result.stdout.startswith("0 tests, 0 failed; ")


def test_dialplans_with_mistakes_are_refused_as_check_does(tmp_path: Path) -> None:
    result = run(written(tmp_path, desk=PERSONA + "tests: [{name: a}]\n"))
    assert isinstance(result.exception, DialplanError)
    assert "tests[0].expect: missing" in str(result.exception)


def test_mistakes_are_told_to_programs_too(tmp_path: Path) -> None:
    result = run(written(tmp_path, desk=PERSONA + "x: 1\n"), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"][0]["key"] == "x"
