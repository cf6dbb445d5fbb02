"""A stream under a clock that is a number."""

import json
from base64 import b64encode
from typing import Any

import pytest

from voicebot.sim.twilio.ear import SILENT_FRAME, Ear
from voicebot.sim.twilio.leg import Frame, Leg
from voicebot.sim.twilio.misbehaviour import (
    BINARY,
    GARBAGE,
    NONE,
    OVERSIZED,
    Misbehaviour,
)
from voicebot.sim.twilio.script import HangUp, Keys, Say, Script, Step, Wait
from voicebot.sim.twilio.stream import TwilioStream
from voicebot.sim.twilio.tape import Tape
from voicebot.sim.twilio.watch import Watch

SID = "MZ9d9403d49f3141873f88d84a4f2d2210"
LOUD = bytes([0x10, 0x90]) * 80


class Call:
    """A leg, what it sent, and what it noted."""

    def __init__(
        self,
        *steps: Step,
        at: float = 1000.00007,
        watch: Watch | None = None,
        **wrong: Any,
    ) -> None:
        self.now = at
        self.notes: list[tuple[str, float, str]] = []
        self.tape = Tape()
        stream = TwilioStream(
            account_sid="AC1", call_sid="CA1", stream_sid=SID, parameters={}
        )
        self.leg = Leg(
            stream,
            Script(steps),
            Ear(),
            self.tape,
            lambda kind, now, detail: self.notes.append((kind, now, detail)),
            carrier_delay_s=0.0,
            misbehaviour=Misbehaviour(**wrong) if wrong else NONE,
            watch=watch,
        )
        self.sent: list[Frame] = self.leg.open(at)

    def until(self, seconds: float) -> "Call":
        """Let so much time pass, from deadline to deadline."""
        end = self.now + seconds + 0.0001
        while self.leg.next_deadline() <= end:
            self.now = self.leg.next_deadline()
            self.sent += self.leg.tick(self.now)
        self.now = end
        return self

    def bot(self, event: str, **fields: object) -> None:
        message = {"event": event, "streamSid": SID, **fields}
        self.sent += self.leg.receive(json.dumps(message), self.now)

    def speaks(self, ulaw: bytes) -> None:
        self.bot("media", media={"payload": b64encode(ulaw).decode()})

    def messages(self, event: str) -> list[Any]:
        parsed = [json.loads(text) for text in self.sent if isinstance(text, str)]
        return [message for message in parsed if message["event"] == event]

    def order(self) -> list[str]:
        return [json.loads(text)["event"] for text in self.sent]


def test_a_frame_every_20_ms_from_the_first_on() -> None:
    call = Call()
    assert call.order() == ["connected", "start"]
    assert call.leg.next_deadline() == pytest.approx(1000.02, abs=0.001)
    call.until(1.0)
    assert len(call.messages("media")) == 50
    assert call.tape.caller == b"\xff" * 8000
    assert call.tape.bot == b"\xff" * 8000


def test_a_late_tick_sends_all_frames_that_are_due() -> None:
    call = Call()
    frames = call.leg.tick(call.now + 0.1001)
    assert [json.loads(text)["media"]["timestamp"] for text in frames] == [
        "147",
        "166",
        "188",
        "207",
        "226",
    ]


def test_marks_come_back_when_played_and_when_cleared() -> None:
    call = Call()
    call.speaks(LOUD * 5)
    call.bot("mark", mark={"name": "a"})
    call.speaks(LOUD * 50)
    call.bot("mark", mark={"name": "b"})
    call.until(0.09)
    assert call.messages("mark") == []
    call.until(0.02)
    assert [mark["mark"]["name"] for mark in call.messages("mark")] == ["a"]
    call.until(0.09)
    call.bot("clear")
    call.bot("mark", mark={"name": "c"})
    names = [mark["mark"]["name"] for mark in call.messages("mark")]
    assert names == ["a", "b", "c"]
    leg = call.leg
    assert (leg.marks_sent, leg.marks_played, leg.marks_cleared) == (3, 2, 1)
    assert call.notes[-1] == ("cleared", call.now, "1 mark")


def test_a_mark_is_not_kept_back_until_the_next_frame() -> None:
    call = Call()
    call.speaks(LOUD[:80])
    call.bot("mark", mark={"name": "a"})
    assert call.leg.next_deadline() == pytest.approx(call.now + 0.01, abs=0.0002)
    call.until(0.011)
    assert call.order() == ["connected", "start", "mark"]


def test_the_tape_holds_both_sides_as_heard() -> None:
    call = Call(Wait(40), Say(LOUD * 2, "hello", wait_quiet_ms=60))
    call.speaks(LOUD * 2)
    call.until(0.2)
    assert call.tape.bot == LOUD * 2 + SILENT_FRAME * 8
    assert call.tape.caller == SILENT_FRAME * 4 + LOUD * 2 + SILENT_FRAME * 4
    kinds = [kind for kind, _, _ in call.notes]
    assert kinds == ["bot_audible", "caller_speaks", "caller_stops"]
    assert call.notes[1][2] == "hello"


