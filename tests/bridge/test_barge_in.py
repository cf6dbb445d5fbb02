"""The caller interrupts. The numbered bugs are those that most such bridges have."""

from dataclasses import replace

import pytest

from tests.bridge.calls import (
    BOT_VOICE,
    BUSINESS,
    GREETING,
    PLAIN,
    SILENCE,
    STOP,
    VOICE,
    Call,
    kinds,
    pcm,
)
from voicebot.audio.g711 import pcm16_to_ulaw, ulaw_to_pcm16
from voicebot.bridge.model import (
    BotAudio,
    BotText,
    CallerKey,
    CancelReply,
    ClearCaller,
    CommitAudio,
    Event,
    HangUp,
    MarkReturned,
    NoteTurn,
    PlayToCaller,
    ReplyDone,
    ReplyStarted,
)
from voicebot.bridge.settings import BargeIn, Prompt, Settings


def softer(ulaw: bytes, db: float) -> bytes:
    wave = memoryview(ulaw_to_pcm16(ulaw)).cast("h")
    gain = 10 ** (-db / 20)
    return pcm16_to_ulaw(
        b"".join(int(gain * each).to_bytes(2, "little", signed=True) for each in wave)
    )


def answering(
    settings: Settings | None = None, *, ms: int = 4000, done: bool = False
) -> Call:
    """A call in which the caller asked something, and hears the answer for 1 s."""
    call = Call(settings or PLAIN)
    call.wait(0.5)
    call.turn("i1")
    call.answer("r1", ms=ms, done=done)
    call.wait(1.0)
    assert call.phase == "speaking"
    return call


def interrupt(call: Call) -> tuple[float, list[str], NoteTurn]:
    """The caller speaks: when the bot was cut, by what, and what was noted."""
    since = call.now
    call.say(0.6)
    (at,) = (t for t, each in call.log if isinstance(each, ClearCaller) and t > since)
    actions = [each for t, each in call.log if t == at]
    (note,) = (each for each in actions if isinstance(each, NoteTurn))
    return at, kinds(actions), note


def test_it_clears_cancels_and_notes_what_was_heard() -> None:
    call = answering()
    _, actions, note = interrupt(call)
    assert actions[:3] == ["ClearCaller", "CancelReply", "NoteTurn"]
    assert call.phase == "caller"
    assert note.response_id == "r1"
    assert note.interrupted
    assert note.generated_ms == 4000
    assert note.generated_text == "Yes, of course."
    assert note.heard_text == "Yes,"
    assert 1200 <= note.heard_ms <= 1400


def test_it_cuts_within_the_time_that_was_asked_for() -> None:
    for min_ms in (100, 140):
        call = answering(Settings(barge_in=BargeIn("stop", min_ms=min_ms)))
        began_at = call.now
        at, _, _ = interrupt(call)
        assert min_ms / 1000 <= at - began_at <= min_ms / 1000 + 0.4  # two syllables


def test_what_is_over_at_the_model_is_not_cancelled() -> None:
    call = answering(done=True)
    _, actions, _ = interrupt(call)
    assert actions[:2] == ["ClearCaller", "NoteTurn"]


def test_the_first_word_of_the_interruption_is_not_clipped() -> None:
    call = answering()
    began_at = call.now
    at, _, _ = interrupt(call)
    sent = sum(len(e.pcm16) for t, e in call.log if t == at and hasattr(e, "pcm16"))
    assert at - sent / 48_000 < began_at - 0.2


def test_bug_1_the_position_is_of_what_was_heard_not_of_what_was_sent() -> None:
    call = answering()
    at, _, note = interrupt(call)
    sent_ms = call.played_ms()
    (arrived_at, heard) = call.far_end.cleared[0]
    assert arrived_at == pytest.approx(at + call.far_end.there_s)
    assert note.heard_ms == pytest.approx(heard / 8, abs=20)
    assert note.heard_ms < sent_ms - 130


