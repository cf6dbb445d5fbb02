"""The line is the clock: one call of `next` is 20 ms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import ConfigError
from voicebot.sim.twilio.ear import SILENT_FRAME, Ear, audible_frames, is_audible
from voicebot.sim.twilio.script import (
    Doing,
    HangUp,
    Interrupt,
    Keys,
    Say,
    Script,
    Step,
    Until,
    Wait,
)

LOUD = bytes([0x10, 0x90]) * 80
FAINT = bytes([0xFE, 0x7E]) * 80  # the noise of a line


class Line:
    """A caller listening to a bot that is told when to make a sound."""

    def __init__(self, *steps: Step, repeats: bool = False) -> None:
        self.script, self.ear = Script(steps, repeats=repeats), Ear()

    def frame(self, heard: bytes = SILENT_FRAME) -> Doing:
        self.ear.hear(heard)
        return self.script.next(self.ear)

    def after(self, ms: int, heard: bytes = SILENT_FRAME) -> Doing:
        """Let time pass; all but the last of its frames must be uneventful."""
        for _ in range(ms // 20 - 1):
            assert self.frame(heard) == Doing()
        return self.frame(heard)


def test_line_noise_is_not_audible_and_speech_is() -> None:
    assert not is_audible(SILENT_FRAME)
    assert not is_audible(FAINT)
    assert is_audible(LOUD)


def test_an_utterance_bridges_its_pauses() -> None:
    ear = Ear()
    ear.hear(LOUD)
    for _ in range(14):
        ear.hear(FAINT)
        assert ear.speaking
    ear.hear(FAINT)
    assert not ear.speaking
    assert (ear.spoke, ear.audible_ms, ear.quiet_ms) == (True, 20, 300)


def test_it_speaks_when_the_bot_has_spoken_and_been_quiet_for_long_enough() -> None:
    line = Line(Say(LOUD * 2 + b"x", "hello", wait_quiet_ms=700))
    line.after(2000)  # silence alone is no reason
    line.after(1000, LOUD)
    assert line.after(700) == Doing(LOUD, begins="hello")
    assert line.frame() == Doing(LOUD)
    assert line.frame() == Doing(b"x" + SILENT_FRAME[:159], ends=True)
    assert line.script.done
    assert line.frame() == Doing()


def test_a_second_turn_waits_for_an_answer_to_the_first() -> None:
    line = Line(Say(LOUD, "a", wait_quiet_ms=100), Say(LOUD, "b", wait_quiet_ms=100))
    line.frame(LOUD)
    assert line.after(100) == Doing(LOUD, begins="a", ends=True)
    line.after(5000)
    line.frame(LOUD)
    assert line.after(100) == Doing(LOUD, begins="b", ends=True)


def test_an_interruption_comes_into_the_words_of_the_bot_and_not_into_its_pause() -> (
    None
):
    line = Line(Interrupt(LOUD, "no", after_ms=400))
    line.after(380, LOUD)
    line.after(200)
    line.frame(FAINT)
    assert line.frame(LOUD) == Doing(LOUD, begins="no", ends=True)


def test_a_bot_that_never_speaks_is_hung_up_on() -> None:
    line = Line(Wait(40), Say(LOUD, "a", timeout_ms=1000))
    line.after(40)
    why = "step 2: waited 1000 ms for the bot to speak"
    assert line.after(1020) == Doing(hangs_up=why)


def test_a_bot_that_never_stops_is_hung_up_on() -> None:
    line = Line(HangUp(wait_quiet_ms=500, timeout_ms=1000))
    why = "step 1: waited 1000 ms for the bot to fall silent"
    assert line.after(1020, LOUD) == Doing(hangs_up=why)


def test_it_hangs_up_at_once_or_when_the_bot_is_done() -> None:
    assert Line(HangUp()).frame() == Doing(hangs_up="the script said so")
    line = Line(HangUp(wait_quiet_ms=200))
    line.frame(LOUD)
    assert line.after(200).hangs_up == "the script said so"
    assert line.script.done


def test_keys_are_pressed_one_by_one_and_count_as_a_turn() -> None:
    line = Line(Keys("1#"), Say(LOUD, "a", wait_quiet_ms=40))
    assert line.frame(LOUD) == Doing(key="1")
    assert line.after(200) == Doing(key="#")
    line.after(500)  # what was said before the keys is no answer to them
    line.frame(LOUD)
    assert line.after(40).begins == "a"


def test_keys_may_wait_until_the_bot_was_heard_out() -> None:
    line = Line(Keys("1#", wait_quiet_ms=100))
    line.after(1000)
    line.after(60, LOUD)
    assert line.after(100) == Doing(key="1")
    assert line.after(200) == Doing(key="#")
    assert Line(Keys("1", 100, timeout_ms=40)).after(60).hangs_up


def test_what_was_heard_before_something_happened_counts_no_more() -> None:
    happened = False
    line = Line(Until(lambda: happened), Say(LOUD, "a", wait_quiet_ms=40))
    line.after(500, LOUD)
    line.after(500)
    happened = True
    line.after(500)
    line.frame(LOUD)
    assert line.after(40).begins == "a"


def test_waiting_takes_as_long_as_it_says() -> None:
    line = Line(Wait(100), Wait(60), Wait(0), Keys("1"))
    line.after(160)
    assert line.frame() == Doing(key="1")


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Say(b"", "a"), "step 2: nothing to say"),
        (Interrupt(b"", "a"), "step 2: nothing to say"),
        (Keys(""), r"step 2: expected keys 0-9 \* # A-D"),
        (Keys("12x"), r"step 2: expected keys 0-9 \* # A-D"),
    ],
)
def test_a_step_that_does_nothing_is_refused(step: Step, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        Script([Wait(0), step])


def test_who_stays_begins_anew_until_it_leaves() -> None:
    line = Line(Keys("1"), Wait(60), repeats=True)
    keys = [line.frame().key for _ in range(12)]
    assert keys == ["1", None, None, None] * 3
    assert not line.script.done
    line.script.leave()
    assert line.frame().hangs_up == "the script said so"


@given(st.lists(st.integers(0, 255), min_size=1, max_size=3), st.integers(0, 159))
def test_a_recording_is_judged_as_its_frames_are(codes: list[int], at: int) -> None:
    frames = [bytes([code]) * 160 for code in codes]
    frames += [SILENT_FRAME[:at] + frames[0][at:], LOUD, FAINT, SILENT_FRAME]
    assert audible_frames(b"".join(frames)) == [is_audible(frame) for frame in frames]
