"""The clock is a number: a call begins at 100 s."""

import pytest

from voicebot.bridge.model import NoteDecision, Outcome, Rule
from voicebot.bridge.vitals import BargedIn, DeadAir, Greeted, RanDry, Vitals
from voicebot.bridge.waterfall import NoteLatency

SECOND = 8000  # bytes


def decision(kind: str, at_ms: int, outcome: Outcome) -> NoteDecision:
    return NoteDecision(
        seq=0,
        kind="barge_in" if kind == "barge_in" else "end_of_turn",
        at_ms=at_ms,
        decided_ms=at_ms + 300,
        rule=Rule.LONG_SPEECH,
        outcome=outcome,
        caller_seq=None,
        trace="",
        features={},
    )


def latency(spoken_ms: int, heard_ms: int, *, measured: bool = False) -> NoteLatency:
    return NoteLatency(
        seq=0,
        caller_seq=0,
        spoken_ms=spoken_ms,
        committed_ms=None,
        delta_ms=None,
        sent_ms=heard_ms,
        heard_ms=heard_ms,
        heard_by="mark" if measured else "clock",
    )


def test_the_first_sound_is_the_greeting() -> None:
    call = Vitals(100.0)
    assert call.played(SECOND, 100.25) == Greeted(250.0)
    assert call.played(SECOND, 101.25) is None


def test_an_answer_to_a_caller_who_spoke_first_is_no_greeting() -> None:
    call = Vitals(100.0)
    call.decided(decision("end_of_turn", 500, Outcome.UNANSWERED))
    assert call.played(SECOND, 103.0) is None


def test_a_hole_is_an_underrun_unless_something_else_is_said() -> None:
    call = Vitals(100.0)
    call.played(SECOND, 100.0)
    assert call.played(SECOND, 101.125) == RanDry(125.0)
    assert call.played(SECOND, 105.0) is None


def test_after_a_clear_there_is_no_underrun() -> None:
    call = Vitals(100.0)
    call.played(SECOND, 100.0)
    call.cleared(100.5)
    assert call.played(SECOND, 100.75) is None
    assert call.played(SECOND, 101.75) is None


@pytest.mark.parametrize("outcome", [Outcome.CONFIRMED, Outcome.RESUMED])
def test_a_barge_in_stops_with_the_first_clear_behind_its_speech(
    outcome: Outcome,
) -> None:
    call = Vitals(100.0)
    call.cleared(100.25)  # of something else, before
    call.played(SECOND, 100.5)
    call.cleared(100.75)
    call.cleared(101.0)
    note = decision("barge_in", 500, outcome)
    assert call.decided(note) == BargedIn(250.0, outcome)
    assert call.decided(note) is None  # told again: it is known


def test_what_was_ignored_stopped_nothing() -> None:
    call = Vitals(100.0)
    call.cleared(100.75)
    assert call.decided(decision("barge_in", 500, Outcome.IGNORED)) is None


def test_dead_air_is_all_of_it_if_nothing_was_said() -> None:
    call = Vitals(100.0)
    call.played(SECOND, 100.0)
    call.played(SECOND, 104.0)
    assert call.answered(latency(2500, 4000)) == DeadAir(1500.0)


def test_a_filler_breaks_dead_air_up() -> None:
    call = Vitals(100.0)
    call.played(SECOND, 104.0)  # one second of it
    call.played(SECOND, 107.0)
    assert call.answered(latency(2500, 7000)) == DeadAir(2000.0)
    call.played(SECOND, 110.0)
    assert call.answered(latency(8500, 10_500)) == DeadAir(1500.0)


def test_what_is_measured_later_isnt_counted_again() -> None:
    call = Vitals(100.0)
    assert call.answered(latency(2500, 4000, measured=True)) is None
