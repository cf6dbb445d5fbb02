"""The model is lost in mid-call, and another session takes the conversation up."""

from dataclasses import replace
from heapq import heappop, heappush
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bridge.calls import BOT_VOICE, BUSINESS, SILENCE, VOICE, Call, pcm
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import (
    Action,
    AmendReply,
    Answering,
    AppendAudio,
    AskForReply,
    AskToSay,
    BotAudio,
    BotText,
    CallerAudio,
    CallerText,
    CancelReply,
    CommitAudio,
    DeadlineReached,
    Ending,
    EndRequested,
    Event,
    FindTurns,
    GoOn,
    HangUp,
    MarkCaller,
    MarkReturned,
    ModelBack,
    ModelGone,
    ModelOptional,
    ModelRefused,
    NoteHeard,
    NoteTurn,
    PeerLost,
    Phase,
    PlayToCaller,
    Recall,
    Redial,
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
from voicebot.bridge.recovery import (
    IDLE_BYTES,
    KEPT_BYTES,
    MAX_CHARACTERS,
    MAX_LOSSES,
    MAX_OPEN_TURNS,
    MAX_TURNS,
    PIECE_BYTES,
    Memory,
    Recovery,
    Tape,
    joined,
)
from voicebot.bridge.settings import BargeIn, Prompt, Resume, Settings

LOST = PeerLost(Ending.STEPFUN_LOST)
REFUSED = PeerLost(Ending.STEPFUN_REFUSED)
FILLER = Prompt("One moment, please.", BOT_VOICE[24_000:32_000])
LOCAL = replace(BUSINESS, resume=Resume(1, 4.0))
SERVER = replace(LOCAL, owner="server")
TWICE = replace(LOCAL, resume=Resume(2, 4.0))


def told(actions: list[Action]) -> list[Action]:
    """What went to the model, but for the size of what was appended."""
    kinds = (AppendAudio, CommitAudio, AskForReply, AskToSay, CancelReply, FindTurns)
    kinds += (Recall, GoOn, AmendReply)  # type: ignore[assignment]
    orders = [each for each in actions if isinstance(each, kinds)]
    return [AppendAudio(b"") if isinstance(o, AppendAudio) else o for o in orders]


APPEND, COMMIT, ASK = AppendAudio(b""), CommitAudio(), AskForReply()

# ---- what the bridge does ----------------------------------------------------------


def test_a_lost_session_is_dialled_anew_and_nobody_hears_of_it() -> None:
    call = Call(LOCAL)
    call.wait(1.0)
    assert call.give(LOST) == [Redial(Ending.STEPFUN_LOST, call.now + 4.0)]
    call.wait(0.5)
    assert call.give(SessionReady()) == [ModelBack(500, 1)]
    call.turn("i1")
    call.answer("r1")
    call.wait(3.0)
    assert call.phase == "listening"
    assert call.ending is None


def test_the_conversation_is_told_to_the_other_session() -> None:
    call = Call(LOCAL)
    call.turn("i1")
    call.give(CallerText("i1", "Have you a room?"))
    call.answer("r1", ms=1000)
    call.wait(2.0)
    call.give(LOST)
    assert told(call.give(SessionReady())) == [
        Recall("caller", "Have you a room?"),
        Recall("bot", "Yes, of course."),
    ]


def test_of_an_answer_that_was_cut_only_what_was_heard_is_told() -> None:
    call = Call(LOCAL)
    call.turn("i1")
    call.answer("r1", ms=4000)
    call.wait(1.0)
    call.say(1.0)
    call.give(LOST)
    (told_text,) = told(call.give(SessionReady()))[:1]
    assert isinstance(told_text, Recall)
    assert "Yes, of course.".startswith(told_text.text)
    assert told_text.text != "Yes, of course."


def test_a_turn_whose_words_are_not_known_is_said_again() -> None:
    call = Call(LOCAL)
    call.turn("i1")
    call.give(LOST)
    assert told(call.give(SessionReady())) == [APPEND, APPEND, COMMIT, ASK]
    call.give(TurnCommitted("i2"), CallerText("i2", "A room, please."))
    call.answer("r1")
    call.wait(3.0)
    notes = call.notes().values()
    assert [note.heard_text for note in notes] == ["A room, please.", "Yes, of course."]
    assert [note.item_id for note in notes] == ["i2", None]


def test_a_turn_whose_words_are_known_is_told_in_words_and_answered() -> None:
    call = Call(LOCAL)
    call.turn("i1")
    call.give(CallerText("i1", "A room, please."), LOST)
    assert told(call.give(SessionReady())) == [Recall("caller", "A room, please."), ASK]


def test_a_caller_who_speaks_when_the_model_is_lost_is_heard_from_the_beginning() -> (
    None
):
    call = Call(LOCAL)
    call.say(1.0)
    sent = sum(len(each.pcm16) for each in call.took(AppendAudio))
    call.give(LOST)
    call.say(0.5)
    told_now = call.give(SessionReady())
    appended = [each for each in told_now if isinstance(each, AppendAudio)]
    assert sum(len(each.pcm16) for each in appended) >= sent + 48 * 400
    call.wait(1.5)
    assert call.phase == "waiting"
    call.answer("r1")
    call.wait(3.0)
    assert call.phase == "listening"


def test_what_had_come_of_an_answer_is_heard_and_then_the_rest_is_asked_for() -> None:
    call = Call(LOCAL)
    call.turn("i1")
    call.give(CallerText("i1", "A room?"))
    call.answer("r1", ms=2000, done=False)
    call.wait(0.5)
    call.give(LOST)
    ready = told(call.give(SessionReady()))
    assert ready == [Recall("caller", "A room?")]
    call.give(BotAudio("r1", pcm(400)), ReplyDone("r1"))  # a frame that was on its way
    before = len(call.log)
    call.wait(2.5)
    (note,) = [n for n in call.notes().values() if n.response_id == "r1"]
    assert (note.heard_ms, note.interrupted) == (2000, True)
    after = told([action for _, action in call.log[before:]])
    assert after == [Recall("bot", note.heard_text), GoOn(), ASK]
    assert call.phase == "waiting"
    call.answer("r2")
    call.wait(3.0)
    assert call.phase == "listening"


def test_an_answer_that_was_heard_while_nobody_was_there_is_told_once() -> None:
    call = Call(LOCAL)
    call.turn("i1")
    call.give(CallerText("i1", "A room?"))
    call.answer("r1", ms=800, done=False)
    call.wait(0.5)
    call.give(LOST)
    call.wait(1.0)
    assert call.phase == "waiting"
    orders = told(call.give(SessionReady()))
    assert [type(each) for each in orders] == [Recall, Recall, GoOn, AskForReply]


def test_who_interrupts_an_answer_that_broke_off_gets_no_rest_of_it() -> None:
    call = Call(LOCAL)
    call.turn("i1")
    call.answer("r1", ms=4000, done=False)
    call.wait(0.5)
    call.give(LOST, SessionReady())
    since = call.now
    call.turn("i2")
    assert GoOn() not in [action for at, action in call.log if at >= since]
    call.answer("r2")
    call.wait(3.0)
    assert call.phase == "listening"


def test_a_caller_who_speaks_before_the_rest_was_asked_for_is_answered_alone() -> None:
    call = Call(LOCAL)
    call.turn("i1")
    call.answer("r1", ms=800, done=False)
    call.wait(0.5)
    call.give(LOST)
    call.wait(1.0)
    call.say(1.0)
    call.wait(1.0)
    orders = told(call.give(SessionReady()))
    assert GoOn() not in orders
    assert orders[-1] == ASK


def test_an_answer_of_which_nothing_had_come_is_asked_for_anew() -> None:
    call = Call(LOCAL)
    call.turn("i1")
    call.give(CallerText("i1", "A room?"), ReplyStarted("r1"), BotText("r1", "Ye"))
    call.give(LOST)
    assert told(call.give(SessionReady())) == [Recall("caller", "A room?"), ASK]
    call.give(BotAudio("r1", pcm(400)))
    assert call.phase == "waiting"


def test_words_of_ours_that_the_model_was_to_say_are_asked_for_anew() -> None:
    call = Call(replace(LOCAL, greeting=Prompt("Good morning!")))
    call.give(ReplyStarted("r1"), LOST)
    assert told(call.give(SessionReady())) == [AskToSay("Good morning!")]
    call.answer("r2", ms=500)
    call.wait(1.0)
    assert call.took(NoteHeard) == [NoteHeard("prompt:greeting", 500, whole=True)]


def test_a_filler_is_said_when_it_takes_long() -> None:
    call = Call(replace(LOCAL, fillers=(FILLER,), filler_after_s=1.0))
    call.turn("i1")
    call.give(LOST)
    call.wait(2.5)
    assert call.notes()[2].response_id == "prompt:filler"
    call.give(SessionReady())
    call.answer("r1")
    call.wait(3.0)
    assert call.notes()[3].response_id == "r1"


def test_a_filler_is_said_for_the_rest_of_an_answer_too() -> None:
    call = Call(replace(LOCAL, fillers=(FILLER,), filler_after_s=1.0))
    call.turn("i1")
    call.answer("r1", ms=600, done=False)
    call.wait(0.3)
    call.give(LOST)
    call.wait(3.0)
    assert "prompt:filler" in {note.response_id for note in call.notes().values()}


def test_a_session_that_comes_too_late_is_none() -> None:
    call = Call(LOCAL)
    call.give(LOST)
    call.wait(4.1)
    assert call.phase == "closing"
    call.wait(4.0)
    assert call.ending == "stepfun_lost"
    assert [n.heard_text for n in call.notes().values()] == [
        "Sorry, we have a problem."
    ]


def test_a_refusal_that_cannot_heal_is_the_end() -> None:
    call = Call(TWICE)
    call.give(replace(LOST, heals=False))
    assert call.phase == "closing"
    call = Call(TWICE)
    call.give(LOST, replace(REFUSED, heals=False))
    assert call.phase == "closing"
    assert len(call.took(Redial)) == 1


def test_each_attempt_is_one_session() -> None:
    call = Call(TWICE, ready=False)
    call.give(REFUSED)
    call.wait(1.0)
    call.give(REFUSED)
    assert len(call.took(Redial)) == 2
    assert len({each.give_up_at for each in call.took(Redial)}) == 1
    call.give(REFUSED)
    assert call.phase == "closing"


def test_what_was_said_before_the_first_session_is_kept_for_the_second() -> None:
    call = Call(LOCAL, ready=False)
    call.say(1.0)
    call.wait(1.0)
    call.give(REFUSED)
    assert told(call.give(SessionReady())) == [APPEND, APPEND, COMMIT, ASK]


def test_a_session_that_is_lost_again_before_an_answer_counts_as_the_same_loss() -> (
    None
):
    call = Call(LOCAL)
    call.give(LOST, SessionReady(), LOST)
    assert call.phase == "closing"
    call = Call(LOCAL)
    for turn in range(MAX_LOSSES):
        call.give(LOST, SessionReady())
        call.turn(f"i{turn}")
        call.answer(f"r{turn}", ms=400)
        call.wait(1.0)
        assert call.phase == "listening"
    call.give(LOST)
    assert call.phase == "closing"


def test_a_model_that_says_nothing_any_more_is_replaced() -> None:
    call = Call(replace(LOCAL, stall_s=3.0))
    call.turn("i1")
    call.wait(6.1)
    assert call.took(Redial)[0].ending is Ending.STEPFUN_STALLED
    call.give(SessionReady())
    call.answer("r1")
    call.wait(3.0)
    assert call.phase == "listening"


def test_a_model_that_is_mute_in_every_session_is_given_up() -> None:
    call = Call(replace(LOCAL, stall_s=3.0))
    call.turn("i1")
    call.wait(6.1)
    call.give(SessionReady())
    call.wait(3.1)
    assert call.phase == "closing"
    call.wait(6.0)
    assert call.ending == "stepfun_stalled"


def test_menus_go_on_while_nobody_is_there_to_answer() -> None:
    call = Call(LOCAL)
    call.give(Answering(on=False), ModelOptional(on=True), Speak("m", FILLER))
    call.wait(0.3)
    call.give(LOST)
    call.say(1.0)
    call.wait(1.0)
    assert told(call.give(SessionReady()))[-1] == COMMIT
    call.wait(3.0)
    assert call.phase == "listening"
    assert call.took(ModelGone) == []


def test_a_call_that_can_do_without_goes_on_without_when_nothing_helps() -> None:
    call = Call(LOCAL)
    call.give(ModelOptional(on=True), LOST)
    call.wait(4.1)
    assert call.took(ModelGone) == [ModelGone(Ending.STEPFUN_LOST)]
    assert call.give(SessionReady(), LOST) == []


def test_while_we_say_goodbye_nobody_is_dialled() -> None:
    call = Call(LOCAL)
    call.give(CallerText("i1", "bye"))
    call.turn("i1")
    call.give(CallerText("i1", "bye"), LOST)
    assert call.took(Redial) == []


def test_short_words_into_an_answer_are_understood_by_the_other_session() -> None:
    pause = BargeIn(min_ms=100, backchannel=("ok",), stop_words=("stop",))
    call = Call(replace(LOCAL, barge_in=pause))
    call.turn("i1")
    call.answer("r1", ms=8000)
    call.wait(1.0)
    call.say(0.3)
    while len(call.took(CommitAudio)) < 2:
        call.wait(0.02)
    call.give(LOST)
    assert told(call.give(SessionReady()))[-2:] == [APPEND, COMMIT]
    call.give(TurnCommitted("i2"), CallerText("i2", "Stop!"))
    assert call.phase == "waiting"
    call.answer("r2")
    call.wait(3.0)
    assert call.phase == "listening"


def test_a_word_that_was_no_turn_is_not_told() -> None:
    pause = BargeIn(min_ms=100, backchannel=("ok",))
    call = Call(replace(LOCAL, barge_in=pause))
    call.turn("i1")
    call.answer("r1", ms=8000)
    call.wait(1.0)
    call.say(0.3)
    while len(call.took(CommitAudio)) < 2:
        call.wait(0.02)
    call.give(TurnCommitted("i2"), CallerText("i2", "ok"))
    call.give(LOST)
    assert Recall("caller", "ok") not in call.give(SessionReady())


def test_a_word_of_before_an_answer_that_was_heard_is_not_understood_any_more() -> None:
    pause = BargeIn(min_ms=100, backchannel=("ok",))
    call = Call(replace(LOCAL, barge_in=pause))
    call.turn("i1")
    call.answer("r1", ms=1500)
    call.wait(0.7)
    call.say(0.3)
    while len(call.took(CommitAudio)) < 2:
        call.wait(0.02)
    call.wait(0.9)
    call.give(ReplyWanted())
    call.answer("r2", ms=3000)
    call.wait(1.6)
    call.give(LOST)
    assert COMMIT not in told(call.give(SessionReady()))
    call.give(TurnCommitted("i9"), CallerText("i9", "ok"))
    call.wait(4.0)
    assert call.phase == "listening"


def test_a_model_that_is_lost_while_we_say_goodbye_without_it_is_no_news() -> None:
    call = Call(LOCAL)
    call.give(ModelOptional(on=True), EndRequested(Ending.DRAIN))
    assert call.give(LOST) == []
    assert call.took(ModelGone) == []


# ---- the model's own VAD -----------------------------------------------------------


def test_with_its_own_vad_a_turn_that_goes_on_is_found_anew() -> None:
    call = Call(SERVER)
    call.wait(0.5)
    call.give(ServerSpeechStarted())
    call.say(1.0)
    call.give(LOST)
    orders = told(call.give(SessionReady()))
    assert orders[:2] == [FindTurns(False), FindTurns(True)]
    assert set(map(str, orders[2:])) == {str(APPEND)}
    call.give(ServerSpeechStarted(), ServerSpeechStopped(), TurnCommitted("i1"))
    call.answer("r1")
    call.wait(3.0)
    assert call.phase == "listening"


@pytest.mark.parametrize("named", [False, True])
def test_with_its_own_vad_a_turn_that_is_over_is_said_and_answered(named: bool) -> None:
    call = Call(SERVER)
    call.wait(0.5)
    call.give(ServerSpeechStarted())
    call.say(1.0)
    call.give(ServerSpeechStopped())
    if named:
        call.give(TurnCommitted("i1"))
    call.give(LOST)
    orders = told(call.give(SessionReady()))
    assert orders[0] == FindTurns(False)
    assert orders[-2:] == [COMMIT, ASK]
    assert len(orders) == 5  # a second and a bit
    call.give(TurnCommitted("i2"))
    call.answer("r1")
    call.wait(3.0)
    assert call.phase == "listening"
    assert call.took(FindTurns)[-1] == FindTurns(True)


def test_with_its_own_vad_silence_is_not_kept() -> None:
    call = Call(SERVER)
    call.wait(5.0)
    call.give(LOST)
    orders = call.give(SessionReady())
    audio = [each for each in orders if isinstance(each, AppendAudio)]
    assert sum(len(each.pcm16) for each in audio) <= IDLE_BYTES
    assert told(orders)[:2] == [FindTurns(False), FindTurns(True)]


def test_with_its_own_vad_an_answer_that_was_heard_is_gone_on_with() -> None:
    call = Call(SERVER)
    call.give(ServerSpeechStarted(), ServerSpeechStopped(), TurnCommitted("i1"))
    call.answer("r1", ms=1000, done=False)
    call.wait(0.3)
    call.give(LOST, SessionReady())
    call.wait(2.0)
    assert call.took(GoOn) == [GoOn()]
    call.answer("r2")
    call.wait(3.0)
    assert call.phase == "listening"


# ---- any order ---------------------------------------------------------------------


class World:
    """
    A model that does as it is told, in sessions that break; a caller; a line.

    What a session had sent when it broke may still arrive.
    """

    def __init__(self, wants: Settings, random: Random) -> None:
        self.bridge = Bridge(wants, 0.0)
        self.now = 0.0
        self.random = random
        self.session = 0
        self.up = False
        self.log: list[Action] = []
        self.answers: dict[str, int] = {}  # response -> its session
        self._posts: list[tuple[float, int, int, Event]] = []
        self._posted = 0
        self._items = 0
        self._active: str | None = None
        self._do(self.bridge.start(0.0))
        self._post(0.2, SessionReady())

    def run(self, seconds: float, ulaw: bytes = SILENCE) -> None:
        """Let time pass, frame by frame."""
        for frame in range(round(seconds / 0.02)):
            until = self.now + 0.02
            while self.bridge.phase is not Phase.ENDED:
                post_at = self._posts[0][0] if self._posts else until + 1
                wake_at = self.bridge.next_deadline()
                wake_at = until + 1 if wake_at is None else wake_at
                if min(post_at, wake_at) > until:
                    break
                self.now = max(self.now, min(post_at, wake_at))
                if post_at <= wake_at:
                    self._arrive()
                else:
                    self._do(self.bridge.handle(DeadlineReached(), self.now))
            self.now = until
            at = frame * 160 % (len(ulaw) - 159)
            self._do(self.bridge.handle(CallerAudio(ulaw[at : at + 160]), self.now))

    def lose(self) -> None:
        """The session breaks; what it had sent comes, or doesn't."""
        if self.up:
            self.up = False
            if self.random.random() < 0.5:
                self._posts.clear()
            self._do(self.bridge.handle(LOST, self.now))

    def _arrive(self) -> None:
        _, _, session, event = heappop(self._posts)
        if isinstance(event, SessionReady):
            self.up = True
            self._active = None
        if isinstance(event, ReplyDone) and event.response_id == self._active:
            self._active = None
        is_news = isinstance(
            event, SessionReady | PeerLost | TurnCommitted | CallerText
        )
        if is_news and session != self.session:
            return  # the leg keeps these from us
        self._do(self.bridge.handle(event, self.now))

    def _post(self, after_s: float, event: Event) -> None:
        self._posted += 1
        heappush(self._posts, (self.now + after_s, self._posted, self.session, event))

    def _do(self, actions: list[Action]) -> None:
        self.log += actions
        for action in actions:
            match action:
                case Redial():
                    self.session += 1
                    self.up = False
                    refused = self.random.random() < 0.2
                    self._post(0.5, REFUSED if refused else SessionReady())
                case MarkCaller(name):
                    self._post(0.3, MarkReturned(name))
                case CommitAudio():
                    self._items += 1
                    item = f"i{self._items}"
                    if self.random.random() < 0.1:
                        self._post(0.1, ModelRefused("no_speech"))
                    else:
                        self._post(0.1, TurnCommitted(item))
                        self._post(
                            self.random.choice([0.2, 3.0]), CallerText(item, "A")
                        )
                case AskForReply() | AskToSay():
                    assert self.up
                    assert self._active is None, "it is asked while it answers"
                    self._answer()
                case CancelReply() if self._active:
                    self._post(0.1, ReplyDone(self._active))
                case _:
                    pass

    def _answer(self) -> None:
        response = self._active = f"r{len(self.answers)}"
        self.answers[response] = self.session
        self._post(0.05, ReplyStarted(response))
        for piece in range(4):
            self._post(0.3 + piece / 4, BotText(response, "word "))
            self._post(0.3 + piece / 4, BotAudio(response, pcm(400)))
        self._post(1.3, ReplyDone(response))


deeds = st.lists(
    st.sampled_from(["lose", "lose", "speak", "cough", "wait", "breath", "hush"]),
    max_size=12,
)
wanted = st.builds(
    Settings,
    greeting=st.sampled_from([Prompt("Hello"), Prompt("")]),
    apology=st.just(Prompt("Sorry.", BOT_VOICE[:8000])),
    fillers=st.sampled_from([(), (FILLER,)]),
    barge_in=st.sampled_from([BargeIn(), BargeIn("stop")]),
    resume=st.builds(
        Resume, st.sampled_from([1, 3]), st.sampled_from([1.0, 4.0]), st.booleans()
    ),
    idle_s=st.just(40.0),  # no row of deeds takes so long
)


@given(wanted, deeds, st.integers(0, 999))
@settings(max_examples=80, deadline=None)
def test_whenever_sessions_break_a_caller_is_answered_or_told(
    wants: Settings, deeds: list[str], seed: int
) -> None:
    world = World(wants, Random(seed))
    for deed in deeds:
        match deed:
            case "lose":
                world.lose()
            case "speak":
                world.run(0.9, VOICE)
            case "cough":
                world.run(0.2, VOICE)
            case "wait":
                world.run(1.5)
            case "hush":
                world._do(world.bridge.handle(StopSpeaking(), world.now))
            case _:
                world.run(0.2)
    world.run(12.0)
    if world.bridge.phase is not Phase.ENDED:
        assert world.bridge.phase is Phase.LISTENING
        known = len(world.answers)
        world.run(1.2, VOICE)
        world.run(8.0)
        assert len(world.answers) > known
    world.run(60.0)
    assert world.bridge.phase is Phase.ENDED
    assert [type(action) for action in world.log].count(HangUp) == 1
    heard = [note for note in world.log if isinstance(note, NoteHeard)]
    assert len({note.response_id for note in heard}) == len(heard)
    assert any(isinstance(action, PlayToCaller) for action in world.log) or not deeds


# ---- the parts ---------------------------------------------------------------------


def note(seq: int, text: str, who: str = "caller", **other: str | None) -> NoteTurn:
    given = {"item_id": f"i{seq}", "response_id": None} | other
    return NoteTurn(
        seq=seq,
        who=who,  # type: ignore[arg-type]
        started_ms=0,
        ended_ms=1,
        generated_text=text,
        heard_text=text,
        generated_ms=1,
        heard_ms=1,
        proved_ms=1,
        interrupted=False,
        reply_ms=None,
        **given,
    )


def test_nobody_is_dialled_without_being_asked_to() -> None:
    recovery = Recovery(Resume())
    assert recovery.lost(Ending.STEPFUN_LOST, 1.0, heals=True) is None
    assert recovery.back(2.0) is None
    assert not recovery.away


SPARE = Resume(1, 4.0, spare=True)
SPARED = Redial(Ending.STEPFUN_LOST, 7.5, spare=True)


def test_the_other_engine_is_the_last_resort_and_has_time_of_its_own() -> None:
    recovery = Recovery(SPARE)
    assert recovery.lost(Ending.STEPFUN_LOST, 1.0, heals=True) == (
        Redial(Ending.STEPFUN_LOST, 5.0)
    )
    assert recovery.lost(Ending.STEPFUN_REFUSED, 3.5, heals=True) == (
        Redial(Ending.STEPFUN_REFUSED, 7.5, spare=True)
    )
    assert recovery.give_up_at == 7.5
    assert recovery.lost(Ending.STEPFUN_REFUSED, 4.0, heals=True) is None
    assert recovery.ending is Ending.STEPFUN_LOST


@pytest.mark.parametrize(
    ("attempts", "heals"), [(0, True), (1, False)], ids=["no attempts", "no use"]
)
def test_the_other_engine_is_taken_at_once(attempts: int, heals: bool) -> None:
    recovery = Recovery(Resume(attempts, 4.0, spare=True))
    assert recovery.lost(Ending.STEPFUN_LOST, 3.5, heals=heals) == SPARED
    assert recovery.back(4.0) == ModelBack(500, 1)


def test_the_other_engine_is_taken_though_no_time_is_left() -> None:
    recovery = Recovery(SPARE)
    recovery.lost(Ending.STEPFUN_LOST, 1.0, heals=True)
    assert recovery.lost(Ending.STEPFUN_REFUSED, 5.0, heals=True) == (
        Redial(Ending.STEPFUN_REFUSED, 9.0, spare=True)
    )


def test_the_other_engine_may_be_lost_and_dialled_again_and_is_never_left() -> None:
    recovery = Recovery(SPARE)
    recovery.lost(Ending.STEPFUN_LOST, 1.0, heals=False)
    recovery.back(1.5)
    recovery.answered()
    assert recovery.lost(Ending.STEPFUN_LOST, 20.0, heals=True) == (
        Redial(Ending.STEPFUN_LOST, 24.0)
    )
    assert recovery.lost(Ending.STEPFUN_LOST, 21.0, heals=True) is None


def test_a_memory_is_of_the_end_of_a_conversation() -> None:
    memory = Memory()
    for seq in range(MAX_TURNS + 5):
        memory.note(note(seq, f"{seq}"))
    memory.note(note(99, "", "bot", response_id="r1"))
    memory.note(note(100, "We are closed.", "bot", response_id="prompt:x"))
    memory.forget("i7")
    memory.note(note(7, "no turn"))
    memory.forget("unknown")
    told = [recall.text for recall in memory.recalled()]
    assert told == [str(seq) for seq in range(6, MAX_TURNS + 5) if seq != 7]
    memory.note(note(120, "x" * MAX_CHARACTERS))
    assert [len(recall.text) for recall in memory.recalled()] == [MAX_CHARACTERS]


def test_a_memory_has_what_was_last_said_of_a_turn() -> None:
    memory = Memory()
    memory.note(note(1, ""))
    memory.note(note(1, "Hello"))
    assert memory.recalled() == [Recall("caller", "Hello")]


def test_a_tape_holds_what_nobody_has_answered() -> None:
    tape, sound = Tape(), AppendAudio(b"\x00" * 960)
    tape.appended(sound)
    tape.committed()
    tape.named("i1")
    tape.appended(sound)
    tape.committed()
    tape.appended(sound)
    assert tape.over() == [[sound, COMMIT]] * 2
    assert tape.open() == [sound]
    tape.named("i3")
    tape.understood("i3")
    tape.understood("i9")
    assert len(tape.over()) == 1
    tape.refused()
    tape.refused()
    assert tape.over() == []
    tape.named("i4")  # of its own VAD: what was open
    assert tape.over() == [[sound, COMMIT]]
    tape.answered()
    assert tape.over() == []
    assert tape.open() == []


def test_a_tape_has_an_end() -> None:
    tape, second = Tape(), AppendAudio(b"\x00" * 48_000)
    for _ in range(MAX_OPEN_TURNS + 3):
        tape.committed()
    assert len(tape.over()) == MAX_OPEN_TURNS
    for _ in range(30):
        tape.appended(second)
    assert sum(len(each.pcm16) for each in tape.open()) == KEPT_BYTES
    tape.idle()
    assert sum(len(each.pcm16) for each in tape.open()) <= IDLE_BYTES
    tape.forget()
    assert tape.open() == []


def test_what_is_sent_late_is_sent_in_large_pieces() -> None:
    sound, large = AppendAudio(b"\x01\x02"), AppendAudio(b"\x00" * PIECE_BYTES)
    orders: list[Action] = [sound, sound, COMMIT, sound, large, sound]
    assert joined(orders) == [
        AppendAudio(b"\x01\x02" * 2),
        COMMIT,
        sound,
        large,
        sound,
    ]
