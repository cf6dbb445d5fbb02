"""`tests:` of a persona, as the file has it."""

from pathlib import Path

import pytest

from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES, mistakes, written
from voicebot.dialplan.load import load
from voicebot.dialplan.testing import seconds

GOOD = """\
tests:
  - name: a call
    faults: [{at: 0s, model: refuse_connect}, {at: 1m, model: lose}, {model: slow}]
    model: [{hear: hello, say: Hello.}, {say: "Yes."}]
    caller:
      - {say: Hello, wait: greeting}
      - {barge_in: {at: +800ms, say: Stop}}
      - {backchannel: mm-hm, at: 9s}
      - {dtmf: "12#", at: +1.5s}
      - {dtmf: "0"}
      - {silence: 8s}
      - {hangup: true, at: 1m}
    expect:
      - {heard: Hello, within: 2s}
      - {not_heard: Bye}
      - {outcome: resumed, within: 600ms}
      - {speech_stopped: {within: 500ms}}
      - {no_audio_gap_over: 2s}
      - {lost_words: 0}
      - {repeated_words: 1}
      - {heard_transcript_excludes_unplayed: true}
      - {model_history_equals_heard: true}
      - {ended_by: idle}
      - {answered_within: 2s}
      - {logged: call ended}
      - {log_never_contains: "246810"}
"""


def test_every_step_fault_and_expectation_is_read(tmp_path: Path) -> None:
    (test,) = load(written(tmp_path, desk=PERSONA + GOOD)).personas["desk"].tests
    assert (len(test.faults), len(test.model)) == (3, 2)
    assert (len(test.caller), len(test.expect)) == (7, 13)
    assert test.caller[0].wait == "greeting"
    assert test.caller[5].silence_s == 8.0
    assert test.faults[1].at_s == 60.0
    assert test.expect[0].within_s == 2.0
    assert test.expect[3].speech_stopped is not None
    assert test.expect[3].speech_stopped.within_s == 0.5


@pytest.mark.parametrize(
    ("moment", "meant"),
    [
        ("+800ms", (0.8, True)),
        ("9s", (9.0, False)),
        ("+1.5s", (1.5, True)),
        ("2m", (120.0, False)),
    ],
)
def test_a_moment_counts_from_the_call_or_from_the_bots_first_word(
    moment: str, meant: tuple[float, bool]
) -> None:
    assert seconds(moment) == meant


STEPS = "say, barge_in, backchannel, dtmf, silence, hangup"


@pytest.mark.parametrize(
    ("tests", "problem"),
    [
        (
            "caller: [{bargein: x}]",
            "6:25: tests[0].caller[0].bargein: unknown key; did you mean 'barge_in'?",
        ),
        (
            "caller: [{wait: none}]",
            f"6:24: tests[0].caller[0]: expected exactly one of {STEPS}, got keys wait",
        ),
        (
            "caller: [{say: x, silence: 1s}]",
            f"6:24: tests[0].caller[0]: expected exactly one of {STEPS}, "
            "got keys say, silence",
        ),
        (
            "caller: [{say: x, at: 1s}]",
            "6:24: tests[0].caller[0]: at goes with backchannel or dtmf or hangup, "
            "got keys say, at",
        ),
        (
            "caller: [{backchannel: mm}]",
            "6:24: tests[0].caller[0]: expected at, such as '+600ms', with it, "
            "got keys backchannel",
        ),
        (
            "caller: [{dtmf: 1}]",
            "6:31: tests[0].caller[0].dtmf: expected keys such as '1' or '123#', in "
            "quotes, got 1; put it in quotes",
        ),
        (
            "caller: [{dtmf: '1', at: soon}]",
            "6:40: tests[0].caller[0].at: expected '+800ms', counted from when the bot "
            "began to speak, or '9s', counted from the start of the call, got 'soon'",
        ),
        (
            "caller: [hello]",
            "6:24: tests[0].caller[0]: expected keys and values, got 'hello'",
        ),
        (
            "caller: [{say: x, wiat: quiet}]",
            "6:33: tests[0].caller[0].wiat: unknown key; did you mean 'wait'?",
        ),
        (
            "model: [{hear: x}]",
            "6:23: tests[0].model[0]: expected say, calls or both, got keys hear",
        ),
        (
            "model: [{say: x, args: {a: 1}}]",
            "6:23: tests[0].model[0]: args goes with calls, got keys say, args",
        ),
        (
            "model: [{say: x, hear: x, told: x}]",
            "6:23: tests[0].model[0]: expected either hear or told, "
            "got keys say, hear, told",
        ),
        (
            "targets: {front: asleep}",
            "6:32: tests[0].targets.front: expected 'answers', 'busy', 'no_answer' or "
            "'closed', got 'asleep'",
        ),
        (
            "faults: [{at: 2s, model: refuse_connect}]",
            "6:24: tests[0].faults[0]: refuse_connect is only at 0s; to lose the model "
            "later: lose, got keys at, model",
        ),
    ],
)
def test_a_mistake_is_named_where_it_stands(
    tmp_path: Path, tests: str, problem: str
) -> None:
    text = f"tests:\n  - {{name: a, {tests}, expect: [{{heard: x}}]}}\n"
    assert mistakes(written(tmp_path, desk=PERSONA + text)) == [
        f"personas/desk.yaml:{problem}"
    ]


