"""A call from greeting to hang-up, with our VAD as the owner of turns."""

from dataclasses import replace
from typing import Any

import pytest

from tests.bridge.calls import (
    BUSINESS,
    GREETING,
    SILENCE,
    VOICE,
    Call,
    kinds,
    pcm,
)
from voicebot.bridge.model import (
    AmendReply,
    AppendAudio,
    AskForReply,
    AskToSay,
    BotAudio,
    BotText,
    CallerAudio,
    CallerKey,
    CallerText,
    CancelReply,
    ClearCaller,
    CommitAudio,
    MarkReturned,
    ModelRefused,
    PlayToCaller,
    ReplyDone,
    ReplyStarted,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionReady,
    TurnCommitted,
)
from voicebot.bridge.settings import Listening, Prompt, Settings


def settings(**changes: Any) -> Settings:
    return replace(BUSINESS, **changes)


# ---- the greeting ----------------------------------------------------------------


def test_a_rendered_greeting_plays_at_once_and_needs_no_model() -> None:
    call = Call(settings(greeting=GREETING), ready=False)
    assert call.phase == "speaking"
    assert call.took(PlayToCaller)[0].at == call.now
    call.wait(2.5)
    assert call.phase == "listening"
    assert call.played_ms() == 2000
    assert call.far_end.gaps_s == []
    note = call.notes()[1]
    assert note.response_id == "prompt:greeting"
    assert note.heard_text == note.generated_text == "Good morning!"
    assert (note.started_ms, note.heard_ms, note.interrupted) == (0, 2000, False)
    assert note.reply_ms is None


def test_a_greeting_that_was_not_rendered_is_asked_of_the_model() -> None:
    call = Call(settings(greeting=Prompt("Good morning!")), ready=False)
    assert call.phase == "waiting"
    call.wait(1.0)
    assert call.took(AskToSay) == []
    assert call.give(SessionReady()) == [AskToSay("Good morning!")]
    call.answer("r1")
    assert call.phase == "speaking"
    call.wait(3.0)
    assert call.phase == "listening"


def test_without_a_greeting_the_caller_has_the_floor() -> None:
    call = Call(settings(greeting=Prompt("")), ready=False)
    assert call.phase == "listening"
    assert call.log == []


def test_a_caller_who_speaks_before_the_model_greets_is_listened_to() -> None:
    call = Call(settings(greeting=Prompt("Good morning!"), protect_s=1.0), ready=False)
    call.say(1.0)
    call.wait(1.0)
    sent = call.give(SessionReady())
    assert AskToSay("Good morning!") not in sent  # the model never hears of it
    assert kinds(sent)[-2:] == ["CommitAudio", "AskForReply"]
    call.give(TurnCommitted("i1"))
    call.answer("r1")
    call.say(0.4)
    assert call.phase == "caller"  # an answer isn't protected, a greeting would be


# ---- a turn of the caller --------------------------------------------------------


def test_a_turn_is_appended_committed_and_answered_in_this_order() -> None:
    call = Call(settings())
    call.wait(1.0)
    assert call.log == []
    orders = kinds(call.turn())
    end = orders.index("CommitAudio")
    assert set(orders[:end]) == {"AppendAudio"}
    assert orders[end:] == ["CommitAudio", "AskForReply", "NoteTurn"]
    assert call.phase == "waiting"
    call.answer()
    assert call.phase == "speaking"
    call.wait(2.5)
    assert call.phase == "listening"


def test_the_first_word_of_a_turn_is_not_clipped() -> None:
    call = Call(settings())
    call.wait(1.0)
    began_at = call.now
    call.say(0.5)
    first = call.took(AppendAudio)[0]
    heard_s = len(first.pcm16) / 48_000
    noticed_at = next(at for at, each in call.log if each is first)
    assert noticed_at - heard_s <= began_at - 0.2


def test_a_short_turn_is_padded_to_what_the_model_takes() -> None:
    call = Call(settings(listening=Listening(end_silence_ms=200)))
    call.wait(0.5)
    call.turn(seconds=0.3)
    appended = sum(len(each.pcm16) for each in call.took(AppendAudio))
    assert appended == 48 * 1100


