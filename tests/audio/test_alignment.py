"""
Words are vowels here, and last as long as the text lets expect, at some pace.

Vowels of one level have no dip between them, so where words run into each other only
their lengths tell one from the next.
"""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.signals import noise, tone
from voicebot.audio.alignment import BEAM, PARTS, spoken_word
from voicebot.audio.framing import ULAW_SILENCE

MS = 8
LEAD_MS = 20  # a word is taken up a little before it is heard
PACE_MS = 180  # for each unit of a word's length
LENGTHS = (1.0, 2.0, 3.0, 1.5, 2.5, 1.0)


def word(ms: float) -> bytes:
    return tone(220, 730, 1410, seconds=ms / 1000)


def pause(ms: int) -> bytes:
    return ULAW_SILENCE * (ms * MS)


def said(
    lengths: Sequence[float] = LENGTHS, gap_ms: int = 100, pace_ms: int = PACE_MS
) -> tuple[bytes, list[tuple[int, int]]]:
    """
    Say words of these lengths.

    Returns:
        The sound, and where each word begins and ends, in ms.
    """
    places, at_ms = [], 0
    for length in lengths:
        places.append((at_ms, at_ms + round(length * pace_ms)))
        at_ms = places[-1][1] + gap_ms
    line = pause(gap_ms).join(word(end - begin) for begin, end in places)
    return line + pause(gap_ms), places


@pytest.mark.parametrize("gap_ms", [70, 100, 400])
@pytest.mark.parametrize("pace_ms", [120, 180, 300])
def test_a_word_begins_where_its_sound_does(gap_ms: int, pace_ms: int) -> None:
    line, places = said(gap_ms=gap_ms, pace_ms=pace_ms)
    for begin_ms, end_ms in places:
        for at_ms in (begin_ms + 10, (begin_ms + end_ms) // 2, end_ms - 10):
            at = spoken_word(line, at_ms * MS, LENGTHS)
            assert at == pytest.approx(max(0, begin_ms - LEAD_MS) * MS, abs=10 * MS)


def test_a_closure_inside_of_a_word_begins_none() -> None:
    """A `t` is silent for 50 ms: the word is the one that was broken off before it."""
    line = b"".join(
        (word(360), pause(80), word(200), pause(50), word(340), pause(80), word(180))
    )
    lengths = (2.0, 3.3, 1.0)
    begin = (440 - LEAD_MS) * MS
    assert spoken_word(line, 600 * MS, lengths) == begin
    assert spoken_word(line, 665 * MS, lengths) == begin  # in the closure itself
    assert spoken_word(line, 900 * MS, lengths) == begin
    assert spoken_word(line, 1200 * MS, lengths) == (1110 - LEAD_MS) * MS


def test_the_text_tells_a_closure_from_a_gap_of_the_same_length() -> None:
    line = word(200) + pause(50) + word(340)
    at = 400 * MS
    assert spoken_word(line, at, (3.0,)) == 0
    assert spoken_word(line, at, (1.1, 1.9)) == (250 - LEAD_MS) * MS


def test_words_that_run_into_each_other_are_parted_by_their_lengths() -> None:
    lengths = (1.0, 2.0, 3.0, 1.5)
    line = word(180) + pause(100) + word(360 + 540) + pause(100) + word(270)
    assert spoken_word(line, 400 * MS, lengths) == (280 - LEAD_MS) * MS
    assert spoken_word(line, 630 * MS, lengths) == (280 - LEAD_MS) * MS
    assert spoken_word(line, 660 * MS, lengths) == (640 - LEAD_MS) * MS
    assert spoken_word(line, 1170 * MS, lengths) == (640 - LEAD_MS) * MS


def test_a_position_need_not_be_a_round_one() -> None:
    line, places = said()
    begin_ms, end_ms = places[2]
    for odd in (1, 37, 79):
        at = (begin_ms + end_ms) // 2 * MS + odd
        assert spoken_word(line, at, LENGTHS) == (begin_ms - LEAD_MS) * MS


@pytest.mark.parametrize("ms_behind", [0, 40, 99])
def test_between_two_words_nothing_is_moved(ms_behind: int) -> None:
    line, places = said()
    at = (places[1][1] + ms_behind) * MS
    assert spoken_word(line, at, LENGTHS) == at


def test_before_any_sound_nothing_is_moved() -> None:
    line, places = said()
    assert spoken_word(pause(300) + line, 200 * MS, LENGTHS) == 200 * MS
    assert spoken_word(pause(300) + line, 0, LENGTHS) == 0


def test_the_silence_before_the_first_word_is_none_of_it() -> None:
    line, _ = said()
    assert spoken_word(pause(300) + line, 350 * MS, LENGTHS) == (300 - LEAD_MS) * MS


@pytest.mark.parametrize("ulaw", [b"", pause(1000), word(100)[:79]])
def test_where_nothing_is_heard_nothing_is_moved(ulaw: bytes) -> None:
    assert spoken_word(ulaw, len(ulaw), LENGTHS) == len(ulaw)
    assert spoken_word(ulaw, 0, LENGTHS) == 0


def test_a_click_is_no_word() -> None:
    line = pause(200) + word(10) + pause(300) + word(300)
    assert spoken_word(line, 205 * MS, (1.5,)) == 205 * MS
    assert spoken_word(line, 600 * MS, (1.5,)) == (510 - LEAD_MS) * MS


def test_noise_of_the_line_hides_no_gap() -> None:
    line = word(360) + noise(seconds=0.1, level_dbov=-60.0) + word(540) + pause(100)
    assert spoken_word(line, 700 * MS, (2.0, 3.0)) == (460 - LEAD_MS) * MS


@pytest.mark.parametrize("lengths", [(), (1.0,)])
def test_a_text_that_is_shorter_than_what_was_said_does_not_fit(
    lengths: Sequence[float],
) -> None:
    line, places = said((1.0,) * (PARTS + 1))
    assert spoken_word(line, places[-1][0] * MS + 800, lengths) is None


def test_a_text_that_is_longer_than_what_was_said_so_far_fits() -> None:
    line, places = said()
    begin_ms, end_ms = places[1]
    heard = line[: (end_ms - 100) * MS]
    assert spoken_word(heard, len(heard) - MS * 20, LENGTHS) == (
        (begin_ms - LEAD_MS) * MS
    )


def test_a_long_answer_is_followed_to_its_end() -> None:
    """Far more words than guesses are kept."""
    lengths = LENGTHS * 3
    assert len(lengths) > BEAM
    line, places = said(lengths, gap_ms=70)
    for begin_ms, end_ms in places:
        at = spoken_word(line, (begin_ms + end_ms) // 2 * MS, lengths)
        assert at == pytest.approx(max(0, begin_ms - LEAD_MS) * MS, abs=10 * MS)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 300)), max_size=8),
    st.lists(st.floats(0.5, 6.0), max_size=8),
    st.data(),
)
def test_what_is_found_is_never_behind_the_position(
    parts: list[tuple[int, int]], lengths: list[float], data: st.DataObject
) -> None:
    line = b"".join((word(ms) if ms else b"") + pause(gap) for ms, gap in parts)
    at = data.draw(st.integers(0, len(line)))
    found = spoken_word(line, at, lengths)
    assert found is None or 0 <= found <= at
    if not lengths and found is not None:
        assert found == at  # nothing is spoken there
