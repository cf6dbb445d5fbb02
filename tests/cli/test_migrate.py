"""`voicebot migrate`, run as a command."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES, written
from voicebot.cli import migrate
from voicebot.errors import ConfigError, DialplanError

app = typer.Typer()
app.command()(migrate.run)

PLAN = NUMBERS + ROUTES
OLD = PLAN.replace("version: 2", "version: 1")
LOST = "on_model_lost: goodbye # and sorry\n"


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder, hidden ones too."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def test_it_shows_what_it_would_do_and_does_nothing(tmp_path: Path) -> None:
    folder = written(tmp_path, OLD, desk=PERSONA + LOST)
    before = contents(folder)
    result = CliRunner().invoke(app, [str(folder)])
    assert result.exit_code == 0
    changed = [line for line in result.stdout.splitlines() if line[:1] in "+-"]
    changed = [line for line in changed if line and line[:3] not in ("---", "+++")]
    assert changed == [
        "-version: 1",
        "+version: 2",
        "-on_model_lost: goodbye # and sorry",
        "+fallback:",
        "+  do: goodbye # and sorry",
    ]
    assert f"2 to rewrite: voicebot migrate {folder} --write" in result.stdout
    assert contents(folder) == before


def test_it_rewrites_and_has_nothing_to_do_the_second_time(tmp_path: Path) -> None:
    folder = written(tmp_path, OLD, desk=PERSONA + LOST)
    (folder / "personas" / ".#desk.yaml").write_text("an editor's")
    (folder / "personas" / "desk.yaml").chmod(0o640)
    result = CliRunner().invoke(app, [str(folder), "--write"])
    assert result.exit_code == 0
    assert f"2 rewritten; now: voicebot check {folder}" in result.stdout
    assert contents(folder) == {
        "dialplan.yaml": PLAN,
        "personas/desk.yaml": PERSONA + "fallback:\n  do: goodbye # and sorry\n",
        "personas/.#desk.yaml": "an editor's",
    }
    assert (folder / "personas" / "desk.yaml").stat().st_mode & 0o777 == 0o640
    again = CliRunner().invoke(app, [str(folder), "--write"])
    assert again.stdout == f"{folder}: nothing to do, this is version 2\n"


def test_for_programs(tmp_path: Path) -> None:
    folder = written(tmp_path, OLD, desk=PERSONA)
    told = json.loads(CliRunner().invoke(app, [str(folder), "--json"]).stdout)
    assert (told["ok"], told["written"]) == (True, False)
    (changed,) = told["changed"]
    assert changed["file"] == f"{folder}/dialplan.yaml"
    assert "+version: 2\n" in changed["diff"]


def test_mistakes_are_told_and_nothing_is_rewritten(tmp_path: Path) -> None:
    folder = written(tmp_path, OLD, desk=PERSONA + "x: [1\n")
    result = CliRunner().invoke(app, [str(folder), "--write"])
    assert isinstance(result.exception, DialplanError)
    result = CliRunner().invoke(app, [str(folder), "--json"])
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["ok"] is False
    assert told["problems"][0]["file"] == f"{folder}/personas/desk.yaml"
    assert contents(folder)["dialplan.yaml"] == OLD


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path)])
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception).startswith(f"{tmp_path}/dialplan.yaml: ")


def test_all_files_are_rewritten_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("a")
    second.write_text("b")
    replace = Path.replace

    def fail(path: Path, target: Path) -> Path:
        if target == second:
            raise OSError(28, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ConfigError, match="No space left on device; nothing"):
        migrate.replace_all({first: b"A", second: b"B"})
    assert contents(tmp_path) == {"a.yaml": "a", "b.yaml": "b"}