def test_no_append_is_ever_empty() -> None:
    for extra in range(6):
        call = Call(settings())
        call.wait(0.5)
        call.turn(seconds=2.0 + extra / 50)
        assert all(append.pcm16 for append in call.took(AppendAudio))


def test_what_was_said_before_the_model_was_ready_is_kept_in_order() -> None:
    call = Call(settings(), ready=False)
    call.wait(0.5)
    call.say(1.0)
    call.wait(1.0)
    assert call.phase == "waiting"
    assert kinds(each for _, each in call.log) == []
    released = kinds(call.give(SessionReady()))
    assert released[-2:] == ["CommitAudio", "AskForReply"]
    assert set(released[:-2]) == {"AppendAudio"}


def test_a_turn_is_written_down_as_it_becomes_known() -> None:
    call = Call(settings())
    call.wait(0.5)
    call.turn("i1")
    note = call.notes()[1]
    assert (note.who, note.item_id, note.heard_text) == ("caller", "i1", "")
    assert note.started_ms == pytest.approx(560, abs=60)
    assert note.ended_ms == pytest.approx(1400, abs=100)  # not the silence behind it
    call.answer()
    call.give(CallerText("i1", "Can I come on Friday?"))
    assert call.notes()[1].heard_text == "Can I come on Friday?"
    assert call.notes()[1].started_ms == note.started_ms


def test_words_of_an_unknown_item_are_no_turn() -> None:
    call = Call(settings())
    assert call.give(CallerText("i7", "hello")) == []


def test_an_answer_says_how_long_the_caller_waited_for_it() -> None:
    call = Call(settings(listening=Listening(end_silence_ms=400)))
    call.wait(0.5)
    call.turn()
    call.wait(0.3)
    call.answer()
    call.wait(3.0)
    reply = call.notes()[2]
    assert reply.reply_ms == reply.started_ms - call.notes()[1].ended_ms
    assert 700 <= reply.reply_ms <= 760


def test_the_wait_is_measured_to_the_answer_that_has_sound() -> None:
    call = Call(settings(greeting=GREETING))
    call.wait(2.5)
    call.turn()
    call.give(ReplyStarted("r1"), BotText("r1", "Hm"), ReplyDone("r1"))  # no sound
    call.answer("r2")
    call.wait(3.0)
    replies = {note.response_id: note.reply_ms for note in call.notes().values()}
    assert replies["prompt:greeting"] is None
    assert replies["r1"] is None
    assert replies["r2"] == pytest.approx(600, abs=80)


def test_an_answer_without_an_end_of_the_turn_has_no_wait() -> None:
    """A turn that turned out to be noise is not what the next answer answers."""
    call = Call(settings(owner="server"))
    call.give(ServerSpeechStarted(), ServerSpeechStopped())
    call.give(ReplyStarted("r1"), ReplyDone("r1"))  # silent, is asked for again
    call.give(ReplyStarted("r2"), ReplyDone("r2"))  # silent again
    assert call.phase == "listening"
    call.wait(5.0)
    call.answer("r3")
    call.wait(3.0)
    (note,) = (each for each in call.notes().values() if each.response_id == "r3")
    assert note.reply_ms is None


def test_a_click_is_no_turn() -> None:
    call = Call(settings())
    call.wait(0.5)
    call.say(0.06)
    call.wait(2.0)
    assert call.log == []
    assert call.phase == "listening"


def test_a_caller_who_never_pauses_is_answered_at_the_longest_turn() -> None:
    call = Call(settings(listening=Listening(end_silence_ms=900, max_turn_ms=3000)))
    call.wait(0.5)
    call.say(3.5)
    assert CommitAudio() in call.took(CommitAudio)
    assert call.phase == "caller"  # and goes on: that answer is withdrawn


def test_server_events_mean_nothing_when_our_vad_owns_turns() -> None:
    call = Call(settings())
    assert call.give(ServerSpeechStarted(), ServerSpeechStopped()) == []
    assert call.phase == "listening"


