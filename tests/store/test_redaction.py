"""A call's turns as they may be written down: what comes later may change what was."""

import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.store.dictation import MAX_CHARACTERS
from voicebot.store.private_kinds import Kind
from voicebot.store.private_values import MAX_VALUE
from voicebot.store.redaction import (
    MAX_TURNS,
    MAX_VALUES,
    Policy,
    Redactor,
    Span,
    masked,
)

ALL = Policy(frozenset(Kind) - {Kind.DIGITS})
NOTHING = Policy()


# Who measures coverage is slower by a few times.
LIMIT_S = 0.05 if sys.gettrace() is None else 0.25


class Call:
    """What is written down of a call, as it goes on."""

    def __init__(self, policy: Policy = ALL) -> None:
        self.redactor = Redactor(policy)
        self.log: dict[int, str] = {}

    def say(self, *turns: str) -> "Call":
        """Add turns: `bot: …` or the caller's."""
        for text in turns:
            bot = text.startswith("bot:")
            said = text.removeprefix("bot:").strip()
            self.put(len(self.log), said, bot=bot)
        return self

    def put(self, seq: int, text: str, *, bot: bool = False) -> list[int]:
        found = self.redactor.turn(seq, "bot" if bot else "caller", text)
        self.log |= {each.seq: each.text for each in found}
        return [each.seq for each in found]

    def know(self, name: str, value: str) -> list[int]:
        found = self.redactor.know(name, value)
        self.log |= {each.seq: each.text for each in found}
        return [each.seq for each in found]

    def end(self) -> list[str]:
        self.log |= {each.seq: each.text for each in self.redactor.finish()}
        return [text for _, text in sorted(self.log.items())]


def test_a_number_in_several_turns_is_one() -> None:
    call = Call().say("it's one three eight", "bot: mm-hm", "zero zero one three")
    assert call.log[0] == "it's [phone]"
    assert call.say("bot: go on", "then 8 0 0 0").end() == [
        "it's [phone]",
        "mm-hm",
        "[phone]",
        "go on",
        "then [phone]",
    ]


def test_the_beginning_of_a_number_is_withheld_until_it_is_known_what_it_is() -> None:
    call = Call().say("one three eight")
    assert call.log == {0: "[digits]"}
    call.say("bot: How many nights?")
    assert call.log[0] == "one three eight"
    call = Call().say("I said 138", "and nothing more than that")
    assert call.log[0] == "I said 138"


def test_at_the_end_of_the_call_nothing_follows() -> None:
    call = Call().say("one three eight")
    assert call.end() == ["one three eight"]
    assert call.redactor.finish() == ()


def test_what_is_read_back_in_between_ends_nothing() -> None:
    call = Call().say("138 0013", "bot: Okay, one three eight, zero zero one three.")
    assert call.log[1] == "Okay, [phone]."
    assert call.say("8000").end()[2] == "[phone]"


def test_answers_to_other_questions_are_no_number() -> None:
    said = "How many adults?", "21", "And which table?", "table 38", "For how long?"
    call = Call()
    for seq, text in enumerate((*said, "about 120 minutes")):
        call.put(seq, text, bot=seq % 2 == 0)
    assert call.end()[1::2] == ["21", "table 38", "about 120 minutes"]


@pytest.mark.parametrize(
    ("asked", "answer", "kept"),
    [
        ("What is the code?", "4 2 7 1", "[code]"),
        ("Your phone number, please?", "uh 12345", "uh [phone]"),
        ("And your card?", "it's 12345678", "it's [card]"),
        ("验证码是多少？", "四二七一", "[code]"),
        ("Which room?", "1234567", "1234567"),
        ("The code? I mean, the order code.", "4271", "[code]"),
        ("What is the code?", "I am in room 302", "I am in room 302"),
        ("What is the code?", "I was told 427 or so", "I was told 427 or so"),
        ("How nice.", "4271", "4271"),
    ],
)
def test_a_question_tells_what_the_answer_is(
    asked: str, answer: str, kept: str
) -> None:
    assert Call().say(f"bot: {asked}", answer, "that is all, really").log[1] == kept


