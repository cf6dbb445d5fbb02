"""Our own words, a model that isn't to answer, and calls without one."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bridge.calls import (
    APOLOGY,
    GOODBYE,
    GREETING,
    PHASES,
    Call,
    in_phase,
    kinds,
    pcm,
)
from tests.bridge.test_any_order import anything, endings, wake, wanted
from tests.bridge.test_tentative import asked, paused
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import (
    Action,
    AmendReply,
    Answering,
    AskForReply,
    AskToSay,
    BotAudio,
    BotText,
    CallerAudio,
    CallerText,
    CancelReply,
    ClearCaller,
    CommitAudio,
    DeadlineReached,
    Ending,
    EndRequested,
    Event,
    FindTurns,
    HangUp,
    MarkReturned,
    ModelGone,
    ModelOptional,
    ModelRefused,
    NoteHeard,
    NoteTurn,
    PeerLost,
    Phase,
    PlayToCaller,
    ReplyDone,
    ReplyStarted,
    ReplyWanted,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionReady,
    Speak,
    StopSpeaking,
    TurnCommitted,
)
from voicebot.bridge.settings import BargeIn, Prompt, Settings

OURS = b"\x11" * 8000  # a second of something that no voice is
PROMPT = Prompt("Press one.", OURS)
MUST = Prompt("Press one.", OURS, must_hear=True)
UNRENDERED = Prompt("Press two.")
MENU = Speak("menu", PROMPT)
OFF, ON = Answering(on=False), Answering(on=True)
LOST = PeerLost(Ending.STEPFUN_LOST)


def heard(call: Call) -> list[tuple[str, int, bool]]:
    """What became of our words, and the model's, in order."""
    notes = call.took(NoteHeard)
    return [(note.response_id, note.heard_ms, note.whole) for note in notes]


def overheard() -> Call:
    """The bot has paused and goes on; the words it paused for are still to come."""
    call = paused()
    while call.phase == "tentative":
        call.wait(0.02)
    assert call.phase == "speaking"
    return call


def sent(call: Call, since: float = 0.0) -> bytes:
    return b"".join(play.ulaw for play in call.took(PlayToCaller, since))


# ---- Speak -----------------------------------------------------------------------


def test_our_words_are_said_at_once_if_nobody_speaks() -> None:
    call = in_phase("listening")
    call.give(MENU)
    assert call.phase == "speaking"
    call.wait(1.2)
    assert call.phase == "listening"
    assert sent(call) == OURS
    assert heard(call) == [("prompt:menu", 1000, True)]
    (note,) = call.notes().values()
    assert (note.response_id, note.heard_text) == ("prompt:menu", "Press one.")


def test_they_follow_what_is_being_said_without_a_gap() -> None:
    call = in_phase("speaking")
    call.give(MENU)
    call.wait(4.0)
    assert sent(call)[-8000:] == OURS
    assert len(sent(call)) == 8 * 4000
    assert call.far_end.gaps_s == []
    assert heard(call) == [("r1", 3000, True), ("prompt:menu", 1000, True)]


def test_they_wait_for_an_answer_that_is_not_complete() -> None:
    call = in_phase("waiting")
    call.answer("r1", ms=500, done=False)
    call.wait(0.2)
    call.give(MENU, BotAudio("r1", pcm(500)))
    call.wait(0.3)
    call.give(BotAudio("r1", pcm(500)), ReplyDone("r1"))
    call.wait(3.0)
    assert b"\x11" not in sent(call)[: 8 * 1500]
    assert heard(call) == [("r1", 1500, True), ("prompt:menu", 1000, True)]


def test_an_answer_that_is_due_comes_behind_them() -> None:
    call = in_phase("waiting")
    call.give(MENU)
    call.wait(0.5)
    call.answer("r1", ms=1000)
    call.wait(2.0)
    assert sent(call).startswith(OURS)
    assert heard(call) == [("prompt:menu", 1000, True), ("r1", 1000, True)]
    (answer,) = (note for note in call.notes().values() if note.response_id == "r1")
    assert answer.reply_ms is not None, "it still answers the caller"


