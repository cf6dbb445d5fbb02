"""The silence that ends a turn, by question and by caller."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.bridge.endpointing import SILENCE_MS, Endpointing
from voicebot.bridge.settings import Listening, Profile

QUESTIONS: tuple[tuple[str, Profile], ...] = (
    ("phone number", "digits"),
    ("is that right", "yes_no"),
    ("tell me", "patient"),
    ("号码", "digits"),
    ("对吗", "yes_no"),
    ("phone number", "patient"),  # said before, so it counts for nothing
)


@pytest.mark.parametrize(
    ("profile", "silence_ms"),
    [("normal", 560), ("patient", 1000), ("digits", 900), ("yes_no", 360)],
)
def test_each_profile_has_its_silence_in_whole_frames(
    profile: Profile, silence_ms: int
) -> None:
    assert Endpointing(Listening(profile)).silence_ms == silence_ms


@pytest.mark.parametrize(
    ("bot_text", "profile"),
    [
        ("What is your PHONE number?", "digits"),
        ("Friday at 3 p.m. Is that right?", "yes_no"),
        ("Tell me what happened. Take your time.", "patient"),
        ("Is that right? I have your phone number: 5 5 5.", "digits"),
        ("Your phone number is 5 5 5.\nFriday, then. Is that right?", "yes_no"),
        ("Your phone number is set. Thank you! Anything else?", "normal"),
        ("请问您的手机号码是多少？", "digits"),
        ("您的号码我记下了。星期五下午三点。对吗？", "yes_no"),
        ("I retell memories.", "normal"),
        ("", "normal"),
    ],
)
def test_what_the_bot_asks_last_chooses_the_profile(
    bot_text: str, profile: Profile
) -> None:
    endpointing = Endpointing(Listening(questions=QUESTIONS))
    endpointing.asked(bot_text)
    assert endpointing.profile == profile


def test_an_answer_that_asks_nothing_brings_the_own_profile_back() -> None:
    endpointing = Endpointing(Listening("patient", questions=QUESTIONS))
    endpointing.asked("Is that right?")
    endpointing.asked("I see.")
    assert (endpointing.profile, endpointing.silence_ms) == ("patient", 1000)


def test_a_silence_of_the_own_is_for_the_own_profile_alone() -> None:
    endpointing = Endpointing(Listening(end_silence_ms=700, questions=QUESTIONS))
    assert endpointing.silence_ms == 700
    endpointing.asked("What is your phone number?")
    assert endpointing.silence_ms == 900


def test_a_caller_who_pauses_little_is_answered_sooner() -> None:
    endpointing = Endpointing(Listening())
    silences = []
    for _ in range(7):
        endpointing.paused(210)
        endpointing.turn_over()
        silences.append(endpointing.silence_ms)
    assert silences == [520, 500, 460, 440, 420, 420, 420]


def test_a_caller_who_pauses_long_is_waited_for_in_the_same_turn() -> None:
    endpointing = Endpointing(Listening())
    silences = []
    for _ in range(4):
        endpointing.paused(500)
        silences.append(endpointing.silence_ms)
    endpointing.turn_over()
    assert [*silences, endpointing.silence_ms] == [620, 660, 680, 700, 700]


def test_short_pauses_tell_nothing() -> None:
    endpointing = Endpointing(Listening("yes_no"))
    for _ in range(100):
        endpointing.paused(199)
    assert endpointing.pace == 1.0


def test_a_turn_that_was_ended_too_early_is_not_ended_so_again() -> None:
    endpointing = Endpointing(Listening())
    endpointing.too_early(560)
    assert endpointing.silence_ms == 760
    endpointing.turn_over()
    assert endpointing.silence_ms == 760
    endpointing.turn_over()
    assert endpointing.silence_ms == 740


def test_a_turn_that_something_else_ended_too_early_raises_the_silence_too() -> None:
    endpointing = Endpointing(Listening())
    endpointing.too_early(100)
    assert endpointing.silence_ms == 760


def test_the_pace_is_the_callers_whatever_the_question() -> None:
    endpointing = Endpointing(Listening(questions=QUESTIONS))
    endpointing.too_early(550)
    pace = endpointing.pace
    endpointing.asked("What is your phone number?")
    assert endpointing.pace == pace
    assert endpointing.silence_ms == 1220


Step = Callable[[Endpointing], None]
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.floats(0, 3000).map(lambda ms: lambda each: each.paused(ms)),
    st.floats(0, 3000).map(lambda ms: lambda each: each.too_early(ms)),
    st.just(Endpointing.turn_over),
    st.sampled_from(["Your phone number?", "Is that right?", "Tell me.", "Hm."]).map(
        lambda text: lambda each: each.asked(text)
    ),
)
LISTENING = st.builds(
    Listening,
    st.sampled_from(list(SILENCE_MS)),
    st.none() | st.integers(200, 3000),
    st.just(QUESTIONS),
)


@settings(max_examples=60)
@given(LISTENING, st.lists(STEPS, max_size=30))
def test_the_silence_stays_in_its_bounds(
    listening: Listening, steps: list[Step]
) -> None:
    endpointing = Endpointing(listening)
    for step in steps:
        step(endpointing)
        base_ms = SILENCE_MS[endpointing.profile]
        if endpointing.profile == listening.profile and listening.end_silence_ms:
            base_ms = listening.end_silence_ms
        assert 0.75 <= endpointing.pace <= 1.8
        assert 0.75 * base_ms - 10 <= endpointing.silence_ms <= 1.8 * base_ms + 10
        assert endpointing.silence_ms % 20 == 0


@settings(max_examples=60)
@given(LISTENING, st.lists(STEPS, max_size=20), st.floats(0, 3000))
def test_only_the_end_of_a_turn_makes_us_quicker(
    listening: Listening, steps: list[Step], ms: float
) -> None:
    endpointing = Endpointing(listening)
    for step in steps:
        step(endpointing)
    before = endpointing.pace
    endpointing.paused(ms)
    assert endpointing.pace >= before
    endpointing.too_early(ms)
    after = endpointing.pace
    assert after > before or after == 1.8
    endpointing.turn_over()
    assert after - 0.05 <= endpointing.pace <= after


@settings(max_examples=60)
@given(LISTENING, st.lists(STEPS, max_size=15), st.floats(0, 3000), st.floats(0, 3000))
def test_the_longer_the_pause_the_longer_the_silence(
    listening: Listening, steps: list[Step], one_ms: float, other_ms: float
) -> None:
    less, more = Endpointing(listening), Endpointing(listening)
    for step in steps:
        step(less)
        step(more)
    for learn in (Endpointing.paused, Endpointing.too_early):
        learn(less, min(one_ms, other_ms))
        learn(more, max(one_ms, other_ms))
        assert less.pace <= more.pace


@settings(max_examples=50)
@given(st.lists(STEPS, max_size=20))
def test_a_fixed_pace_learns_nothing(steps: list[Step]) -> None:
    endpointing = Endpointing(Listening(questions=QUESTIONS, adaptive=False))
    for step in steps:
        step(endpointing)
    assert endpointing.pace == 1.0
