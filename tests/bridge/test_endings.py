"""How a call ends: for one reason, with the words for it, once, and in time."""

from dataclasses import replace

import pytest

from tests.bridge.calls import (
    BUSINESS,
    GOODBYE,
    GREETING,
    PHASES,
    Call,
    in_phase,
    kinds,
    pcm,
)
from voicebot.bridge.model import (
    AskForReply,
    AskToSay,
    BotAudio,
    BotText,
    CallerAudio,
    CallerText,
    CancelReply,
    ClearCaller,
    DeadlineReached,
    Ending,
    EndRequested,
    HangUp,
    MarkReturned,
    PeerLost,
    PlayToCaller,
    ReplyDone,
    ReplyStarted,
    SessionReady,
    TurnCommitted,
)
from voicebot.bridge.settings import Prompt, Settings


def said(call: Call, since: float) -> int:
    """How many ms of audio were sent from then on."""
    return sum(len(play.ulaw) for play in call.took(PlayToCaller, since)) // 8


# ---- limits ----------------------------------------------------------------------


def test_nobody_speaks_so_the_bot_says_goodbye() -> None:
    call = in_phase("listening", idle_s=5.0)
    call.wait(4.4)
    assert call.phase == "listening"
    call.wait(0.2)
    assert call.phase == "closing"
    call.wait(1.5)
    assert call.ending == "idle"
    assert call.played_ms() == 800


def test_the_idle_clock_starts_when_the_last_word_was_heard() -> None:
    call = Call(Settings(greeting=GREETING, idle_s=5.0))
    call.wait(6.9)
    assert call.phase == "listening"
    call.wait(0.2)
    assert call.ending == "idle"


@pytest.mark.parametrize("phase", PHASES[:-1])
def test_a_call_that_lasts_too_long_ends_with_a_goodbye(phase: str) -> None:
    call = in_phase(phase, duration_s=3.5)
    call.wait(max(0.0, 3.4 + 100 - call.now))
    if call.phase == "caller":
        call.say(0.2)
    call.wait(5.0)
    assert call.ending == "max_duration"
    assert said(call, 103.4) >= 800


def test_a_line_without_frames_is_dead() -> None:
    call = in_phase("speaking", no_media_s=4.0)
    last = call.now
    call.wait(60.0, line=False)
    assert call.ending == "no_media"
    assert call.log[-1][0] == pytest.approx(last + 4.0)


def test_a_line_that_dies_while_we_say_goodbye_is_dead() -> None:
    call = in_phase("closing", no_media_s=0.3)
    call.wait(60.0, line=False)
    assert call.ending == "no_media"


def test_a_model_that_does_not_open_its_session_is_apologised_for() -> None:
    call = Call(replace(BUSINESS, greeting=GREETING, ready_s=5.0), ready=False)
    call.wait(4.9)
    assert call.phase == "listening"
    call.wait(2.0)
    assert call.ending == "stepfun_refused"
    assert said(call, 104.9) == 1200


def test_a_model_that_is_ready_too_late_is_not_asked_for_anything() -> None:
    call = Call(Settings(ready_s=1.0, greeting=Prompt("Good morning!")), ready=False)
    call.wait(1.1)
    assert call.ending == "stepfun_refused"
    assert call.give(SessionReady()) == []
    assert call.took(AskToSay) == []


# ---- a model that says nothing ---------------------------------------------------


def test_an_answer_that_does_not_come_is_asked_for_once_more_then_we_apologise() -> (
    None
):
    call = in_phase("waiting", stall_s=6.0)
    asked_at = call.now
    call.wait(5.9)
    assert len(call.took(AskForReply)) == 1
    call.wait(0.2)
    assert len(call.took(AskForReply)) == 2
    call.wait(5.7)
    assert call.phase == "waiting"
    call.wait(0.3)
    assert call.phase == "closing"
    call.wait(2.0)
    assert call.ending == "stepfun_stalled"
    assert said(call, asked_at) == 1200


def test_the_second_request_may_be_answered() -> None:
    call = in_phase("waiting")
    call.wait(6.1)
    call.answer("r2")
    call.wait(3.0)
    assert call.phase == "listening"
    call.turn("i2")
    call.wait(6.1)
    assert call.phase == "waiting"  # each turn may be asked for twice


def test_an_answer_that_begins_and_hangs_is_cancelled_and_asked_for_again() -> None:
    call = in_phase("waiting")
    call.give(ReplyStarted("r1"), BotAudio("r1", pcm(200)))
    call.wait(6.1)
    assert call.phase == "waiting"
    assert call.took(CancelReply) == [CancelReply()]
    assert len(call.took(AskForReply)) == 2
    call.answer("r2", ms=1000)
    call.wait(2.0)
    assert call.played_ms() == 1000  # nothing of r1
    assert call.phase == "listening"


