"""Rows of turns, as they may be written down; and what is to be silenced."""

from typing import Any

from voicebot.store.muting import BOT, CALLER, Mute, Share
from voicebot.store.private_turns import PrivateTurns
from voicebot.store.records import Private, Turn
from voicebot.store.redaction import CAUTIOUS, MAX_TURNS, Policy


def turn(seq: int, text: str, **given: Any) -> Turn:
    started_ms = 1000 * seq
    values: dict[str, Any] = {
        "call_id": "c",
        "seq": seq,
        "who": "caller",
        "item_id": None,
        "response_id": None,
        "started_ms": started_ms,
        "ended_ms": started_ms + 900,
        "generated_text": text,
        "heard_text": text,
        "generated_ms": 900,
        "heard_ms": 900,
        "proved_ms": 900,
        "interrupted": False,
        "reply_ms": None,
    }
    return Turn(**(values | given))


def texts(rows: tuple[Turn, ...]) -> list[tuple[int, str, str]]:
    return [(row.seq, row.generated_text, row.heard_text) for row in rows]


def test_a_row_is_written_without_what_is_private_and_all_else_stays() -> None:
    turns = PrivateTurns(CAUTIOUS)
    assert turns.turn(turn(0, "13800138000")) == (turn(0, "[phone]"),)


def test_rows_of_before_come_again_when_they_read_otherwise() -> None:
    turns = PrivateTurns(CAUTIOUS)
    assert texts(turns.turn(turn(0, "one three eight"))) == [
        (0, "[digits]", "[digits]")
    ]
    assert texts(turns.turn(turn(1, "zero zero one three"))) == [
        (1, "[phone]", "[phone]"),
        (0, "[phone]", "[phone]"),
    ]
    assert turns.finish() == ()


def test_what_was_heard_of_a_number_is_a_part_of_it() -> None:
    turns = PrivateTurns(CAUTIOUS)
    (row,) = turns.turn(
        turn(0, "It is 138 0013 8000.", who="bot", heard_text="It is 138 00")
    )
    assert (row.generated_text, row.heard_text) == ("It is [phone].", "It is [phone]")


def test_what_was_heard_may_be_another_text() -> None:
    turns = PrivateTurns(CAUTIOUS)
    other = turn(0, "It is 138 0013 8000.", who="bot", heard_text="Is it 13800138000")
    assert turns.turn(other)[0].heard_text == "Is it [phone]"


def test_a_value_that_becomes_known_is_taken_out_of_what_was_said() -> None:
    turns = PrivateTurns(Policy())
    turns.turn(turn(0, "I am Li Wei"))
    assert texts(turns.know("name", "li wei")) == [(0, "I am [name]", "I am [name]")]
    (row,) = turns.turn(turn(1, "It", heard_text="it's Li Wei"))
    assert row.heard_text == "it's [name]"


def test_without_words_nobody_knows_what_was_said() -> None:
    turns = PrivateTurns(Policy(words=False))
    assert turns.turn(turn(0, "hello")) == (turn(0, ""),)
    assert turns.know("name", "hello") == turns.finish() == ()
    assert turns.mutes == ()


def test_what_is_private_is_to_be_silenced_as_long_as_it_is() -> None:
    turns = PrivateTurns(CAUTIOUS)
    turns.turn(turn(1, "幺三八"))
    assert list(turns.mutes) == [Mute(CALLER, 1000, 1900, (Share(0, 1),))]
    turns.turn(turn(2, "no, something else"))
    assert list(turns.mutes) == []
    number = "幺三八零零幺三八零零零"
    turns.turn(turn(3, number, who="bot", ended_ms=3100, generated_ms=2000))
    assert list(turns.mutes) == [Mute(BOT, 3000, 5000, (Share(0, 1),))]
    turns.turn(turn(3, number, who="bot", generated_ms=None))
    assert list(turns.mutes) == [Mute(BOT, 3000, 3900, (Share(0, 1),))]


def test_rows_of_long_ago_are_forgotten_but_not_what_is_silenced() -> None:
    turns = PrivateTurns(CAUTIOUS)
    turns.turn(turn(0, "13800138000"))
    for seq in range(1, MAX_TURNS + 2):
        turns.turn(turn(seq, "this and that"))
    assert len(turns._rows) == MAX_TURNS
    assert [mute.started_ms for mute in turns.mutes] == [0]
    assert texts(turns.turn(turn(0, "13800138000"))) == [(0, "[phone]", "[phone]")]


def test_what_is_to_be_silenced_is_told_once_and_taken_back() -> None:
    turns = PrivateTurns(CAUTIOUS)
    turns.turn(turn(1, "幺三八"))
    assert turns.news("c") == (Private("c", 1, 0, 1000, 1900, [[0, 1]]),)
    assert turns.news("c") == ()
    turns.turn(turn(2, "no, something else"))
    assert turns.news("c") == (Private("c", 1, 0, 0, 0, []),)
    assert turns.news("c") == ()