def heard_of_the_next(call: Call, late: list[str]) -> tuple[float, float]:
    """
    The answer after one that was cut is cut, too, after 0.3 s and `late` marks.

    Returns:
        Milliseconds of it that were heard: by the call log, and at the far end.
    """
    call.wait(1.5)
    call.give(ReplyDone("r1"))
    before = call.far_end.position(call.now)
    call.answer("r2", ms=4000)
    call.wait(0.3)
    call.give(*map(MarkReturned, late))
    _, _, note = interrupt(call)
    assert note.response_id == "r2"
    return note.heard_ms, (call.far_end.cleared[-1][1] - before) / 8


FAR_AHEAD = replace(PLAIN, lead_ms=2000)  # so that many marks are on their way


def test_bug_2_marks_that_come_back_because_of_the_clear_prove_nothing() -> None:
    call = answering(FAR_AHEAD)
    _, _, note = interrupt(call)
    call.say(1.0)  # the marks have come back by now
    assert call.far_end.next_mark() is None
    assert call.notes()[note.seq].heard_ms == note.heard_ms
    by_log, at_the_ear = heard_of_the_next(call, [])
    assert by_log == pytest.approx(at_the_ear, abs=20)


def test_bug_3_marks_of_an_answer_that_was_cut_are_not_those_of_the_next() -> None:
    call = answering(FAR_AHEAD)
    old = [name for _, _, name in call.far_end._marks]
    assert len(old) > 5
    interrupt(call)
    by_log, at_the_ear = heard_of_the_next(call, old)  # once more, late
    assert by_log == pytest.approx(at_the_ear, abs=20)


def test_bug_4_no_more_is_heard_than_was_made() -> None:
    call = answering(ms=1100)
    call.wait(0.06)
    _, _, note = interrupt(call)  # it ran dry meanwhile, and goes on
    assert note.heard_ms == note.generated_ms == 1100
    assert note.interrupted


def test_bug_5_late_audio_of_a_cancelled_answer_is_dropped() -> None:
    call = answering()
    interrupt(call)
    played = len(call.took(PlayToCaller))
    late: list[Event] = [BotText("r1", "no"), BotAudio("r1", pcm(500)), ReplyDone("r1")]
    assert kinds(call.give(*late)) == ["AmendReply"]
    assert call.give(*late) == []
    call.wait(1.0)
    call.give(BotAudio("r1", pcm(500)))
    assert len(call.took(PlayToCaller)) == played


def test_bug_6_nothing_is_interrupted_while_nothing_plays() -> None:
    call = answering(ms=1500, done=True)
    call.wait(1.0)
    assert call.phase == "listening"
    call.say(0.6)
    assert call.phase == "caller"
    assert call.took(ClearCaller) == []
    assert call.took(CancelReply) == []
    assert not any(note.interrupted for note in call.notes().values())


def test_bug_7_a_protected_greeting_is_heard_and_so_is_who_spoke_into_it() -> None:
    call = Call(Settings(barge_in=STOP, greeting=GREETING, protect_s=1.0))
    call.wait(0.3)
    call.say(0.6)
    assert call.took(ClearCaller) == []
    call.say(0.3)
    (clear,) = call.took(ClearCaller)
    assert 101.0 <= clear.at <= 101.04
    assert call.phase == "caller"
    appended = sum(len(each.pcm16) for _, each in call.log if hasattr(each, "pcm16"))
    assert appended >= 48 * 900  # all that was said since the greeting began


def test_bug_7_a_greeting_that_the_model_speaks_is_protected_too() -> None:
    call = Call(
        Settings(barge_in=STOP, greeting=Prompt("Good morning!"), protect_s=1.0)
    )
    call.wait(0.7)
    call.give(ReplyStarted("r1"), BotAudio("r1", pcm(3000)))
    call.say(0.9)
    assert call.took(ClearCaller) == []
    call.say(0.3)
    assert len(call.took(ClearCaller)) == 1


def test_bug_8_our_last_words_are_not_interrupted() -> None:
    call = Call(Settings(goodbye=GREETING, idle_s=1.0))
    call.wait(1.2)
    assert call.phase == "closing"
    call.say(3.0)
    assert call.took(ClearCaller) == []
    assert call.ending == "idle"
    assert call.far_end.position(call.now) == len(GREETING.ulaw or b"")