def test_an_answer_that_is_late_is_waited_for_behind_them() -> None:
    call = in_phase("waiting")
    call.give(MENU)
    call.wait(1.2)
    assert call.phase == "waiting"
    call.wait(6.0)
    assert len(call.took(AskForReply)) == 2


def test_they_wait_until_the_caller_has_finished() -> None:
    call = in_phase("caller")
    call.give(MENU)
    call.say(0.4)
    assert call.phase == "caller"
    assert sent(call) == b""
    call.wait(1.0)
    assert sent(call).startswith(OURS[:160])


def test_what_waits_survives_a_barge_in() -> None:
    call = in_phase("speaking")
    call.give(MENU)
    call.say(0.4)
    assert call.phase == "caller"
    call.wait(1.0)
    call.give(TurnCommitted("i2"))
    assert heard(call)[0][0::2] == ("r1", False)
    call.wait(1.0)
    assert heard(call)[1] == ("prompt:menu", 1000, True)


def test_what_is_said_is_cut_by_the_caller() -> None:
    call = in_phase("listening")
    call.give(MENU)
    call.say(0.6)
    ((name, ms, whole),) = heard(call)
    assert (name, whole) == ("prompt:menu", False)
    assert 100 < ms < 600
    assert call.took(AmendReply) == []  # the model knows nothing of it


def test_words_that_must_be_heard_are_not() -> None:
    call = in_phase("listening")
    call.give(Speak("menu", MUST))
    call.say(0.6)
    call.wait(1.0)
    assert heard(call) == [("prompt:menu", 1000, True)]


def test_late_words_of_the_caller_are_answered_behind_what_must_be_heard() -> None:
    call = overheard()
    call.give(TurnCommitted("i2"), Speak("menu", MUST, cut=True))
    call.give(CallerText("i2", "Wait, I want something else."))
    call.wait(1.2)
    assert heard(call)[-1] == ("prompt:menu", 1000, True)
    assert len(call.took(AskForReply)) == 2


def test_they_can_take_the_place_of_what_is_being_said() -> None:
    call = in_phase("speaking")
    at = call.now
    actions = call.give(Speak("menu", PROMPT, cut=True))
    assert kinds(actions)[:2] == ["ClearCaller", "NoteTurn"]
    assert call.took(AmendReply)
    call.wait(1.3)
    assert sent(call, at) == OURS
    assert call.phase == "listening"
    assert heard(call)[-1] == ("prompt:menu", 1000, True)


def test_they_can_take_the_place_of_an_answer_that_is_due() -> None:
    call = in_phase("waiting")
    call.give(Speak("menu", PROMPT, cut=True), ReplyStarted("r1"))
    assert call.took(CancelReply)
    call.wait(8.0)
    assert call.phase == "listening"
    assert len(call.took(AskForReply)) == 1
    assert heard(call) == [("prompt:menu", 1000, True)]


def test_they_take_the_place_of_other_words_of_ours() -> None:
    call = in_phase("listening")
    call.give(Speak("a", MUST), Speak("b", PROMPT), Speak("c", GOODBYE, cut=True))
    call.wait(1.0)
    assert heard(call) == [
        ("prompt:b", 0, False),
        ("prompt:a", 0, False),
        ("prompt:c", 800, True),
    ]


def test_while_the_bot_has_paused_it_is_still_found_out_whether_the_caller_speaks() -> (
    None
):
    call = in_phase("tentative")
    at = call.now
    call.give(Speak("menu", PROMPT, cut=True))
    assert call.phase == "tentative"
    assert sent(call, at) == b""
    call.wait(2.0)
    assert sent(call, at) == OURS
    call = in_phase("tentative")
    call.give(Speak("menu", PROMPT, cut=True))
    call.say(0.8)
    assert call.phase == "caller"
    call.wait(1.0)
    assert b"\x11" in sent(call)


def test_the_model_says_what_was_not_rendered() -> None:
    call = in_phase("speaking")
    call.give(Speak("menu", UNRENDERED))
    assert call.took(AskToSay) == []
    call.wait(3.0)
    assert call.took(AskToSay) == [AskToSay("Press two.")]
    assert call.phase == "waiting"
    call.answer("r2", ms=1000)
    call.wait(1.2)
    assert heard(call)[-1] == ("prompt:menu", 1000, True)
    assert call.notes()[3].response_id == "r2"


