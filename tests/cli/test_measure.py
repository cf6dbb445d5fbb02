"""`voicebot measure`, run as a command."""

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from voicebot.cli import measure
from voicebot.errors import ConfigError
from voicebot.measure import conditions, storm
from voicebot.measure.scenario import Scenario
from voicebot.measure.storm import Stormed

app = typer.Typer()
app.add_typer(measure.app, name="measure")


@pytest.fixture(autouse=True)
def _few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    every = conditions.chosen

    def some(names: list[str]) -> dict[str, list[Scenario]]:
        return {name: calls[:1] for name, calls in every(names).items()}

    monkeypatch.setattr(conditions, "chosen", some)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(
        app, ["measure", "turn-taking", "--condition", "dtmf", *arguments]
    )


def test_a_person_gets_tables_and_what_the_figures_mean() -> None:
    found = run("--owner", "local")
    assert found.exit_code == 0, found.exception
    for text in ("dtmf", "missed interruptions", "not measured", "stops after"):
        assert text in found.stdout
    assert found.stderr == ""


def test_a_program_gets_json_for_both_owners() -> None:
    found = run("--json")
    assert found.exit_code == 0
    report = json.loads(found.stdout)
    assert [row["owner"] for row in report["conditions"]] == ["local", "server"]
    assert {verdict["ok"] for verdict in report["must_hold"]} <= {True, False, None}
    assert [call["condition"] for call in report["calls"]] == ["dtmf", "dtmf"]


def test_strict_makes_what_doesnt_hold_an_error() -> None:
    never = ("--owner", "server", "--set", "barge_in.keys=false", "--strict")
    found = run(*never)
    assert found.exit_code == 1
    assert "does not hold" in found.stdout
    assert run(*never[:-1]).exit_code == 0


def test_a_setting_that_there_isnt_is_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"--set barge_in.min: unknown key; known: "):
        CliRunner().invoke(
            app,
            [
                "measure",
                "turn-taking",
                "--condition",
                "dtmf",
                "--set",
                "barge_in.min=1",
            ],
            catch_exceptions=False,
        )


def test_the_neural_detector_listens_unless_told_otherwise() -> None:
    off, both = (["--neural", "off"], [False]), (["--neural", "both"], [False, True])
    for words, used in (([], [True]), off, both):
        found = run("--owner", "local", *words, "--json")
        assert [row["neural"] for row in json.loads(found.stdout)["conditions"]] == used


def test_random_interleavings_are_counted_with_the_calls_if_wanted() -> None:
    found = run("--owner", "server", "--interleavings", "10")
    assert "stale frames after clear, " in found.stdout
    assert "stale frames after clear" not in run("--owner", "server").stdout


def interleavings(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["measure", "interleavings", *arguments])


def test_interleavings_are_counted() -> None:
    found = interleavings("--count", "20", "--seed", "3")
    assert found.exit_code == 0, found.exception
    assert " stale frames; " in found.stdout
    assert " 0 stale frames; " in found.stdout
    assert found.stdout.count("\n") == 1


def test_a_stale_frame_is_an_error_and_tells_its_seed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stormy(*_: object, **__: object) -> Stormed:
        return Stormed(1, 25, 30, 2, 77, 0.0)

    monkeypatch.setattr(storm, "storms", stormy)
    found = interleavings()
    assert found.exit_code == 1
    assert "25 clears, 30 answers given up, 2 stale frames" in found.stdout
    assert "voicebot measure interleavings --count 1 --seed 77" in found.stdout
