"""What an utterance over the bot's voice means."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.bridge.words import (
    Words,
    count_words,
    first_said,
    heard_in,
    says,
    spoken_lengths,
)

BACKCHANNEL = (
    *("mm", "mm-hmm", "uh-huh", "yeah", "ok", "okay", "right", "go on", "I see"),
    *("嗯", "对", "好", "好的", "没问题", "はい", "!"),
)
STOP = ("stop", "wait", "hang on", "that's enough", "停", "不对", "等一下", "问题", "")


def heard(text: str, min_words: int = 1) -> Words:
    return heard_in(text, backchannel=BACKCHANNEL, stop_words=STOP, min_words=min_words)


@pytest.mark.parametrize(
    "text",
    [
        "Yeah.",
        "yeah, okay",
        "OK OK OK!!!",
        "mm hmm",
        "Mmm-hmmm...",
        "mmm",
        "Yeahhh",
        "I see. Right; go on",
        "嗯嗯嗯",
        "嗯，对，好的。",
        "好的好的",
        "嗯 嗯",
        "没问题！",
        "ＯＫ，ｙｅａｈ",
        "はいはい",
        "[noise] yeah (laughs)",
    ],
)
def test_what_callers_say_to_show_that_they_listen_is_backchannel(text: str) -> None:
    assert heard(text) is Words.BACKCHANNEL


@pytest.mark.parametrize(
    "text",
    [
        "Stop!",
        "no, WAIT a second",
        "yeah yeah, hang   on",
        "That’s enough, thanks",
        "停",
        "你先停一下",
        "嗯，不对",
        "不 对",
        "等一下，我还没说完",
        "ok停ok",
    ],
)
def test_a_stop_phrase_counts_wherever_it_stands(text: str) -> None:
    assert heard(text, min_words=5) is Words.STOP


@pytest.mark.parametrize("text", ["stopped", "awaiting hangers on", "that is enough"])
def test_a_stop_phrase_must_stand_as_words_of_its_own(text: str) -> None:
    assert heard(text) is Words.WORDS


def test_the_longest_phrase_counts() -> None:
    assert heard("没问题") is Words.BACKCHANNEL
    assert heard("有问题") is Words.STOP


def test_a_phrase_that_is_both_stops_the_bot() -> None:
    both = ("okay",)
    assert heard_in("Okay!", backchannel=both, stop_words=both, min_words=1) == "stop"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Tuesday", 1),
        ("yeah but Tuesday", 2),
        ("okay, I'd rather not", 3),
        ("uh huh huh", 1),
        ("我要改时间", 5),
        ("对，我要改时间", 5),
        ("对不起", 3),
        ("嗯我想", 3),
        ("改到 Friday", 3),
        ("私は 佐々木", 5),
    ],
)
def test_other_words_are_an_interruption_if_there_are_enough(
    text: str, words: int
) -> None:
    assert heard(text, min_words=words) is Words.WORDS
    assert heard(text, min_words=words + 1) is Words.BACKCHANNEL


@pytest.mark.parametrize(
    "text",
    [
        *("", "  \n", "...", "。！？", "♪♪"),
        *("[noise]", "(coughs)", "*cough*", "<unk>", "【笑】", "（咳嗽）[music]."),
    ],
)
def test_noise_is_no_words(text: str) -> None:
    assert heard(text) is Words.NOTHING
    assert count_words(text) == 0


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Can I come on Friday?", 5),
        ("don't, it's Anna’s", 3),
        ("mm-hmm", 2),
        ("请问，现在几点？", 6),
        ("二〇二六年", 5),
        ("周五 at 3 pm (coughs)", 5),
        ("안녕하세요 여러분", 2),
    ],
)
def test_words_are_counted_and_chinese_characters_each(text: str, count: int) -> None:
    assert count_words(text) == count


def test_without_phrases_every_word_is_an_interruption() -> None:
    assert heard_in("mm", backchannel=(), stop_words=(), min_words=1) is Words.WORDS


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("OK, bye!", ["bye"]),
        ("Bye.", ["goodbye", "bye"]),
        ("well,  good\nbye then", ["good bye"]),
        ("That's all, thanks.", ["that's all"]),
        ("that’s all", ["that's all"]),
        ("Auf Wiederhören!", ["auf wiederhören"]),
        ("好的，再见。", ["再见"]),
        ("那就这样，拜拜了", ["拜拜"]),
        ("拜拜bye了", ["bye"]),
        ("Is that *correct* (yes or no)?", ["correct", "no"]),
    ],
)
def test_a_phrase_is_found_whatever_its_case_and_marks(
    text: str, phrases: list[str]
) -> None:
    assert says(text, phrases)


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("the bylaws", ["by"]),
        ("goodbyes", ["goodbye"]),
        ("that is all", ["that's all"]),
        ("Wiederhörens", ["wiederhören"]),
        ("你好", ["再见"]),
        ("anything", []),
        ("anything", ["", "!"]),
        ("", ["bye"]),
    ],
)
def test_other_words_are_no_phrase(text: str, phrases: list[str]) -> None:
    assert not says(text, phrases)


def test_of_two_phrases_the_first_of_the_list_is_told() -> None:
    assert first_said("Good bye. See you!", ["see you", "Bye", "bye"]) == "see you"
    assert first_said("Good bye.", ["see you", "Bye", "bye"]) == "Bye"
    assert first_said("Good day.", ["see you", "Bye", "bye"]) is None


# ---- how long words take ---------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("", []),
        (" ... – ?! ", []),
        ("a", [1.5]),
        ("go", [2.0]),
        ("Go, STRENGTH!", [2.0, 5.0]),  # a vowel and its letters
        ("seven", [4.5]),
        ("queue", [3.5]),  # one vowel, however it is written
        ("don't we'll", [3.5, 3.5]),
        ("don’t", [3.5]),
        ("'quoted' words-", [5.0, 3.5]),  # marks at the edges are none of it
        ("twenty-five", [9.5]),
        ("e-mail", [5.0]),
        ("café über", [4.0, 4.0]),
        ("naïve", [4.5]),
        ("42", [1.0]),
        ("B2B", [1.5]),
        ("under_score", [4.5, 4.5]),
        ("你好", [1.8, 1.8]),
        ("请说OK吧", [1.8, 1.8, 2.0, 1.8]),
        ("はい", [1.8, 1.8]),
        ("你好，Anna!", [1.8, 1.8, 4.0]),
    ],
)
def test_a_word_takes_as_long_as_its_vowels_and_letters(
    text: str, lengths: list[float]
) -> None:
    assert spoken_lengths(text) == pytest.approx(lengths)


@settings(max_examples=100)
@given(st.text(max_size=30))
def test_every_word_takes_some_time(text: str) -> None:
    assert all(length > 0 for length in spoken_lengths(text))


TEXTS = st.text(st.sampled_from("嗯对不停改 okyeahstp,.。！[](*)'"), max_size=20)


@settings(max_examples=200)
@given(TEXTS, st.integers(1, 5))
def test_more_words_asked_for_never_make_an_interruption(
    text: str, min_words: int
) -> None:
    few, more = heard(text, min_words), heard(text, min_words + 1)
    assert few is more or (few is Words.WORDS and more is Words.BACKCHANNEL)
    assert (few is Words.NOTHING) == (count_words(text) == 0)


@settings(max_examples=100)
@given(st.lists(st.sampled_from([each for each in BACKCHANNEL if each != "!"])))
def test_backchannel_in_a_row_stays_backchannel(phrases: list[str]) -> None:
    expected = Words.BACKCHANNEL if phrases else Words.NOTHING
    assert heard("，".join(phrases)) is expected
    assert heard(", ".join(phrases).upper()) is expected


@settings(max_examples=100)
@given(TEXTS, st.sampled_from(STOP[:-1]), TEXTS)
def test_a_stop_phrase_between_others_is_found(
    before: str, phrase: str, after: str
) -> None:
    assert says(f"{before} , {phrase} , {after}", [phrase])
