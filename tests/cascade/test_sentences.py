"""Where a text is cut that is spoken while it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.cascade.sentences import (
    MAX_CHARACTERS,
    Splitter,
    as_spoken,
    is_spoken,
)


def pieces(*texts: str) -> list[str]:
    splitter = Splitter()
    cut = [piece for text in texts for piece in splitter.push(text)]
    return [*cut, *splitter.finish()]


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("", []),
        ("Yes. We are open.", ["Yes. ", "We are open."]),
        ("Really?! Yes!", ["Really?! ", "Yes!"]),
        ("He said “no.” Then he left.", ["He said “no.” ", "Then he left."]),
        # A first piece may be less than a sentence, if it is long enough.
        (
            "Our office is open on Friday, from nine. And, as ever, free.",
            ["Our office is open on Friday, ", "from nine. ", "And, as ever, free."],
        ),
        ("Well, yes. Sure.", ["Well, yes. ", "Sure."]),
        ("It costs 1,000 yuan a year.", ["It costs 1,000 yuan a year."]),
        # Dots that end no sentence.
        ("It is 3.14 or 2.5. Fine.", ["It is 3.14 or 2.5. Fine."]),
        ("Ask Dr. Chen or J. Smith. Fine.", ["Ask Dr. Chen or J. Smith. ", "Fine."]),
        ("At ten, e.g. on Friday. Fine.", ["At ten, e.g. on Friday. ", "Fine."]),
        ("Am 3. Mai. Gut.", ["Am 3. Mai. ", "Gut."]),
        ("See example.com or v1.2.", ["See example.com or v1.2."]),
        # Chinese needs no blanks.
        ("好的。我们周五九点开门。", ["好的。", "我们周五九点开门。"]),
        (
            "我们周五上午都开门，您几点来？还有别的事吗？",
            ["我们周五上午都开门，", "您几点来？", "还有别的事吗？"],
        ),
        ("他说：“好。”然后走了。", ["他说：“好。”", "然后走了。"]),
        ("OK.好的", ["OK.", "好的"]),
        ("Wait… what", ["Wait… ", "what"]),
        # Lines end pieces; marks alone are none.
        ("One\nTwo", ["One\n", "Two"]),
        ("\n\n- One. Two.", ["\n\n- One. ", "Two."]),
        ("Fine. !", ["Fine. ", "!"]),
    ],
)
def test_a_text_is_cut_where_a_voice_may_pause(text: str, cut: list[str]) -> None:
    assert pieces(text) == cut


def test_a_piece_comes_as_soon_as_it_is_known_to_be_whole() -> None:
    splitter = Splitter()
    assert splitter.push("We are open.") == []  # .com?
    assert splitter.push(" ") == []
    assert splitter.push("Come") == ["We are open. "]
    assert splitter.finish() == ["Come"]


def test_a_sentence_without_an_end_is_cut_behind_a_word() -> None:
    words = "word " * 100
    cut = pieces(words)
    assert [len(piece) for piece in cut] == [300, 200]
    assert pieces("x" * 700) == ["x" * 300, "x" * 300, "x" * 100]
    # The only mark is too far away.
    assert pieces("word " * 70 + "end. Next.") == [
        "word " * 60,
        "word " * 10 + "end. ",
        "Next.",
    ]


ALPHABET = st.sampled_from([*"ab Z19.,!?;:\n。，！？：…—“”)（-"]) | st.sampled_from(
    ["Dr", "好", "word ", "3.5", "e.g.", " " * 40]
)


@given(st.lists(ALPHABET, max_size=300), st.lists(st.integers(0, 900), max_size=8))
def test_however_it_comes_it_is_cut_alike_and_nothing_is_lost(
    parts: list[str], cuts: list[int]
) -> None:
    text = "".join(parts)
    at = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    chunks = [text[a:b] for a, b in zip(at, at[1:], strict=False)]
    whole = pieces(text)
    assert "".join(whole) == text
    assert all(0 < len(piece) <= MAX_CHARACTERS for piece in whole)
    assert pieces(*chunks) == whole == pieces(*text)


def test_markup_and_brackets_arent_read_aloud() -> None:
    assert as_spoken("**Friday** (at nine)\n") == "Friday at nine"
    assert as_spoken("- One\n- Two") == "One Two"
    assert as_spoken("周五（九点）") == "周五九点"
    assert is_spoken("ok.")
    assert not is_spoken(" … ")