@pytest.mark.parametrize("rest_ms", [0, 10, 250])
def test_an_answer_that_breaks_off_is_heard_to_where_it_did(rest_ms: int) -> None:
    call = in_phase("waiting")
    call.answer("r1", ms=1000, done=False)
    call.wait(1.5)
    call.give(BotAudio("r1", pcm(rest_ms)))  # too little to go on
    call.wait(5.8)
    assert call.phase == "speaking"
    call.wait(0.8)
    assert call.phase == "listening"
    assert call.took(CancelReply) == [CancelReply()]
    assert call.played_ms() == pytest.approx(1000 + rest_ms)
    note = call.notes()[2]
    assert note.heard_ms == 1000 + rest_ms
    assert note.heard_text == "Yes, of course."
    assert note.interrupted  # the model had more to say, or not: nobody knows
    assert call.give(BotAudio("r1", pcm(500))) == []


def test_of_an_answer_that_broke_off_the_log_claims_no_words_behind_its_audio() -> None:
    call = in_phase("waiting")
    text = "We are open from nine to five on weekdays, and on Saturdays until noon."
    call.give(ReplyStarted("r1"), BotText("r1", text), BotAudio("r1", pcm(1000)))
    call.wait(8.0)
    note = call.notes()[max(call.notes())]
    assert note.generated_text == text
    assert "We are" in note.heard_text
    assert "Saturdays" not in note.heard_text
    assert note.interrupted


def test_a_slow_answer_is_not_broken_off() -> None:
    call = in_phase("waiting")
    call.give(ReplyStarted("r1"))
    for _ in range(4):
        call.give(BotAudio("r1", pcm(400)))
        call.wait(5.0)
    assert call.phase == "speaking"
    assert call.took(CancelReply) == []


# ---- farewells -------------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
def test_a_farewell_of_the_caller_ends_the_call_unless_it_wasnt_the_last_word(
    phase: str,
) -> None:
    call = in_phase(phase)
    if phase in ("listening", "closing"):
        call.give(TurnCommitted("i1"))
    elif phase == "caller":
        call.wait(1.0)
        call.give(TurnCommitted("i1"))
        call.say(0.6)
        assert call.phase == "caller"
    call.give(CallerText("i1", "OK, bye!"))
    call.wait(4.0) if phase != "caller" else call.say(1.0)
    if phase == "caller":
        assert call.phase == "caller"
    else:
        assert call.ending == ("drain" if phase == "closing" else "bot_goodbye")


def test_the_answer_to_a_farewell_is_the_goodbye() -> None:
    call = in_phase("speaking")
    call.give(CallerText("i1", "Thanks, bye!"))
    before = call.played_ms()
    call.wait(2.4)
    assert call.phase == "speaking"
    call.wait(0.5)
    assert call.ending == "bot_goodbye"
    assert call.played_ms() == 3000 > before  # and nothing was added to it


def test_a_caller_who_speaks_after_the_farewell_has_more_to_say() -> None:
    call = in_phase("speaking")
    call.give(CallerText("i1", "Thanks, bye!"))
    call.say(0.6)
    call.wait(1.0)
    call.give(TurnCommitted("i2"))
    call.answer("r2")
    call.wait(3.0)
    assert call.phase == "listening"


def test_a_farewell_of_an_earlier_turn_ends_nothing() -> None:
    call = in_phase("speaking")
    call.say(0.6)
    call.wait(1.0)
    call.give(TurnCommitted("i2"))
    call.give(CallerText("i1", "bye"))  # its transcript comes late
    assert call.phase == "waiting"


def test_goodbye_is_said_in_place_of_an_answer_that_is_due() -> None:
    call = in_phase("waiting")
    call.give(ReplyStarted("r1"), BotAudio("r1", pcm(200)))
    actions = call.give(CallerText("i1", "bye"))
    assert CancelReply() in actions
    assert call.took(ClearCaller) == []
    call.wait(2.0)
    assert call.played_ms() == 800  # nothing of r1
    assert call.ending == "bot_goodbye"


# ---- peers -----------------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("ending", [Ending.CALLER_HANGUP, Ending.TWILIO_LOST])
def test_a_caller_who_is_gone_ends_the_call_at_once(phase: str, ending: Ending) -> None:
    call = in_phase(phase)
    actions = call.give(PeerLost(ending))
    assert actions[-1] == HangUp(ending)
    assert call.phase == "ended"
    assert call.bridge.next_deadline() is None
    assert call.give(SessionReady(), BotAudio("r1", pcm(1000)), DeadlineReached()) == []
    if phase in ("speaking", "closing"):
        assert call.notes()[max(call.notes())].interrupted
    if phase == "caller":
        assert call.notes()[1].heard_ms > 300


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("ending", [Ending.STEPFUN_LOST, Ending.STEPFUN_REFUSED])
def test_a_model_that_is_gone_is_apologised_for(phase: str, ending: Ending) -> None:
    call = in_phase(phase)
    since = call.now
    call.give(PeerLost(ending))
    assert call.phase == "closing"
    call.wait(3.0)
    if phase == "closing":
        assert call.ending == "drain"  # we were about to go anyway
    else:
        assert call.ending == ending
        assert said(call, since) == 1200