@pytest.mark.parametrize(
    ("expect", "problem"),
    [
        ("[]", "6:23: tests[0].expect: expected at least one, got an empty list"),
        (
            "[{within: 2s}]",
            "6:24: tests[0].expect[0]: expected exactly one of heard, not_heard, "
            "outcome, speech_stopped, no_audio_gap_over, lost_words, repeated_words, "
            "heard_transcript_excludes_unplayed, model_history_equals_heard, "
            "ended_by, tool, rang, transferred_to, menu, stage, trigger, var, "
            "answered_within, logged, log_never_contains, got keys within",
        ),
        (
            "[{not_heard: x, within: 2s}]",
            "6:24: tests[0].expect[0]: within goes with heard or outcome, "
            "got keys not_heard, within",
        ),
        (
            "[{heard: x, rule: loop}]",
            "6:24: tests[0].expect[0]: rule goes with tool, got keys heard, rule",
        ),
        (
            "[{var: x, verdict: allowed}]",
            "6:24: tests[0].expect[0]: verdict goes with tool, got keys var, verdict",
        ),
        (
            "[{tool: x, rule: loop}]",
            "6:24: tests[0].expect[0]: rule goes with verdict: refused, "
            "got keys tool, rule",
        ),
        # Of what isn't there yet, it is said that it isn't.
        (
            "[{spoken: keypad.prompt}]",
            "6:25: tests[0].expect[0].spoken: unknown key",
        ),
        (
            "[{herd: x}]",
            "6:25: tests[0].expect[0].herd: unknown key; did you mean 'heard'?",
        ),
    ],
)
def test_what_cannot_be_expected_is_refused(
    tmp_path: Path, expect: str, problem: str
) -> None:
    text = f"tests:\n  - {{name: a, expect: {expect}}}\n"
    assert mistakes(written(tmp_path, desk=PERSONA + text)) == [
        f"personas/desk.yaml:{problem}"
    ]


def test_a_test_without_expectations_could_not_fail(tmp_path: Path) -> None:
    text = "tests:\n  - {name: a}\n  - hello\n"
    assert mistakes(written(tmp_path, desk=PERSONA + text)) == [
        "personas/desk.yaml:6:5: tests[0].expect: missing",
        "personas/desk.yaml:7:5: tests[1]: expected keys and values, got 'hello'",
    ]


def test_two_tests_of_one_name_are_refused(tmp_path: Path) -> None:
    one = "  - {name: a, expect: [{heard: x}]}\n"
    assert mistakes(written(tmp_path, desk=f"{PERSONA}tests:\n{one}{one}")) == [
        "personas/desk.yaml:6:3: tests: expected tests with different names, got a list"
    ]


NAMES = """\
tools: {human: {use: transfer, targets: [front]}}
menus: {keypad: {prompt: Press., key: "9", keys: {"1": goodbye}}}
triggers: [{name: angry, says: [boss], do: goodbye}]
start_stage: first
stages: {first: {instructions: Ask., tools: [human]}}
vars: {who: {type: text, default: ""}}
tests:
  - name: a
    vars: {who: Ann}
    targets: {front: busy}
    model: [{calls: human, args: {target: front}}]
    expect:
      - {tool: human, verdict: refused, rule: loop}
      - {rang: front}
      - {transferred_to: front}
      - {menu: keypad}
      - {stage: first}
      - {trigger: angry}
      - {var: who, is: Ann}
"""
TARGETS = 'targets: {front: {number: "+12025550130"}}\n'


def test_what_a_test_names_must_be_there(tmp_path: Path) -> None:
    plan = NUMBERS + TARGETS + ROUTES
    assert mistakes(written(tmp_path, plan, desk=PERSONA + NAMES)) == []
    head, _, tests = NAMES.partition("tests:")
    for old, new in [
        ("calls: human", "calls: humam"),
        ("tool: human", "tool: humam"),
        ("who:", "whom:"),
        ("var: who", "var: whom"),
        ("front: busy", "frond: busy"),
        ("rang: front", "rang: frond"),
        ("transferred_to: front", "transferred_to: frond"),
        ("menu: keypad", "menu: keypat"),
        ("stage: first", "stage: fist"),
        ("trigger: angry", "trigger: angri"),
    ]:
        text = f"{PERSONA}{head}tests:{tests.replace(old, new)}"
        (problem,) = mistakes(written(tmp_path, plan, desk=text))
        assert "; did you mean " in problem
        assert problem.startswith("personas/desk.yaml:")
