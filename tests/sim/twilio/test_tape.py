"""Times are read off a tape that the test spells out: one letter is 100 ms."""

import pytest

from voicebot.sim.twilio.ear import SILENT_FRAME
from voicebot.sim.twilio.tape import Tape, Turn

LOUD = bytes([0x10, 0x90]) * 80


def tape(caller: str, bot: str) -> Tape:
    """Record: `x` is speech, `.` silence inside an utterance, a space is outside."""
    recorded = Tape()
    recorded.start(50.0)
    speaking = False
    for said, heard in zip(caller + " ", bot + " ", strict=True):
        if said != " " and not speaking:
            recorded.utterance_begins("turn")
        if said == " " and speaking:
            recorded.utterance_ends()
        speaking = said != " "
        for _ in range(5):
            recorded.add(
                LOUD if said == "x" else SILENT_FRAME,
                LOUD if heard == "x" else SILENT_FRAME,
            )
    return recorded


def test_the_greeting_delay_is_the_time_to_the_first_sound() -> None:
    assert tape("      ", "   xxx").greeting_delay_s() == 0.3
    assert tape("      ", "      ").greeting_delay_s() is None


def test_a_turn_is_measured_by_its_audible_part() -> None:
    (turn,) = tape("    .xxx..        ", "xxx           xxxx").turns()
    assert turn == Turn("turn", 0.5, 0.8, 0.6, None)


def test_an_interruption_is_measured_until_the_bot_is_silent() -> None:
    (turn,) = tape("    xxxx           ", "xx xxxxx      xx  x").turns()
    assert turn.barge_in_stop_s == 0.4
    assert turn.reply_gap_s == pytest.approx(0.6)


def test_an_answer_that_comes_too_early_is_negative() -> None:
    (turn,) = tape("  xxxxx   ", "      xxxx").turns()
    assert turn.reply_gap_s == pytest.approx(-0.1)
    assert turn.barge_in_stop_s is None


def test_no_answer_is_none_even_if_the_next_turn_is_answered() -> None:
    first, second = tape("xxx      xxx       ", "              xxx  ").turns()
    assert first.reply_gap_s is None
    assert second.reply_gap_s == pytest.approx(0.2)


def test_an_utterance_cut_off_or_inaudible_is_not_measured() -> None:
    recorded = tape("....", "xxxx")
    recorded.utterance_begins("cut")
    recorded.add(LOUD, SILENT_FRAME)
    assert recorded.turns() == []
    assert tape("", "").turns() == []


def test_time_without_a_stream_is_silence_on_the_tape() -> None:
    recorded = tape("", "")
    recorded.start(51.0)
    assert recorded.frames == 50
    assert recorded.stereo() == b"\xff" * 16000


def test_the_caller_is_left_and_the_bot_right() -> None:
    recorded = Tape()
    recorded.start(0.0)
    recorded.add(b"a" * 160, b"b" * 160)
    assert recorded.stereo() == b"ab" * 160
