import pytest

from voicebot.stepfun.prices import CLONE_UCNY, speech_ucny, told


@pytest.mark.parametrize(
    ("text", "ucny"),
    [
        ("", 0),
        ("字", 580),
        ("ab", 580),  # two letters are one character
        ("a", 290),
        ("abc", 870),
        ("é", 290),
        ("字" * 10_000, 5_800_000),  # the listed price
        ("a1 。", 290 + 3 * 580),  # the rest counts as whole ones
        ("ж", 580),
        ("\ue000", 580),  # a letter without a name
    ],
)
def test_text_costs_by_its_characters(text: str, ucny: int) -> None:
    assert speech_ucny(text) == ucny


def test_an_amount_is_told_in_both_currencies() -> None:
    assert told(CLONE_UCNY) == "¥9.9000, or 9,900,000 Credit of a Step Plan"
