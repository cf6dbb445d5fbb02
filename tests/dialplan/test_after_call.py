"""Who is told of calls: what an operator writes, and what is wrong with it."""

import re
from pathlib import Path

import pytest

from tests.dialplan.plans import PERSONA, mistakes, written
from voicebot.dialplan.load import load


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example.com/calls?team=a",
        "https://crm.example.com:8443",
        "http://127.0.0.1:9000/calls",
        "http://localhost/",
    ],
)
def test_an_address_is_taken(tmp_path: Path, url: str) -> None:
    text = f"{PERSONA}after_call: {{deliver: [{{webhook: '{url}', include: [words]}}]}}"
    (hook,) = load(written(tmp_path, desk=text)).personas["desk"].after_call.deliver
    assert (hook.webhook, hook.include) == (url, ("words",))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{webhook: http://crm.example.com/}", "deliver[0].webhook: expected an https"),
        ("{webhook: 'https://a@b.example/'}", "deliver[0].webhook: expected an https"),
        ("{webhook: ftp://b.example/}", "deliver[0].webhook: expected an https"),
        ("{webhook: 'https://b.example/a b'}", "deliver[0].webhook: expected an"),
        ("{}", "after_call.deliver[0].webhook: missing"),
        (
            "{webhook: https://b.example/, include: [audio]}",
            "after_call.deliver[0].include[0]: expected 'numbers', 'words' or 'review'",
        ),
        (
            "{webhook: https://b.example/, includes: [words]}",
            "after_call.deliver[0].includes: unknown key; did you mean 'include'?",
        ),
    ],
)
def test_a_mistake_is_told_where_it_stands(
    tmp_path: Path, text: str, found: str
) -> None:
    desk = f"{PERSONA}after_call:\n  deliver:\n    - {text}\n"
    (told,) = mistakes(written(tmp_path, desk=desk))
    assert told.startswith("personas/desk.yaml:7:")
    assert found in told


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{summary: 1}", "after_call.summary: expected true or false"),
        ("{extract: {a: date}}", "after_call.extract.a.type: expected 'text', 'nu"),
        (
            "{extract: {a: {type: bool, one_of: [b]}}}",
            "after_call.extract.a: expected one_of only with type: text",
        ),
        (
            "{extract: {summary: text}}",
            "after_call.extract: expected another name than summary",
        ),
        ("{dispositions: [No!]}", "after_call.dispositions[0]: expected a name of"),
    ],
)
def test_a_mistake_in_what_is_wanted_is_told_where_it_stands(
    tmp_path: Path, text: str, found: str
) -> None:
    (told,) = mistakes(written(tmp_path, desk=f"{PERSONA}after_call: {text}\n"))
    assert told.startswith("personas/desk.yaml:5:")
    assert found in told


def test_what_is_wanted_may_be_one_word(tmp_path: Path) -> None:
    text = "after_call: {extract: {a: bool, b: {about: Who it is.}}}\n"
    wants = load(written(tmp_path, desk=PERSONA + text)).personas["desk"].after_call
    assert [wanted.type for wanted in wants.extract.values()] == ["bool", "text"]
    assert wants.is_reviewed
    assert not load(written(tmp_path)).personas["desk"].after_call.is_reviewed


def test_the_example_of_the_docs_is_good(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "after-call.md").read_text()
    for example in re.findall("```yaml\n(.*?)```", text, re.DOTALL):
        assert mistakes(written(tmp_path, desk=PERSONA + example)) == []
