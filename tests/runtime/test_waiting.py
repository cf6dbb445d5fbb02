"""The line in which callers wait, with time as a number and room as a set."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.runtime.waiting import (
    ASK_S,
    GONE_S,
    LATE_S,
    GiveUp,
    LetIn,
    Rules,
    Wait,
    WaitingLine,
)

RULES = Rules("Wait.", most=2, announce_every_s=20.0, longest_s=60.0)
SAID_S = 0.5  # of these five letters


def nobody(_: str) -> bool:
    return False


def everybody(_: str) -> bool:
    return True


def test_who_comes_first_is_let_in_first() -> None:
    line = WaitingLine()
    assert line.join("a", RULES, 0.0)
    assert line.join("b", RULES, 1.0)
    assert not line.join("c", RULES, 1.0)  # it is full
    assert line.ask("a", 2.0, nobody) == Wait(announce=False)
    assert line.ask("b", 3.0, everybody) == Wait(announce=False)
    assert line.ask("a", 4.0, everybody) == LetIn()
    assert line.ask("b", 5.0, everybody) == LetIn()
    assert len(line) == 0
    with pytest.raises(KeyError):
        line.ask("a", 6.0, everybody)


def test_the_text_is_said_again_and_again() -> None:
    line = WaitingLine()
    line.join("a", RULES, 0.0)
    said = [at for at in range(2, 60, 2) if line.ask("a", at, nobody) == Wait(True)]
    assert said == [20, 40]


def test_nobody_waits_for_longer_than_is_allowed() -> None:
    line = WaitingLine()
    line.join("a", RULES, 0.0)
    for at in range(2, 60, 2):
        line.ask("a", at, nobody)
    assert line.ask("a", 60.0, nobody) == GiveUp()
    assert len(line) == 0


def test_who_waits_too_long_is_let_in_rather_if_there_is_room() -> None:
    line = WaitingLine()
    line.join("a", RULES, 0.0)
    assert line.ask("a", 60.0, everybody) == LetIn()


def test_nobody_waits_behind_one_who_has_hung_up() -> None:
    line = WaitingLine()
    line.join("a", RULES, 0.0)
    line.join("b", RULES, 0.0)
    late = SAID_S + ASK_S + LATE_S
    assert line.ask("b", late, everybody) == Wait(announce=False)
    assert line.ask("b", late + 0.1, everybody) == LetIn()
    # Nor is their place taken for long.
    assert line.join("c", RULES, 100.0)
    assert line.join("d", RULES, 100.0)
    assert line.gone(late + GONE_S) == []
    assert line.gone(late + GONE_S + 0.1) == ["a"]
    line.leave("c")
    line.leave("c")
    assert len(line) == 1


def test_who_was_late_keeps_their_place() -> None:
    line = WaitingLine()
    line.join("a", RULES, 0.0)
    line.join("b", RULES, 20.0)
    assert line.ask("a", 21.0, everybody) == LetIn()


def test_nobody_waits_behind_one_for_whom_there_is_no_room() -> None:
    line = WaitingLine()
    line.join("a", RULES, 0.0)
    line.join("b", RULES, 0.0)
    assert line.ask("b", 2.0, lambda sid: sid == "b") == LetIn()


def test_who_comes_now_goes_behind_who_waits() -> None:
    line = WaitingLine()
    assert not line.is_awaited(0.0, everybody)
    line.join("a", RULES, 0.0)
    assert line.is_awaited(1.0, everybody)
    assert not line.is_awaited(1.0, nobody)
    assert not line.is_awaited(30.0, everybody)


def test_words_of_other_scripts_take_longer_to_say() -> None:
    line = WaitingLine()
    line.join("a", Rules("请" * 100, 2, 20.0, 60.0), 0.0)
    assert line.is_awaited(35.0, everybody)


events = st.lists(
    st.tuples(
        st.sampled_from(["come", "come", "ask", "ask", "ask", "hang up", "free"]),
        st.integers(0, 7),
    ),
    max_size=80,
)


@settings(max_examples=60, deadline=None)
@given(events, st.integers(0, 2))
def test_order_is_kept_and_no_room_is_lost(
    happened: list[tuple[str, int]], free: int
) -> None:
    """Everybody asks in time here: whoever waits is there."""
    line, now, came, number = WaitingLine(), 0.0, list[str](), 0
    rules = Rules("", most=100, announce_every_s=1e9, longest_s=1e9)
    for what, which in happened:
        now += 0.01
        match what:
            case "come":
                if free and not line.is_awaited(now, everybody):
                    free -= 1
                else:
                    number += 1
                    came.append(f"{number}")
                    assert line.join(came[-1], rules, now)
            case "free":
                free += 1
            case "hang up" if came:
                line.leave(came.pop(which % len(came)))
            case "ask" if came:
                who = came[which % len(came)]
                room = free > 0
                verdict = line.ask(who, now, everybody if room else nobody)
                # The first, and only the first, is let in as soon as there is room.
                assert (verdict == LetIn()) is (room and who == came[0])
                if verdict == LetIn():
                    free -= 1
                    came.remove(who)
    assert len(line) == len(came)