def test_without_barge_in_the_answer_is_heard_to_its_end() -> None:
    call = answering(Settings(barge_in=BargeIn("never")), ms=2000, done=True)
    call.say(0.9)
    assert call.phase == "speaking"
    call.say(0.5)  # still, when the answer ends
    assert call.took(ClearCaller) == []
    assert call.phase == "caller"
    call.wait(1.0)
    assert len(call.took(CommitAudio)) == 2


def test_our_own_voice_coming_back_25_db_softer_interrupts_nothing() -> None:
    call = Call(Settings(barge_in=STOP, greeting=Prompt("A long one", BOT_VOICE)))
    call.hear(SILENCE * 8 + softer(BOT_VOICE, 25.0)[: 8 * 7500])
    assert call.took(ClearCaller) == []
    assert call.phase == "speaking"


def test_a_caller_as_loud_as_the_bot_interrupts_in_spite_of_the_echo_gate() -> None:
    call = Call(Settings(barge_in=STOP, greeting=Prompt("A long one", BOT_VOICE)))
    call.wait(1.0)
    call.hear(VOICE[:8000])
    assert len(call.took(ClearCaller)) == 1


def test_speech_shorter_than_asked_for_interrupts_nothing() -> None:
    call = answering(Settings(barge_in=BargeIn("stop", min_ms=400)), ms=2500, done=True)
    call.say(0.2)
    call.wait(3.0)
    assert call.took(ClearCaller) == []
    assert call.phase == "listening"


def test_an_answer_cut_in_its_last_moment_was_heard_to_its_end() -> None:
    """The clock says that all was heard, but the caller is quicker to speak."""
    call = answering(Settings(barge_in=BargeIn("stop", min_ms=220)), ms=1280, done=True)
    call.say(0.6)
    note = call.notes()[2]
    assert note.heard_ms >= 1260
    assert note.interrupted == (note.heard_ms < 1280)


def test_the_marks_of_a_slow_line_put_the_cut_where_the_ear_is() -> None:
    call = Call(PLAIN)
    call.far_end.there_s, call.far_end.back_s = 0.12, 0.12
    call.wait(0.5)
    call.turn("i1")
    call.answer("r1", ms=6000)
    call.wait(1.0)
    call.far_end.stalled_until = call.now + 0.6  # the line holds everything up
    call.wait(1.5)
    assert call.far_end.gaps_s  # it ran dry
    _, _, note = interrupt(call)
    assert note.heard_ms == pytest.approx(call.far_end.cleared[0][1] / 8, abs=20)


def test_a_second_interruption_cuts_only_the_second_answer() -> None:
    call = answering()
    interrupt(call)
    call.wait(1.0)
    call.give(ReplyDone("r1"))
    call.answer("r2", done=False)
    call.wait(0.5)
    _, actions, note = interrupt(call)
    assert actions[:3] == ["ClearCaller", "CancelReply", "NoteTurn"]
    assert note.response_id == "r2"
    assert call.took(HangUp) == []


def test_a_key_stops_the_bot_at_once() -> None:
    call = Call(
        replace(BUSINESS, greeting=GREETING, protect_s=1.0, barge_in=BargeIn("never"))
    )
    call.wait(0.5)
    assert ClearCaller in {type(each) for each in call.give(CallerKey("1"))}
    assert call.phase == "listening"
    assert call.notes()[1].interrupted
    assert call.notes()[1].heard_ms == pytest.approx(500, abs=20)


def test_a_key_stops_nothing_where_keys_must_not() -> None:
    call = Call(replace(BUSINESS, greeting=GREETING, barge_in=BargeIn(keys=False)))
    call.wait(0.5)
    assert call.give(CallerKey("1")) == []
    assert call.phase == "speaking"


def test_a_key_while_nobody_speaks_stops_nothing() -> None:
    call = Call()
    assert call.give(CallerKey("1")) == []
    assert call.phase == "listening"
