"""Another way to listen, and to be interrupted: from the next turn or answer on."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bridge.calls import APOLOGY, BUSINESS, GOODBYE, VOICE, Call, in_phase, kinds
from tests.bridge.test_any_order import RETUNE, REWORD, Watched, steps, wake, wanted
from tests.twins import source_only
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.endpointing import Endpointing
from voicebot.bridge.model import (
    AppendAudio,
    CallerText,
    CommitAudio,
    DeadlineReached,
    Ending,
    Event,
    NoteDecision,
    NoteHeard,
    PeerLost,
    Retune,
    Reword,
    Rule,
)
from voicebot.bridge.settings import BargeIn, Listening, Prompt, Settings

DEAF = Retune(BargeIn("never"), Listening())
PATIENT = Retune(BargeIn("stop"), Listening("patient", adaptive=False))
LONGEST = Retune(BargeIn("stop"), Listening(max_turn_ms=60_000))


def silence_ms(call: Call) -> int:
    """What ended the caller's last turn."""
    notes = [n for n in call.took(NoteDecision) if n.kind == "end_of_turn"]
    found = notes[-1].features["wanted_ms"]
    assert isinstance(found, int)
    return found


def test_the_next_turn_is_listened_to_in_the_new_way() -> None:
    call = in_phase("listening")
    call.give(PATIENT)
    call.turn()
    assert silence_ms(call) == 1000


def test_a_turn_that_has_begun_ends_as_it_began() -> None:
    call = in_phase("caller")
    call.give(PATIENT)
    call.wait(1.0)
    assert silence_ms(call) == 560
    call.answer(ms=400)
    call.wait(1.0)
    call.turn("i2")
    assert silence_ms(call) == 1000


def test_an_answer_that_is_heard_can_be_interrupted_as_before() -> None:
    call = in_phase("speaking")
    call.give(DEAF)
    call.say(0.6)
    assert call.phase == "caller"


def test_the_answer_that_is_due_cannot_be_interrupted_any_more() -> None:
    call = in_phase("waiting")
    call.give(DEAF)
    call.answer("r1", 3000)
    call.wait(0.5)
    call.say(0.6)
    assert call.phase == "speaking"


def test_what_the_bot_has_paused_for_is_decided_as_it_was_to_be() -> None:
    call = in_phase("tentative")
    call.give(DEAF)
    call.say(0.8)
    assert call.phase == "caller"
    call.wait(1.0)
    call.answer("r2", 3000)
    call.wait(0.5)
    call.say(0.6)
    assert call.phase == "speaking"


def test_the_last_of_several_counts() -> None:
    call = in_phase("speaking")
    call.give(DEAF, PATIENT)
    call.wait(3.0)
    call.turn("i2")
    assert silence_ms(call) == 1000


def test_less_clear_speech_will_do() -> None:
    def stopped_after_ms(min_ms: int) -> float:
        call = in_phase("waiting")
        call.give(Retune(BargeIn("stop", min_ms=min_ms), Listening()))
        call.answer("r1", 3000)
        call.wait(0.5)
        since = call.now
        while call.phase == "speaking":
            at = round((call.now - since) * 8000)
            call.hear(VOICE[at : at + 160])
        return call.now - since

    assert stopped_after_ms(40) < stopped_after_ms(400)


def test_the_longest_turn_is_the_one_of_now() -> None:
    call = in_phase("listening")
    call.give(Retune(BargeIn(), Listening(max_turn_ms=5000)))
    call.say(5.2)
    assert Rule.MAX_TURN in {note.rule for note in call.took(NoteDecision)}


def test_what_was_asked_last_still_counts_and_the_callers_pace_does_too() -> None:
    digits = Listening(questions=(("your number", "digits"),))
    ends = Endpointing(Listening())
    ends.asked("What is your number?")
    ends.paused(700)
    pace = ends.pace
    assert pace > 1
    ends.retune(digits)
    assert (ends.profile, ends.pace) == ("digits", pace)
    ends.retune(replace(digits, adaptive=False))
    assert ends.pace == 1.0