def test_what_the_model_was_to_say_may_be_given_up_before_it_begins() -> None:
    for begun in (False, True):
        call = in_phase("listening")
        call.give(Speak("menu", UNRENDERED))
        if begun:
            call.give(ReplyStarted("r1"))
        call.give(Speak("other", PROMPT, cut=True))
        call.wait(1.2)
        assert heard(call) == [("prompt:menu", 0, False), ("prompt:other", 1000, True)]


def test_what_the_model_was_to_say_may_come_to_nothing() -> None:
    call = in_phase("listening")
    call.give(OFF, Speak("menu", UNRENDERED), ReplyStarted("r1"), ReplyDone("r1"))
    assert heard(call) == [("prompt:menu", 0, False)]
    assert call.phase == "listening"


def test_a_turn_that_was_none_does_not_take_our_words_with_it() -> None:
    call = in_phase("listening")
    call.give(OFF)
    call.say(1.0)
    call.wait(1.0)
    call.give(Speak("menu", UNRENDERED), ModelRefused("no_speech"))
    assert call.phase == "waiting"
    call.answer("r1", ms=1000)
    call.wait(1.2)
    assert heard(call) == [("prompt:menu", 1000, True)]


@pytest.mark.parametrize("prompt", [Prompt(""), UNRENDERED])
def test_what_nobody_can_say_is_told_at_once(prompt: Prompt) -> None:
    call = in_phase("listening")
    call.give(ModelOptional(on=True), LOST)
    call.give(Speak("a", prompt), MENU)
    assert heard(call) == [("prompt:a", 0, False)]
    assert call.phase == "speaking"


def test_nothing_is_said_while_we_say_goodbye() -> None:
    call = in_phase("closing")
    call.give(MENU, Speak("b", PROMPT, cut=True), StopSpeaking(), ReplyWanted(), OFF)
    assert [name for name, _, _ in heard(call)] == ["prompt:menu", "prompt:b"]
    call.wait(2.0)
    assert heard(call)[-1] == ("prompt:drain", 800, True)
    assert call.ending == "drain"


def test_what_waits_when_the_call_ends_was_not_heard() -> None:
    call = in_phase("caller")
    call.give(MENU, PeerLost(Ending.CALLER_HANGUP))
    assert heard(call) == [("prompt:menu", 0, False)]
    for begun in ((), (ReplyStarted("r1"),)):
        call = in_phase("listening")
        call.give(Speak("menu", UNRENDERED), *begun)
        call.give(PeerLost(Ending.CALLER_HANGUP))
        assert heard(call) == [("prompt:menu", 0, False)]
        assert isinstance(call.log[-1][1], HangUp)


# ---- StopSpeaking ----------------------------------------------------------------


def test_the_bot_falls_silent() -> None:
    call = in_phase("speaking")
    call.give(MENU)
    actions = call.give(StopSpeaking())
    assert call.phase == "listening"
    assert ClearCaller in {type(action) for action in actions}
    assert [each[0::2] for each in heard(call)] == [
        ("prompt:menu", False),
        ("r1", False),
    ]
    call.wait(1.0)
    assert len(call.took(AskForReply)) == 1


def test_no_answer_that_is_due_is_said_either() -> None:
    call = in_phase("waiting")
    call.give(StopSpeaking())
    call.answer("r1")
    call.wait(1.0)
    assert sent(call) == b""


def test_who_presses_a_key_after_goodbye_has_more_to_say() -> None:
    call = in_phase("speaking")
    call.give(CallerText("i1", "bye"), StopSpeaking())
    call.wait(1.0)
    assert call.phase == "listening"


# ---- Answering -------------------------------------------------------------------


