"""What was heard of an answer, in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.bridge.heard import CJK_MS, OTHER_MS, estimate_ms, heard_text

ENGLISH = "Sure, which time on Friday suits you?"
CHINESE = "好的，星期五上午可以。"
MIXED = "您的订单 iPhone 16 Pro 已发货。"


@pytest.mark.parametrize(
    ("text", "heard_ms", "spoken_ms", "expected"),
    [
        (ENGLISH, 0, 3700, ""),
        (ENGLISH, 100, 3700, ""),
        (ENGLISH, 400, 3700, "Sure,"),
        (ENGLISH, 1850, 3700, "Sure, which time on"),
        (ENGLISH, 3699, 3700, ENGLISH),
        (ENGLISH, 3700, 3700, ENGLISH),
        (CHINESE, 0, 2000, ""),
        (CHINESE, 1000, 2000, "好的，星期五"),
        (CHINESE, 500, 2000, "好的，"),
        (CHINESE, 2000, 2000, CHINESE),
        (MIXED, 800, 3000, "您的订"),
        (MIXED, 1500, 3000, "您的订单 iPhone"),
        (MIXED, 3000, 3000, MIXED),
    ],
)
def test_the_words_of_a_complete_answer_share_its_audio(
    text: str, heard_ms: float, spoken_ms: float, expected: str
) -> None:
    assert heard_text(text, heard_ms, spoken_ms, complete=True) == expected


@pytest.mark.parametrize(
    ("text", "heard_ms", "spoken_ms", "expected"),
    [
        # 600 ms of audio came, but the text would take 2405 ms to say.
        (ENGLISH, 600, 600, "Sure, which"),
        (CHINESE, 600, 600, "好的，星"),
        (MIXED, 900, 900, "您的订单"),
        # It speaks more slowly than we thought.
        (ENGLISH, 2405, 5000, "Sure, which time"),
        (ENGLISH, 5000, 5000, ENGLISH),
    ],
)
def test_of_an_answer_to_be_continued_the_audio_to_come_is_estimated(
    text: str, heard_ms: float, spoken_ms: float, expected: str
) -> None:
    assert heard_text(text, heard_ms, spoken_ms, complete=False) == expected


def test_a_chinese_character_takes_as_long_as_three_letters() -> None:
    assert estimate_ms("你好") == 2 * CJK_MS
    assert estimate_ms("你好。") == 2 * CJK_MS  # the mark belongs to the character
    assert estimate_ms("hello") == 5 * OTHER_MS
    assert estimate_ms("") == 0


@pytest.mark.parametrize("complete", [True, False])
def test_without_text_nothing_was_heard(complete: bool) -> None:
    assert heard_text("", 500, 1000, complete) == ""
    assert heard_text("  ", 500, 500, complete) == ""


texts = st.text() | st.text(alphabet="ab, 你好。！\n")


@given(texts, st.floats(-10, 10_000), st.floats(0, 10_000), st.booleans())
def test_it_is_always_a_beginning_of_the_text(
    text: str, heard_ms: float, spoken_ms: float, complete: bool
) -> None:
    heard = heard_text(text, heard_ms, spoken_ms, complete)
    assert text.strip().startswith(heard)
    assert heard == heard.strip()


@given(texts, st.floats(0, 5_000), st.floats(0, 5_000), st.booleans())
def test_whoever_hears_longer_hears_no_less(
    text: str, first_ms: float, then_ms: float, complete: bool
) -> None:
    less = heard_text(text, first_ms, 5_000, complete)
    assert heard_text(text, first_ms + then_ms, 5_000, complete).startswith(less)