def test_a_goodbye_that_the_model_was_saying_ends_where_the_model_does() -> None:
    call = in_phase("listening", goodbye=Prompt("Goodbye, and thanks for calling!"))
    call.give(EndRequested(Ending.DRAIN))
    call.give(ReplyStarted("r1"), BotAudio("r1", pcm(500)))
    call.wait(0.2)
    call.give(PeerLost(Ending.STEPFUN_LOST))
    call.wait(0.6)
    assert call.ending == "drain"
    assert call.played_ms() == 500


def test_what_the_caller_said_last_is_in_the_log_though_the_model_never_took_it() -> (
    None
):
    call = in_phase("listening")
    call.say(0.6)
    call.wait(0.7)
    assert call.phase == "waiting"
    call.give(PeerLost(Ending.CALLER_HANGUP))
    assert call.notes()[1].who == "caller"


# ---- the last words --------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
def test_an_end_that_was_requested_is_polite(phase: str) -> None:
    call = in_phase(phase)
    since = call.now
    call.give(EndRequested(Ending.DRAIN))
    assert call.phase == "closing"
    call.wait(2.0)
    assert call.ending == "drain"
    if phase != "closing":
        assert said(call, since) == 800
        note = call.notes()[max(call.notes())]
        assert note.response_id == "prompt:drain"
        assert note.heard_text == "Goodbye!"


def test_without_words_the_end_is_at_once() -> None:
    call = Call(Settings())
    assert call.give(EndRequested(Ending.DRAIN)) == [HangUp(Ending.DRAIN)]


def test_the_end_waits_for_the_mark_behind_the_last_word() -> None:
    call = Call(Settings(goodbye=GOODBYE))
    call.far_end.there_s = call.far_end.back_s = 0.3
    call.give(EndRequested(Ending.DRAIN))
    call.wait(1.38)
    assert call.phase == "closing"
    call.wait(0.04)
    assert call.ending == "drain"


def test_but_not_for_ever() -> None:
    call = Call(Settings(goodbye=GOODBYE), marks=False)
    call.give(EndRequested(Ending.DRAIN))
    call.wait(2.7)
    assert call.phase == "closing"
    call.wait(0.3)
    assert call.ending == "drain"


def test_the_mark_of_what_was_cleared_is_not_the_mark_behind_the_last_word() -> None:
    call = in_phase("speaking")
    call.far_end.back_s = 0.5
    call.give(EndRequested(Ending.DRAIN))
    call.give(MarkReturned("g0.1"), MarkReturned("g0.2"), MarkReturned("g0.3"))
    call.wait(0.9)
    assert call.phase == "closing"


def test_a_goodbye_that_was_not_rendered_is_asked_of_the_model() -> None:
    call = in_phase("speaking", goodbye=Prompt("Goodbye!"))
    actions = call.give(EndRequested(Ending.DRAIN))
    assert actions[-1] == AskToSay("Goodbye!")
    call.answer("r2", ms=900)
    call.wait(0.9)
    assert call.phase == "closing"
    call.wait(0.2)
    assert call.ending == "drain"


def test_a_goodbye_waits_for_the_answer_that_it_cancels() -> None:
    call = in_phase("waiting", goodbye=Prompt("Goodbye!"))
    call.give(ReplyStarted("r1"), BotAudio("r1", pcm(1000)))
    call.wait(0.2)
    call.give(EndRequested(Ending.DRAIN))
    assert call.took(AskToSay) == []
    assert call.give(ReplyDone("r1")) == [AskToSay("Goodbye!")]


def test_a_model_that_says_no_goodbye_is_not_waited_for_for_long() -> None:
    call = in_phase("listening", goodbye=Prompt("Goodbye!"), stall_s=6.0)
    call.give(EndRequested(Ending.DRAIN))
    call.wait(7.9)
    assert call.phase == "closing"
    call.wait(1.0)
    assert call.ending == "drain"


def test_a_long_goodbye_of_the_model_is_heard_to_its_end() -> None:
    text = "Thank you very much for calling Linden Dental. " * 4
    call = in_phase("listening", goodbye=Prompt(text))
    call.give(EndRequested(Ending.DRAIN))
    call.wait(5.0)
    call.answer("r1", ms=8000)
    call.wait(8.2)
    assert call.ending == "drain"
    assert call.far_end.position(call.now) == 64_000


def test_the_callers_voice_changes_nothing_while_we_say_goodbye() -> None:
    call = in_phase("closing")
    since = call.now + 0.001
    call.say(0.5)
    sent = {name for name in kinds(each for at, each in call.log if at > since)}
    assert sent <= {"PlayToCaller", "MarkCaller"}
    assert call.phase == "closing"


def test_nothing_follows_the_end() -> None:
    call = in_phase("listening")
    call.give(PeerLost(Ending.CALLER_HANGUP))
    for event in (CallerAudio(bytes(160)), EndRequested(Ending.DRAIN)):
        assert call.give(event) == []
    assert call.bridge.next_deadline() is None