def test_a_call_that_is_closing_needs_no_other_way() -> None:
    call = in_phase("closing")
    assert call.give(DEAF) == []


@source_only
@given(wanted, steps, st.sets(st.integers(0, 40), max_size=8))
@settings(max_examples=60, deadline=None)
def test_the_same_way_once_more_changes_nothing(
    wants: Settings, events: list[tuple[Event, float]], at: set[int]
) -> None:
    events = [each for each in events if each[0] not in (RETUNE, REWORD)]
    same = Retune(wants.barge_in, wants.listening)
    plain, tuned, now = Bridge(wants, 100.0), Watched(wants, 100.0), 100.0
    assert plain.start(now) == tuned.start(now)
    for index, (event, then_s) in enumerate(events):
        if index in at:
            # The clock is looked at, as after every event.
            assert plain.handle(DeadlineReached(), now) == tuned.handle(same, now)
        assert plain.handle(event, now) == tuned.handle(event, now)
        woken, _ = wake(plain, now, now + then_s)
        assert wake(tuned, now, now + then_s)[0] == woken
        now += then_s


@given(st.integers(0, 300), st.sampled_from([DEAF, PATIENT, LONGEST]))
@settings(max_examples=40, deadline=None)
def test_no_frame_and_no_turn_is_lost_whenever_it_comes(
    frame: int, retune: Retune
) -> None:
    """A turn, its answer, and another turn: six seconds."""

    def made(at: int) -> tuple[list[str], int, list[NoteHeard]]:
        call, line = Call(BUSINESS), iter(range(10_000))
        spoken = VOICE[:8000]
        for turn in ("i1", "i2"):
            heard = b"\xff" * 1600 + spoken + b"\xff" * 160 * 60
            for start in range(0, len(heard), 160):
                if next(line) == at:
                    call.give(retune)
                call.hear(heard[start : start + 160])
            call.answer(f"r-{turn}", 600)
            for _ in range(70):
                if next(line) == at:
                    call.give(retune)
                call.wait(0.02)
        orders = [k for k in kinds(a for _, a in call.log) if k != "AppendAudio"]
        wanted_kinds = ("CommitAudio", "AskForReply", "ClearCaller")
        bytes_ = sum(len(a.pcm16) for a in call.took(AppendAudio))
        assert len(call.took(CommitAudio)) == 2
        return (
            [kind for kind in orders if kind in wanted_kinds],
            bytes_,
            call.took(NoteHeard),
        )

    orders, size, heard = made(frame)
    plain_orders, plain_size, plain_heard = made(-1)
    assert orders == plain_orders
    assert heard == plain_heard
    assert size >= plain_size  # a longer silence belongs to the turn


# ---- other words of ours -----------------------------------------------------------

ADIEU = Prompt("Adieu!", GOODBYE.ulaw)
FRENCH = Reword(ADIEU, Prompt("Pardon!", APOLOGY.ulaw), (), ("au revoir",))


def test_the_goodbye_is_said_in_the_words_of_now() -> None:
    call = in_phase("waiting")
    call.give(FRENCH, CallerText("i1", "Au revoir."))
    call.wait(2.0)
    assert call.ending == "bot_goodbye"
    assert call.notes()[max(call.notes())].generated_text == "Adieu!"


def test_the_farewell_of_before_is_none_any_more() -> None:
    call = in_phase("waiting")
    call.give(FRENCH, CallerText("i1", "bye"))
    assert call.phase == "waiting"


def test_the_apology_is_said_in_the_words_of_now() -> None:
    call = in_phase("listening")
    call.give(FRENCH, PeerLost(Ending.STEPFUN_LOST))
    call.wait(2.0)
    assert call.notes()[max(call.notes())].generated_text == "Pardon!"


def test_a_late_answer_is_announced_in_the_words_of_now() -> None:
    moment = Prompt("Un instant.", GOODBYE.ulaw)
    call = in_phase("waiting")
    call.give(Reword(GOODBYE, APOLOGY, (Prompt("Not rendered."), moment), ()))
    call.wait(3.5)
    said = [note.generated_text for note in call.notes().values()]
    assert said[-1] == "Un instant."
