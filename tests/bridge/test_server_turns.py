"""
The model's own VAD finds the caller's turns while the bot is silent.

While an answer is due or heard, ours does, as for the turn owner `local`: that both
decide the same is in test_tentative.
"""

import pytest

from tests.bridge.calls import GREETING, STOP, VOICE, Call, in_phase, kinds, pcm
from voicebot.bridge.model import (
    AppendAudio,
    AskForReply,
    BotAudio,
    CallerKey,
    CallerText,
    CancelReply,
    ClearCaller,
    CommitAudio,
    Ending,
    EndRequested,
    FindTurns,
    ModelRefused,
    PlayToCaller,
    ReplyDone,
    ReplyStarted,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionReady,
    TurnCommitted,
)
from voicebot.bridge.settings import BargeIn, Prompt, Settings

SERVER = Settings(owner="server", barge_in=STOP)


def turn(call: Call, item_id: str = "i1") -> None:
    """The caller speaks for 1.2 s, and the model hears it as it does: late."""
    call.say(1.0)
    call.give(ServerSpeechStarted())
    call.say(0.2)
    call.wait(0.7)
    call.give(ServerSpeechStopped(), TurnCommitted(item_id))


def orders(call: Call) -> list[bool]:
    """Who was to find turns: the model's own VAD, or no longer."""
    return [order.by_server for order in call.took(FindTurns)]


def sent_ms(call: Call, since: float = 0.0) -> int:
    """How much of the line the model was given."""
    return sum(len(each.pcm16) for each in call.took(AppendAudio, since)) // 48


# ---- who finds turns ---------------------------------------------------------------