def test_the_bot_falls_silent_after_a_pause_that_is_none() -> None:
    call = Call()
    call.speaks(LOUD)
    call.until(0.5)
    kinds = [(kind, round(at - 1000, 2)) for kind, at, _ in call.notes]
    assert kinds == [("bot_audible", 0.0), ("bot_silent", 0.02)]


def test_several_marks_are_cleared_at_once() -> None:
    call = Call()
    call.speaks(LOUD * 5)
    call.bot("mark", mark={"name": "a"})
    call.bot("mark", mark={"name": "b"})
    call.bot("clear")
    assert call.notes[-1] == ("cleared", call.now, "2 marks")


def test_keys_are_sent_beside_the_audio_and_never_noted() -> None:
    call = Call(Keys("5"))
    call.until(0.04)
    assert call.order() == ["connected", "start", "media", "dtmf", "media"]
    assert call.messages("dtmf")[0]["dtmf"]["digit"] == "5"
    assert [(kind, detail) for kind, _, detail in call.notes] == [("dtmf", "")]


def test_the_caller_hangs_up_and_sends_no_more() -> None:
    call = Call(Wait(100), HangUp())
    call.until(0.12)
    assert call.leg.hangs_up == "the script said so"
    assert call.leg.tick(call.now + 1) == []
    assert json.loads(str(call.leg.stop(call.now)[0]))["event"] == "stop"


def test_too_much_media_is_discarded_with_a_warning() -> None:
    call = Call()
    call.speaks(bytes(4_800_000))
    call.speaks(LOUD)
    assert call.leg.stream.warnings == {31931: 1}


def test_a_bad_frame_is_dropped_with_a_warning() -> None:
    call = Call()
    assert call.leg.receive(b"\x00", call.now) == []
    assert call.leg.stream.warnings == {31950: 1}


def test_no_start_means_silence() -> None:
    assert Call(no_start=True).until(0.5).order() == ["connected"]


def test_audio_before_start() -> None:
    call = Call(out_of_order=True)
    assert call.order() == ["connected", "media", "start"]


def test_a_second_start() -> None:
    assert Call(duplicate_start=True).order() == ["connected", "start", "start"]


def test_wrong_frames_are_injected_once_at_their_time() -> None:
    wrong = (BINARY, OVERSIZED, GARBAGE)
    call = Call(inject=wrong, at_ms=100)
    call.until(0.5)
    assert call.sent[7:10] == list(wrong)
    assert sum(frame in wrong for frame in call.sent) == 3


def test_stalled_audio() -> None:
    call = Call(stalls=True, at_ms=100)
    assert len(call.until(0.5).messages("media")) == 5


def test_a_gap_in_the_timestamps() -> None:
    call = Call(gap_ms=680, at_ms=100).until(0.14)
    times = [int(media["media"]["timestamp"]) for media in call.messages("media")]
    assert times == [147, 166, 188, 207, 226, 928, 947]


def test_a_flood() -> None:
    call = Call(flood_frames=500, at_ms=100)
    assert len(call.until(0.12).messages("media")) == 506


def test_marks_that_never_come_back() -> None:
    call = Call(never_echoes_marks=True)
    call.bot("mark", mark={"name": "a"})
    call.until(0.1)
    assert call.messages("mark") == []


def test_an_end_without_stop() -> None:
    call = Call(closes_without_stop=True)
    assert call.leg.stop(call.now) == []


def test_each_frame_is_over_at_a_time_that_a_clock_of_milliseconds_shows() -> None:
    opened_ms = 5_276_413
    call = Call(at=opened_ms / 1000)
    for frame in range(1, 500):
        assert call.leg.next_deadline() == (opened_ms + 20 * frame) / 1000
        call.leg.tick(call.leg.next_deadline())


class Watching:
    """What a watch is told, in order."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def line(self, said: bytes, heard: bytes, late_s: float) -> None:
        self.told.append((said, heard, round(late_s, 3)))

    def arrived(self, ulaw: bytes) -> None:
        self.told.append(ulaw)

    def cleared(self) -> None:
        self.told.append("cleared")


def test_who_watches_is_told_of_each_frame_and_how_late_it_is() -> None:
    watch = Watching()
    call = Call(at=1000.0, watch=watch)
    call.speaks(LOUD * 3)
    call.until(0.02)
    call.bot("clear")
    call.leg.tick(1000.045)
    assert watch.told == [
        LOUD * 3,
        (SILENT_FRAME, LOUD, 0.0),
        "cleared",
        (SILENT_FRAME, SILENT_FRAME, 0.005),
    ]


def test_a_stream_that_never_starts_says_nothing_of_its_caller() -> None:
    call = Call(no_start=True).until(0.1)
    assert [json.loads(text)["event"] for text in call.sent] == ["connected"]
    assert call.tape.frames == 5