# ---- noise -----------------------------------------------------------------------


def test_a_turn_without_speech_leaves_the_floor_to_the_caller() -> None:
    call = Call(settings())
    call.wait(0.5)
    call.say(0.6)
    call.wait(1.0)
    assert call.phase == "waiting"
    actions = call.give(ModelRefused("no_speech"))
    assert kinds(actions) == ["NoteTurn"]
    assert call.phase == "listening"
    assert call.notes()[1].item_id is None


def test_noise_that_cut_off_an_answer_lets_it_be_asked_for_again() -> None:
    call = Call(settings())
    call.wait(0.5)
    call.turn("i1")
    call.say(0.6)  # noise, while the answer is due
    assert call.phase == "caller"
    call.give(ReplyStarted("r1"))
    assert call.took(CancelReply)
    call.give(ReplyDone("r1"))
    call.wait(1.0)
    asked = len(call.took(AskForReply))
    actions = call.give(ModelRefused("no_speech"))
    assert kinds(actions) == ["NoteTurn", "AskForReply"]
    assert len(call.took(AskForReply)) == asked + 1
    assert call.phase == "waiting"
    call.answer("r2")
    assert call.phase == "speaking"
    call.wait(3.0)
    call.say(0.6)  # noise again, but all is answered by now
    call.wait(1.0)
    call.give(ModelRefused("no_speech"))
    assert call.phase == "listening"


def test_the_refusal_of_an_older_turn_does_not_end_the_newer_one() -> None:
    call = Call(settings())
    call.wait(0.5)
    call.say(0.6)
    call.wait(0.6)
    call.say(0.6)
    assert call.phase == "caller"
    call.give(ModelRefused("no_speech"))
    assert call.phase == "caller"
    call.wait(1.0)
    call.give(TurnCommitted("i2"))
    assert call.notes()[2].item_id == "i2"
    assert call.notes()[1].item_id is None


# ---- the caller goes on ----------------------------------------------------------


def test_a_caller_who_goes_on_gets_one_answer_and_not_the_old_one() -> None:
    call = Call(settings())
    call.wait(0.5)
    call.turn("i1")
    call.give(ReplyStarted("r1"), BotText("r1", "Well,"))
    actions = call.say(0.8)
    assert call.phase == "caller"
    assert kinds(actions)[0] == "CancelReply"
    assert call.took(ClearCaller) == []  # nothing was playing
    assert call.give(BotAudio("r1", pcm(2000))) == []  # late
    call.wait(1.0)
    asked = len(call.took(AskForReply))
    call.give(TurnCommitted("i2"))
    assert call.give(ReplyDone("r1")) == [AmendReply("r1", ""), AskForReply()]
    assert len(call.took(AskForReply)) == asked + 1
    call.answer("r2")
    call.wait(3.0)
    assert call.phase == "listening"
    assert call.played_ms() == 2000


def test_what_was_buffered_of_an_answer_that_was_withdrawn_is_never_heard() -> None:
    call = Call(settings())
    call.wait(0.5)
    call.turn("i1")
    call.give(ReplyStarted("r1"), BotText("r1", "Yes"), BotAudio("r1", pcm(200)))
    assert call.phase == "waiting"  # too little of it to begin
    call.say(0.8)
    assert call.took(ClearCaller) == []
    note = call.notes()[2]
    assert (note.response_id, note.heard_ms, note.heard_text) == ("r1", 0, "")
    assert note.interrupted
    call.give(ReplyDone("r1"))
    call.wait(1.0)
    assert call.took(PlayToCaller) == []


def test_an_answer_collides_with_an_older_one_and_is_asked_for_when_that_is_over() -> (
    None
):
    call = Call(settings())
    call.wait(0.5)
    call.turn("i1")
    call.give(ReplyStarted("r1"))
    call.say(0.8)
    call.wait(1.0)
    call.give(ReplyDone("r1"))  # asks again, but the model isn't through
    assert call.give(ModelRefused("ongoing_response")) == []
    assert call.phase == "waiting"
    assert call.give(ReplyDone("r1")) == [AskForReply()]
    call.answer("r2")
    assert call.phase == "speaking"


