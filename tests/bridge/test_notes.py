"""Turns as the call log gets them."""

from voicebot.audio.framing import ulaw_bytes
from voicebot.bridge.heard import estimate_ms
from voicebot.bridge.model import NoteTurn
from voicebot.bridge.notes import CallerTurn, Notes
from voicebot.bridge.speech import Utterance


def test_turns_are_numbered_from_one() -> None:
    notes = Notes(began_at=100.0)
    assert [notes.next_seq(), notes.next_seq()] == [1, 2]


def test_a_turn_of_the_caller_was_heard_as_it_was_said() -> None:
    turn = CallerTurn(3, 101.5, 103.0, "i1", "Can I come on Friday?")
    assert Notes(began_at=100.0).caller(turn) == NoteTurn(
        seq=3,
        who="caller",
        item_id="i1",
        response_id=None,
        started_ms=1500,
        ended_ms=3000,
        generated_text="Can I come on Friday?",
        heard_text="Can I come on Friday?",
        generated_ms=1500,
        heard_ms=1500,
        proved_ms=1500,
        interrupted=False,
        reply_ms=None,
    )


def answer(**changes: object) -> Utterance:
    spoken = Utterance("r1", 4, 105.0, " One two three four. ", True, size=16_000)
    for name, value in changes.items():
        setattr(spoken, name, value)
    return spoken


def test_an_answer_that_was_cut_says_what_was_heard() -> None:
    assert Notes(began_at=100.0).bot(answer(reply_ms=700), 1000.0, 900.0) == NoteTurn(
        seq=4,
        who="bot",
        item_id=None,
        response_id="r1",
        started_ms=5000,
        ended_ms=6000,
        generated_text="One two three four.",
        heard_text="One two",
        generated_ms=2000,
        heard_ms=1000,
        proved_ms=900,
        interrupted=True,
        reply_ms=700,
    )


def test_an_answer_that_was_heard_to_its_end_was_not_interrupted() -> None:
    notes = Notes(began_at=100.0)
    assert not notes.bot(answer(), 2000.0, 0.0).interrupted
    assert notes.bot(answer(), 1999.9, 0.0).interrupted
    assert notes.bot(answer(complete=False), 2000.0, 0.0).interrupted


def test_no_turn_begins_before_the_call() -> None:
    turn = CallerTurn(1, 99.7, 101.0)
    assert Notes(began_at=100.0).caller(turn).started_ms == 0


def test_the_pace_of_the_last_whole_utterance_cuts_the_next() -> None:
    text = "one two three four five six seven eight nine ten"
    notes = Notes(0.0)
    whole = Utterance("r1", 1, 0.0, text=text, complete=True)
    whole.size = whole.sent = ulaw_bytes(estimate_ms(text) / 2)  # a quick voice
    notes.bot(whole, estimate_ms(text) / 2, 0.0)
    cut = Utterance("r2", 2, 0.0, text=text)
    cut.size = cut.sent = ulaw_bytes(500)
    heard_ms = estimate_ms("one two three four five ") / 2
    assert notes.bot(cut, heard_ms, 0.0).heard_text == "one two three four five"