def test_turns_are_heard_and_noted_but_not_answered() -> None:
    call = in_phase("listening")
    call.give(OFF)
    call.say(1.0)
    call.wait(1.0)
    assert call.phase == "listening"
    assert len(call.took(CommitAudio)) == 1
    call.give(TurnCommitted("i1"), CallerText("i1", "bye"))
    assert call.notes()[1].heard_text == "bye"
    assert call.phase == "listening", "whoever wants it to be the end reads the notes"
    call.give(ON)
    assert call.took(AskForReply) == []
    call.give(ReplyWanted())
    assert call.took(AskForReply) == [AskForReply()]
    call.answer("r1", ms=500)
    assert call.phase == "speaking"


def test_an_answer_that_has_begun_is_said_to_its_end() -> None:
    call = in_phase("waiting")
    call.answer("r1", ms=500, done=False)
    call.give(OFF, BotAudio("r1", pcm(500)), ReplyDone("r1"))
    call.wait(1.5)
    assert heard(call) == [("r1", 1000, True)]
    assert call.phase == "listening"


def test_one_that_has_not_begun_is_given_up() -> None:
    call = in_phase("waiting")
    call.give(OFF)
    assert call.phase == "listening"
    call.answer("r1")
    assert call.took(CancelReply)
    call.wait(8.0)
    assert sent(call) == b""


def test_one_that_waits_for_another_to_end_is_given_up() -> None:
    call = in_phase("waiting")
    call.answer("r1", ms=500, done=False)
    call.give(ReplyWanted(), OFF, ReplyDone("r1"))
    assert len(call.took(AskForReply)) == 1


def test_one_that_was_to_be_asked_for_when_the_session_is_open_never_is() -> None:
    call = Call(ready=False)
    call.wait(0.5)
    call.say(1.0)
    call.wait(1.0)
    assert call.phase == "waiting"
    call.give(OFF, SessionReady())
    assert call.took(AskForReply) == []
    assert call.phase == "listening"


def test_behind_a_filler_nothing_is_due_any_more() -> None:
    call = in_phase("waiting")
    call.give(MENU, OFF)
    call.wait(2.0)
    assert call.phase == "listening"
    assert len(call.took(AskForReply)) == 1


def test_a_response_that_only_calls_a_tool_is_no_empty_answer() -> None:
    call = in_phase("waiting")
    call.give(ReplyStarted("r1"), OFF)
    assert call.phase == "waiting"
    call.give(ReplyDone("r1"))
    assert heard(call) == [("r1", 0, True)]
    assert call.phase == "listening"
    call.give(ON, ReplyWanted())
    assert len(call.took(AskForReply)) == 2
    call.answer("r2", ms=500)
    call.wait(1.0)
    assert heard(call)[-1] == ("r2", 500, True)


def test_a_tool_call_that_stalls_leaves_the_floor_to_the_caller() -> None:
    call = in_phase("waiting")
    call.give(ReplyStarted("r1"), OFF)
    call.wait(6.5)
    assert call.phase == "listening"
    assert heard(call) == [("r1", 0, False)]
    assert call.ending is None


def test_a_farewell_of_before_does_not_end_the_call() -> None:
    call = in_phase("speaking")
    call.give(CallerText("i1", "bye"), OFF)
    call.wait(4.0)
    assert call.phase == "listening"


def test_noise_while_nobody_answers_asks_for_no_answer_later() -> None:
    call = in_phase("listening")
    call.give(OFF)
    call.say(1.0)
    call.wait(1.0)
    call.give(TurnCommitted("i1"), ON)
    call.say(1.0)
    call.wait(1.0)
    assert len(call.took(AskForReply)) == 1
    call.give(ModelRefused("no_speech"))
    assert call.phase == "listening"
    assert len(call.took(AskForReply)) == 1


def test_a_short_interruption_of_our_words_is_not_answered() -> None:
    call = asked()
    call.give(OFF, TurnCommitted("i2"), CallerText("i2", "Operator, please."))
    assert call.phase == "listening"
    assert len(call.took(AskForReply)) == 1
    assert heard(call)[0][0::2] == ("r1", False)