def test_a_plus_or_words_of_its_own_begin_another_number() -> None:
    call = Call().say("138 0013 80", "+1 202 555 0123")
    assert call.end() == ["[phone]", "[phone]"]
    call = Call().say("one three eight", "my code is 4271")
    assert call.end() == ["one three eight", "my code is [code]"]


def test_a_few_digits_after_a_whole_number_are_others() -> None:
    assert Call().say("13800138000", "302").end() == ["[phone]", "302"]


def test_one_digit_is_an_answer() -> None:
    said = ["2"] * 9
    assert Call().say(*said).end() == said


def test_a_turn_that_comes_again_is_the_same_and_one_that_changes_changes_others() -> (
    None
):
    call = Call()
    call.put(0, "")
    call.put(2, "eight zero zero zero")
    assert call.log == {0: "", 2: "[digits]"}
    assert call.put(0, "one three eight, zero zero one three") == [0, 2]
    assert call.put(0, "one three eight, zero zero one three") == [0]
    assert call.put(1, "mm-hm", bot=True) == [1]
    assert call.log == {0: "[phone]", 1: "mm-hm", 2: "[phone]"}
    assert call.put(0, "no, sorry, I was wrong") == [0, 2]
    assert call.log[2] == "[digits]"
    assert call.end()[2] == "eight zero zero zero"


def test_what_comes_before_the_first_turn_that_is_known_counts() -> None:
    call = Call()
    assert call.put(5, "4271") == [5]
    assert call.put(4, "The code?", bot=True) == [4, 5]
    assert call.log[5] == "[code]"


def test_values_of_variables_are_found_however_they_are_said() -> None:
    call = Call(NOTHING).say(
        "I'm LI  wei, room 3 0 2", "bot: Li-Wei, four two seven one"
    )
    assert call.know("name", "Li Wei") == [0, 1]
    assert call.know("pin", "4271") == [1]
    assert call.know("room", "+302") == [0]
    assert call.log[0] == "I'm [name], room [room]"
    assert call.log[1] == "[name], [pin]"
    assert call.say("liwei, 李伟").log[2] == "[name], 李伟"
    assert call.know("name", "李伟") == [2]
    assert call.end()[2] == "[name], [name]"


def test_a_value_in_several_turns_is_found_where_it_is() -> None:
    call = Call(NOTHING).say("88 42", "71 99", "33 44")
    assert call.know("pin", "4271") == [0, 1]
    assert call.end() == ["[pin]", "[pin]", "33 44"]


def test_what_is_too_short_or_too_much_is_no_value() -> None:
    call = Call().say("a 12 ab")
    assert call.know("x", "a") == call.know("x", "12") == call.know("x", "…") == []
    for n in range(MAX_VALUES):
        call.know("x", f"{n}abc")
    assert call.know("x", "ab") == []


def test_a_long_value_is_searched_for_by_its_beginning() -> None:
    call = Call(NOTHING).say("ab" * 150)
    call.know("x", "ab" * 150)
    assert call.log[0] == "ab" * 150  # it is one word, and a value isn't part of one
    call.say("中" * 300)
    call.know("x", "中" * 300)
    assert call.log[1] == "[x]" + "中" * (300 - MAX_VALUE)


def test_the_first_name_counts_where_several_things_are_found() -> None:
    call = Call()
    call.know("id", "12345")
    assert call.say("1 2 3 4 5 6 7 8 9").log[0] == "[id]"
    assert call.say("mail 13800138000 at qq dot com").log[1] == "mail [email]"


def test_nothing_is_kept_out_that_nobody_wants_out() -> None:
    call = Call(NOTHING).say("13800138000 bob@x.org", "one three eight")
    assert call.end() == ["13800138000 bob@x.org", "one three eight"]
    call = Call(Policy(frozenset({Kind.EMAIL}))).say("138", "0013 8000 bob@x.org")
    assert call.end() == ["138", "0013 8000 [email]"]


