"""What the bot says in each language by itself."""

import pytest

from voicebot.dialplan.language import PHRASES, phrases


@pytest.mark.parametrize(
    ("tag", "language"),
    [("zh", "zh"), ("zh-Hant-TW", "zh"), ("EN-us", "en"), ("de", "de"), ("xx", "en")],
)
def test_a_tag_finds_its_language_or_english(tag: str, language: str) -> None:
    assert phrases(tag) is PHRASES[language]


def test_every_language_can_apologise_and_take_leave() -> None:
    for known in PHRASES.values():
        assert known.name
        assert known.apology
        assert known.goodbye
