"""`{{name}}`: what fills it, and where it is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialplan.plans import PERSONA, mistakes, persona, written
from voicebot.dialplan.variables import (
    coerced,
    fill,
    filled_by,
    sensitive_in,
    shown_of,
    values_of,
)

VARS = "vars:\n  name: {from: lookup}\n  tier: {default: plain}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello {{name}}.", "Hello Ada."),
        ("Hello {{ name }}.", "Hello Ada."),
        ("Hello {{name|you}}.", "Hello Ada."),
        ("Hello {{other|you}}.", "Hello you."),
        ("Hello{{other}}.", "Hello."),
        ("Hello{{other|}}.", "Hello."),
        ("Hello {{empty|you}}.", "Hello you."),
        ("{name} {{Name}}", "{name} {{Name}}"),  # refused by check
    ],
)
def test_a_place_is_filled_with_the_value_or_the_other_words(
    text: str, said: str
) -> None:
    assert fill(text, {"name": "Ada", "empty": ""}) == said


@given(st.text())
def test_what_a_caller_supplies_is_cleaned_and_cut(value: str) -> None:
    said = fill("{{a}}{{b|x}}", {"a": value, "b": "y"})
    assert "{" not in said
    assert "}" not in said
    assert said.endswith("y")
    assert len(said) <= 201
    assert "\n" not in said


def test_a_value_is_never_read_for_further_places() -> None:
    assert fill("{{a}}", {"a": "{{b}}", "b": "secret"}) == "b"


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("text", " Ada\n Lovelace ", "Ada Lovelace"),
        ("text", "{}", None),
        ("digits", "12 34-5", "12345"),
        ("digits", "12a", None),
        ("digits", "１２", None),
        ("number", "-1.5", "-1.5"),
        ("number", "1e5", None),
        ("bool", "True", "true"),
        ("bool", "yes", None),
        ("date", "2027-02-28", "2027-02-28"),
        ("date", "2027-02-30", None),
        ("date", "20270228", None),
        ("phone", "+12025550123", "+12025550123"),
        ("phone", "0123", None),
    ],
)
def test_what_is_not_of_its_kind_counts_as_missing(
    kind: str, raw: str, value: str | None
) -> None:
    assert coerced(kind, raw) == value  # type: ignore[arg-type]


def test_the_values_of_a_call_are_those_that_are_declared_or_the_defaults() -> None:
    bot = persona(
        vars={
            "name": {"from": "lookup"},
            "tier": {"default": "plain"},
            "born": {"type": "date"},
            "vip": {"type": "bool", "default": True},
            "age": {"type": "number", "default": 3},
        }
    )
    known = {"name": "Ada", "born": "yesterday", "other": "x"}
    assert values_of(bot, known) == {
        "name": "Ada",
        "tier": "plain",
        "vip": "true",
        "age": "3",
    }


def test_sensitive_values_are_shown_as_if_they_were_missing() -> None:
    pin = {"type": "digits", "default": "0", "sensitive": True}
    bot = persona(vars={"name": {"from": "lookup"}, "pin": pin})
    assert sensitive_in(bot) == {"pin"}
    known = {"name": "Ada", "pin": "1234"}
    assert values_of(bot, known) == {"name": "Ada", "pin": "1234"}
    assert shown_of(bot, known) == {"name": "Ada", "pin": "0"}


def test_a_text_is_filled_if_nothing_in_it_is_left_to_guess() -> None:
    assert filled_by("Hello", {})
    assert filled_by("{{a|b}}", {})
    assert filled_by("{{a}}", {"a": "x"})
    assert not filled_by("{{a}}", {"a": ""})
    assert not filled_by("{{a}} {{b}}", {"a": "x"})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "facts:\n  - Hello.\n  - |\n    One {{tier}}\n    two {{nme|x}}\n",
            "12:9: facts[1]: there is no variable 'nme' in vars; did you mean 'name'?",
        ),
        (
            "goodbye: {text: 'Bye {{name}}.'}\n",
            "8:22: goodbye.text: name may have no value: "
            "write {{name|what to say without it}}, or give vars.name a default",
        ),
        (
            'facts: ["a {{tier}} {{Tier}}"]\n',
            "8:21: facts[0]: expected {{name}} or {{name|what to say without it}}",
        ),
        (
            'facts: ["\\x7b{Tier}}"]\n',
            "8:9: facts[0]: expected {{name}} or {{name|what to say without it}}",
        ),
        (
            "owner: a {{tier}}\n",
            "8:10: owner: {{…}} is not filled in here; write it out",
        ),
        (
            "keyterms: ['{{tier}}']\n",
            "8:13: keyterms[0]: {{…}} is not filled in here; write it out",
        ),
        (
            "  x: {required: true}\n",
            "8:6: vars.x: required, and nothing gives it a value: "
            "add from, or a default",
        ),
        (
            "  x: {from: header}\n",
            "8:6: vars.x.header: missing; from: header needs its name",
        ),
        (
            "  x: {header: X-Tier}\n",
            "8:15: vars.x.header: has no meaning without from: header",
        ),
        (
            "  x: {type: digits, default: 1a}\n",
            "8:30: vars.x.default: expected digits in quotes, got '1a'",
        ),
        (
            "  x: {required: 'yes'}\n",
            "8:17: vars.x.required: expected true or false, got 'yes'",
        ),
        (
            "  x: {from: header, header: Tier}\n",
            "8:29: vars.x.header: expected a SIP header such as X-Customer, got 'Tier'",
        ),
    ],
)
def test_a_mistake_is_named_where_it_stands(
    tmp_path: Path, text: str, problem: str
) -> None:
    folder = written(tmp_path, desk=PERSONA + VARS + text)
    assert mistakes(folder) == [f"personas/desk.yaml:{problem}"]


@pytest.mark.parametrize(
    "text",
    [
        "facts: ['{{name|you}}', '{{tier}}']\n",
        "  x: {from: route, required: true}\ninstructions: '{{x}}'\n",
        "  x: {from: header, header: X-A, default: ''}\nfacts: ['{{x}}']\n",
    ],
)
def test_what_is_declared_may_be_used(tmp_path: Path, text: str) -> None:
    desk = (PERSONA + VARS + text).replace(
        "instructions: Be kind.\n", "", text.count("ins")
    )
    assert mistakes(written(tmp_path, desk=desk)) == []


def test_a_place_in_another_file_is_named_there(tmp_path: Path) -> None:
    base = PERSONA + "abstract: true\nfacts:\n  - 'Hello {{nobody}}'\n"
    folder = written(tmp_path, base=base, desk="extends: base\nowner: me\n")
    assert mistakes(folder) == [
        "personas/base.yaml:7:12: facts[0]: there is no variable 'nobody' in vars"
    ]


def test_what_an_abstract_persona_says_may_be_declared_by_who_extends_it(
    tmp_path: Path,
) -> None:
    base = PERSONA + "abstract: true\nfacts:\n  - 'Hello {{name|you}}'\n"
    folder = written(tmp_path, base=base, desk="extends: base\n" + VARS)
    assert mistakes(folder) == []
