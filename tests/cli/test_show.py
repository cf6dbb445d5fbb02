"""`voicebot show`, `voicebot schema` and `voicebot new`, run as commands."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tests.dialplan.plans import PERSONA, mistakes, written
from voicebot.cli import new, schema, show
from voicebot.errors import ConfigError

app = typer.Typer()
app.add_typer(show.app, name="show")
app.command("schema")(schema.run)
app.command("new")(new.run)


def run(*words: object) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(app, [str(word) for word in words])


def test_effective_settings_have_a_value_and_a_place(tmp_path: Path) -> None:
    folder = written(tmp_path, desk=PERSONA + "owner: '[me]'\n")
    result = run("show", "effective", "desk", "--dialplans", folder)
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["owner", "[me]", "personas/desk.yaml:5"] in rows
    assert ["limits.duration", "10m", "built", "in"] in rows


def test_effective_settings_as_json(tmp_path: Path) -> None:
    folder = written(tmp_path)
    result = run("show", "effective", "desk", "--dialplans", folder, "--json")
    place = f"{folder}/personas/desk.yaml:1"
    assert json.loads(result.stdout)[0] == {
        "key": "title",
        "value": "Front desk",
        "place": place,
    }


def test_effective_settings_are_those_of_a_stage(tmp_path: Path) -> None:
    desk = (
        PERSONA + "start_stage: ask\nstages:\n"
        "  ask: {instructions: Ask., barge_in: {mode: never}}\n"
    )
    words = ("show", "effective", "desk", "--dialplans", written(tmp_path, desk=desk))
    rows = [line.split() for line in run(*words, "--stage", "ask").stdout.splitlines()]
    assert ["barge_in.mode", "never", "personas/desk.yaml:7"] in rows
    for name, said in (("aks", "did you mean 'ask'?"), ("x", "there is ask")):
        result = run(*words, "--stage", name)
        assert isinstance(result.exception, ConfigError)
        assert str(result.exception).endswith(said)


def test_the_prompt_is_what_the_model_is_told(tmp_path: Path) -> None:
    desk = PERSONA.replace("kind", "kind to {{guest|all}}") + "vars: {guest: {}}\n"
    folder = written(tmp_path, desk=desk)
    result = run("show", "prompt", "desk", "--dialplans", folder)
    assert result.stdout.startswith("Be kind to all.\n")
    words = ("show", "prompt", "desk", "--dialplans", folder, "--var")
    assert run(*words, "guest=Ada").stdout.startswith("Be kind to Ada.\n")
    assert run(*words, "guest").exit_code == 2


def test_an_unknown_persona_is_one_sentence(tmp_path: Path) -> None:
    folder = written(tmp_path)
    for name, said in (("dsk", "did you mean 'desk'?"), ("x", "there is desk")):
        result = run("show", "prompt", name, "--dialplans", folder)
        assert isinstance(result.exception, ConfigError)
        assert str(result.exception).endswith(said)


@pytest.mark.parametrize("kind", ["dialplan", "persona", "mixin"])
def test_a_schema_is_json(kind: str) -> None:
    assert json.loads(run("schema", kind).stdout)["title"] == f"voicebot {kind}"


@pytest.mark.parametrize("template", ["clinic", "hotel", "shop", "smallest"])
def test_a_new_folder_is_good(tmp_path: Path, template: str) -> None:
    folder = tmp_path / "plans"
    result = run("new", folder, "--template", template)
    assert result.exit_code == 0
    assert f"{folder}/dialplan.yaml" in result.stdout
    assert mistakes(folder) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    result = run("new", tmp_path)
    assert isinstance(result.exception, ConfigError)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert isinstance(run("new", tmp_path / "mine").exception, ConfigError)
    below_a_file = run("new", tmp_path / "mine" / "plans")
    assert isinstance(below_a_file.exception, ConfigError)
