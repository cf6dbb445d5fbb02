"""Scenarios: what callers do, and how often."""

from collections import Counter
from pathlib import Path

import pytest

from voicebot.audio.resample import UlawToPcm24
from voicebot.errors import ConfigError
from voicebot.load.mix import STEADY, dealt, load_mix
from voicebot.load.watermark import read_caller
from voicebot.sim.twilio.script import HangUp, Say


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_those_that_come_along_can_be_played() -> None:
    mix = load_mix([])
    assert [scenario.name for scenario in mix] == ["asks", "interrupts", "leaves"]
    for scenario in mix:
        script, pings = scenario.script(9)
        said = [step for step in script._steps if isinstance(step, Say)]
        assert read_caller(UlawToPcm24().push(said[0].ulaw)) == 9
        assert pings


def test_weights_hold_in_any_run_of_calls() -> None:
    mix = load_mix([])
    for first in range(9):
        names = Counter(dealt(mix, number).name for number in range(first, first + 10))
        assert names == {"asks": 6, "interrupts": 2, "leaves": 2}


def test_a_single_scenario_is_dealt_always(tmp_path: Path) -> None:
    path = written(tmp_path, "one.yaml", "steps: [{say: Hello there}, {hang_up: true}]")
    mix = load_mix([path])
    assert {dealt(mix, number).name for number in range(5)} == {"one"}


def test_patterns_are_files(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yaml"):
        written(tmp_path, name, "steps: [{keys: '1'}, {hang_up: true}]")
    assert [each.name for each in load_mix([f"{tmp_path}/*.yaml"])] == ["a", "b"]
    with pytest.raises(ConfigError, match=r"\*\.yml: no such file$"):
        load_mix([f"{tmp_path}/*.yml"])
    with pytest.raises(ConfigError, match=r"c\.yaml: no such file$"):
        load_mix([f"{tmp_path}/c.yaml"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("steps:\n  - say: Hello?\n  - wait: 1", ":3:5: step 2: expected one of"),
        ("steps: [{say: Hello there}]", ":1:1: expected a step hang_up"),
        ("weight: 2\nsteps: {}", ":2:1: expected a list `steps`"),
        ("", ":1:1: expected a list `steps`"),
        ("weight: 2", ":1:1: expected a list `steps`"),
        ("steps: [{hang_up: true}]", ":1:1: expected a step say, interrupt or keys"),
    ],
)
def test_a_mistake_has_its_place(tmp_path: Path, text: str, problem: str) -> None:
    path = written(tmp_path, "wrong.yaml", text)
    with pytest.raises(ConfigError) as caught:
        load_mix([path])
    assert str(caught.value).startswith(f"{path}{problem}")


def test_who_stays_does_not_hang_up_by_itself() -> None:
    (steady,) = load_mix([str(STEADY)])
    script, pings = steady.script(9, stays=True)
    assert not any(isinstance(step, HangUp) for step in script._steps)
    assert pings
