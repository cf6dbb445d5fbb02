"""A bot that pauses for an uh-huh loses no word, and says next to none again."""

from pathlib import Path

import pytest

from tests.rehearse.calls import desk, judged, made, scenario

TEXTS = Path(__file__).with_name("texts.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_no_word_is_lost_nor_are_words_said_again(number: int) -> None:
    text = TEXTS[number]
    is_chinese = "\u4e00" <= text[0] <= "\u9fff"
    listens = {
        "backchannel": "嗯嗯" if is_chinese else "okay",
        "at": f"+{1000 + 137 * number % 1700}ms",
    }
    test = scenario([{"say": "What can I do?"}, listens], model=[{"say": text}])
    facts = made(test, desk(language="zh" if is_chinese else "en"))
    assert judged(facts, {"outcome": "resumed"}) is None
    assert judged(facts, {"lost_words": 0}) is None
    assert judged(facts, {"repeated_words": 1}) is None
    assert judged(facts, {"heard": text}) is None
