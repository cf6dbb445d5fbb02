"""The storm finds what it is made to find."""

import pytest

from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import Action, ClearCaller, Event, NoteTurn, PlayToCaller
from voicebot.measure import storm
from voicebot.measure.storm import Storm, storms
from voicebot.measure.weather import CODES, WEATHERS, late, voices, weather
from voicebot.sim.twilio.playout import Segment

FIRST, SECOND = bytes([CODES[0]]), bytes([CODES[1]])
STOPPING = [each for each in WEATHERS if each.mode == "stop"]


class NeverClears(Bridge):
    """It keeps the far end's buffer when it gives an answer up."""

    def handle(self, event: Event, now: float) -> list[Action]:
        actions = super().handle(event, now)
        return [each for each in actions if not isinstance(each, ClearCaller)]


class SendsOnce(Bridge):
    """It sends a frame more of an answer that it has given up."""

    last = b""

    def handle(self, event: Event, now: float) -> list[Action]:
        actions = super().handle(event, now)
        for action in list(actions):
            if isinstance(action, PlayToCaller):
                self.last = action.ulaw
            if isinstance(action, NoteTurn) and action.interrupted:
                actions.append(PlayToCaller(self.last[-160:], now))
        return actions


def test_every_kind_of_call_comes_up_in_turn() -> None:
    assert {weather(seed) for seed in range(7, 7 + len(WEATHERS))} == set(WEATHERS)


def test_a_call_is_the_same_each_time() -> None:
    first, second = storms(30, 5), storms(30, 5)
    assert first == second
    assert first.interleavings >= 30
    assert first.given_up > 0
    assert first.stale == 0
    assert first.seed is None


def test_the_calls_of_one_kind_can_be_made_alone() -> None:
    told: list[int] = []
    found = storms(60, weathers=WEATHERS[1:2], advance=told.append)
    assert found.calls == len(told)
    assert sum(told) == found.interleavings >= 60


def test_a_bridge_that_clears_nothing_is_found() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storm, "Bridge", NeverClears)
        # Without a clear, a call goes on until it is out of answers.
        found = Storm(1)
        found.run()
    assert found.clears == 0
    assert found.stale > 0


def test_a_frame_that_is_sent_once_more_is_found_and_so_is_its_call() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storm, "Bridge", SendsOnce)
        found = storms(40, weathers=STOPPING)
        assert found.stale > 0
        assert found.seed is not None
        assert storms(1, found.seed).stale > 0
    assert storms(1, found.seed).stale == 0


def test_whose_voice_it_is_shows_after_five_milliseconds() -> None:
    ulaw = FIRST * 39 + SECOND * 40 + b"\xff\xfe" + FIRST * 200
    assert voices(ulaw) == [(SECOND[0], 39, 79), (FIRST[0], 81, 281)]


def test_what_is_heard_too_late_is_counted_from_when_it_had_to_be_silent() -> None:
    heard = [Segment(1.0, FIRST * 1600 + SECOND * 800, cleared=False)]
    assert late(heard, {}) == []
    assert late(heard, {FIRST[0]: 1.2}) == []
    assert late(heard, {FIRST[0]: 1.1}) == [799]  # a sample for rounding
    assert late(heard, {FIRST[0]: 1.1, SECOND[0]: 0.5}) == [799, 800]


def test_all_that_may_happen_has_its_odds_in_each_phase() -> None:
    for odds in storm.LIKELY.values():
        assert len(odds) == len(storm.STEPS)
