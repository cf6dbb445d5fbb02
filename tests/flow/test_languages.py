"""The language of the caller, and a persona that goes on in it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.flow.flows import Phone
from tests.flow.personas import persona
from voicebot.bridge import model as do
from voicebot.bridge.settings import Prompt
from voicebot.dialplan.persona import Persona
from voicebot.flow.languages import Languages, reworded, written_in
from voicebot.flow.model import NoteEvent, UpdateSession

ALL = ("zh", "en", "ja", "ru")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("我想预约洗牙", "zh"),
        ("I would like an appointment.", "en"),
        ("予約をしたいのですが", "ja"),
        ("Я хочу записаться", "ru"),
        ("我要 checkout，谢谢", "zh"),
        ("OK", None),
        ("Hello 你", None),
        ("嗯", None),
        ("请问 would you please tell me when it is open", None),
        ("", None),
        ("12 34", None),
    ],
)
def test_a_text_tells_its_language_by_its_letters(
    text: str, language: str | None
) -> None:
    assert written_in(text, ALL) == language


def test_two_languages_of_one_script_are_not_told_apart() -> None:
    assert written_in("I would like an appointment.", ("en", "es", "zh")) is None
    assert written_in("I would like an appointment.", ("en-GB", "zh-CN")) == "en-GB"
    assert written_in("我想预约", ("en", "es")) is None


@given(st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_text_is_in_one_of_the_languages_or_in_none(text: str) -> None:
    assert written_in(text, ALL) in (*ALL, None)


def bot(language: str = "en", **given: Any) -> Persona:
    texts = {
        "en": {"goodbye": "Bye.", "silence": "Are you there?", "menu": "Press one."},
        "zh": {"goodbye": "再见。", "silence": "您还在吗？", "menu": "请按一。"},
    }[language]
    return persona(
        language=language,
        also_speaks=["zh" if language == "en" else "en"],
        goodbye={"text": texts["goodbye"], "when_caller_says": [texts["goodbye"]]},
        silence=[
            {"after": "3s", "say": texts["silence"]},
            {"after": "3s", "do": "goodbye"},
        ],
        menus={"m": {"prompt": texts["menu"], "key": "9", "keys": {"1": "goodbye"}}},
        **given,
    )


FAMILY = {"en": bot("en"), "zh": bot("zh")}


def test_two_turns_in_another_language_change_it_and_one_does_not() -> None:
    languages = Languages(FAMILY["zh"], FAMILY)
    assert languages.said("Good morning everybody") is None
    assert languages.said("好的，谢谢") is None
    assert languages.said("Good morning everybody") is None
    assert languages.said("OK") is None  # tells nothing
    assert languages.said("I would like to book") == FAMILY["en"]
    assert languages.said("I would like to book") is None
    assert languages.said("还是说中文吧") is None
    assert languages.said("我要预约") == FAMILY["zh"]


def test_who_is_to_ask_first_or_never_changes_does_not() -> None:
    for switch in ("ask", "never"):
        shy = bot("zh", language_switch=switch)
        languages = Languages(shy, FAMILY)
        assert languages.said("Good morning everybody") is None
        assert languages.said("Good morning everybody") is None


def spoke_english(*, seconds: float = 0.0) -> Phone:
    phone = Phone(FAMILY["zh"], family=FAMILY)
    for item_id in ("i1", "i2"):
        phone.turn("Good morning, do you speak English?", item_id)
        phone.answer(f"r-{item_id}")
        phone.wait(1.5)
    phone.wait(seconds)
    return phone


def test_what_we_say_by_ourselves_is_in_the_callers_language() -> None:
    phone = spoke_english(seconds=9.0)
    assert [n.name for n in phone.took(NoteEvent) if n.kind == "language"] == ["en"]
    assert phone.said()[-2:] == [
        "Are you there?",
        "Thank you for calling. Goodbye.",
    ] or (phone.said()[-2] == "Are you there?")
    assert phone.ending == "idle"


def test_the_model_is_told_as_that_language_has_it() -> None:
    phone = spoke_english()
    assert phone.took(UpdateSession) == [UpdateSession(None)]
    assert phone.flow.persona == FAMILY["en"]


def test_a_menu_that_is_opened_then_is_in_the_callers_language() -> None:
    phone = spoke_english()
    phone.keys("9")
    phone.wait(2.0)
    assert phone.said()[-1] == "Press one."


def test_the_callers_farewells_are_those_of_the_language() -> None:
    phone = spoke_english()
    phone.turn("Bye.", "i3")
    phone.wait(3.0)
    assert phone.ending == "bot_goodbye"
    assert phone.said()[-1] == "Bye."


def test_the_caller_is_listened_to_as_the_language_wants_it() -> None:
    other = persona(language="zh", also_speaks=["en"])
    english = persona(also_speaks=["zh"])
    phone = Phone(other, family={"zh": other, "en": english})
    for item_id in ("i1", "i2"):
        phone.turn("Good morning, do you speak English?", item_id)
    assert [n.name for n in phone.took(NoteEvent) if n.kind == "language"] == ["en"]
    assert phone.ending is None


def test_a_language_in_which_nothing_else_is_heard_changes_words_only() -> None:
    family = {
        language: persona(
            language="de",
            goodbye={"text": said},
            apology={"text": said},
        ).model_copy(update={"language": language})
        for language, said in (("zh", "再见。"), ("en", "Bye."))
    }
    phone = Phone(family["zh"], family=family)
    for item_id in ("i1", "i2"):
        phone.turn("Good morning, do you speak English?", item_id)
    phone.give(do.PeerLost(do.Ending.STEPFUN_LOST))
    phone.wait(3.0)
    assert phone.said()[-1] == "Bye."


def test_only_what_is_rendered_is_said_while_an_answer_is_late() -> None:
    said = Prompt("One moment.", b"x")
    words = reworded(said, said, [said, Prompt("Well.")], FAMILY["en"])
    assert words.fillers == (said,)
    assert words.farewells == ("Bye.",)
