"""What other settings would have done, on decisions of every kind."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.bridge.model import NoteDecision, Outcome, Rule
from voicebot.bridge.tuning import (
    CONFIRM,
    END_SILENCE,
    MIN,
    TUNABLE,
    Comparison,
    Past,
    Spread,
    compare,
    spread,
)

IN_FORCE: dict[str, int | float | str] = {"min_ms": 180, "confirm_ms": 600}


def barge_in(
    trace: str,
    outcome: Outcome,
    rule: Rule,
    *,
    words: bool = False,
    turn: NoteDecision | None = None,
    at_ms: int = 1000,
    **features: int | float | str,
) -> Past:
    note = NoteDecision(
        seq=1,
        kind="barge_in",
        at_ms=at_ms,
        decided_ms=at_ms + 20 * len(trace),
        rule=rule,
        outcome=outcome,
        caller_seq=None,
        trace=trace,
        features=IN_FORCE | features,
    )
    return Past(note, words, turn)


def end_of_turn(
    trace: str,
    outcome: Outcome = Outcome.ANSWERED,
    rule: Rule = Rule.SILENCE,
    *,
    at_ms: int = 1000,
    **features: int | float | str,
) -> Past:
    note = NoteDecision(
        seq=2,
        kind="end_of_turn",
        at_ms=at_ms,
        decided_ms=at_ms + 20 * len(trace),
        rule=rule,
        outcome=outcome,
        caller_seq=None,
        trace=trace,
        features={"wanted_ms": 560} | features,
    )
    return Past(note, True)


REAL = barge_in("V" * 30, Outcome.CONFIRMED, Rule.LONG_SPEECH, words=True)
WORD = barge_in("V" * 15 + "." * 10, Outcome.CONFIRMED, Rule.STOP_WORD)
FALSE = barge_in("V" * 30, Outcome.CONFIRMED, Rule.LONG_SPEECH)
MM_HM = barge_in("V" * 11 + "." * 20, Outcome.RESUMED, Rule.BACKCHANNEL, words=True)
CLICK = barge_in("V" * 6 + "." * 10, Outcome.IGNORED, Rule.TOO_SHORT)
MISSED = barge_in("V" * 8 + "." * 10, Outcome.IGNORED, Rule.TOO_SHORT, words=True)
KEY = barge_in("", Outcome.CONFIRMED, Rule.KEY)
ALL = (REAL, WORD, FALSE, MM_HM, CLICK, MISSED, KEY)


@pytest.mark.parametrize(
    ("past", "was_meant"),
    [
        (REAL, True),
        (WORD, True),
        (KEY, True),
        (MISSED, True),
        (FALSE, False),
        (MM_HM, False),
        (CLICK, False),
    ],
)
def test_what_was_meant_is_known_afterwards(past: Past, was_meant: bool) -> None:
    assert past.was_meant is was_meant


def test_what_happened_is_told_as_it_was() -> None:
    compared = compare(ALL, {})
    then = compared.barge_in_then
    assert then == compared.barge_in_now
    assert (then.onsets, then.stops) == (7, 5)
    assert (then.false_stops, then.false_yields) == (2, 1)
    assert (then.missed_stops, then.unknown) == (1, 0)
    assert then.delay_ms == Spread(180, 180)
    assert compared.added_delay_ms == Spread(0, 0)
    assert compared.barge_in_standing == 1


def test_asking_for_more_speech_costs_time_and_spares_false_stops() -> None:
    compared = compare(ALL, {MIN: 240})
    now = compared.barge_in_now
    assert (now.stops, now.false_stops, now.missed_stops) == (4, 1, 1)
    assert now.delay_ms == Spread(240, 240)
    assert compared.added_delay_ms == Spread(60, 60)


def test_asking_for_less_finds_what_was_missed_and_stops_for_nothing() -> None:
    now = compare(ALL, {MIN: 100}).barge_in_now
    assert (now.stops, now.false_stops, now.missed_stops) == (7, 3, 0)


def test_a_shorter_confirmation_yields_to_what_would_have_been_resumed() -> None:
    assert compare([MM_HM], {CONFIRM: 200}).barge_in_now.false_yields == 1
    assert compare([FALSE], {CONFIRM: 700}).barge_in_now.false_yields == 0


def test_what_yielded_for_another_reason_than_its_length_does_so_again() -> None:
    empty = replace(FALSE.note, rule=Rule.SPOKE_AGAIN)
    compared = compare([Past(empty, has_words=False)], {CONFIRM: 5000})
    assert compared.barge_in_now.false_yields == 1


def test_the_turn_that_was_made_tells_how_the_speech_went_on() -> None:
    turn = end_of_turn("V" * 60 + "." * 28).note
    past = replace(REAL, turn=turn)
    compared = compare([past], {MIN: 900})
    assert compared.barge_in_now.delay_ms == Spread(900, 900)
    assert compare([past], {MIN: 1300}).barge_in_now.missed_stops == 1


@pytest.mark.parametrize(("at_ms", "stopped_ms"), [(1200, 800), (1700, 900)])
def test_a_turn_that_began_later_is_put_where_it_belongs(
    at_ms: int, stopped_ms: int
) -> None:
    turn = end_of_turn("V" * 30 + "." * 28, at_ms=at_ms).note
    compared = compare([replace(REAL, turn=turn)], {MIN: 800})
    assert compared.barge_in_now.delay_ms == Spread(stopped_ms, stopped_ms)


def test_speech_that_a_trace_cuts_off_is_not_called_missed() -> None:
    now = compare([REAL], {MIN: 700}).barge_in_now
    assert (now.stops, now.missed_stops, now.unknown) == (0, 0, 1)


def test_what_adapted_to_the_call_stays_as_it_was() -> None:
    past = barge_in("V" * 30, Outcome.CONFIRMED, Rule.WORDS, words=True, factor=1.5)
    compared = compare([past], {MIN: 200})
    assert compared.barge_in_then.delay_ms == Spread(280, 280)
    assert compared.barge_in_now.delay_ms == Spread(300, 300)


@pytest.mark.parametrize(
    "past",
    [
        KEY,
        # Long enough, and ignored: the words were protected, or the neural VAD said no.
        barge_in("V" * 30, Outcome.IGNORED, Rule.PROTECTED),
        barge_in("V" * 30, Outcome.IGNORED, Rule.NOT_VOICE),
        barge_in("V" * 3, Outcome.IGNORED, Rule.PROTECTED),
        barge_in("V" * 3, Outcome.RESUMED, Rule.NO_WORDS),
        barge_in("V" * 9, Outcome.RESUMED, Rule.NO_WORDS, min_ms="unknown"),
    ],
)
@pytest.mark.parametrize("min_ms", [0, 3000])
def test_what_these_settings_have_no_say_in_stands_as_it_fell(
    past: Past, min_ms: int
) -> None:
    compared = compare([past], {MIN: min_ms})
    assert compared.barge_in_standing == 1
    assert compared.barge_in_then == compared.barge_in_now
    stopped = past.note.outcome is not Outcome.IGNORED
    assert compared.barge_in_now.stops == stopped


def test_what_the_end_of_the_call_left_open_is_left_out() -> None:
    past = barge_in("V" * 9, Outcome.CONFIRMED, Rule.CALL_ENDED)
    assert compare([past], {}).barge_in_then.onsets == 0


# ---- end of turn -----------------------------------------------------------------

PAUSED = "V" * 20 + "." * 20 + "V" * 20
TURN = end_of_turn(PAUSED + "." * 28, reply_ms=900)
CUT = end_of_turn(PAUSED + "." * 28 + "." * 10 + "VV", Outcome.TOO_EARLY)


def ends(compared: Comparison) -> tuple[int, int]:
    return compared.end_then.too_early, compared.end_now.too_early


def test_a_longer_silence_spares_who_pauses_and_delays_the_answer() -> None:
    compared = compare([TURN, CUT], {END_SILENCE: 800})
    assert ends(compared) == (1, 0)
    assert compared.end_then.turns == compared.end_now.turns == 2
    assert compared.added_reply_ms == Spread(240, 240)
    assert compared.end_then.reply_ms == Spread(900, 900)
    assert compared.end_now.reply_ms == Spread(1140, 1140)


def test_a_shorter_silence_cuts_who_pauses() -> None:
    quick = end_of_turn("V" * 20 + "." * 28)
    compared = compare([TURN, CUT, quick], {END_SILENCE: 300})
    assert ends(compared) == (1, 2)
    assert compared.added_reply_ms == Spread(-260, -260)
    assert compared.end_now.reply_ms is None  # the one that was known came too early


def test_the_callers_pace_stays_as_it_was() -> None:
    slow = end_of_turn("V" * 20 + "." * 42, wanted_ms=840, pace=1.5)
    assert compare([slow], {END_SILENCE: 700}).added_reply_ms == Spread(200, 200)
    assert compare([slow], {}).added_reply_ms == Spread(0, 0)


@pytest.mark.parametrize(
    "past",
    [
        end_of_turn("V" * 1500, rule=Rule.MAX_TURN),
        end_of_turn(PAUSED, rule=Rule.SERVER),
        end_of_turn(PAUSED, wanted_ms="unknown"),
        end_of_turn(PAUSED, profile="digits"),
        end_of_turn(PAUSED, profile="normal", own_profile="patient"),
        end_of_turn("V" * 20 + "." * 28, Outcome.TOO_EARLY),  # it doesn't tell why
    ],
)
def test_an_end_that_is_not_up_to_this_setting_stands(past: Past) -> None:
    compared = compare([past], {END_SILENCE: 200})
    assert compared.end_standing == 1
    was_early = past.note.outcome is Outcome.TOO_EARLY
    assert ends(compared) == (was_early, was_early)


def test_a_personas_own_profile_has_this_silence() -> None:
    past = end_of_turn(PAUSED, profile="patient", own_profile="patient")
    assert compare([past], {END_SILENCE: 760}).added_reply_ms == Spread(200, 200)


def test_of_nothing_nothing_is_told() -> None:
    compared = compare([], {MIN: 100})
    assert compared.barge_in_then == compared.barge_in_now
    assert compared.end_then.turns == 0
    assert compared.added_delay_ms is compared.added_reply_ms is None


def test_percentiles_are_values_that_occurred() -> None:
    assert spread([None, 3, 1, 2, None]) == Spread(2, 3)
    assert spread(list(range(100, 0, -1))) == Spread(50, 95)
    assert spread([7]) == Spread(7, 7)
    assert spread([None]) is None


traces = st.text(st.sampled_from("VVVVHN..."), max_size=40)
decisions = st.builds(
    barge_in,
    traces,
    st.sampled_from([Outcome.IGNORED, Outcome.RESUMED, Outcome.CONFIRMED]),
    st.sampled_from(Rule),
    words=st.booleans(),
) | st.builds(
    end_of_turn,
    traces,
    st.sampled_from([Outcome.ANSWERED, Outcome.TOO_EARLY, Outcome.UNANSWERED]),
    st.sampled_from(Rule),
)


@settings(max_examples=100)
@given(st.lists(decisions, max_size=6))
def test_the_settings_that_were_in_force_change_nothing(pasts: list[Past]) -> None:
    same = {MIN: 180, CONFIRM: 600, END_SILENCE: 560}
    assert all(value in TUNABLE[key] for key, value in same.items())
    compared = compare(pasts, same)
    assert compared.barge_in_then == compared.barge_in_now
    assert compared.end_then == compared.end_now
    assert compared.added_delay_ms in (None, Spread(0, 0))
    assert compared.added_reply_ms in (None, Spread(0, 0))
    outcomes = [
        past.note.outcome is not Outcome.IGNORED
        for past in pasts
        if past.note.kind == "barge_in" and past.note.rule is not Rule.CALL_ENDED
    ]
    assert compared.barge_in_then.stops == sum(outcomes)
