"""Stages as files have them: what leads nowhere, and what is in force in one."""

from pathlib import Path

import pytest

from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES, mistakes, written
from voicebot.dialplan.effective import effective
from voicebot.dialplan.load import load

HEAD = """\
start_stage: a
vars: {day: {from: model, default: ""}, code: {from: digits, default: ""}}
menus: {code: {prompt: Type., gather: {max: 3, into: code}}}
tools: {note: {use: set_var, vars: [day]}, go: {use: goto_stage, stages: [b]}}
"""


def problems(folder: Path, stages: str, head: str = HEAD) -> list[str]:
    desk = f"{PERSONA}{head}stages:\n{stages}"
    found = mistakes(written(folder, NUMBERS + ROUTES, desk=desk))
    return [line.removeprefix("personas/desk.yaml:") for line in found]


def test_ways_out_of_every_kind_are_good(tmp_path: Path) -> None:
    stages = """\
  a:
    instructions: A.
    tools: [note, go]
    exit:
      - {to: b, when: [next]}
      - {to: b, tool: note}
      - {to: b, digits: code}
      - {to: b, var: day}
  b: {on_enter: {gather: code}, exit: [{to: a, digits: code}]}
"""
    assert problems(tmp_path, stages) == []


@pytest.mark.parametrize(
    ("stages", "found"),
    [
        (
            "  a: {instructions: A., exit: [{to: a, tool: note}]}\n",
            "10:46: stages.a.exit[0].tool: 'note' is no tool of this stage",
        ),
        (
            "  a: {instructions: A., exit: [{to: a, digits: day}]}\n",
            "10:48: stages.a.exit[0].digits: no menu collects digits into 'day'",
        ),
        (
            "  a: {instructions: A., exit: [{to: a, when: [x]}, {to: a, var: moon}]}\n",
            "10:65: stages.a.exit[1].var: there is no variable 'moon'",
        ),
        (
            "  a: {instructions: A.}\n  b: {instructions: B.}\n",
            "11:6: stages.b: never entered: no exit, tool or goto leads here",
        ),
        (
            "  a: {on_enter: replay}\n",
            "10:17: stages.a.on_enter: replay has no meaning outside of a menu",
        ),
        (
            "  a: {on_enter: {goto: moon}}\n",
            "10:24: stages.a.on_enter.goto: there is no stage 'moon'",
        ),
    ],
)
def test_what_leads_nowhere_is_told_where_it_stands(
    tmp_path: Path, stages: str, found: str
) -> None:
    assert found in problems(tmp_path, stages)


def test_stages_that_wait_for_nobody_are_told(tmp_path: Path) -> None:
    stages = """\
  a: {instructions: A., exit: [{to: b, var: day}]}
  b: {instructions: B., exit: [{to: c, when: [x]}, {to: a, var: code}]}
  c: {on_enter: {goto: b}}
"""
    said = "leads back here at once: var exits and goto wait for nobody"
    assert problems(tmp_path, stages) == [
        f"10:6: stages.a: {said}",
        f"11:6: stages.b: {said}",
    ]


def test_a_stage_is_entered_by_a_tool_of_one_that_is(tmp_path: Path) -> None:
    stages = "  a: {instructions: A., tools: [go]}\n  b: {instructions: B.}\n"
    assert problems(tmp_path, stages) == []
    lost = "  a: {instructions: A., tools: [go, moon]}\n  b: {instructions: B.}\n"
    assert len(problems(tmp_path, lost)) == 1


def test_a_trigger_may_enter_any_stage(tmp_path: Path) -> None:
    head = HEAD + "triggers: [{name: t, says: [x], do: {goto: b}}]\n"
    stages = "  a: {instructions: A.}\n  b: {instructions: B.}\n"
    assert problems(tmp_path, stages, head) == []


def test_without_a_good_start_nothing_is_said_of_what_is_entered(
    tmp_path: Path,
) -> None:
    (found,) = problems(tmp_path, "  b: {instructions: B.}\n")
    assert "there is no stage 'a'" in found


STAGED = f"""\
{PERSONA}start_stage: a
barge_in:
  min_ms: 150
  stop_words: [whoa]
listening: {{end_silence: 700ms}}
stages:
  a:
    instructions: A.
    barge_in: {{mode: never, stop_words+: [hey]}}
    listening:
      profile: patient
"""


def test_a_list_of_a_stage_can_be_appended_to_the_personas(tmp_path: Path) -> None:
    plan = load(written(tmp_path, desk=STAGED))
    own = plan.personas["desk"].stages["a"].barge_in
    assert own
    assert own.stop_words == ("whoa", "hey")
    assert own.model_fields_set == {"mode", "stop_words"}


def test_what_is_in_force_in_a_stage_comes_from_where_it_is_said(
    tmp_path: Path,
) -> None:
    plan = load(written(tmp_path, desk=STAGED))
    desk = tmp_path / "personas" / "desk.yaml"
    own = {each.key: each for each in effective(plan, "desk")}
    told = {each.key: each for each in effective(plan, "desk", "a")}
    for key, value, place in (
        ("barge_in.mode", "never", f"{desk}:13"),
        ("barge_in.min_ms", "150", f"{desk}:7"),
        ("barge_in.confirm_ms", "600ms", "built in"),
        ("listening.profile", "patient", f"{desk}:15"),
        ("listening.end_silence", "700ms", f"{desk}:9"),
    ):
        assert (told[key].value, told[key].place) == (value, place), key
    assert own["barge_in.mode"].value == "pause"
    assert own["stages.a.barge_in.mode"].place == f"{desk}:13"
    assert "stages.a.barge_in.min_ms" not in own
    assert list(told)[:3] == list(own)[:3]


def test_a_stage_that_changes_nothing_has_what_the_persona_has(
    tmp_path: Path,
) -> None:
    desk = f"{PERSONA}start_stage: a\nstages: {{a: {{instructions: A.}}}}\n"
    plan = load(written(tmp_path, desk=desk))
    assert effective(plan, "desk", "a") == effective(plan, "desk")
