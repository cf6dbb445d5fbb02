"""docs/stepfun.md leaves out nothing, and names nothing that isn't there."""

import re
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name

import pytest
from typer.testing import CliRunner

from voicebot.cli import app
from voicebot.sim.stepfun import Mood, OfflineStepFun, Scenario, ScriptedMind
from voicebot.stepfun.advice import MEANINGS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "stepfun.md").read_text(encoding="utf-8")
COLUMNS = 5


def rows() -> Iterator[list[str]]:
    table = TEXT.partition("|---|---|---|---|---|\n")[2].partition("\n\n")[0]
    for line in table.splitlines():
        yield [cell.strip() for cell in line.strip("|").split("|")]


ROWS = list(rows())
NAMES = [row[0] for row in ROWS]


def quoted(cell: str) -> list[str]:
    return re.findall("`([^`]+)`", cell)


COMMANDS = sorted({command for row in ROWS for command in quoted(row[2])})


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_no_cell_of_an_endpoint_is_empty(row: list[str]) -> None:
    assert len(row) == COLUMNS
    assert all(row)
    assert all(quoted(row[n]) for n in (0, 1, 2, 4))


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_our_functions_are_there(row: list[str]) -> None:
    for name in quoted(row[1]):
        assert callable(resolve_name(name)), name


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_are_there(command: str) -> None:
    program, *words = command.split()
    assert program == "voicebot"
    path = [word for word in words if not word.startswith("--")]
    result = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert set(words) - set(path) <= set(re.findall(r"--[\w-]+", result.output))


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_the_files_are_there(row: list[str]) -> None:
    for name in [*quoted(row[3]), *quoted(row[4])]:
        assert "/" not in name or (ROOT / name).is_file(), name


def test_all_that_the_offline_stepfun_serves_is_in_the_table() -> None:
    offline = OfflineStepFun(ScriptedMind(Scenario(())), Mood.kind())
    served = {
        (route.method, route.resource.canonical.removeprefix("/v1"))
        for route in offline.application().router.routes()
        if route.resource and route.resource.canonical.startswith("/v1/")
        if route.method != "HEAD"
    }
    told = {
        ("GET" if what.startswith("WebSocket") else what.split()[0], quoted(what)[0])
        for what in NAMES
    }
    assert told == served


def test_each_status_is_explained_as_commands_explain_it() -> None:
    for status, (means, todo) in MEANINGS.items():
        assert f"| {status} | {means} | {todo} |" in TEXT