def test_words_that_come_while_the_model_says_ours_ask_for_nothing() -> None:
    call = overheard()
    call.give(OFF, StopSpeaking(), Speak("menu", UNRENDERED), TurnCommitted("i2"))
    assert call.phase == "waiting"
    call.give(CallerText("i2", "Wait, I want something else."))
    assert call.phase == "waiting"
    assert len(call.took(AskForReply)) == 1


def test_an_answer_that_the_model_gives_unasked_is_not_heard() -> None:
    call = Call(Settings(owner="server"))
    call.give(ServerSpeechStarted(), OFF)
    assert call.took(FindTurns) == []  # it hears the turn to its end
    call.give(ServerSpeechStopped(), TurnCommitted("i1"))
    assert call.took(FindTurns) == [FindTurns(by_server=False)]
    assert call.phase == "listening"
    call.answer("r1")
    assert call.took(CancelReply)
    assert sent(call) == b""
    call.give(ON)
    assert call.took(FindTurns)[-1] == FindTurns(by_server=True)


def test_our_vad_finds_the_turns_that_the_model_is_not_to_answer() -> None:
    call = Call(Settings(owner="server"))
    call.wait(0.5)
    call.give(OFF)
    call.say(1.0)
    call.wait(1.0)
    assert len(call.took(CommitAudio)) == 1
    assert call.phase == "listening"


# ---- ReplyWanted -----------------------------------------------------------------


def test_an_answer_that_is_due_is_asked_for_anew() -> None:
    call = in_phase("waiting")
    call.give(ReplyStarted("r1"), ReplyWanted(), ReplyDone("r1"))
    assert len(call.took(CancelReply)) == 1
    assert len(call.took(AskForReply)) == 2
    assert heard(call) == [("r1", 0, False)]


def test_while_our_words_are_heard_the_model_thinks() -> None:
    call = in_phase("listening")
    call.give(MENU, ReplyWanted())
    assert call.took(AskForReply)
    call.wait(1.2)
    assert call.phase == "waiting"
    call.answer("r1", ms=500)
    call.wait(1.0)
    assert call.phase == "listening"


@pytest.mark.parametrize("phase", ["caller", "closing"])
def test_who_speaks_is_answered_when_it_is_time(phase: str) -> None:
    call = in_phase(phase)
    call.give(ReplyWanted())
    assert call.took(AskForReply) == []
    assert call.phase == phase


# ---- ModelOptional ---------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES[:-1])
@pytest.mark.parametrize("owner", ["local", "server"])
def test_a_call_goes_on_without_its_model(phase: str, owner: str) -> None:
    call = in_phase(phase, owner=owner)
    call.give(ModelOptional(on=True), LOST, LOST)
    assert call.took(ModelGone) == [ModelGone(Ending.STEPFUN_LOST)]
    assert call.phase == ("listening" if phase == "waiting" else phase)
    call.wait(6.5)
    call.give(MENU)
    call.say(1.0)
    call.wait(3.0)
    assert call.phase == "listening"
    assert call.ending is None
    call.give(EndRequested(Ending.VOICEMAIL, Prompt("")))
    assert call.ending == "voicemail"


def test_without_a_model_turns_are_noted_as_they_end() -> None:
    call = in_phase("listening")
    call.give(ModelOptional(on=True), LOST)
    call.say(1.0)
    call.wait(1.0)
    assert [note.who for note in call.notes().values()] == ["caller"]


def test_a_call_may_have_no_model_from_the_start() -> None:
    call = Call(Settings(greeting=GREETING, idle_s=inf), ready=False)
    call.give(ModelOptional(on=True), LOST)
    call.wait(30.0)
    assert heard(call) == [("prompt:greeting", 2000, True)]
    assert call.phase == "listening"
    assert call.ending is None


def test_a_model_that_does_not_open_its_session_is_told_of() -> None:
    call = Call(Settings(ready_s=5.0, idle_s=inf), ready=False)
    call.give(ModelOptional(on=True))
    call.wait(8.0)
    assert call.took(ModelGone) == [ModelGone(Ending.STEPFUN_REFUSED)]
    assert call.give(SessionReady()) == []


