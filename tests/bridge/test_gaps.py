"""Lines that bring nothing while the caller is silent."""

import pytest

from tests.bridge.calls import BUSINESS, Call
from voicebot.bridge.model import AppendAudio, AskForReply, CommitAudio


def test_a_turn_ends_though_the_line_brings_no_silence() -> None:
    call = Call()
    call.say(1.0)
    spoke_until = call.now
    call.wait(1.5, line=False)
    assert call.phase == "waiting"
    asked = [at for at, action in call.log if isinstance(action, AskForReply)]
    assert asked[0] - spoke_until == pytest.approx(0.55, abs=0.25)
    assert len(call.took(CommitAudio)) == 1


def test_the_silence_that_was_missing_is_given_to_the_model() -> None:
    call = Call()
    call.say(1.5)
    call.wait(1.5, line=False)
    pcm16 = b"".join(action.pcm16 for action in call.took(AppendAudio))
    assert len(pcm16) / 48 == pytest.approx(1500 + 550, abs=150)


def test_a_short_hole_in_a_turn_is_nothing() -> None:
    call = Call()
    call.say(0.5)
    call.wait(0.15, line=False)
    call.say(0.5)
    assert call.phase == "caller"
    pcm16 = b"".join(action.pcm16 for action in call.took(AppendAudio))
    assert len(pcm16) / 48 <= 1000


def test_a_line_that_stays_away_is_dead_all_the_same() -> None:
    call = Call(BUSINESS)
    call.say(1.0)
    call.wait(30.0, line=False)
    assert call.ending == "no_media"
