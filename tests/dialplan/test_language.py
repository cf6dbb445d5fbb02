"""What the bot says in each language by itself."""

import pytest

from voicebot.dialplan.language import PHRASES, folded, own_words, phrases


@pytest.mark.parametrize(
    ("tag", "language"),
    [("zh", "zh"), ("zh-Hant-TW", "zh"), ("EN-us", "en"), ("de", "de"), ("xx", "en")],
)
def test_a_tag_finds_its_language_or_english(tag: str, language: str) -> None:
    assert phrases(tag) is PHRASES[language]


def test_every_language_can_say_what_a_bot_must() -> None:
    for known in PHRASES.values():
        assert known.name
        assert known.apology
        assert known.goodbye
        assert 2 <= len(known.fillers) <= 3


def test_no_language_takes_a_phrase_for_two_things() -> None:
    for known in PHRASES.values():
        for one, other in (
            (known.backchannel, known.stop_words),
            (known.yes_no, known.digits),
        ):
            assert all(map(folded, one + other))
            assert not set(map(folded, one)) & set(map(folded, other))


@pytest.mark.parametrize(
    ("tag", "listening", "stopping", "digits", "yes_no"),
    [
        ("en-GB", "i see", "hold on", "phone number", "is that right"),
        ("zh", "好的", "等一下", "手机号", "对吗"),
        ("ja", "なるほど", "待って", "電話番号", "よろしいですか"),
        ("es", "vale", "espere", "código postal", "es correcto"),
        ("fr", "d'accord", "attendez", "code postal", "c'est bien ça"),
        ("de", "genau", "moment mal", "telefonnummer", "stimmt das"),
        ("xx", "uh-huh", "wait", "date of birth", "is that correct"),
    ],
)
def test_a_persona_understands_its_language(
    tag: str, listening: str, stopping: str, digits: str, yes_no: str
) -> None:
    own = own_words({"language": tag})
    assert {listening, "mm-hm", "嗯", "ok"} <= set(own["barge_in"]["backchannel"])
    assert stopping in own["barge_in"]["stop_words"]
    questions = {one["says"]: one["profile"] for one in own["listening"]["questions"]}
    assert questions[digits] == "digits"
    assert questions[yes_no] == "yes_no"


def test_a_phrase_that_the_persona_gives_means_nothing_else() -> None:
    known = phrases("en")
    own = own_words({"language": "en", "barge_in": {"stop_words": ["O.K.", "Right!"]}})
    said = set(known.backchannel) - set(own["barge_in"]["backchannel"])
    assert said == {"ok", "right"}
    own = own_words({"language": "en", "barge_in": {"backchannel": ["no", 7, None]}})
    assert set(known.stop_words) - set(own["barge_in"]["stop_words"]) == {"no"}


@pytest.mark.parametrize("given", [None, "no", {"backchannel": "no"}, {"x": 1}])
def test_what_is_no_list_takes_nothing_away(given: object) -> None:
    own = own_words({"language": "en", "barge_in": given})
    assert own["barge_in"]["stop_words"] == phrases("en").stop_words


def test_phrases_are_compared_without_case_width_and_marks() -> None:
    assert folded("Mm-hm, OK!") == "mmhmok"
    assert folded("好的。") == "好的"
    assert folded("ＯＫ") == "ok"  # noqa: RUF001 - as Chinese keyboards write it
    assert folded("C'est ça") == "cestça"
