"""What the sound alone tells of an attempt, and until when its words are waited for."""

from typing import Any

import pytest

from voicebot.audio.timbre import Sound
from voicebot.audio.vad import VadFrame
from voicebot.bridge.interruption import Attempt, Verdict
from voicebot.bridge.model import Rule
from voicebot.bridge.settings import BargeIn
from voicebot.bridge.turns import TurnDetector

WANTS = BargeIn("pause", confirm_ms=600, decide_ms=450)
TOO_SHORT = Verdict(Rule.TOO_SHORT, yields=False)
SPOKE_AGAIN = Verdict(Rule.SPOKE_AGAIN, yields=True)


def attempt(evidence_ms: float = 120.0, **members: Any) -> Attempt:
    return Attempt(10.0, 10.2, {}, evidence_ms=evidence_ms, **members)


def verdict(tried: Attempt, silent_ms: int = 140) -> Verdict | None:
    return tried.while_heard(WANTS, silent_ms)


def due(evidence_ms: float = 120.0, **members: Any) -> Attempt:
    """The bot has been silent for as long as goes unnoticed."""
    return attempt(evidence_ms, due=True, **members)


def test_less_than_a_word_is_resumed_before_the_pause_is_noticed() -> None:
    assert verdict(attempt()) is None
    assert verdict(attempt(), silent_ms=1000) is None
    assert verdict(due()) == TOO_SHORT


def test_a_closure_is_no_end_however_long_the_bot_has_paused() -> None:
    assert verdict(due(), silent_ms=40) is None
    assert verdict(due(), silent_ms=60) == TOO_SHORT


def test_nobody_asks_what_was_hardly_voice() -> None:
    assert verdict(due(79.0)) == Verdict(Rule.NOT_VOICE, yields=False)
    assert verdict(due(80.0)) == TOO_SHORT
    assert verdict(due(40.0, half_heard=True)) == TOO_SHORT


def test_a_word_isnt_judged_by_its_sound() -> None:
    assert verdict(due(219.0)) == TOO_SHORT
    assert verdict(due(220.0)) is None
    assert verdict(due(220.0), silent_ms=400) is None


def test_two_syllables_are_a_word_if_they_have_a_voice() -> None:
    assert verdict(due(80.0, syllables=2)) is None
    assert verdict(due(79.0, syllables=2)) == Verdict(Rule.NOT_VOICE, yields=False)
    assert verdict(due(40.0, syllables=2, half_heard=True)) is None
    assert verdict(due(80.0, syllables=1)) == TOO_SHORT


def test_a_syllable_after_its_words_were_asked_for_is_one_more() -> None:
    detector = TurnDetector(30_000)
    tried = due(100.0, syllables=1, asked_at=10.5)
    tried.hear(detector)
    assert verdict(tried) == TOO_SHORT
    detector.push(VadFrame(True, -20.0, Sound.VOICE, -62.0), None, 500)
    tried.hear(detector)
    assert verdict(tried) is None
    assert tried.evidence_ms == 100.0  # of what was asked about


@pytest.mark.parametrize(
    ("evidence_ms", "syllables", "can"),
    [(79.0, 1, False), (80.0, 1, True), (79.0, 2, False), (80.0, 2, True)],
)
def test_words_are_asked_for_where_there_may_be_some(
    evidence_ms: float, syllables: int, can: bool
) -> None:
    assert attempt(evidence_ms, syllables=syllables).can_be_asked is can


def test_who_tries_again_at_once_needs_a_syllable() -> None:
    assert verdict(attempt(79.0, again=True), silent_ms=0) is None
    assert verdict(attempt(80.0, again=True), silent_ms=0) == SPOKE_AGAIN
    assert verdict(due(80.0, again=True), silent_ms=0) == SPOKE_AGAIN
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


def test_the_words_of_two_syllables_are_waited_for_as_long() -> None:
    tried = attempt(120.0, asked_at=11.0, syllables=2)
    assert tried.decide_by(WANTS) == pytest.approx(11.9)
    assert tried.when_time_is_up() == Verdict(Rule.NO_ANSWER, yields=False)