def test_a_model_that_stalls_is_told_of() -> None:
    call = in_phase("waiting")
    call.give(ModelOptional(on=True))
    call.wait(12.5)
    assert call.took(ModelGone) == [ModelGone(Ending.STEPFUN_STALLED)]
    assert call.phase == "listening"


def test_a_model_that_must_be_there_again_ends_the_call_when_lost() -> None:
    call = in_phase("listening")
    call.give(ModelOptional(on=True), ModelOptional(on=False), LOST)
    assert call.phase == "closing"
    call.give(ModelOptional(on=True), LOST)
    assert call.took(ModelGone) == []


# ---- EndRequested ----------------------------------------------------------------


def test_the_last_words_may_be_others_than_the_goodbye() -> None:
    call = in_phase("listening")
    call.give(EndRequested(Ending.TRANSFERRED, APOLOGY))
    call.wait(2.0)
    assert heard(call) == [("prompt:transferred", 1200, True)]
    assert call.ending == "transferred"


def test_without_words_the_call_ends_as_soon_as_all_was_heard() -> None:
    call = in_phase("listening")
    call.give(MENU)
    call.wait(1.02)
    assert call.phase == "listening"
    call.give(EndRequested(Ending.TRANSFERRED, Prompt("")))
    assert call.ending is None, "the mark behind our words is on its way back"
    call.wait(0.1)
    assert call.ending == "transferred"


# ---- the idle clock --------------------------------------------------------------


def test_the_idle_clock_begins_when_the_last_word_was_heard() -> None:
    call = in_phase("speaking")
    assert call.bridge.idle_since() is None
    at = call.now
    call.wait(5.0)
    since = call.bridge.idle_since()
    assert since == pytest.approx(at + 2.5, abs=0.1)
    call.give(MENU)
    assert call.bridge.idle_since() is None


@pytest.mark.parametrize("phase", ["caller", "waiting", "tentative", "closing"])
def test_it_does_not_run_while_somebody_speaks_or_is_to(phase: str) -> None:
    assert in_phase(phase).bridge.idle_since() is None


def test_it_runs_from_the_beginning() -> None:
    assert in_phase("listening").bridge.idle_since() == 100.0


# ---- in any order ----------------------------------------------------------------

speaks = st.builds(
    Speak,
    st.just("menu"),
    st.builds(
        Prompt,
        st.sampled_from(["Press one.", ""]),
        st.sampled_from([OURS, OURS[:800], b"", None]),
        st.booleans(),
    ),
    st.booleans(),
)
ours: st.SearchStrategy[Event] = st.one_of(
    speaks,
    speaks,
    st.sampled_from([OFF, OFF, ON, StopSpeaking(), ReplyWanted()]),
    st.builds(ModelOptional, st.booleans()),
    st.just(EndRequested(Ending.TRANSFERRED, Prompt(""))),
)
streams = st.lists(
    st.tuples(
        anything | anything | ours | ours | endings,
        st.sampled_from([0.0, 0.0, 0.02, 0.3, 2.0, 7.0]),
    ),
    max_size=40,
)


def play(
    wants: Settings, events: list[tuple[Event, float]]
) -> Iterator[tuple[Event | None, list[Action], Bridge, float]]:
    """Each event, or None for time that passes, and what came of it."""
    bridge, now = Bridge(wants, 100.0), 100.0
    yield None, bridge.start(now), bridge, now
    for number, (event, then_s) in enumerate(events):
        if bridge.phase is Phase.ENDED:
            return  # a Speak would be lost, as any event
        if isinstance(event, Speak):
            event = replace(event, id=str(number))  # noqa: PLW2901
        yield event, bridge.handle(event, now), bridge, now
        woken, _ = wake(bridge, now, now + then_s)
        now += then_s
        yield None, woken, bridge, now
    yield None, wake(bridge, now, now + 10_000)[0], bridge, now + 10_000


@given(wanted, streams)
@settings(max_examples=300, deadline=None)
def test_nothing_is_asked_of_a_model_that_is_not_to_answer(
    wants: Settings, events: list[tuple[Event, float]]
) -> None:
    off = False
    for event, actions, _, _ in play(wants, events):
        if isinstance(event, Answering):
            off = not event.on
        assert not off or AskForReply() not in actions