def test_a_turn_that_is_too_long_is_withheld() -> None:
    call = Call().say("a" * MAX_CHARACTERS, "a" * (MAX_CHARACTERS + 1))
    assert call.end() == ["a" * MAX_CHARACTERS, "[withheld]"]


def test_turns_are_forgotten_and_what_depends_on_them_stays() -> None:
    call = Call().say("one three eight", "zero zero one three")
    for _ in range(MAX_TURNS):
        call.say("this and that")
    call.say("one three nine")
    assert call.log[0] == call.log[1] == "[phone]"
    assert call.redactor.oldest == 3
    assert len(call.redactor._turns) == MAX_TURNS


def test_the_rest_of_a_number_stays_when_its_beginning_is_forgotten() -> None:
    call = Call().say("one three eight", "zero zero one three")
    for _ in range(MAX_TURNS - 1):
        call.say("this and that")
    assert call.redactor.oldest == 1
    assert call.put(1, "zero zero one three") == [1]
    assert call.log[1] == "[phone]"
    assert call.know("door", "0013") == []


def test_a_turn_that_is_known_too_late_loses_rather_too_much() -> None:
    call = Call().say(*["this and that"] * (MAX_TURNS + 1))
    assert call.put(0, "I said 138 0013 to you, 427") == [0]
    assert call.log[0] == "I said [phone] to you, [digits]"
    call.put(0, "three eight in 10 minutes")
    assert call.log[0] == "[digits] in 10 minutes"
    quiet = Call(NOTHING).say(*["this and that"] * (MAX_TURNS + 1))
    quiet.put(0, "138")
    assert quiet.log[0] == "138"


def test_a_turn_before_all_that_are_remembered_is_known_too_late() -> None:
    call = Call()
    for seq in range(MAX_TURNS):
        call.put(seq + 10, "this and that")
    assert call.put(5, "three eight") == [5]
    assert call.log[5] == "[digits]"


def test_of_a_text_that_was_cut_a_part_of_a_number_is_kept_out_too() -> None:
    spans = (Span(3, 8, "a"), Span(10, 12, "b"))
    assert masked("abcdefghijklmn", spans) == "abc[a]ij[b]mn"
    assert masked("abcde", spans) == "abc[a]"
    assert masked("abc", spans) == "abc"


words = st.sampled_from(
    [
        "one",
        "138",
        "4271",
        "幺三八",
        "mm-hm",
        "My code?",
        "room 302",
        "",
        "and",
        "13800138000",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans(), words), max_size=25))
def test_what_was_told_last_is_what_a_call_told_at_once_would_be(
    turns: list[tuple[int, bool, str]],
) -> None:
    call, last = Call(), dict[int, tuple[bool, str]]()
    for seq, bot, text in turns:
        bot = last.get(seq, (bot, ""))[0]
        last[seq] = (bot, text)
        call.put(seq, text, bot=bot)
    other = Call()
    for seq, (bot, text) in sorted(last.items()):
        other.put(seq, text, bot=bot)
    assert call.log == other.log
    assert call.end() == other.end()


TORMENTS = (
    *("1 ", "one ", "一", "twenty ", "a", "个", "+", "1.", "hundred ", "零百", "12/"),
    *("double ", "1,111", "2个", "22个", "1-1-", "and ", "at ", "@", "a@", "card 1"),
    *("嗯", "ok ", "123, code ", "code ", "。", "email ", "a at b.", "1x", "\n", "😀"),
)


@pytest.mark.parametrize("piece", TORMENTS)
def test_no_text_takes_long(piece: str) -> None:
    for size in (MAX_CHARACTERS, 64 * 1024):
        text = (piece * size)[:size]
        took = min(once(text) for _ in range(3))
        assert took < LIMIT_S


def once(text: str) -> float:
    redactor = Redactor(ALL)
    began = time.process_time()
    redactor.turn(0, "caller", text)
    return time.process_time() - began
