"""The bot pauses when the caller speaks, and goes on if it was nothing."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

import pytest

from tests.audio.signals import cough, hum
from tests.bridge.calls import BOT_VOICE, GREETING, SILENCE, VOICE, Call, kinds, pcm
from tests.bridge.test_barge_in import softer
from tests.twins import source_only
from voicebot.audio.vad import VadFrame
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
    Event,
    FindTurns,
    ForgetTurn,
    ModelRefused,
    NoteDecision,
    PlayToCaller,
    ReplyDone,
    ReplyStarted,
    ServerSpeechStarted,
    ServerSpeechStopped,
    TurnCommitted,
)
from voicebot.bridge.settings import BargeIn, Prompt, Settings

PAUSE = BargeIn(
    min_ms=140,
    confirm_ms=2000,  # so that what takes a second is still a word
    decide_ms=450,
    backchannel=("mm-hm", "okay"),
    stop_words=("stop", "no"),
    stop="immediate",
)
LOCAL = Settings(barge_in=PAUSE)
SERVER = Settings(barge_in=PAUSE, owner="server")
QUICK = replace(LOCAL, barge_in=replace(PAUSE, confirm_ms=600))
FILLER = Prompt("One moment, please.", BOT_VOICE[:6400])
SHORT_S = 0.36  # of speech: a syllable or two
WORD_S = 1.0  # of speech: as clear as a word
# Syllables without the gaps between them.
FLUENT = b"".join(VOICE[at : at + 1000] for at in range(0, len(VOICE), 2000))
Script = Callable[[Call], None]


def answering(settings: Settings = LOCAL, *, ms: int = 6000, done: bool = True) -> Call:
    """A call in which the caller has heard a second of an answer."""
    call = Call(settings)
    call.wait(0.5)
    if settings.owner == "server":
        call.give(ServerSpeechStarted(), ServerSpeechStopped(), TurnCommitted("i1"))
    else:
        call.turn("i1")
    call.answer("r1", ms=ms, done=done)
    call.wait(1.0)
    assert call.phase == "speaking"
    return call


def paused(
    settings: Settings = LOCAL, said_s: float = SHORT_S, *, done: bool = True
) -> Call:
    """... and says a word into it."""
    call = answering(settings, done=done)
    call.say(said_s)
    assert call.phase == "tentative"
    return call


def asked(settings: Settings = LOCAL, said_s: float = WORD_S) -> Call:
    """... and is silent again: the model is asked what it was."""
    call = paused(settings, said_s)
    commits = len(call.took(CommitAudio))
    while len(call.took(CommitAudio)) == commits:
        call.wait(0.02)
    assert call.phase == "tentative"
    return call


def decided(call: Call) -> list[tuple[str, str]]:
    return [
        (note.rule.value, note.outcome.value)
        for note in call.took(NoteDecision)
        if note.kind == "barge_in"
    ]


def heard(call: Call) -> bytes:
    return call.far_end.heard()


# ---- the pause -------------------------------------------------------------------


def test_it_falls_silent_and_keeps_the_answer() -> None:
    call = answering(done=False)
    actions = call.say(SHORT_S)
    assert call.phase == "tentative"
    assert "ClearCaller" in kinds(actions)
    assert CancelReply not in {type(each) for each in actions}
    assert not any(note.interrupted for note in call.notes().values())
    cleared_at = call.took(ClearCaller)[0].at
    assert [at for at, each in call.log if isinstance(each, PlayToCaller)][
        -1
    ] <= cleared_at


def test_what_the_model_says_meanwhile_waits() -> None:
    call = paused(done=False)
    assert call.give(BotAudio("r1", pcm(2000)), ReplyDone("r1")) == []


@pytest.mark.parametrize(("stop", "more_ms"), [("fade", 60), ("word", 250)])
def test_how_it_stops(stop: Literal["fade", "word"], more_ms: int) -> None:
    at_once = paused()
    other = paused(replace(LOCAL, barge_in=replace(PAUSE, stop=stop)))
    more = (len(heard(other)) - len(heard(at_once))) / 8
    assert 0 < more <= more_ms
    assert heard(other)[: len(heard(at_once))] == heard(at_once)


def test_where_no_word_ends_it_fades() -> None:
    endless = bytes(BOT_VOICE[800:1600]) * 60
    settings = replace(LOCAL, barge_in=replace(PAUSE, stop="word"))
    call = Call(replace(settings, greeting=Prompt("A long one", endless)))
    call.wait(1.5)
    call.say(SHORT_S)
    assert call.phase == "tentative"
    assert len(heard(call)) % 160 != 0 or len(heard(call)) > 0
    assert heard(call)[-1] == 0xFF  # faded to nothing


# ---- going on --------------------------------------------------------------------


def test_a_click_of_speech_without_words_is_resumed() -> None:
    call = asked()
    call.give(ModelRefused("no_speech"))
    assert call.phase == "speaking"
    assert decided(call) == [("no_words", "resumed")]
    assert call.took(AskForReply, 100.0) == call.took(AskForReply)[:1]


@pytest.mark.parametrize("text", ["Mm-hm.", "okay", "Okay, mm-hm", "", "[cough]"])
def test_a_backchannel_is_resumed_and_forgotten(text: str) -> None:
    call = asked()
    call.give(TurnCommitted("i2"))
    actions = call.give(CallerText("i2", text))
    assert call.phase == "speaking"
    assert ForgetTurn("i2") in actions
    assert len(call.took(AskForReply)) == 1  # nothing is answered
    assert call.took(CancelReply) == []
    call.wait(8.0)
    assert call.phase == "listening"
    note = next(note for note in call.notes().values() if note.response_id == "r1")
    assert not note.interrupted
    assert (note.heard_ms, note.proved_ms) == (6000, 6000)


def test_the_journal_tells_why_and_how_long() -> None:
    call = asked()
    call.give(TurnCommitted("i2"), CallerText("i2", "okay"))
    note = [each for each in call.took(NoteDecision) if each.kind == "barge_in"][-1]
    assert (note.rule, note.outcome) == ("backchannel", "resumed")
    assert note.caller_seq is not None
    assert call.notes()[note.caller_seq].generated_text == "okay"
    features = note.features
    assert features["owner"] == "local"
    assert features["words"] == 1
    assert features["min_ms"] == 140
    evidence_ms, stop_ms = features["evidence_ms"], features["stop_after_ms"]
    assert isinstance(evidence_ms, int)
    assert isinstance(stop_ms, int)
    assert 140 <= evidence_ms <= int(features["speech_ms"])
    assert 140 <= stop_ms <= 400
    assert features["gap_ms"] == note.decided_ms - note.at_ms - stop_ms
    assert note.trace.startswith(("V", "N", "H"))
    assert note.trace.isupper() or "." in note.trace


def words_of_300_ms() -> bytes:
    """Twelve bursts of 300 ms, each with 200 ms of silence behind it."""
    return (b"\x2a\x2a\xaa\xaa" * 600 + b"\xff" * 1600) * 12


TWELVE = "one two six ten " * 3


@pytest.mark.parametrize("text", [TWELVE, ""], ids=["text", "no text"])
@pytest.mark.parametrize("wait_s", [1.0, 1.1, 1.2, 1.3, 1.4])
def test_after_a_long_pause_the_word_that_was_broken_off_is_said_again(
    wait_s: float, text: str
) -> None:
    words = words_of_300_ms()
    call = Call(replace(LOCAL, greeting=Prompt(text, words)))
    call.wait(wait_s)
    call.say(SHORT_S)
    stopped_at = len(heard(call))
    call.wait(0.5)
    call.give(ModelRefused("no_speech"))
    assert call.phase == "speaking"
    call.wait(8.0)
    again = heard(call)[stopped_at:]
    assert words.endswith(again)
    resumed_at = len(words) - len(again)
    word_at = stopped_at - stopped_at % 4000
    in_word = stopped_at - word_at < 2400
    assert resumed_at == pytest.approx(word_at if in_word else stopped_at, abs=8 * 50)
    assert call.notes()[1].heard_ms == 6000
    assert not call.notes()[1].interrupted


def test_after_less_than_a_word_it_goes_on_at_once_with_the_next_sample() -> None:
    words = words_of_300_ms()
    call = Call(replace(LOCAL, greeting=Prompt("Twelve words", words)))
    call.wait(1.1)
    call.hear(FLUENT[:1440])
    call.wait(0.14)
    assert call.phase == "tentative"
    call.wait(0.24)
    assert decided(call) == [("too_short", "resumed")]
    assert len(call.took(CommitAudio)) == 1  # its words may tell otherwise
    call.wait(8.0)
    assert heard(call) == words
    assert max(call.far_end.gaps_s) < 0.25  # nobody notices


EASY = replace(LOCAL, barge_in=replace(PAUSE, min_ms=60))
SOUND = VOICE[:1280]  # 160 ms


def resumed(settings: Settings = EASY, sound: bytes = SOUND) -> Call:
    """The bot paused for less than a word, and has gone on this very moment."""
    call = answering(settings)
    call.hear(sound)
    while call.phase == "speaking":
        call.wait(0.02)
    while call.phase == "tentative":
        call.wait(0.02)
    assert decided(call)[0][1] == "resumed"
    return call


def last_pause_ms(call: Call) -> float:
    return 1000 * (call.now - call.took(ClearCaller)[-1].at)


def test_less_than_a_word_is_resumed_before_anybody_notices() -> None:
    call = resumed()
    assert decided(call) == [("too_short", "resumed")]
    assert 235 <= last_pause_ms(call) < 255.001  # to the end of the frame


def test_who_goes_on_at_once_makes_it_pause_with_the_first_sound() -> None:
    call = resumed(replace(EASY, barge_in=replace(EASY.barge_in, stop="word")))
    call.wait(0.06)
    since = call.now
    call.hear(VOICE[320:480])
    assert call.phase == "tentative"
    assert len(call.took(ClearCaller, since)) == 1
    assert call.took(PlayToCaller, since) == []  # it doesn't end its word
    call.hear(VOICE[480:1280])
    assert decided(call)[-1] == ("spoke_again", "confirmed")
    assert call.phase == "caller"


def test_that_sound_alone_is_resumed_again_and_as_quickly() -> None:
    call = resumed()
    call.wait(0.06)
    call.hear(VOICE[320:480])
    assert call.phase == "tentative"
    while call.phase == "tentative":
        call.wait(0.02)
    assert decided(call) == [("too_short", "resumed"), ("not_voice", "resumed")]
    assert 235 <= last_pause_ms(call) < 255.001  # to the end of the frame


def test_somewhat_later_it_takes_a_syllable() -> None:
    call = resumed()
    call.wait(0.3)
    call.hear(VOICE[320:480])
    assert call.phase == "speaking"  # a single frame is nothing by now
    call.hear(VOICE[480:2400])
    assert decided(call)[-1] == ("spoke_again", "confirmed")
    assert call.phase == "caller"


def test_later_still_it_takes_as_much_as_before() -> None:
    call = resumed()
    call.wait(2.1)
    call.hear(SOUND)
    call.wait(0.5)
    assert decided(call) == [("too_short", "resumed")] * 2


def test_a_sound_that_is_no_voice_is_resumed_at_once() -> None:
    call = answering(replace(LOCAL, barge_in=replace(PAUSE, min_ms=0)))
    call.hear(VOICE[:1280])  # 160 ms
    call.wait(1.0)
    assert call.took(ClearCaller) == [] or decided(call)[-1][1] == "resumed"
    assert call.phase == "speaking"


def test_its_words_come_late_and_are_words_after_all() -> None:
    call = answering(replace(LOCAL, barge_in=replace(PAUSE, min_ms=40)))
    call.hear(VOICE[:1920])
    call.wait(1.0)
    assert decided(call)[-1] == ("too_short", "resumed")
    call.give(TurnCommitted("i2"))
    since = call.now
    call.give(CallerText("i2", "no"))
    assert call.phase == "waiting"
    assert len(call.took(ClearCaller, since)) == 1
    assert len(call.took(AskForReply, since)) == 1
    assert decided(call)[-1] == ("stop_word", "confirmed")


def test_its_words_come_late_and_were_a_backchannel() -> None:
    call = answering(replace(LOCAL, barge_in=replace(PAUSE, min_ms=40)))
    call.hear(VOICE[:1920])
    call.wait(1.0)
    call.give(TurnCommitted("i2"))
    assert call.give(CallerText("i2", "mm-hm"))[-1] == ForgetTurn("i2")
    assert call.phase == "speaking"


def test_its_words_come_when_the_caller_has_gone_on_already() -> None:
    call = answering(replace(QUICK, barge_in=replace(QUICK.barge_in, min_ms=40)))
    call.hear(VOICE[:1920])
    call.wait(1.0)
    call.give(TurnCommitted("i2"))
    call.say(1.2)
    assert call.phase == "caller"
    call.give(CallerText("i2", "no"))
    assert call.phase == "caller"


def test_what_is_too_short_to_pause_for_is_listened_to_all_the_same() -> None:
    call = answering(replace(LOCAL, barge_in=replace(PAUSE, min_ms=400)))
    call.hear(VOICE[:1920])
    call.wait(0.5)
    assert call.took(ClearCaller) == []
    assert len(call.took(CommitAudio)) == 2
    call.give(TurnCommitted("i2"), CallerText("i2", "Stop."))
    assert call.phase == "waiting"
    notes = [note for note in call.took(NoteDecision) if note.kind == "barge_in"]
    assert [(note.seq, note.rule.value) for note in notes] == [
        (notes[0].seq, "too_short"),
        (notes[0].seq, "stop_word"),  # the same decision, in another light
    ]


def test_the_bots_own_words_that_come_back_are_an_echo() -> None:
    call = asked()
    call.give(TurnCommitted("i2"), CallerText("i2", "yes of course"))
    assert decided(call) == [("echo", "resumed")]
    assert ForgetTurn("i2") in call.took(ForgetTurn)


def test_who_is_far_softer_than_the_caller_is_somebody_else() -> None:
    call = answering(ms=8000)
    call.wait(2.0)  # by now it is known that the line has no echo
    call.hear(softer(VOICE[:4800], 14.0))
    call.wait(0.5)
    assert call.took(ClearCaller) == []
    assert decided(call) == [("too_soft", "ignored")]


# ---- yielding --------------------------------------------------------------------


def test_who_goes_on_speaking_has_the_floor() -> None:
    call = answering(QUICK, done=False)
    call.say(1.0)
    assert call.phase == "caller"
    assert decided(call) == [("long_speech", "confirmed")]
    assert call.took(CancelReply) == [CancelReply()]
    note = next(note for note in call.notes().values() if note.response_id == "r1")
    assert note.interrupted
    assert note.heard_ms == pytest.approx(call.far_end.position(call.now) / 8, abs=20)


def test_the_first_word_is_not_clipped() -> None:
    call = answering(QUICK)
    since, began_at = call.now, call.now
    call.say(1.0)
    sent = sum(
        len(each.pcm16)
        for at, each in call.log
        if at >= since and hasattr(each, "pcm16")
    )
    assert sent / 48_000 >= (call.now - began_at) + 0.2


@pytest.mark.parametrize(
    ("text", "rule"), [("Stop!", "stop_word"), ("Can I ask", "words")]
)
def test_a_word_that_means_it_is_answered_at_once(text: str, rule: str) -> None:
    call = asked()
    call.give(TurnCommitted("i2"))
    actions = call.give(CallerText("i2", text))
    assert call.phase == "waiting"
    assert actions[-2:-1] == [AskForReply()] or AskForReply() in actions
    assert decided(call) == [(rule, "confirmed")]
    note = next(note for note in call.notes().values() if note.response_id == "r1")
    assert note.interrupted
    call.answer("r2", ms=500)
    assert call.phase == "speaking"
    reply = call.notes()
    call.wait(1.0)
    reply = call.notes()
    assert max(reply) > 0
    assert any(n.response_id == "r2" and n.reply_ms for n in reply.values())


def test_who_speaks_again_has_the_floor() -> None:
    call = asked()
    call.say(0.3)
    assert call.phase == "caller"
    assert decided(call) == [("spoke_again", "confirmed")]


def test_a_long_word_that_the_model_does_not_tell_is_taken_for_one() -> None:
    call = asked()
    call.wait(0.5)
    assert decided(call) == []  # it is sure, so its words are worth a longer wait
    call.wait(0.42)
    assert decided(call) == [("no_answer", "confirmed")]
    assert call.phase == "waiting"
    assert len(call.took(AskForReply)) == 2


def test_if_that_was_noise_after_all_the_line_counts_as_noisy() -> None:
    call = answering(ms=20_000)
    for response in ("r2", "r3", "r4"):
        call.say(1.0)
        call.wait(1.2)
        assert decided(call)[-1] == ("no_answer", "confirmed")
        call.give(ModelRefused("no_speech"))
        assert call.phase == "waiting"  # for the answer that was cut off
        call.answer(response, ms=20_000)
        call.wait(0.5)
    notes = [note for note in call.took(NoteDecision) if note.kind == "barge_in"]
    assert [note.features["factor"] for note in notes] == [1.0, 1.0, 1.25]


def test_a_key_yields_at_once() -> None:
    call = paused()
    call.give(CallerKey("1"))
    assert call.phase == "listening"
    assert decided(call) == [("key", "confirmed")]
    call.wait(1.0)
    assert call.phase == "listening"


def test_goodbye_in_the_middle_of_an_answer_ends_the_call() -> None:
    call = Call(replace(LOCAL, farewells=("bye",), goodbye=GREETING))
    call.wait(0.5)
    call.turn("i1")
    call.answer("r1", ms=6000)
    call.wait(1.0)
    call.say(SHORT_S)
    call.wait(0.4)
    call.give(TurnCommitted("i2"), CallerText("i2", "Bye."))
    assert call.phase == "closing"


def test_the_call_ends_while_it_is_undecided() -> None:
    call = paused(replace(LOCAL, goodbye=GREETING))
    call.give(EndRequested(Ending.DRAIN))
    assert call.phase == "closing"
    assert decided(call) == [("call_ended", "confirmed")]
    call.wait(3.0)
    assert call.ending == "drain"


def test_in_a_gap_of_the_line_the_caller_is_taken_for_silent() -> None:
    call = paused()
    call.wait(2.0, line=False)
    assert call.phase != "tentative"


# ---- the model's own VAD ---------------------------------------------------------


def conducted(settings: Settings, script: Script) -> list[object]:
    """What came of a script, and when, whatever had been done before."""
    call = answering(settings, done=False)
    began_at, before = call.now, len(call.log)
    script(call)
    done = [
        (round(at - began_at, 3), type(action).__name__)
        for at, action in call.log[before:]
        if not isinstance(action, FindTurns)
    ]
    sent = b"".join(each.pcm16 for each in call.took(AppendAudio, began_at + 0.001))
    return [call.phase, decided(call), done, len(sent)]


def a_sound(call: Call) -> None:
    call.hear(VOICE[:800])
    call.wait(0.5)


def a_syllable(call: Call) -> None:
    call.hear(FLUENT[:1440])
    call.wait(1.0)
    call.give(TurnCommitted("i2"), CallerText("i2", "no"))


def two_syllables(call: Call) -> None:
    call.say(SHORT_S)
    call.wait(1.0)
    call.give(TurnCommitted("i2"), CallerText("i2", "no, no"))


def a_word(text: str, call: Call) -> None:
    call.say(WORD_S)
    call.wait(0.4)
    call.give(ReplyDone("r1"), TurnCommitted("i2"), CallerText("i2", text))
    call.wait(0.2)


def no_word(call: Call) -> None:
    call.say(WORD_S)
    call.wait(0.4)
    call.give(ModelRefused("no_speech"))
    call.wait(0.2)


def an_untold_word(call: Call) -> None:
    call.say(WORD_S)
    call.wait(2.0)


def long_speech(call: Call) -> None:
    call.hear(FLUENT[:20_000])
    call.wait(1.5)
    call.give(TurnCommitted("i2"))


def wavering_speech(call: Call) -> None:
    call.say(2.5)
    call.wait(1.5)


def two_words(call: Call) -> None:
    call.say(WORD_S)
    call.wait(0.4)
    call.say(0.3)
    call.wait(1.5)


@pytest.mark.parametrize(
    ("script", "decisions"),
    [
        (a_sound, [("too_short", "ignored")]),
        (a_syllable, [("too_short", "resumed"), ("stop_word", "confirmed")]),
        (two_syllables, [("stop_word", "confirmed")]),
        (partial(a_word, "okay"), [("backchannel", "resumed")]),
        (partial(a_word, "Stop!"), [("stop_word", "confirmed")]),
        (partial(a_word, "What is the price"), [("words", "confirmed")]),
        (partial(a_word, "yes of course"), [("echo", "resumed")]),
        (no_word, [("no_words", "resumed")]),
        (an_untold_word, [("no_answer", "confirmed")]),
        (long_speech, [("long_speech", "confirmed")]),
        (wavering_speech, [("long_speech", "confirmed")]),
        (two_words, [("spoke_again", "confirmed")]),
    ],
)
def test_while_the_bot_speaks_it_matters_not_who_owns_the_turns(
    script: Script, decisions: list[tuple[str, str]]
) -> None:
    local, server = (conducted(wants, script) for wants in (LOCAL, SERVER))
    assert local[1] == decisions
    assert server == local


@pytest.mark.parametrize("said_s", [SHORT_S, WORD_S])
def test_the_models_vad_has_no_say_in_whether_the_bot_goes_on(said_s: float) -> None:
    def script(call: Call) -> None:
        call.say(said_s)
        call.give(*late)
        call.wait(2.0)

    late: list[Event] = []
    without = conducted(SERVER, script)
    late = [ServerSpeechStarted(), ServerSpeechStopped()]
    assert conducted(SERVER, script) == without


def test_while_the_bot_speaks_the_model_hears_only_what_it_is_asked_about() -> None:
    call = answering(SERVER)
    since = call.now + 0.001
    call.hear(VOICE[:480])
    call.wait(1.5)
    assert call.took(AppendAudio, since) == []
    call.say(WORD_S)
    call.wait(0.3)
    sent = sum(len(each.pcm16) for each in call.took(AppendAudio, since)) / 48_000
    spoken_s = WORD_S - 0.125  # its last syllable has a gap behind it
    assert sent == pytest.approx(0.4 + spoken_s + 0.2, abs=0.06)


def test_an_item_that_the_model_made_of_something_else_is_a_turn_of_its_own() -> None:
    """It had heard a turn when it was told to find none."""
    call = answering(SERVER)
    call.give(TurnCommitted("i2"), CallerText("i2", "okay"))
    assert call.phase == "speaking"
    assert call.took(ForgetTurn) == []
    assert call.notes()[max(call.notes())].item_id == "i2"


# ---- protection, floor, neural ---------------------------------------------------


def test_what_must_be_heard_is_heard() -> None:
    greeting = Prompt("This call is recorded.", GREETING.ulaw, must_hear=True)
    call = Call(replace(LOCAL, greeting=greeting))
    call.wait(0.5)
    call.say(0.8)
    call.give(CallerKey("1"))
    call.wait(0.4)
    assert call.took(ClearCaller) == []
    assert decided(call) == [("protected", "ignored")]
    call.wait(1.5)
    note = call.notes()[1]
    assert not note.interrupted
    assert note.proved_ms == note.heard_ms == 2000


def test_what_the_model_says_for_us_must_be_heard_too() -> None:
    greeting = Prompt("This call is recorded.", must_hear=True)
    call = Call(replace(LOCAL, greeting=greeting))
    call.answer("r1", ms=2000)
    call.wait(0.5)
    call.say(0.8)
    assert call.took(ClearCaller) == []
    call.wait(2.0)
    call.turn("i1")
    call.answer("r2", ms=4000)
    call.wait(0.5)
    call.say(0.6)
    assert len(call.took(ClearCaller)) == 1  # only that one


def test_who_tries_again_and_again_needs_less() -> None:
    call = answering(ms=12_000)
    for item in ("i2", "i3"):
        call.say(SHORT_S)
        while call.phase == "tentative" and not call.took(CommitAudio, call.now):
            call.wait(0.02)
        call.give(TurnCommitted(item), CallerText(item, "okay"))
        call.wait(0.4)
    call.say(SHORT_S)
    assert call.phase == "tentative"
    call.give(CallerKey("1"))
    notes = [note for note in call.took(NoteDecision) if note.kind == "barge_in"]
    assert [note.features["factor"] for note in notes] == [1.0, 1.0, 0.6]
    stops = [note.features["stop_after_ms"] for note in notes]
    assert stops[2] < stops[0]  # type: ignore[operator]


def test_where_the_neural_vad_hears_no_voice_the_bot_goes_on() -> None:
    heard_by_it, likely = bytearray(), [0.1]

    def listen(ulaw: bytes) -> float:
        heard_by_it.extend(ulaw)
        return likely[0]

    wants = replace(LOCAL, greeting=Prompt("A long one", BOT_VOICE))
    call = Call(wants, listen=listen)
    call.wait(1.5)
    call.say(0.8)
    call.wait(0.5)
    assert call.took(ClearCaller) == []
    assert decided(call)[0] == ("not_voice", "ignored")
    likely[0] = 0.9
    call.say(0.8)
    assert len(call.took(ClearCaller)) == 1
    assert bytes(heard_by_it).count(VOICE[:1120]) == 2
    assert SILENCE * 26 not in bytes(heard_by_it)


def test_a_voice_that_the_neural_vad_finds_late_stops_the_bot_from_its_beginning() -> (
    None
):
    likely = [0.1]
    wants = replace(LOCAL, greeting=Prompt("A long one", BOT_VOICE))
    call = Call(wants, listen=lambda ulaw: likely[0])
    call.wait(1.5)
    call.hear(VOICE[:3200])  # enough, but for the doubt
    assert call.phase == "speaking"
    likely[0] = 0.9
    call.hear(VOICE[3200:4160])  # 100 ms of silence, and its next sound
    assert call.phase == "tentative"
    call.hear(VOICE[4160:6400])
    call.wait(1.0)
    given_ms = sum(len(each.pcm16) for each in call.took(AppendAudio)) // 48
    assert given_ms >= 400 + 800  # with what it had doubted


@pytest.mark.parametrize(("likely", "pauses"), [(0.95, 1), (0.85, 0)])
def test_a_soft_start_stops_the_bot_if_it_is_a_voice_beyond_doubt(
    likely: float, pauses: int
) -> None:
    wants = replace(LOCAL, greeting=Prompt("A long one", BOT_VOICE))
    call = Call(wants, listen=lambda ulaw: likely)
    call.wait(2.0)
    call.hear(softer(VOICE[:6400], 15.0))
    assert len(call.took(ClearCaller)) == pauses


@pytest.mark.parametrize(
    ("likely", "began_s", "pauses"), [(0.95, 2.0, 1), (0.94, 2.0, 0), (0.95, 1.0, 0)]
)
def test_half_a_syllable_pauses_the_bot_if_it_is_certainly_a_voice_and_no_echo(
    likely: float, began_s: float, pauses: int
) -> None:
    wants = replace(LOCAL, greeting=Prompt("A long one", BOT_VOICE))
    call = Call(wants, listen=lambda ulaw: likely)
    call.wait(began_s)
    call.hear(VOICE[:640])
    assert call.took(ClearCaller) == []  # more may be on its way
    call.wait(0.3)
    assert len(call.took(ClearCaller)) == pauses
    call.wait(0.3)
    resumed = [("too_short", "resumed")] * pauses
    assert decided(call) == (resumed or [("too_short", "ignored")])


@source_only
def test_of_a_voice_that_is_heard_already_softer_sounds_count() -> None:
    wants = replace(LOCAL, greeting=Prompt("A long one", BOT_VOICE))
    call = Call(wants, listen=lambda ulaw: 0.95)
    gates: list[float] = []
    hear = call.bridge._voice.hear

    def watched(
        ulaw: bytes, gate_dbov: float, *, in_turn: bool = False
    ) -> VadFrame | None:
        gates.append(call.bridge._speech.gate_dbov(call.now) - gate_dbov)
        return hear(ulaw, gate_dbov, in_turn=in_turn)

    call.bridge._voice.hear = watched  # type: ignore[method-assign]
    call.wait(2.0)
    call.hear(VOICE[:960])
    lower = [db for db in gates if db]
    assert 0 < len(lower) <= 3  # once there were 60 ms
    assert lower == pytest.approx([6.0] * len(lower))  # as there is no echo
    assert gates[-1]


def test_its_words_are_asked_for_while_it_is_still_found_out_whether_more_comes() -> (
    None
):
    call = answering()
    call.hear(FLUENT[:1440])
    call.wait(0.22)
    assert call.phase == "tentative"
    assert decided(call) == []
    assert len(call.took(CommitAudio)) == 2  # of the turn, and of this
    call.wait(0.3)
    assert decided(call) == [("too_short", "resumed")]
    assert len(call.took(CommitAudio)) == 2


def test_who_was_soft_from_the_start_stops_no_bot_by_falling_silent() -> None:
    likely = [0.6]
    wants = replace(LOCAL, greeting=Prompt("A long one", BOT_VOICE))
    call = Call(wants, listen=lambda ulaw: likely[0])
    call.wait(2.0)
    room = softer(FLUENT, 15.0)
    call.hear(room[:5600])
    likely[0] = 0.95
    call.hear(room[5600:8000])
    call.wait(0.5)
    assert call.took(ClearCaller) == []
    assert decided(call) == [("too_soft", "ignored")]


def test_what_it_doubts_to_its_end_was_no_voice() -> None:
    wants = replace(LOCAL, greeting=Prompt("A long one", BOT_VOICE))
    call = Call(wants, listen=lambda ulaw: 0.1)
    call.wait(1.5)
    call.hear(VOICE[:2240])
    call.wait(0.5)
    assert call.took(ClearCaller) == []
    assert decided(call) == [("not_voice", "ignored")]
    assert call.took(CommitAudio) == []  # nobody asks for its words


def test_too_little_is_written_down() -> None:
    call = answering(replace(LOCAL, barge_in=replace(PAUSE, min_ms=600)))
    call.hear(VOICE[:1600])
    call.wait(0.4)
    assert decided(call) == [("too_short", "ignored")]
    assert call.phase == "speaking"


def test_what_is_rejected_while_it_goes_on_is_not_heeded_until_it_pauses() -> None:
    hasty = replace(PAUSE, confirm_ms=1500, decide_ms=50)
    call = answering(replace(LOCAL, barge_in=hasty), ms=12_000)
    call.say(SHORT_S)
    call.hear(hum(seconds=3.0, level_dbov=-20.0))
    assert decided(call) == [("not_voice", "resumed")]
    assert call.phase == "speaking"
    call.wait(0.3)
    call.say(SHORT_S)
    assert call.phase == "tentative"  # that was another sound


def test_what_was_hardly_voice_is_resumed_at_once() -> None:
    call = answering(replace(LOCAL, barge_in=replace(PAUSE, min_ms=20)))
    call.hear(cough())
    call.wait(0.4)
    assert decided(call) == [("not_voice", "resumed")]
    assert len(call.took(CommitAudio)) == 1  # nobody asks what it was


def test_a_filler_is_said_once_while_an_answer_is_late() -> None:
    wants = replace(LOCAL, fillers=(FILLER,), filler_after_s=1.0, stall_s=6.0)
    call = Call(wants)
    call.wait(0.5)
    call.turn("i1")
    call.wait(1.2)
    assert call.phase == "speaking"
    call.wait(1.5)
    assert call.phase == "waiting"  # the answer is still due
    call.wait(1.5)
    call.answer("r1", ms=1000)
    call.wait(0.2)
    assert call.phase == "speaking"
    call.wait(2.0)
    said = [note.response_id for note in call.notes().values() if note.who == "bot"]
    assert said == ["prompt:filler", "r1"]
    note = call.notes()[max(call.notes())]
    assert note.reply_ms is not None
    assert note.reply_ms > 4000  # the filler is no answer


def test_the_answer_follows_the_filler_without_a_gap() -> None:
    call = Call(replace(LOCAL, fillers=(FILLER,), filler_after_s=1.0))
    call.wait(0.5)
    call.turn("i1")
    call.wait(1.2)
    call.answer("r1", ms=1000)
    call.wait(3.0)
    assert call.far_end.gaps_s == []
    assert call.played_ms() == 1800


def test_an_empty_answer_behind_a_filler_is_asked_for_again() -> None:
    call = Call(replace(LOCAL, fillers=(FILLER,), filler_after_s=1.0))
    call.wait(0.5)
    call.turn("i1")
    call.wait(1.2)
    call.give(ReplyStarted("r1"), ReplyDone("r1"))
    asked = len(call.took(AskForReply))
    call.wait(1.5)
    assert len(call.took(AskForReply)) == asked + 1


def test_fillers_take_turns() -> None:
    other = Prompt("Let me see.", BOT_VOICE[:4000])
    call = Call(replace(LOCAL, fillers=(FILLER, other), filler_after_s=1.0))
    call.wait(0.5)
    for item in ("i1", "i2"):
        call.turn(item)
        call.wait(2.5)
        call.answer(item, ms=400)
        call.wait(1.5)
    said = [
        note.generated_text
        for note in call.notes().values()
        if note.response_id == "prompt:filler"
    ]
    assert said == [FILLER.text, other.text]


def test_the_neural_vad_has_a_say_in_who_begins_a_turn_too() -> None:
    call = Call(LOCAL, listen=lambda ulaw: 0.1)
    call.wait(1.0)
    call.say(1.0)
    assert call.phase == "listening"
    assert call.took(NoteDecision) == []