@given(wanted, streams)
@settings(max_examples=300, deadline=None)
def test_what_becomes_of_everything_is_told_once(
    wants: Settings, events: list[tuple[Event, float]]
) -> None:
    spoken: list[str] = []
    all_actions: list[Action] = []
    for event, actions, bridge, _ in play(wants, events):
        if isinstance(event, Speak):
            spoken.append("prompt:" + event.id)
        all_actions += actions
        assert bridge.phase is not Phase.ENDED or isinstance(all_actions[-1], HangUp)
    told = [a for a in all_actions if isinstance(a, NoteHeard)]
    counts = Counter(note.response_id for note in told)
    assert {n: c for n, c in counts.items() if n[7:].isdigit()} == dict.fromkeys(
        spoken, 1
    )
    seqs = set()
    for action, behind in zip(all_actions, all_actions[1:], strict=False):
        if isinstance(action, NoteTurn) and action.who == "bot":
            fresh = action.seq not in seqs
            seqs.add(action.seq)
            if fresh:
                assert isinstance(behind, NoteHeard)
                assert behind.heard_ms == action.heard_ms
                assert behind.whole is not action.interrupted
    assert sum(note.heard_ms > 0 for note in told) <= len(seqs) <= len(told)


def unproved(events: list[tuple[Event, float]]) -> list[tuple[Event, float]]:
    """Without marks: the clock alone tells what was heard."""
    return [each for each in events if not isinstance(each[0], MarkReturned)]


@given(wanted, streams.map(unproved))
@settings(max_examples=300, deadline=None)
def test_the_idle_clock_never_runs_while_bytes_are_unheard(
    wants: Settings, events: list[tuple[Event, float]]
) -> None:
    heard_until = -inf
    for _, actions, bridge, _now in play(wants, events):
        for action in actions:
            if isinstance(action, PlayToCaller):
                heard_until = action.at + len(action.ulaw) / 8000
            elif isinstance(action, ClearCaller):
                heard_until = min(heard_until, action.at)
        since = bridge.idle_since()
        if since is not None:
            assert bridge.phase is Phase.LISTENING
            assert heard_until - 1e-6 <= since


def stamped(value: int) -> Prompt:
    """Words whose bytes tell when they were made."""
    return Prompt("Words.", bytes([value]) * 4000)


@given(
    st.sampled_from([BargeIn(), BargeIn("stop")]),
    st.lists(
        st.tuples(
            st.sampled_from(["say", "cut", "answer", "part", "voice", "silence"]),
            st.sampled_from([0.0, 0.02, 0.1, 0.3, 1.0]),
        ),
        min_size=3,
        max_size=30,
    ),
)
@settings(max_examples=200, deadline=None)
def test_words_that_cut_never_bring_what_was_said_before_them(
    barge_in: BargeIn, script: list[tuple[str, float]]
) -> None:
    call = Call(Settings(barge_in=barge_in, idle_s=inf, duration_s=inf))
    stale: set[int] = set()
    stamps: set[int] = set()
    for number, (what, then_s) in enumerate(script):
        stamp = 0x10 + number  # never a byte of the model's silence
        before = len(call.log)
        match what:
            case "say" | "cut":
                if what == "cut":
                    stale |= stamps
                stamps.add(stamp)
                call.give(Speak(str(number), stamped(stamp), what == "cut"))
            case "answer":
                call.give(ReplyWanted(), ReplyStarted(f"r{number}"))
                call.give(BotAudio(f"r{number}", bytes(48 * 300)))
                call.give(ReplyDone(f"r{number}"))
            case "part":
                call.give(ReplyWanted(), ReplyStarted(f"r{number}"))
                call.give(BotText(f"r{number}", "Hm"))
                call.give(BotAudio(f"r{number}", bytes(48 * 300)))
            case "voice":
                call.say(0.16)
            case _:
                call.give(DeadlineReached(), CallerAudio(b"\xff" * 160))
        call.wait(then_s)
        played = [a.ulaw for _, a in call.log[before:] if isinstance(a, PlayToCaller)]
        assert not stale & set(b"".join(played))