def test_the_model_gets_all_of_the_line_in_larger_pieces_in_silence() -> None:
    call = Call(SERVER)
    call.wait(3.0)
    sizes = [len(append.pcm16) // 48 for append in call.took(AppendAudio)]
    assert sizes == [60] * 50
    call.give(ServerSpeechStarted())
    since = call.now + 0.001
    call.wait(1.0)
    live = [len(append.pcm16) // 48 for append in call.took(AppendAudio, since)]
    assert live == [20] * 50
    since = call.now + 0.001
    call.give(ServerSpeechStopped(), TurnCommitted("i1"), ReplyStarted("r1"))
    call.wait(1.0)
    assert sent_ms(call, since) == 0  # an answer is due
    assert call.took(CommitAudio) == []  # it would be an error


def test_it_finds_turns_until_one_is_over_and_again_when_the_answer_is_heard() -> None:
    call = Call(SERVER)
    call.wait(1.0)
    assert orders(call) == []  # it began so
    call.say(1.0)
    call.give(ServerSpeechStarted())
    assert orders(call) == []  # it is to tell when the turn ends
    call.give(ServerSpeechStopped(), TurnCommitted("i1"))
    assert orders(call) == []  # it is to make an item of it, and to answer it
    assert call.give(ReplyStarted("r1"))[-1] == FindTurns(by_server=False)
    call.give(BotAudio("r1", pcm(1000)))
    call.wait(0.5)
    call.give(ReplyDone("r1"))
    call.wait(0.4)
    assert (call.phase, orders(call)) == ("speaking", [False])
    call.wait(0.3)
    assert (call.phase, orders(call)) == ("listening", [False, True])


def test_it_finds_none_while_it_is_to_greet() -> None:
    call = Call(Settings(owner="server", greeting=Prompt("Good morning!")))
    assert orders(call) == [False]
    call.give(ReplyStarted("r1"), BotAudio("r1", pcm(500)), ReplyDone("r1"))
    call.wait(1.0)
    assert orders(call) == [False, True]


def test_before_its_session_is_open_it_is_told_nothing() -> None:
    call = Call(Settings(owner="server", greeting=GREETING), ready=False)
    call.wait(1.0)
    assert call.phase == "speaking"
    assert orders(call) == []
    assert call.give(SessionReady()) == [FindTurns(by_server=False)]
    call.wait(1.5)
    assert orders(call) == [False, True]


def test_a_pause_of_the_bot_changes_nothing_of_it() -> None:
    call = in_phase("tentative", owner="server")
    assert orders(call) == [False]
    call.wait(1.0)
    assert call.phase == "speaking"
    assert orders(call) == [False]
    call.give(CallerKey("1"))
    assert (call.phase, orders(call)) == ("listening", [False, True])


def test_the_owner_local_never_lets_it_find_any() -> None:
    call = Call(Settings(greeting=GREETING))
    call.wait(2.5)
    call.turn()
    call.answer()
    call.wait(3.0)
    assert call.phase == "listening"
    assert orders(call) == []


@pytest.mark.parametrize("phase", ["speaking", "tentative"])
def test_what_it_finds_late_is_nothing(phase: str) -> None:
    """It was told to find none; what it had found by then is on its way."""
    call = in_phase(phase, owner="server")
    assert call.give(ServerSpeechStarted(), ServerSpeechStopped()) == []
    assert call.phase == phase


def test_a_turn_that_it_may_not_end_is_sent_from_its_beginning() -> None:
    """It had heard 80 ms of it, and was told to forget them."""
    call = Call(SERVER)
    call.wait(1.0)
    call.hear(VOICE[:640])
    call.give(ReplyStarted("r1"), BotAudio("r1", pcm(4000)))
    assert (call.phase, orders(call)) == ("speaking", [False])
    since, told_at = call.now + 0.001, len(call.log)
    call.hear(VOICE[640:4800])
    assert call.phase == "caller"
    spoken_ms = 600
    assert sent_ms(call, since) == pytest.approx(400 + spoken_ms, abs=90)
    call.wait(1.0)
    assert call.phase == "waiting"
    after = kinds(each for _, each in call.log[told_at:])
    assert after.count("CommitAudio") == 1
    assert orders(call) == [False]


def test_a_turn_that_began_in_the_bots_last_words_is_streamed_from_its_beginning() -> (
    None
):
    call = Call(Settings(owner="server", barge_in=BargeIn("never"), greeting=GREETING))
    call.wait(1.8)
    since = call.now
    call.say(0.6)
    assert (call.phase, orders(call)) == ("caller", [False, True])
    assert sent_ms(call, since) == pytest.approx(400 + 600, abs=60)
    behind = [action for at, action in call.log if at >= since]
    first = next(n for n, each in enumerate(behind) if isinstance(each, AppendAudio))
    assert FindTurns(by_server=True) in behind[:first]  # that clears what it has
    call.wait(1.0)
    assert call.phase == "caller"  # it tells when the turn ends
    call.give(ServerSpeechStopped(), TurnCommitted("i1"))
    assert call.phase == "waiting"
    assert call.took(CommitAudio) == []


def test_while_it_finds_turns_nothing_of_the_line_is_lost_or_repeated() -> None:
    call = Call(SERVER)
    turn(call)
    call.give(ReplyStarted("r1"), BotAudio("r1", pcm(1000)), ReplyDone("r1"))
    assert sent_ms(call) == 1900
    call.wait(1.0)
    assert sent_ms(call) == 1900
    since = call.now
    call.wait(3.0)
    assert sent_ms(call, since) == pytest.approx(3000, abs=60)


# ---- its turns ---------------------------------------------------------------------


def test_the_model_answers_unasked() -> None:
    call = Call(SERVER)
    turn(call)
    assert call.phase == "waiting"
    assert call.took(AskForReply) == []
    call.give(ReplyStarted("r1"), BotAudio("r1", pcm(1000)), ReplyDone("r1"))
    assert call.phase == "speaking"
    call.wait(1.5)
    assert call.phase == "listening"
    caller, bot = call.notes()[1], call.notes()[2]
    assert caller.item_id == "i1"
    assert caller.ended_ms == pytest.approx(1150, abs=100)
    assert bot.reply_ms == pytest.approx(bot.started_ms - caller.ended_ms, abs=1)


def test_its_vad_does_not_cut_an_answer() -> None:
    call = Call(SERVER)
    turn(call)
    call.give(ReplyStarted("r1"), BotAudio("r1", pcm(4000)))
    call.wait(1.0)
    assert call.give(ServerSpeechStarted()) == []
    assert call.phase == "speaking"


def test_a_turn_that_cut_an_answer_is_ended_by_our_vad() -> None:
    call = Call(SERVER)
    turn(call)
    call.give(ReplyStarted("r1"), BotAudio("r1", pcm(4000)))
    call.wait(1.0)
    since = call.now
    call.say(0.4)
    assert len(call.took(ClearCaller)) == 1
    call.give(ReplyDone("r1"), ServerSpeechStopped())
    assert call.phase == "caller"
    call.wait(0.9)
    assert call.phase == "waiting"
    assert len(call.took(CommitAudio, since)) == 1
    assert call.took(AskForReply, since) == [AskForReply()]
    call.give(TurnCommitted("i2"), ReplyStarted("r2"), BotAudio("r2", pcm(1000)))
    call.give(ReplyDone("r2"))
    assert call.phase == "speaking"
    assert orders(call) == [False]
    call.wait(1.3)
    assert orders(call) == [False, True]


def test_the_end_of_an_interrupted_answer_is_not_the_end_of_the_wait() -> None:
    call = Call(SERVER)
    turn(call)
    call.give(ReplyStarted("r1"), BotAudio("r1", pcm(4000)))
    call.wait(0.5)
    turn(call, "i2")
    assert call.phase == "waiting"
    call.give(ReplyDone("r1"))
    assert call.phase == "waiting"


def test_an_answer_that_begins_while_the_caller_seems_to_speak_ends_the_turn() -> None:
    call = Call(SERVER)
    call.say(1.0)
    assert call.phase == "caller"
    call.give(ReplyStarted("r1"))
    assert call.phase == "waiting"
    call.give(ServerSpeechStopped())  # late
    call.give(TurnCommitted("i1"))
    assert call.notes()[1].item_id == "i1"
    call.give(BotAudio("r1", pcm(1000)))
    assert call.phase == "speaking"


def test_a_commit_without_a_stop_ends_the_turn() -> None:
    call = Call(SERVER)
    call.say(1.0)
    call.give(TurnCommitted("i1"))
    assert call.phase == "waiting"
    assert len(call.notes()) == 1


def test_a_late_commit_does_not_end_the_next_turn() -> None:
    call = Call(SERVER)
    call.say(1.0)
    call.wait(0.5)
    call.give(ServerSpeechStopped())
    call.say(0.6)
    assert call.phase == "caller"
    call.give(TurnCommitted("i1"))
    assert call.phase == "caller"
    assert call.notes()[1].item_id == "i1"


def test_a_turn_that_only_the_model_heard_is_a_turn() -> None:
    call = Call(SERVER)
    call.wait(15.0)
    call.give(ServerSpeechStarted())
    call.wait(1.0)
    call.give(ServerSpeechStopped(), TurnCommitted("i1"))
    note = call.notes()[1]
    assert (note.started_ms, note.ended_ms) == (15_000, 16_000)
    call.give(ReplyStarted("r1"), BotAudio("r1", pcm(1000)), ReplyDone("r1"))
    call.wait(1.5)
    assert 0 <= (call.notes()[2].reply_ms or 0) < 100


def test_an_item_that_nobody_heard_begin_is_a_turn() -> None:
    call = Call(SERVER)
    call.give(TurnCommitted("i1"), ReplyStarted("r1"), CallerText("i1", "Hello"))
    assert call.notes()[1].heard_text == "Hello"
    assert call.phase == "waiting"


def test_what_only_our_vad_heard_is_dropped_after_a_while() -> None:
    call = Call(SERVER)
    call.wait(1.0)
    call.say(0.6)
    assert call.phase == "caller"
    call.wait(2.9)
    assert call.phase == "caller"
    call.wait(0.2)
    assert call.phase == "listening"
    assert call.notes()[1].item_id is None
    call.say(0.6)
    assert call.phase == "caller"  # and may begin anew


def test_noise_that_cut_off_an_answer_lets_it_be_asked_for_again() -> None:
    call = Call(SERVER)
    turn(call)
    call.give(ReplyStarted("r1"))
    call.say(0.6)  # noise that only our VAD takes for speech
    assert call.took(CancelReply) == [CancelReply()]
    call.give(ReplyDone("r1"))
    call.wait(3.2)
    assert call.phase == "waiting"
    assert call.took(AskForReply) == [AskForReply()]
    call.give(ReplyStarted("r2"), BotAudio("r2", pcm(1000)), ReplyDone("r2"))
    call.wait(2.0)
    assert call.phase == "listening"


def test_a_vad_that_never_says_stop_does_not_stop_the_call() -> None:
    call = Call(Settings(owner="server", idle_s=5.0))
    call.give(ServerSpeechStarted())
    call.wait(3.1)
    assert call.phase == "listening"
    call.wait(5.1)
    assert call.phase == "closing" or call.ending == "idle"


def test_nothing_answered_is_asked_for_after_a_while() -> None:
    call = Call(SERVER)
    turn(call)
    call.wait(6.1)
    assert call.took(AskForReply) == [AskForReply()]
    call.give(ReplyStarted("r1"), ModelRefused("ongoing_response"))  # both at once
    call.give(BotAudio("r1", pcm(1000)), ReplyDone("r1"))
    call.wait(2.0)
    assert len(call.took(AskForReply)) == 1  # it is not answered twice
    assert call.phase == "listening"


def test_its_vad_does_not_cut_what_is_protected() -> None:
    call = Call(
        Settings(owner="server", barge_in=STOP, greeting=GREETING, protect_s=1.0)
    )
    call.wait(0.5)
    call.give(ServerSpeechStarted())
    assert call.took(ClearCaller) == []
    call.give(ServerSpeechStopped(), TurnCommitted("i1"))
    call.give(ReplyStarted("r1"), BotAudio("r1", pcm(1000)), ReplyDone("r1"))
    call.wait(3.5)
    assert call.phase == "listening"  # it answered behind the greeting
    assert [note.heard_ms for note in call.notes().values() if note.who == "bot"] == [
        2000,
        1000,
    ]
    assert call.far_end.gaps_s == []
    call.say(0.6)
    call.wait(3.2)
    assert call.took(AskForReply) == []  # that turn was answered


def test_its_vad_does_not_cut_without_barge_in() -> None:
    call = Call(Settings(owner="server", barge_in=BargeIn("never"), greeting=GREETING))
    call.wait(0.5)
    call.give(ServerSpeechStarted())
    assert call.phase == "speaking"


def test_a_caller_who_speaks_before_the_greeting_began_is_not_taken_for_done() -> None:
    call = Call(
        Settings(owner="server", barge_in=STOP, greeting=Prompt("Good morning!"))
    )
    call.say(2.0)
    assert call.phase == "caller"
    assert call.give(ReplyStarted("r1")) == [CancelReply()]
    assert call.phase == "caller"


def test_while_we_say_goodbye_the_model_is_silent() -> None:
    call = Call(Settings(owner="server", goodbye=GREETING))
    call.give(EndRequested(Ending.DRAIN))
    assert call.give(ServerSpeechStarted()) == []
    assert call.give(ReplyStarted("r1")) == [CancelReply()]
    assert call.give(BotAudio("r1", pcm(1000))) == []
    call.wait(3.0)
    assert call.ending == "drain"
    assert sum(len(play.ulaw) for play in call.took(PlayToCaller)) == 16_000


def test_an_answer_of_its_own_does_not_make_us_forget_the_goodbye() -> None:
    call = Call(Settings(owner="server", goodbye=Prompt("Goodbye!")))
    turn(call)
    call.give(ReplyStarted("r1"))
    assert kinds(call.give(EndRequested(Ending.DRAIN))) == ["CancelReply"]
    call.give(ReplyDone("r1"), ReplyStarted("r2"), ReplyDone("r2"))
    assert "AskToSay" in kinds(each for _, each in call.log)
