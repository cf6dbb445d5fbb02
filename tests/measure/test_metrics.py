"""The figures, on timelines made by hand: what is planted must be found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.measure.timelines import Got, at, voice, words
from voicebot.measure.metrics import (
    Rendition,
    rendition,
    reply,
    spoke_over,
    stale_frames,
    yielding,
)
from voicebot.measure.pieces import Piece, pieces
from voicebot.measure.sound import from_ulaw, to_ulaw

FIRST, SECOND = voice(1), voice(2)
WORDS = words()


def heard(*parts: tuple[float, int, int]) -> Rendition:
    """Judge what the ear got of the first answer: (when, from ms, to ms)."""
    bot = pieces(
        [Got(when, FIRST[at(start) : at(end)]) for when, start, end in parts], [FIRST]
    )
    return rendition(bot, 0, len(FIRST), WORDS, until_s=20.0)


# ---- whose bytes they are ------------------------------------------------------------


@given(st.integers(0, 4000), st.integers(40, 800))
def test_any_piece_of_an_answer_is_found_in_it(start: int, size: int) -> None:
    found = pieces([Got(3.0, SECOND[start : start + size])], [FIRST, SECOND])
    assert found == [Piece(3.0, 1, start, size)]


def test_a_change_from_one_answer_to_another_is_found_to_the_byte() -> None:
    found = pieces([Got(0.0, FIRST[:1000] + SECOND[:500])], [FIRST, SECOND])
    assert [(piece.answer, piece.start, piece.size) for piece in found] == [
        (0, 0, 1000),
        (1, 0, 500),
    ]


def test_what_follows_without_a_hole_is_one_piece() -> None:
    found = pieces([Got(0.0, FIRST[:800]), Got(0.1, FIRST[800:900])], [FIRST])
    assert found == [Piece(0.0, 0, 0, 900)]


def test_a_faded_end_is_placed_where_its_wave_is_from() -> None:
    tail = from_ulaw(FIRST[760:1080])
    faded = to_ulaw(tail * [1 - n / 320 for n in range(320)])
    found = pieces([Got(0.0, FIRST[:800]), Got(0.1, faded)], [FIRST])
    assert [(piece.answer, piece.start, piece.end) for piece in found] == [
        (0, 0, 800),
        (None, 760, 1080),
    ]


def test_what_is_nobodys_is_nobodys() -> None:
    found = pieces([Got(0.0, b"\xff" * 400)], [FIRST])
    assert [piece.answer for piece in found] == [None]


# ---- interruptions -------------------------------------------------------------------


def test_latency_is_from_the_onset_to_the_last_byte_less_the_carriers_delay() -> None:
    made_way = yielding([Piece(0.0, 0, 0, at(1300))], 1.0, 2.0, 0.06, 0)
    assert made_way.latency_ms == pytest.approx(240)
    assert not made_way.missed


def test_a_stop_after_two_seconds_is_a_miss() -> None:
    made_way = yielding([Piece(0.0, 0, 0, at(3070))], 1.0, 4.0, 0.06, 0)
    assert made_way.latency_ms is None
    assert made_way.missed


def test_a_pause_that_ends_before_the_caller_is_done_doesnt_count() -> None:
    bot = [Piece(0.0, 0, 0, at(1200)), Piece(1.7, 0, at(1200), at(600))]
    made_way = yielding(bot, 1.0, 3.0, 0.0, 0)
    assert made_way.latency_ms == pytest.approx(1300)


def test_who_takes_up_the_same_answer_again_has_missed_the_interruption() -> None:
    bot = [Piece(0.0, 0, 0, at(1200)), Piece(2.6, 0, at(1200), at(600))]
    made_way = yielding(bot, 1.0, 1.5, 0.0, 0)
    assert made_way.latency_ms == pytest.approx(200)
    assert made_way.went_on
    assert made_way.missed


def test_a_new_answer_once_the_caller_is_done_is_as_it_should_be() -> None:
    bot = [Piece(0.0, 0, 0, at(1200)), Piece(2.6, 1, 0, at(600))]
    assert not yielding(bot, 1.0, 1.5, 0.0, 0).missed


def test_the_gap_between_two_words_is_no_silence() -> None:
    bot = [Piece(0.0, 0, 0, at(1100)), Piece(1.2, 0, at(1200), at(500))]
    assert yielding(bot, 1.0, 1.1, 0.0, 0).latency_ms == pytest.approx(700)


# ---- stops, and words ---------------------------------------------------------------


def test_an_answer_that_is_heard_whole_has_nothing_to_report() -> None:
    assert heard((1.0, 0, 4800)) == Rendition((), 0, (), (), len(FIRST))


def test_a_hole_is_a_stop_and_going_on_at_a_word_is_resuming() -> None:
    found = heard((1.0, 0, 1200), (3.0, 1200, 4800))
    assert [round(stop.gap_ms or 0) for stop in found.stops] == [800]
    assert found.resumed
    assert not found.cut_for_good


def test_the_word_that_was_broken_off_and_said_again_is_not_repeated() -> None:
    found = heard((1.0, 0, 1400), (3.0, 1200, 4800))
    assert (found.lost, found.repeated) == ((), ())
    assert found.resumed


def test_a_hole_of_less_than_a_tenth_of_a_second_is_rhythm() -> None:
    assert heard((1.0, 0, 1200), (2.29, 1200, 4800)).stops == ()


def test_a_word_with_a_short_hole_in_it_is_one_word() -> None:
    found = heard((1.0, 0, 1400), (2.46, 1400, 4800))
    assert (found.stops, found.lost) == ((), ())


def test_a_planted_repetition_is_found() -> None:
    found = heard((1.0, 0, 1200), (3.0, 600, 4800))
    assert found.repeated == ("word1",)
    assert not found.resumed


def test_a_planted_loss_is_found() -> None:
    found = heard((1.0, 0, 1200), (3.0, 1800, 4800))
    assert found.lost == ("word2",)
    assert not found.resumed


def test_a_word_that_was_heard_in_two_halves_is_lost() -> None:
    assert heard((1.0, 0, 1400), (3.0, 1400, 4800)).lost == ("word2",)


def test_a_loss_without_a_hole_is_found_too() -> None:
    found = heard((1.0, 0, 1200), (2.2, 1800, 4800))
    assert (found.stops, found.lost) == ((), ("word2",))


def test_an_answer_that_never_goes_on_is_cut_for_good() -> None:
    found = heard((1.0, 0, 1200))
    assert found.cut_for_good
    assert not found.resumed
    assert found.lost == ()  # what nobody came to isn't lost, but cut off


def test_an_answer_that_lacks_only_its_last_silence_is_whole() -> None:
    assert heard((1.0, 0, 4720)).stops == ()


def test_a_hole_that_the_model_left_is_an_underrun() -> None:
    bot = pieces([Got(1.0, FIRST[: at(1200)]), Got(3.0, FIRST[at(1200) :])], [FIRST])
    arrived = [(0.9, 0, at(1200)), (2.9, 0, len(FIRST))]
    found = rendition(bot, 0, len(FIRST), WORDS, arrived, 20.0)
    assert (found.stops, found.underruns) == ((), 1)
    found = rendition(bot, 0, len(FIRST), WORDS, [(0.9, 0, len(FIRST))], 20.0)
    assert (len(found.stops), found.underruns) == (1, 0)


def test_what_was_never_heard_has_no_words() -> None:
    assert rendition([], 0, len(FIRST), WORDS) == Rendition((), 0, (), (), 0)


def test_a_faded_end_counts_as_heard_and_makes_no_word() -> None:
    bot = [Piece(0.0, 0, 0, at(1000)), Piece(1.0, None, at(1000), at(40))]
    found = rendition(bot, 0, len(FIRST), WORDS)
    assert found.reached == at(1040)
    assert found.lost == ()


def test_a_word_whose_last_bit_is_faded_is_heard() -> None:
    bot = [
        Piece(0.0, 0, 0, at(1050)),
        Piece(1.06, None, at(1040), at(60)),
        Piece(3.0, 0, at(1150), at(1000)),
    ]
    found = rendition(bot, 0, len(FIRST), WORDS)
    assert (found.lost, found.repeated) == ((), ())
    bot[0] = Piece(0.0, 0, 0, at(950))
    assert rendition(bot, 0, len(FIRST), WORDS).lost == ("word1",)


def test_the_last_80_ms_of_a_word_may_follow_after_the_silence() -> None:
    found = heard((1.0, 0, 1620), (3.0, 1620, 4800))
    assert (found.lost, found.repeated) == ((), ())
    assert found.resumed
    assert heard((1.0, 0, 1620), (3.0, 1640, 4800)).lost == ("word2",)  # 20 ms less
    assert heard((1.0, 0, 1600), (3.0, 1600, 4800)).lost == ("word2",)


def test_the_first_80_ms_of_a_word_may_be_before_the_silence() -> None:
    found = heard((1.0, 0, 1280), (3.0, 1280, 4800))
    assert (found.lost, found.repeated) == ((), ())
    assert heard((1.0, 0, 1270), (3.0, 1280, 4800)).lost == ("word2",)  # 10 ms less
    assert heard((1.0, 0, 1300), (3.0, 1300, 4800)).lost == ("word2",)


@given(st.integers(1204, 1692))
def test_a_word_is_torn_apart_by_a_cut_that_is_80_ms_from_both_its_ends(
    cut: int,
) -> None:
    found = heard((1.0, 0, cut), (3.0, cut, 4800))
    inside = 1200 + 12 + 80 < cut < 1700 - 12 - 80
    assert found.lost == (("word2",) if inside else ())
    assert found.repeated == ()


def test_a_new_start_that_finds_the_word_only_roughly_says_it_once() -> None:
    for start in (1140, 1180, 1200, 1240, 1280):
        found = heard((1.0, 0, 1450), (3.0, start, 4800))
        assert (found.lost, found.repeated) == ((), ()), start
        assert found.resumed


def test_a_word_but_for_its_beginning_said_again_is_repeated() -> None:
    assert heard((1.0, 0, 1750), (3.0, 1240, 4800)).repeated == ("word2",)


def test_a_word_whose_end_was_faded_may_be_said_again() -> None:
    bot = [
        Piece(0.0, 0, 0, at(1660)),
        Piece(1.66, None, at(1660), at(40)),
        Piece(3.0, 0, at(1200), at(3600)),
    ]
    found = rendition(bot, 0, len(FIRST), WORDS)
    assert (found.lost, found.repeated) == ((), ())
    bot[1] = Piece(1.66, 0, at(1660), at(40))
    assert rendition(bot, 0, len(FIRST), WORDS).repeated == ("word2",)


# ---- answers, and what is stale ------------------------------------------------------


def test_the_reply_is_the_first_of_a_new_answer_after_the_caller() -> None:
    bot = [Piece(0.0, 0, 0, 8000), Piece(1.5, 1, 0, 80), Piece(2.5, 1, 80, 800)]
    assert reply(bot, 2.0, 1) == bot[2]
    assert reply(bot, 3.0, 1) is None


def test_whoever_begins_before_the_caller_is_done_talks_over_them() -> None:
    assert spoke_over([Piece(1.5, 1, 0, 80)], 1.0, 2.0)
    assert not spoke_over([Piece(0.5, 0, 0, 8000), Piece(2.0, 1, 0, 80)], 1.0, 2.0)


def test_a_frame_that_is_sent_after_its_answer_was_given_up_is_stale() -> None:
    frames = [(1.0, FIRST[:160]), (1.1, FIRST[160:320]), (1.2, SECOND[:160])]
    assert stale_frames(frames, 1.0, FIRST) == 1
    assert stale_frames(frames, 1.1, FIRST) == 0