def test_an_answer_that_nobody_asked_for_is_not_heard() -> None:
    call = Call(settings())
    call.wait(0.5)
    assert call.give(ReplyStarted("r1")) == [CancelReply()]
    assert call.give(BotAudio("r1", pcm(2000)), BotText("r1", "Hi")) == []
    assert call.phase == "listening"


# ---- answers ---------------------------------------------------------------------


def test_an_answer_without_a_sound_is_asked_for_once_more() -> None:
    call = Call(settings())
    call.wait(0.5)
    call.turn()
    actions = call.give(ReplyStarted("r1"), ReplyDone("r1"))
    assert kinds(actions) == ["AskForReply"]
    assert call.phase == "waiting"
    assert kinds(call.give(ReplyStarted("r2"), ReplyDone("r2"))) == []
    assert call.phase == "listening"


def test_an_answer_starts_even_if_nothing_announced_it() -> None:
    call = Call(settings())
    call.wait(0.5)
    call.turn()
    call.give(BotAudio("r1", pcm(1000)))
    assert call.phase == "speaking"


def test_text_before_audio_keeps_nobody_awake() -> None:
    call = Call(settings())
    call.wait(0.5)
    call.turn()
    call.give(ReplyStarted("r1"), BotText("r1", "Yes"))
    deadline = call.bridge.next_deadline()
    assert deadline is not None
    assert deadline > call.now + 1


def test_an_answer_that_runs_dry_keeps_nobody_awake() -> None:
    call = Call(settings())
    call.wait(0.5)
    call.turn()
    call.answer(ms=500, done=False)
    call.wait(1.0)
    deadline = call.bridge.next_deadline()
    assert deadline is not None
    assert deadline > call.now + 1
    assert call.phase == "speaking"  # more may come


def test_a_key_shows_that_the_caller_is_there() -> None:
    call = Call(settings(idle_s=5.0))
    call.wait(4.0)
    call.give(CallerKey("1"))
    call.wait(4.0)
    assert call.phase == "listening"
    call.wait(1.1)
    assert call.phase == "closing"


def decisions(chunk: int) -> list[tuple[float, str]]:
    """When what was decided about a turn, if the line comes in such chunks."""
    call, line = Call(settings()), SILENCE * 25 + VOICE[:8000] + SILENCE * 50
    for at in range(0, len(line), chunk):
        call.now = 101.0 + min(len(line), at + chunk) / 8000
        call.give(CallerAudio(line[at : at + chunk]))
    names = ((at, type(action).__name__) for at, action in call.log)
    kept = ("CommitAudio", "AskForReply", "CancelReply", "HangUp")
    return [(at, name) for at, name in names if name in kept]


@pytest.mark.parametrize("chunk", [1, 33, 320, 800, 1600, 16_000])
def test_the_line_may_be_cut_into_chunks_of_any_size(chunk: int) -> None:
    expected, found = decisions(160), decisions(chunk)
    assert [name for _, name in found] == ["CommitAudio", "AskForReply"]
    for (at, name), (expected_at, expected_name) in zip(found, expected, strict=True):
        assert name == expected_name
        assert abs(at - expected_at) <= chunk / 8000 + 0.02


def test_marks_that_never_come_back_hold_nothing_up() -> None:
    call = Call(settings(), marks=False)
    call.wait(0.5)
    call.turn("i1")
    call.answer("r1")
    call.wait(2.5)
    assert call.phase == "listening"
    assert call.give(MarkReturned("g0.99")) == []


def test_audio_reaches_the_caller_without_gaps() -> None:
    call = Call(settings())
    call.wait(0.5)
    call.turn()
    call.give(ReplyStarted("r1"))
    for _ in range(20):  # barely faster than real time, in bursts
        call.give(BotAudio("r1", pcm(400)))
        call.wait(0.38)
    call.give(ReplyDone("r1"))
    call.wait(2.0)
    assert call.played_ms() == 8000
    assert call.far_end.gaps_s == []
