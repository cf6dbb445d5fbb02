"""Digits are read out of what was said, and what counts something is left."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.store.number_words import chinese, english
from voicebot.store.spoken_digits import MAX_GAP, How, plain, runs


def read(text: str) -> list[str]:
    """Each run, its parts divided by blanks."""
    found = runs(plain(text))
    return [
        "+" * run.plus + " ".join(part.digits for part in run.parts) for run in found
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("one three eight", ["1 3 8"]),
        ("four one one one, double five, oh", ["4 1 1 1 55 0"]),
        ("twenty three hundred, triple nine", ["2300 999"]),
        ("double 5 5 triple six", ["55 5 666"]),
        ("quadruple 12", ["11112"]),
        ("one eight hundred five five five", ["1 800 5 5 5"]),
        ("one hundred thirty eight", ["138"]),
        ("a hundred and five", ["105"]),
        ("one hundred five", ["105"]),
        ("five hundred and", ["500"]),
        ("nineteen hundred and twelve", ["1912"]),
        ("two thousand twenty seven", ["2027"]),
        ("five thousand two hundred twelve", ["5212"]),
        ("two thousand and seven", ["2007"]),
        ("a thousand", ["1000"]),
        ("twelve thousand", []),
        ("two hundred thousand", []),
        ("three million two", ["2"]),
        ("oh hundred", ["0"]),
        ("one and two", ["1 2"]),
        ("twelve and two", ["12", "2"]),
        ("one hundred and double", ["100"]),
        ("double", []),
        ("double trouble", []),
        ("triple double one", ["11"]),
        ("twenty-three", ["23"]),
        ("twenty, three", ["20 3"]),
        ("thirty twelve", ["30 12"]),
        ("一三八", ["1 3 8"]),
        ("一百三十八零零一三", ["138 0 0 1 3"]),
        ("一百零八", ["108"]),
        ("一百零一三", ["100 0 1 3"]),
        ("两千三", ["2300"]),
        ("一千零一十二", ["1012"]),
        ("一百三", ["130"]),
        ("十八 二十", ["18 20"]),
        ("百十", ["100 10"]),
        ("零百", []),
        ("一百百", ["100 100"]),
        ("一万二", ["1", "2"]),
        ("13万5", ["5"]),
        ("两个8三个六", ["88 666"]),
        ("四个8", ["8888"]),
        ("2个89零一", ["88 9 0 1"]),
        ("三个六七八", ["666 7 8"]),
        ("两个十个", ["2", "10"]),
        ("两个人", ["2"]),
        ("两个十", []),
        ("138 uh 0013 嗯 8000", ["138 0013 8000"]),
        ("１３８－００１３", ["138 0013"]),
        ("①②", ["12"]),
        ("+44 20", ["+44 20"]),
        ("plus four four", ["+4 4"]),
        ("加八六", ["+8 6"]),
        ("1 + 2", ["1", "+2"]),
        ("A320, 5kg, 2nd", []),
        ("tel13800138000", ["13800138000"]),
        ("2027-02-08 12:30 1,234.50 3.75", []),
        ("2027年2月8日", ["2027", "2", "8"]),
        ("one apple two", ["1", "2"]),
        ("1" + " ," * MAX_GAP + " 2", ["1 2"]),
        ("1" + " uh" * (MAX_GAP + 1) + " 2", ["1", "2"]),
        ("one point two", ["1", "2"]),
        ("1 x 2", ["1", "2"]),
        ("a1234567b", []),
        ("12:30-13:45", []),
        ("一二三四五六七八九零一二三四五x", ["1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 x"]),
        ("1234567890123456 x", ["1234567890123456 x"]),
        ("", []),
    ],
)
def test_what_was_said_is_these_digits(text: str, found: list[str]) -> None:
    assert read(text) == found


def test_a_run_knows_where_it_stands_and_what_is_around() -> None:
    (run,) = runs("call plus one, two oh two now")
    assert "call plus one, two oh two now"[run.start : run.end] == (
        "plus one, two oh two"
    )
    assert (run.before, run.after, run.digits) == ("call ", " now", "1202")


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("138", How.WRITTEN),
        ("one", How.DIGIT),
        ("double five", How.DIGIT),
        ("double 5", How.WRITTEN),
        ("twelve", How.COMPOUND),
        ("幺", How.DIGIT),
        ("十八", How.COMPOUND),
    ],
)
def test_a_part_knows_how_it_was_said(text: str, how: How) -> None:
    (run,) = runs(text)
    assert {part.how for part in run.parts} == {how}


@pytest.mark.parametrize(
    ("text", "commas"),
    [("1, 2, 3", True), ("1、2，3", True), ("1, 2 3", False), ("1", False)],
)
def test_a_run_knows_whether_it_is_a_list(text: str, commas: bool) -> None:
    assert [run.commas for run in runs(text)] == [commas]


def test_places_stay_when_a_text_is_made_plain() -> None:
    assert plain("ＡB１②é") == "ab12é"


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=200) | st.text("零一十百千个two hundred-double 12+x,", max_size=80)
)
def test_any_text_can_be_read_and_parts_are_in_order(text: str) -> None:
    at = 0
    for run in runs(plain(text)):
        assert at <= run.start
        for part in run.parts:
            assert run.start <= part.start < part.end <= run.end
            assert part.digits.rstrip("x").isdigit()
        at = run.end


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["one", "oh", "twenty", "hundred", "and", "double"])))
def test_english_words_are_read_each_once(words: list[str]) -> None:
    places = [(first, last) for _, first, last in english(words)]
    assert all(first <= last for first, last in places)
    assert [first for first, _ in places[1:]] == [last + 1 for _, last in places[:-1]]


@settings(max_examples=60, deadline=None)
@given(st.text("零一二幺十百千", max_size=12))
def test_chinese_characters_are_read_each_once(text: str) -> None:
    at = 0
    for _, first, last in chinese(text):
        assert first == at < last
        at = last
    assert at == len(text)


@given(st.integers(11, 9999))
@settings(max_examples=60, deadline=None)
def test_a_number_is_what_it_is_called_in_chinese(value: int) -> None:
    names = "零一二三四五六七八九"
    said, gap = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // unit % 10
        if digit:
            said += ("零" if gap else "") + names[digit] + name
            gap = False
        elif said:
            gap = True
    assert read(said) == [str(value)]
