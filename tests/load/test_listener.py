"""What one caller hears, as figures: a clock that is a number, sound that is made."""

import pytest

from tests.load.test_watermark import answer
from voicebot.audio.framing import ULAW_FRAME, ULAW_SILENCE
from voicebot.load.listener import Heard, Listener

CALL = 42
SILENT = ULAW_SILENCE * ULAW_FRAME
PING = b"\x01" * ULAW_FRAME


class Call:
    """A line that goes on by 20 ms a frame."""

    def __init__(self) -> None:
        self.now = 100.0
        self.listener = Listener(CALL, [PING], lambda: self.now)

    def hears(self, ulaw: bytes) -> None:
        whole = ulaw + ULAW_SILENCE * (-len(ulaw) % ULAW_FRAME)
        self.listener.arrived(whole)
        for at in range(0, len(whole), ULAW_FRAME):
            self.goes_on(whole[at : at + ULAW_FRAME])

    def goes_on(self, heard: bytes = SILENT, said: bytes = SILENT) -> None:
        self.now += 0.02
        self.listener.line(said, heard, 0.0)

    def is_quiet(self, ms: int) -> None:
        for _ in range(ms // 20):
            self.goes_on()


def test_an_answer_that_is_heard_to_its_end() -> None:
    call = Call()
    call.is_quiet(1000)
    call.hears(answer(CALL))
    call.is_quiet(1000)
    heard = call.listener.finish()
    assert abs(heard.own - 250) <= 1
    assert heard.answers == 1
    assert heard.began_s == pytest.approx([101.0])
    assert (heard.foreign, heard.stale, heard.lost_ms, heard.repeated_ms) == (0,) * 4
    assert heard.frames_sent == 350


def test_another_calls_sound_is_foreign_from_its_first_frame() -> None:
    call = Call()
    call.hears(answer(CALL)[:8000])
    call.hears(answer(CALL + 1)[:1600])
    call.is_quiet(1000)
    assert 8 <= call.listener.finish().foreign <= 10


def test_a_hole_and_a_stutter_are_counted() -> None:
    whole = answer(CALL)
    lacks, repeats = Call(), Call()
    lacks.hears(whole[:8000] + whole[9600:])
    repeats.hears(whole[:9600] + whole[8000:])
    for call in (lacks, repeats):
        call.is_quiet(1000)
    assert abs(lacks.listener.finish().lost_ms - 200) <= 40
    assert abs(repeats.listener.finish().repeated_ms - 200) <= 40


def test_an_answer_that_was_cut_or_is_not_over_is_no_loss() -> None:
    cut, leaves = Call(), Call()
    cut.hears(answer(CALL)[:8000])
    cut.listener.cleared()
    cut.is_quiet(1000)
    leaves.hears(answer(CALL)[:8000])
    for call in (cut, leaves):
        heard = call.listener.finish()
        assert (heard.lost_ms, heard.answers) == (0, 0)


def test_what_comes_of_an_answer_after_the_next_one_is_stale() -> None:
    call = Call()
    call.hears(answer(CALL, 1)[:8000])
    call.listener.cleared()
    call.is_quiet(1000)
    call.hears(answer(CALL, 2)[:8000])
    call.hears(answer(CALL, 1)[8000:9600])
    call.is_quiet(1000)
    assert 8 <= call.listener.finish().stale <= 10


def test_a_beginning_is_what_comes_after_a_silence_or_a_clear() -> None:
    call = Call()
    call.listener.arrived(SILENT)
    call.now += 0.1
    call.listener.arrived(SILENT * 50)
    call.now += 0.3
    call.listener.cleared()
    call.now += 0.3
    call.listener.arrived(SILENT)
    assert call.listener.finish().began_s == pytest.approx([100.0, 100.7])


def test_pings_and_late_frames_are_noted() -> None:
    call = Call()
    call.goes_on(said=PING)
    call.goes_on(said=PING)  # its second half may look the same
    call.is_quiet(1000)
    call.goes_on(said=PING)
    call.listener.line(SILENT, SILENT, 0.03)
    heard = call.listener.finish()
    assert [round(at, 2) for at in heard.pinged_s] == [100.02, 101.06]
    assert (heard.frames_late, heard.late_s) == (1, 0.03)


def test_a_call_in_which_nothing_was_heard() -> None:
    assert Call().listener.finish() == Heard()
