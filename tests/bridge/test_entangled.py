"""Turns, pauses, fillers, keys and late words that get into each other's way."""

from dataclasses import replace

import pytest

from tests.bridge.calls import BOT_VOICE, GOODBYE, GREETING, VOICE, Call, pcm
from tests.bridge.playout import FarEnd
from tests.bridge.test_tentative import (
    LOCAL,
    PAUSE,
    QUICK,
    SERVER,
    SHORT_S,
    WORD_S,
    answering,
    asked,
    decided,
    heard,
)
from voicebot.audio.resample import Pcm24ToUlaw
from voicebot.bridge.model import (
    AskForReply,
    BotAudio,
    BotText,
    CallerKey,
    CallerText,
    ClearCaller,
    CommitAudio,
    ForgetTurn,
    ModelRefused,
    NoteDecision,
    NoteTurn,
    ReplyDone,
    ReplyStarted,
    ServerSpeechStarted,
    ServerSpeechStopped,
    TurnCommitted,
)
from voicebot.bridge.settings import Listening, Prompt

FILLER = Prompt("One moment, please.", BOT_VOICE[24_000:32_000])
LONG_FILLER = Prompt("One moment, please.", BOT_VOICE[24_000:56_000])
EASY = replace(LOCAL, barge_in=replace(PAUSE, min_ms=60))
HARD = replace(LOCAL, barge_in=replace(PAUSE, min_ms=400))
SOUND = VOICE[:1280]  # 160 ms


def note_of(call: Call, response_id: str) -> NoteTurn:
    (note,) = (n for n in call.notes().values() if n.response_id == response_id)
    return note


def heard_to_its_end(call: Call, response_id: str, ms: int) -> bool:
    notes = [n for n in call.notes().values() if n.response_id == response_id]
    return [note.heard_ms for note in notes] == [ms]


def commit(call: Call) -> None:
    """Wait until the words of what was short are asked for."""
    before = len(call.took(CommitAudio))
    while len(call.took(CommitAudio)) == before:
        call.wait(0.02)


# ---- after a pause that was for nothing --------------------------------------------


def test_the_turn_after_a_sound_that_was_rejected_comes_to_its_end() -> None:
    call = answering(EASY, ms=2000)
    call.hear(SOUND)
    call.wait(0.5)
    assert decided(call) == [("too_short", "resumed")]
    call.give(ModelRefused("no_speech"))
    call.wait(2.0)
    assert call.phase == "listening"
    call.say(1.0)
    assert call.phase == "caller"
    call.wait(1.0)
    assert call.phase == "waiting"
    assert len(call.took(AskForReply)) == 2


def test_a_sentence_right_behind_a_word_that_was_rejected_is_heeded() -> None:
    call = answering(replace(QUICK, barge_in=replace(QUICK.barge_in, min_ms=60)))
    fluent = b"".join(VOICE[at : at + 1000] for at in range(0, len(VOICE), 2000))
    at = 0
    while call.phase != "tentative":
        call.hear(fluent[at : at + 160])
        at += 160
    while not decided(call):
        call.wait(0.02)
    assert decided(call) == [("too_short", "resumed")]
    call.hear(fluent[:16_000])
    assert decided(call)[1] == ("spoke_again", "confirmed")


def test_words_of_a_turn_that_the_caller_has_gone_on_from_cut_nothing() -> None:
    call = answering(HARD, ms=2000)
    call.wait(0.2)
    call.hear(VOICE[:1920])
    call.wait(0.5)
    call.give(TurnCommitted("i2"))
    call.wait(0.4)
    call.turn("i3")
    call.answer("r2", ms=6000)
    call.wait(0.5)
    since = call.now
    call.give(CallerText("i2", "Yes please"))
    assert call.phase == "speaking"
    assert call.took(AskForReply, since) == []


def test_a_second_sound_does_not_make_the_words_of_the_first_forgotten() -> None:
    call = answering(EASY, ms=8000)
    call.hear(SOUND)
    call.wait(2.5)
    call.hear(SOUND)
    call.wait(0.5)
    assert decided(call) == [("too_short", "resumed")] * 2
    call.give(TurnCommitted("i2"), CallerText("i2", "Stop!"), ModelRefused("no_speech"))
    assert decided(call)[-1] == ("stop_word", "confirmed")
    assert call.phase == "waiting"


def test_a_refusal_of_what_was_overheard_is_none_of_the_turn_behind_it() -> None:
    call = answering(replace(QUICK, barge_in=replace(QUICK.barge_in, min_ms=400)))
    call.hear(VOICE[:1920])
    call.wait(0.5)
    call.say(1.6)
    assert call.phase == "caller"
    call.wait(0.8)
    call.give(ReplyDone("r1"), ModelRefused("no_speech"), TurnCommitted("i3"))
    call.answer("r2", ms=1000)
    call.wait(3.0)
    assert heard_to_its_end(call, "r2", 1000)


