"""What the sound alone tells of an attempt, and until when its words are waited for."""

from typing import Any

import pytest

from voicebot.bridge.interruption import Attempt, Verdict
from voicebot.bridge.model import Rule
from voicebot.bridge.settings import BargeIn

WANTS = BargeIn("pause", confirm_ms=600, decide_ms=450)
TOO_SHORT = Verdict(Rule.TOO_SHORT, yields=False)
SPOKE_AGAIN = Verdict(Rule.SPOKE_AGAIN, yields=True)


def attempt(evidence_ms: float = 120.0, **members: Any) -> Attempt:
    return Attempt(10.0, 10.2, {}, evidence_ms=evidence_ms, **members)


def verdict(
    tried: Attempt, silent_ms: int = 140, paused_ms: float = 1000.0
) -> Verdict | None:
    return tried.while_heard(WANTS, silent_ms, paused_ms)


def test_less_than_a_word_is_resumed_before_the_pause_is_noticed() -> None:
    assert verdict(attempt(), paused_ms=204.9) is None
    assert verdict(attempt(), paused_ms=205.0) == TOO_SHORT


@pytest.mark.parametrize("letter", ["v", "w", "h", "n"])
def test_while_something_stirs_it_is_a_frame_later(letter: str) -> None:
    stirring = attempt(trace="VVVV......" + letter)
    assert verdict(stirring, paused_ms=224.9) is None
    assert verdict(stirring, paused_ms=225.0) == TOO_SHORT


@pytest.mark.parametrize(
    "trace", ["", "VVVV", "VVVV....", "VVvV....s", "VVVVvvvv.", "t"]
)
def test_silence_speech_and_tones_dont_stir(trace: str) -> None:
    assert verdict(attempt(trace=trace), paused_ms=205.0) == TOO_SHORT


def test_a_closure_is_no_end_however_long_the_bot_has_paused() -> None:
    assert verdict(attempt(), silent_ms=40) is None
    assert verdict(attempt(), silent_ms=60) == TOO_SHORT


def test_nobody_asks_what_was_hardly_voice() -> None:
    assert verdict(attempt(79.0)) == Verdict(Rule.NOT_VOICE, yields=False)
    assert verdict(attempt(80.0)) == TOO_SHORT


def test_a_word_isnt_judged_by_its_sound() -> None:
    assert verdict(attempt(219.0)) == TOO_SHORT
    assert verdict(attempt(220.0)) is None
    assert verdict(attempt(220.0), silent_ms=400) is None


def test_who_tries_again_at_once_needs_a_syllable() -> None:
    assert verdict(attempt(79.0, again=True), silent_ms=0) is None
    assert verdict(attempt(80.0, again=True), silent_ms=0) == SPOKE_AGAIN
    assert verdict(attempt(80.0, again=True), silent_ms=0, paused_ms=0.0) == SPOKE_AGAIN
    assert verdict(attempt(80.0), silent_ms=0) is None


def test_what_goes_on_and_is_clear_has_the_floor() -> None:
    long = Verdict(Rule.LONG_SPEECH, yields=True)
    assert verdict(attempt(240.0, span_ms=600), silent_ms=0) == long
    assert verdict(attempt(239.0, span_ms=600), silent_ms=0) is None
    assert verdict(attempt(240.0, span_ms=580), silent_ms=0) is None


def test_what_is_neither_over_nor_clear_is_decided_at_last() -> None:
    tried = attempt(600.0)
    assert tried.decide_by(WANTS) == pytest.approx(10.2 + 0.6 + 0.45)
    assert tried.when_time_is_up() == Verdict(Rule.NOT_VOICE, yields=False)


@pytest.mark.parametrize(("evidence_ms", "wait_s"), [(239.0, 0.45), (240.0, 0.9)])
def test_the_words_of_what_is_sure_are_waited_for_twice_as_long(
    evidence_ms: float, wait_s: float
) -> None:
    tried = attempt(evidence_ms, asked_at=11.0)
    assert tried.decide_by(WANTS) == pytest.approx(11.0 + wait_s)
    sure = evidence_ms == 240.0
    assert tried.when_time_is_up() == Verdict(Rule.NO_ANSWER, yields=sure)
