"""What the offline StepFun times, and whose it is."""

from collections.abc import Mapping

import pytest

from voicebot.audio.resample import UlawToPcm24
from voicebot.load.mind import UNMARKED, heard
from voicebot.load.upstream import Meter
from voicebot.load.watermark import mark_caller
from voicebot.sim.stepfun.babble import babble
from voicebot.sim.stepfun.wire import frame
from voicebot.sim.twilio.wav import pcm24_to_ulaw


class Session:
    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[Mapping[str, object]] = []
        self.meter = Meter(self.told.append, lambda: self.now)

    def sends(self, kind: str, **members: object) -> None:
        self.meter.sends(frame({"type": kind, **members}, "id"))

    def understands(self, text: str) -> None:
        kind = "conversation.item.input_audio_transcription.completed"
        self.sends(kind, item_id="1", transcript=text)


def turn(call: int) -> bytes:
    marked, _ = mark_caller(pcm24_to_ulaw(babble("What are your hours today?")), call)
    return UlawToPcm24().push(marked)


def test_sounds_are_told_once_it_is_known_whose_they_are() -> None:
    session = Session()
    pcm16 = turn(7)
    for at in range(0, len(pcm16), 2880):  # 60 ms
        session.now += 0.06
        session.meter.heard(pcm16[at : at + 2880])
    assert session.told == []
    session.understands(heard(7))
    (told,) = session.told
    assert told == {"call": 7, "ping_s": pytest.approx(0.06 * 14)}
    session.now = 9.0
    session.sends("response.created")
    session.now = 9.5
    for _ in range(3):
        session.sends("response.audio.delta", delta="")
    assert session.told[1:] == [{"call": 7, "said_s": 9.5}]


def test_a_session_that_hears_two_calls_is_told_of() -> None:
    session = Session()
    for text in (heard(7), UNMARKED, heard(7), heard(8)):
        session.understands(text)
    assert session.told == [{"swapped": True}]