def test_the_echo_of_a_farewell_is_no_farewell() -> None:
    call = Call(replace(LOCAL, farewells=("bye",), goodbye=GOODBYE))
    call.turn("i1")
    call.give(ReplyStarted("r1"), BotText("r1", "To end it, say bye bye now. Or ask."))
    call.give(BotAudio("r1", pcm(5000)), ReplyDone("r1"))
    call.wait(1.0)
    call.say(WORD_S)
    commit(call)
    call.give(TurnCommitted("i2"), CallerText("i2", "say bye bye"))
    assert decided(call)[-1] == ("echo", "resumed")
    call.wait(8.0)
    assert call.phase == "listening"


def test_a_farewell_counts_though_a_backchannel_came_behind_it() -> None:
    call = Call(replace(LOCAL, farewells=("bye",), goodbye=GOODBYE))
    call.turn("i1")
    call.answer("r1", ms=4000)
    call.wait(0.5)
    call.say(WORD_S)
    commit(call)
    call.give(CallerText("i1", "Bye."))
    call.give(TurnCommitted("i2"), CallerText("i2", "okay"))
    assert decided(call)[-1] == ("backchannel", "resumed")
    call.wait(8.0)
    assert call.ending == "bot_goodbye"


@pytest.mark.parametrize("pace", [1.0, 0.75])
@pytest.mark.parametrize("silence_ms", [200, 260])
def test_a_pause_is_no_turn_however_short_turns_may_be(
    silence_ms: int, pace: float
) -> None:
    call = answering(replace(LOCAL, listening=Listening(end_silence_ms=silence_ms)))
    call.bridge._endpointing.pace = pace
    call.say(0.6)
    assert call.phase == "tentative"
    since = call.now
    call.wait(0.4)
    assert len(call.took(CommitAudio, since)) == 1
    assert call.took(AskForReply, since) == []
    ends = [n for n in call.took(NoteDecision, since) if n.kind == "end_of_turn"]
    assert ends == []


# ---- fillers -------------------------------------------------------------------------


def test_with_the_models_own_vad_a_filler_asks_for_nothing() -> None:
    call = Call(replace(SERVER, fillers=(FILLER,)))
    call.wait(0.5)
    call.give(ServerSpeechStarted(), ServerSpeechStopped(), TurnCommitted("i1"))
    call.wait(4.0)
    assert call.took(AskForReply) == []
    call.answer("r1", ms=1000)
    call.wait(2.0)
    assert heard_to_its_end(call, "r1", 1000)


def test_a_filler_does_not_break_into_an_answer_that_has_begun() -> None:
    call = Call(replace(LOCAL, fillers=(FILLER,)))
    call.turn("i1")
    call.wait(2.4)
    whole = pcm(1500)
    call.give(ReplyStarted("r1"), BotText("r1", "Yes, of course."))
    call.give(BotAudio("r1", whole[: 48 * 200]))
    call.wait(0.2)
    call.give(BotAudio("r1", whole[48 * 200 :]), ReplyDone("r1"))
    call.wait(4.0)
    assert Pcm24ToUlaw().push(whole) in heard(call)
    assert note_of(call, "r1").generated_text == "Yes, of course."


def over_a_filler() -> Call:
    """A caller who waits for an answer speaks into "one moment"."""
    call = Call(replace(LOCAL, fillers=(LONG_FILLER,)))
    call.turn("i1")
    call.wait(3.0)
    call.say(WORD_S)
    commit(call)
    call.give(TurnCommitted("i2"))
    call.answer("r1", ms=1500)  # the answer to i1, asked for before
    return call


def test_a_second_turn_over_a_filler_is_answered() -> None:
    call = over_a_filler()
    call.give(CallerText("i2", "And what does it cost?"))
    assert decided(call) == [("words", "confirmed")]
    assert len(call.took(AskForReply)) == 2


def test_a_backchannel_over_a_filler_is_forgotten() -> None:
    call = over_a_filler()
    call.give(CallerText("i2", "okay"))
    assert call.took(ForgetTurn) == [ForgetTurn("i2")]
    call.wait(6.0)
    assert heard_to_its_end(call, "r1", 1500)


def test_late_words_while_an_answer_is_due_are_answered_too() -> None:
    call = Call(replace(HARD, fillers=(LONG_FILLER,)))
    call.turn("i1")
    call.wait(5.5)
    call.hear(VOICE[:1920])
    call.wait(0.9)
    assert call.phase == "waiting"
    asked_before = len(call.took(AskForReply))
    call.give(TurnCommitted("i2"), CallerText("i2", "forget it, tell me the price"))
    call.answer("r1", ms=500)
    assert len(call.took(AskForReply)) == asked_before + 1


