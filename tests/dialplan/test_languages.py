"""What a persona says in its other languages, read from its file."""

from pathlib import Path

import pytest

from tests.dialplan.plans import NUMBERS, ROUTES, mistakes, written
from voicebot.dialplan.language import phrases
from voicebot.dialplan.load import load
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.prompt import compile_instructions

CLINIC = """\
title: Clinic
language: zh
also_speaks: [en, fr]
instructions: 你是前台。
greeting: {text: 您好。, protect: 900ms}
goodbye: {text: 慢走。, when_caller_says: [再见]}
transfer: {announce: 转接。}
barge_in: {mode: stop, backchannel: [嗯]}
vars: {name: {from: lookup, default: ""}}
menus:
  keypad: {prompt: 请按一。, key: "9", keys: {"1": goodbye}}
silence: [{after: 5s, say: 您还在吗？}, {after: 5s, do: goodbye}]
in:
  en:
    greeting: {text: "Hello {{name}}."}
    menus: {keypad: {prompt: Press one.}}
    barge_in: {backchannel+: [right you are]}
    silence: [{after: 4s, say: Hello?}, {after: 4s, do: goodbye}]
"""


def clinic(folder: Path, text: str = CLINIC) -> Persona:
    return load(written(folder, desk=text)).personas["desk"]


def found(folder: Path, text: str) -> list[str]:
    lines = mistakes(written(folder, NUMBERS + ROUTES, desk=text))
    return [line.removeprefix("personas/desk.yaml:") for line in lines]


def test_another_language_is_the_persona_with_other_words(tmp_path: Path) -> None:
    english = clinic(tmp_path).said_in("en")
    assert english.language == "en"
    assert english.also_speaks == ("zh", "fr")
    assert english.greeting.text == "Hello {{name}}."
    assert english.greeting.protect_ms == 900
    assert english.menus["keypad"].prompt == "Press one."
    assert english.menus["keypad"].key == "9"
    assert english.silence[0].say == "Hello?"
    assert english.barge_in.mode == "stop"
    told = compile_instructions(english)
    assert "- Speak English (en)" in told
    assert "When the caller speaks Mandarin Chinese (zh) or French (fr)" in told


def test_what_is_not_said_there_is_as_the_language_has_it(tmp_path: Path) -> None:
    english = clinic(tmp_path).said_in("en")
    own = phrases("en")
    assert english.goodbye.text == own.goodbye
    assert english.goodbye.when_caller_says == ("再见",)
    assert english.apology.text == own.apology
    assert english.filler.say == own.fillers
    assert english.transfer.announce is None
    assert english.barge_in.backchannel == (*own.backchannel, "right you are")


def test_a_language_is_found_by_its_first_part(tmp_path: Path) -> None:
    desk = clinic(tmp_path)
    assert desk.said_in("en-US") is desk.said_in("EN")
    for language in ("zh", "fr", "de", None, ""):
        assert desk.said_in(language) is desk
    assert list(desk.family) == ["zh", "en"]
    assert desk.family["zh"] is desk
    assert desk.variants == {"en": desk.said_in("en")}


def test_a_closer_tag_comes_first(tmp_path: Path) -> None:
    text = CLINIC.replace("[en, fr]", "[en, en-GB]")
    desk = clinic(tmp_path, text + "  en-GB: {goodbye: {text: Cheerio.}}\n")
    assert desk.said_in("en-GB").goodbye.text == "Cheerio."
    assert desk.said_in("en-US").goodbye.text == phrases("en").goodbye


def test_what_a_mixin_says_in_a_language_is_inherited(tmp_path: Path) -> None:
    (tmp_path / "mixins").mkdir()
    mixin = tmp_path / "mixins" / "bye.yaml"
    mixin.write_text("in: {en: {goodbye: {text: So long.}}}\n")
    english = clinic(tmp_path, CLINIC + "mixins: [bye]\n").said_in("en")
    assert english.goodbye.text == "So long."
    assert english.greeting.text == "Hello {{name}}."


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "  de: {goodbye: {text: Tschüss.}}",
            "19:3: in.de: de is not in also_speaks",
        ),
        (
            "    goodby: {text: Bye.}",
            "19:5: in.en.goodby: unknown key; did you mean 'goodbye'?; "
            "here are words only",
        ),
        (
            "    goodbye: {txt: Bye.}",
            "19:15: in.en.goodbye.txt: unknown key; did you mean 'text'?",
        ),
        (
            "    apology: {text: 'Sorry, {{nme}}.'}",
            "19:29: in.en.apology.text: there is no variable 'nme' in vars; "
            "did you mean 'name'?",
        ),
        (
            "    triggers: [{name: t, says: [x], do: {menu: keypat}}]",
            "19:48: in.en.triggers[0].do.menu: there is no menu 'keypat'; "
            "did you mean 'keypad'?",
        ),
        (
            "    listening: {questions+: no}",
            "19:29: in.en.listening.questions+: expected a list to append to "
            "questions, got no",
        ),
    ],
)
def test_mistakes_are_told_where_they_stand(
    tmp_path: Path, line: str, told: str
) -> None:
    assert told in found(tmp_path, f"{CLINIC}{line}\n")


def test_what_the_persona_has_wrong_is_told_once(tmp_path: Path) -> None:
    text = CLINIC.replace('"1": goodbye', '"1": {menu: moon}')
    (line,) = found(tmp_path, text)
    assert "menus.keypad.keys.1.menu: there is no menu 'moon'" in line


def test_a_place_that_is_wrong_in_every_language_is_told_once(tmp_path: Path) -> None:
    text = CLINIC.replace("protect: 900ms", 'when: {closed: "{{nobody}}"}')
    (told,) = found(tmp_path, text)
    assert told.startswith("5:")
    assert " greeting.when.closed: " in told


def test_keys_and_values_are_expected(tmp_path: Path) -> None:
    assert any("in.fr" in line for line in found(tmp_path, f"{CLINIC}  fr: bonjour\n"))
