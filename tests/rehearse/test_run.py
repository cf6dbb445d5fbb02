"""The tests of a folder: which are run, and where a failure is said to be."""

import re
import shutil
from pathlib import Path

import pytest

from tests.dialplan.plans import PERSONA, written
from voicebot.dialplan.load import load
from voicebot.rehearse.run import Result, run_all

TESTS = """\
tests:
  - name: greets
    expect: [{heard: Hello}]
  - name: does more
    caller:
      - {silence: 1s}
      - {hangup: true}
      - {say: never}
    expect:
      - {heard: Hello}
      - within: 2s
        heard: Goodbye
      - {ended_by: idle}
"""


def results(folder: Path, wanted: str = "") -> list[Result]:
    return list(run_all(load(folder), folder, wanted))


def test_a_failure_stands_where_its_expectation_does(tmp_path: Path) -> None:
    folder = written(tmp_path, desk=PERSONA + TESTS)
    greets, more = results(folder)
    assert (greets.ok, greets.persona, greets.name) == (True, "desk", "greets")
    assert greets.failures == ()
    path = folder / "personas" / "desk.yaml"
    assert [str(each) for each in more.failures] == [
        f"{path}:12:10: say: expected the caller to come to this step, "
        "got the call ended before",
        f"{path}:16:9: heard: expected 'Goodbye' heard within 2.0s, got 'Hello.'",
        f"{path}:17:10: ended_by: expected idle, got caller_hangup",
    ]
    assert not more.ok
    assert str(more.place) == f"{path}:8:5"
    found = more.as_json()
    assert found["ok"] is False
    assert found["failures"][2] == {
        "file": str(path),
        "line": 17,
        "column": 10,
        "key": "ended_by",
        "expected": "idle",
        "got": "caller_hangup",
    }
    assert found["timeline"]


def test_only_tests_with_a_name_are_run(tmp_path: Path) -> None:
    folder = written(tmp_path, desk=PERSONA + TESTS, other=PERSONA)
    assert [each.name for each in results(folder, "GREETS")] == ["greets"]
    assert [each.name for each in results(folder, "desk: does")] == ["does more"]
    assert results(folder, "nothing") == []


def test_a_test_that_is_inherited_is_said_to_be_where_it_was_written(
    tmp_path: Path,
) -> None:
    folder = written(tmp_path, desk=PERSONA + TESTS)
    heir = folder / "personas" / "night.yaml"
    heir.write_text("extends: desk\ntitle: Night desk\n", encoding="utf-8")
    own, inherited = results(folder, "desk: ")[-1], results(folder, "night: ")[-1]
    assert inherited.place == own.place
    assert [str(each) for each in inherited.failures] == [
        str(each) for each in own.failures
    ]


@pytest.mark.parametrize("persona", ["clinic", "helpdesk", "hotel"])
def test_the_samples_pass(persona: str) -> None:
    folder = Path(__file__).parents[2] / "dialplans"
    found = results(folder, f"{persona}: ")
    assert len(found) >= 3
    assert [each.name for each in found if not each.ok] == []


def test_the_examples_of_the_docs_pass(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    text = (root / "docs" / "tests.md").read_text(encoding="utf-8")
    blocks = re.findall("```yaml\n(tests:\n.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    for number, tests in enumerate(blocks):
        folder = Path(shutil.copytree(root / "dialplans", tmp_path / str(number)))
        clinic = folder / "personas" / "clinic.yaml"
        arranged, _, _ = clinic.read_text(encoding="utf-8").partition("\ntests:\n")
        clinic.write_text(f"{arranged}\n{tests}", encoding="utf-8")
        found = results(folder, "clinic: ")
        assert found
        assert [str(each) for one in found for each in one.failures] == []