# ---- keys ----------------------------------------------------------------------------


def test_a_key_on_a_paused_filler_does_not_lose_the_answer() -> None:
    call = Call(replace(LOCAL, fillers=(LONG_FILLER,)))
    call.turn("i1")
    call.wait(3.0)
    call.say(SHORT_S)
    assert call.phase == "tentative"
    call.give(CallerKey("1"))
    call.answer("r1", ms=1500)
    call.wait(3.0)
    assert heard_to_its_end(call, "r1", 1500)


def test_a_key_on_a_paused_goodbye_still_ends_the_call() -> None:
    call = Call(replace(LOCAL, farewells=("bye",), goodbye=GOODBYE))
    call.turn("i1")
    call.answer("r1", ms=6000)
    call.wait(0.5)
    call.give(CallerText("i1", "bye"))
    call.say(SHORT_S)
    assert call.phase == "tentative"
    call.give(CallerKey("1"))
    call.wait(5.0)
    assert call.ending == "bot_goodbye"


def test_words_that_a_key_was_quicker_than_are_forgotten_if_they_were_none() -> None:
    call = asked()
    call.give(CallerKey("1"))
    call.give(TurnCommitted("i2"), CallerText("i2", "okay"))
    assert call.took(ForgetTurn) == [ForgetTurn("i2")]


# ---- what must be heard --------------------------------------------------------------


def test_a_quick_reply_does_not_spoil_the_proof_of_a_notice() -> None:
    notice = Prompt("This call is recorded.", GREETING.ulaw, must_hear=True)
    call = Call(replace(LOCAL, greeting=notice), far_end=FarEnd(0.1, 0.3))
    call.wait(2.04)
    call.say(0.6)
    call.wait(2.0)
    assert call.took(ClearCaller) == []
    assert call.notes()[1].proved_ms == 2000


def test_who_speaks_before_the_model_has_begun_a_notice_does_not_undo_it() -> None:
    call = Call(replace(LOCAL, greeting=Prompt("It is recorded.", must_hear=True)))
    call.wait(0.3)
    call.say(1.2)
    assert call.phase == "waiting"
    call.answer("r1", ms=2000)
    call.wait(3.5)
    assert note_of(call, "r1").heard_ms == 2000
    call.turn("i1")
    call.answer("r2", ms=4000)
    call.wait(1.0)
    call.say(0.6)
    assert call.phase == "tentative"  # only the notice had to be heard


# ---- the model's own VAD -------------------------------------------------------------


def test_an_answer_that_is_empty_is_asked_for_again_whoever_asked() -> None:
    call = asked(SERVER)
    call.give(TurnCommitted("i2"), CallerText("i2", "What is the price"))
    assert len(call.took(AskForReply)) == 1
    call.give(ReplyStarted("r2"), ReplyDone("r2"))
    assert len(call.took(AskForReply)) == 2


def test_late_words_while_the_models_own_answer_is_due_are_answered_too() -> None:
    hard = replace(SERVER, barge_in=HARD.barge_in, stall_s=20.0)
    call = Call(replace(hard, fillers=(LONG_FILLER,)))
    call.wait(0.5)
    call.give(ServerSpeechStarted(), ServerSpeechStopped(), TurnCommitted("i1"))
    call.wait(5.5)
    call.hear(VOICE[:1920])
    call.wait(0.9)
    assert call.phase == "waiting"
    call.give(TurnCommitted("i2"), CallerText("i2", "forget it, tell me the price"))
    assert len(call.took(AskForReply)) == 1
    call.answer("r1", ms=500)  # to that, or of its own: one of them is to be heard
    assert call.phase == "speaking"
    assert len(call.took(AskForReply)) == 1


def test_who_goes_on_while_the_models_own_answer_is_due_is_heard_by_us() -> None:
    call = Call(SERVER)
    call.wait(0.5)
    call.say(0.6)
    call.give(ServerSpeechStarted())
    call.wait(0.4)
    call.give(ServerSpeechStopped(), TurnCommitted("i1"), ReplyStarted("r1"))
    since = call.now
    call.say(1.0)
    assert call.phase == "caller"
    call.give(ServerSpeechStarted(), ServerSpeechStopped())  # not asked any more
    assert call.phase == "caller"
    call.wait(1.0)
    assert call.phase == "waiting"
    assert len(call.took(CommitAudio, since)) == 1
    call.give(ReplyDone("r1"), TurnCommitted("i2"))
    assert call.took(AskForReply, since) == [AskForReply()]
