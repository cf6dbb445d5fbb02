"""Traces heard again. Each letter is 20 ms; upper case is what the VAD calls speech."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.bridge.replay import EndReplayed, Replayed, replay_barge_in, replay_end
from voicebot.bridge.settings import BargeIn

traces = st.lists(
    st.tuples(st.sampled_from("vVVVhHnNtTS.."), st.integers(1, 30)), max_size=12
).map(lambda runs: "".join(letter * count for letter, count in runs))


def barge_in(min_ms: int = 180, confirm_ms: int = 600) -> BargeIn:
    return BargeIn(min_ms=min_ms, confirm_ms=confirm_ms)


@pytest.mark.parametrize(
    ("trace", "stopped_ms"),
    [
        ("V" * 9, 180),
        ("V" * 8, None),
        ("vvv" + "V" * 9, 240),  # sound that the VAD doesn't call speech is no evidence
        ("H" * 45, 900),  # a murmur counts less
        ("N" * 44, None),
        ("N" * 45, 900),
        ("T" * 500, None),  # a tone never stops the bot
        ("VVSVVV.VVVV", 220),  # nor does a gap inside of a word undo anything
        ("VVVVV" + "." * 9 + "VVVV", 360),
        ("VVVVV" + "." * 15 + "VVVVVVVV", None),  # that was another onset
        ("VVVVV" + "." * 15 + "VVVVVVVVV", 580),
        ("", None),
    ],
)
def test_the_bot_stops_when_there_is_evidence_enough(
    trace: str, stopped_ms: int | None
) -> None:
    assert replay_barge_in(trace, barge_in()).stopped_after_ms == stopped_ms


def test_speech_that_goes_on_is_confirmed() -> None:
    assert replay_barge_in("V" * 30, barge_in()) == Replayed(180, 600)
    assert replay_barge_in("V" * 29, barge_in()) == Replayed(180, None)
    assert replay_barge_in("V" * 29, barge_in(confirm_ms=400)) == Replayed(180, 400)


def test_once_the_bot_has_paused_a_gap_undoes_nothing() -> None:
    trace = "V" * 10 + "." * 15 + "V" * 20
    assert replay_barge_in(trace, barge_in()) == Replayed(180, 600)


def test_a_cough_that_goes_on_is_not_confirmed_until_enough_of_it_is_clear() -> None:
    assert replay_barge_in("N" * 70, barge_in()) == Replayed(900, 1200)
    assert replay_barge_in("N" * 50 + "V" * 5, barge_in()) == Replayed(900, 1040)


def test_it_may_take_more_or_less_in_this_call() -> None:
    assert replay_barge_in("V" * 20, barge_in(), 1.25).stopped_after_ms == 240
    stops = replace(barge_in(), mode="stop")
    assert replay_barge_in("V" * 20, stops, 0.6).stopped_after_ms == 120


def test_a_click_does_not_stop_the_bot_however_little_it_takes() -> None:
    stops = replace(barge_in(min_ms=0), mode="stop")
    assert replay_barge_in("V" * 4, stops).stopped_after_ms is None
    assert replay_barge_in("V" * 5, stops).stopped_after_ms == 100
    trace = "V" * 4 + "." * 14
    assert replay_barge_in(trace, barge_in(min_ms=0)).stopped_after_ms is None


@pytest.mark.parametrize(
    ("trace", "stopped_ms"),
    [
        ("V" * 9, 180),  # it goes on
        ("V" * 8 + "." * 5, None),
        ("V" * 8 + "." * 6, 280),  # a syllable: the next may be due
        ("VVVV...VV", 160),  # the next has come
        ("VVVV..VVVVV", 220),  # a closure parts none
        ("VVVV" + "." * 10, None),  # too little for a pause
    ],
)
def test_the_bot_pauses_where_the_pause_tells_most(
    trace: str, stopped_ms: int | None
) -> None:
    assert replay_barge_in(trace, barge_in(100)).stopped_after_ms == stopped_ms


@settings(max_examples=100)
@given(traces, st.integers(0, 600), st.integers(0, 600), st.integers(0, 300))
def test_asking_for_more_speech_never_stops_the_bot_sooner(
    trace: str, min_ms: int, confirm_ms: int, more_ms: int
) -> None:
    less = replay_barge_in(trace, barge_in(min_ms, confirm_ms))
    more = replay_barge_in(trace, barge_in(min_ms + more_ms, confirm_ms))
    if more.stopped_after_ms is not None:
        assert less.stopped_after_ms is not None
        assert less.stopped_after_ms <= more.stopped_after_ms
    if more.confirmed_after_ms is not None:
        assert more.stopped_after_ms is not None
        assert more.stopped_after_ms <= more.confirmed_after_ms <= 20 * len(trace)


@pytest.mark.parametrize(
    ("trace", "end"),
    [
        ("VVVVV" + "." * 28, EndReplayed(100 + 560, False)),
        ("VVVVV", EndReplayed(100 + 560, False)),  # what follows is silence
        ("VVVVV..", EndReplayed(100 + 560, False)),
        ("VVVVV" + "." * 27 + "VV", EndReplayed(680 + 560, False)),
        ("VVVVV" + "." * 28 + "VV", EndReplayed(660, True)),
        ("VVVVV" + "n" * 40, EndReplayed(660, False)),  # noise is silence, too
        ("", EndReplayed(560, False)),
    ],
)
def test_the_first_pause_that_is_long_enough_ends_the_turn(
    trace: str, end: EndReplayed
) -> None:
    assert replay_end(trace, 560) == end


def test_a_silence_that_is_no_whole_frame_lasts_until_the_frame_is_over() -> None:
    assert replay_end("V....", 50) == replay_end("V", 50) == EndReplayed(80, False)


@settings(max_examples=100)
@given(traces, st.integers(20, 600), st.integers(0, 600))
def test_waiting_longer_never_ends_a_turn_sooner_or_cuts_more(
    trace: str, silence_ms: int, more_ms: int
) -> None:
    soon, late = replay_end(trace, silence_ms), replay_end(trace, silence_ms + more_ms)
    assert soon.ended_after_ms <= late.ended_after_ms
    assert soon.early or not late.early
    if soon.ended_after_ms > 20 * len(trace):
        assert not soon.early
