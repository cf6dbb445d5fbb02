"""Older dialplans are rewritten as text: nothing else of a file changes."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES, written
from voicebot.dialplan.load import load
from voicebot.dialplan.migrate import migrated
from voicebot.dialplan.source import parse
from voicebot.errors import DialplanError

FOLDER = Path("dialplans")
PLAN_PATH, DESK = FOLDER / "dialplan.yaml", FOLDER / "personas" / "desk.yaml"
PLAN = NUMBERS + ROUTES
OLD = PLAN.replace("version: 2", "version: 1")
MENU = 'menus: {keypad: {prompt: Press 1., keys: {"1": {say: Yes.}}}}\n'


def rewritten(text: str, plan: str = OLD) -> str:
    """A persona's file, before and after."""
    files = {PLAN_PATH: plan.encode(), DESK: text.encode()}
    return migrated(PLAN_PATH, files).get(DESK, text.encode()).decode()


def mistakes(text: str, plan: str = OLD) -> list[str]:
    with pytest.raises(DialplanError) as raised:
        rewritten(text, plan)
    return str(raised.value).splitlines()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "on_model_lost: {menu: keypad}  # the desk\n",
            "fallback:\n  do: {menu: keypad}  # the desk\n",
        ),
        (
            "a: 1\n# why\non_model_lost:\n  menu: keypad  # x\n\n# next\nb: 2\n",
            "a: 1\n# why\nfallback:\n  do:\n    menu: keypad  # x\n\n# next\nb: 2\n",
        ),
        (
            "on_model_lost:\n  # first\n  menu: keypad\n  # last\n# b's\nb: 2\n",
            "fallback:\n  do:\n    # first\n    menu: keypad\n    # last\n"
            "# b's\nb: 2\n",
        ),
        (
            "on_model_lost: {\n  menu:\n    keypad }\nb: 2",
            "fallback:\n  do: {\n    menu:\n      keypad }\nb: 2",
        ),
        (
            '"on_model_lost": goodbye\r\nb: 2\r\n',
            '"fallback":\r\n  "do": goodbye\r\nb: 2\r\n',
        ),
        (
            "{a: 1, on_model_lost: {menu: keypad}, b: 2}\n",
            "{a: 1, fallback: {do: {menu: keypad}}, b: 2}\n",
        ),
        ("{'on_model_lost': goodbye}", "{'fallback': {'do': goodbye}}"),
        (
            "on_model_lost:\n  voicemail:\n    text: |\n      # Hello.\n\n      You.\n",
            "fallback:\n  do:\n    voicemail:\n      text: |\n        # Hello.\n\n"
            "        You.\n",
        ),
        ("on_model_lost:\nb: 2\n", "fallback:\n  do:\nb: 2\n"),
        ("on_model_lost: goodbye", "fallback:\n  do: goodbye"),
        (
            "  on_model_lost: goodbye\n  b: 1\n",
            "  fallback:\n    do: goodbye\n  b: 1\n",
        ),
        ("\ufeffon_model_lost: goodbye\n", "\ufefffallback:\n  do: goodbye\n"),
        ("greeting: {text: on_model_lost}\n", "greeting: {text: on_model_lost}\n"),
    ],
)
def test_a_key_that_moved(before: str, after: str) -> None:
    assert rewritten(before) == after
    assert rewritten(after) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 1 # of ours\na: 1\n", "version: 2 # of ours\na: 1\n"),
        ("{a: 1, version: 1}", "{a: 1, version: 2}"),
        ("version: 2\n", None),
    ],
)
def test_the_version_is_raised(before: str, after: str | None) -> None:
    done = migrated(PLAN_PATH, {PLAN_PATH: before.encode()})
    assert done == ({PLAN_PATH: after.encode()} if after else {})


@pytest.mark.parametrize(
    ("text", "plan", "found"),
    [
        ("a: [1\n", OLD, "desk.yaml:2:1: expected ',' or ']'; the bracket that is "),
        ("a: &x 1\n", OLD, "desk.yaml:1:4: a: anchors (&name) are refused"),
        ("", "version: [\n", "dialplan.yaml:2:1: "),
        ("", "a: 1\n", "dialplan.yaml:1:1: version: missing; expected 1 to 2"),
        ("", "version: 3\n", "dialplan.yaml:1:10: version: expected 1 to 2, got 3"),
        ("", "version: yes\n", "dialplan.yaml:1:10: version: expected 1 to 2, got "),
        (
            "fallback: {attempts: 0}\non_model_lost: goodbye\n",
            OLD,
            "desk.yaml:2:1: on_model_lost: there is fallback already: write it there",
        ),
        (
            "? on_model_lost\n: goodbye\n",
            OLD,
            "desk.yaml:1:3: on_model_lost: cannot be rewritten as it is written",
        ),
    ],
)
def test_what_must_be_mended_before(text: str, plan: str, found: str) -> None:
    (problem, *_) = [m for m in mistakes(text, plan) if found in m]
    assert problem


def test_a_folder_of_version_1_is_served_after_it_was_rewritten(
    tmp_path: Path,
) -> None:
    mixin = "on_model_lost:\n  menu: keypad # with keys\n"
    folder = written(tmp_path, OLD, desk=PERSONA + MENU + "mixins: [alone]\n")
    (folder / "mixins").mkdir()
    (folder / "mixins" / "alone.yaml").write_text(mixin)
    with pytest.raises(DialplanError, match="run `voicebot migrate`"):
        load(folder)
    files = {path: path.read_bytes() for path in folder.rglob("*.yaml")}
    for path, data in migrated(folder / "dialplan.yaml", files).items():
        path.write_bytes(data)
    persona = load(folder).personas["desk"]
    assert persona.fallback.do
    assert persona.fallback.do.menu == "keypad"


values = st.sampled_from(
    [
        " goodbye",
        " {menu: keypad}",
        " { menu : 'keypad' , }",
        "\n  menu: keypad",
        "\n      menu: >-\n         keypad\n",
        "  # why\n  # because\n  transfer: desk # them",
        "\n\n  voicemail:\n    text: |\n      One.\n\n      Two # 2.\n",
        ' "good\\\n  bye"',
    ]
)
others = st.lists(
    st.sampled_from(
        [
            "# on_model_lost: a comment",
            "",
            "title: Desk # of ours",
            "language: en",
            "instructions: |\n  on_model_lost: no\n  # none",
            "greeting:\n  text: Hi.\n  # more",
        ]
    ),
    unique=True,
)


@given(others, values, others, st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=150, deadline=None)
def test_what_is_rewritten_says_the_same_and_keeps_its_comments(
    before: list[str], value: str, after: list[str], newline: str
) -> None:
    behind = [line for line in after if line not in before]
    text = "\n".join([*before, f"on_model_lost:{value}", *behind]) + "\n"
    text = text.replace("\n", newline)
    done = rewritten(text)
    old, _ = parse(DESK, text.encode())
    new, problems = parse(DESK, done.encode())
    assert problems == []
    assert old
    assert new
    given, got = old.plain(), new.plain()
    assert isinstance(given, dict)
    lost = given.pop("on_model_lost")
    assert got == given | {"fallback": {"do": lost}}
    kept = [line.strip() for line in done.split("\n") if "#" in line]
    said = [line.strip() for line in text.split("\n") if "#" in line]
    assert [line[line.index("#") :] for line in kept] == [
        line[line.index("#") :] for line in said
    ]
    assert done.count("\r\n") == (done.count("\n") if newline == "\r\n" else 0)
    assert rewritten(done) == done
