"""Every call is told apart in every 40 ms of sound, whatever the sound went through."""

from pathlib import Path

import numpy as np
import pytest

from voicebot.audio.framing import ULAW_FRAME, ULAW_SILENCE
from voicebot.audio.resample import Pcm24ToUlaw, UlawToPcm24
from voicebot.load.mind import (
    ANSWER_MS,
    MarkedMind,
    call_heard,
    call_said,
    heard,
)
from voicebot.load.watermark import (
    CALLS,
    Mark,
    has_ping,
    mark_bot,
    mark_caller,
    read_bot,
    read_caller,
)
from voicebot.sim.stepfun.babble import babble
from voicebot.sim.stepfun.mind import Utterance
from voicebot.sim.twilio.wav import read_voice

VOICES = sorted(
    (Path(__file__).parents[2] / "voicebot" / "sim" / "voices").glob("*.wav")
)
SOME = [0, 1, 7, 8, 511, 512, 1234, CALLS - 1]


def answer(call: int, turn: int = 3) -> bytes:
    """An answer at the caller's side of the bridge."""
    said = MarkedMind().answer("", [Utterance("user", heard(call), spoken=True)] * turn)
    assert call_said(said.text) == Mark(call, turn)
    return Pcm24ToUlaw().push(MarkedMind().speak(said.text, "", "en"))


@pytest.mark.parametrize("voice", VOICES, ids=lambda path: path.stem)
@pytest.mark.parametrize("call", SOME)
def test_the_model_reads_which_call_a_turn_is_of(voice: Path, call: int) -> None:
    turn, ping = mark_caller(read_voice(voice), call)
    up = UlawToPcm24()
    # Wherever it begins, and with a frame lost.
    line = ULAW_SILENCE * 2345 + turn[:8000] + turn[8000 + ULAW_FRAME :]
    assert read_caller(up.push(line)) == call
    assert ping is not None
    assert ping in [turn[at : at + ULAW_FRAME] for at in range(0, len(turn), 160)]


def test_what_nobody_marked_has_no_mark() -> None:
    for voice in VOICES:
        assert read_caller(UlawToPcm24().push(read_voice(voice))) is None
    assert read_caller(b"") is None
    spoken = MarkedMind().speak("Hello there, what can I do for you?", "", "en")
    marks = read_bot(Pcm24ToUlaw().push(spoken))
    assert not any(isinstance(mark, Mark) for mark in marks)


@pytest.mark.parametrize("call", SOME)
@pytest.mark.parametrize("offset", [0, 1, 79, 159])
def test_the_ear_reads_it_in_every_window(call: int, offset: int) -> None:
    silence = ULAW_SILENCE * (3 * ULAW_FRAME)
    line = silence + ULAW_SILENCE * offset + answer(call) + silence
    marks = read_bot(line[: len(line) // ULAW_FRAME * ULAW_FRAME])
    own = [mark for mark in marks if mark == Mark(call, 3)]
    assert abs(len(own) * 20 - ANSWER_MS) <= 20
    assert not any(isinstance(mark, Mark) for mark in marks if mark not in own)
    assert marks[0] is False


def test_two_calls_at_once_are_no_mark() -> None:
    both = np.frombuffer(mark_bot(bytes(48_000), Mark(1, 0)), "<i2") + np.frombuffer(
        mark_bot(bytes(48_000), Mark(2345, 0)), "<i2"
    )
    marks = read_bot(Pcm24ToUlaw().push(both.tobytes()))
    assert marks[5:40] == [True] * 35


def test_a_ping_is_heard_and_nothing_else_is() -> None:
    turn, _ = mark_caller(read_voice(VOICES[0]), 5)
    up = UlawToPcm24()
    pieces = [up.push(turn[at : at + 480]) for at in range(0, len(turn), 480)]
    found = [number for number, piece in enumerate(pieces) if has_ping(piece)]
    assert found == [13]  # 800 to 840 ms, in pieces of 60 ms
    for voice in VOICES:
        assert not has_ping(UlawToPcm24().push(read_voice(voice)))


def test_a_turn_that_is_too_short_has_no_ping() -> None:
    _, ping = mark_caller(read_voice(VOICES[0])[:4000], 5)
    assert ping is None


def test_the_mind_answers_who_it_heard_and_says_what_it_is_told_to() -> None:
    mind = MarkedMind()
    turn, _ = mark_caller(read_voice(VOICES[1]), 77)
    text = mind.hear(UlawToPcm24().push(turn), [])
    assert call_heard(text) == 77
    first = mind.answer("", [Utterance("user", text, spoken=True)])
    assert call_said(first.text) == Mark(77, 1)
    unknown = mind.hear(bytes(96_000), [])
    assert call_heard(unknown) is None
    lost = mind.answer("", [Utterance("user", unknown, spoken=True)])
    assert call_said(lost.text) is None
    order = "Say exactly the following, word for word, and nothing else: Goodbye."
    assert mind.answer("", [Utterance("user", order)]).text == "Goodbye."
    assert mind.answer("", []).text == lost.text
    assert len(mind.speak("Goodbye.", "", "en")) == len(babble("Goodbye."))
