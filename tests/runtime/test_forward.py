"""Calls that are elsewhere, with time as a number."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from voicebot.runtime.answers import Dial, TakeMessage, Tell
from voicebot.runtime.forward import (
    ASK_S,
    FORWARD_S,
    SETTLED_S,
    Forwards,
    Origin,
    Target,
    always,
    caller_id,
    joined,
)
from voicebot.store.faults import Fault
from voicebot.store.records import CallEnded, EndReason

ORIGIN = Origin("c1", "CA1", "AC1", "+15550100199", "+15550100001", None)
OTHER = replace(ORIGIN, call_id="c2", call_sid="CA2")
DIAL = Dial("one", "+15550100777", None, 25, "+15550100001", "", "en")
MESSAGE = TakeMessage("two", "Speak.", "en", 90, True)
GOODBYE = Tell("Bye.", "en")


def test_a_token_finds_its_call_and_no_other_does() -> None:
    forwards = Forwards()
    forwards.open(OTHER, (), replace(DIAL, token="other"), 0.0)
    forwards.open(ORIGIN, ("desk",), DIAL, 0.0)
    found = forwards.find("one")
    assert found
    assert (found.origin, found.tried, found.answer) == (ORIGIN, ("desk",), DIAL)
    assert forwards.find("two") is None
    assert forwards.of_call("CA1") == found
    assert forwards.of_call("CA3") is None
    assert len(forwards) == len(forwards.all()) == 2


def test_a_call_is_in_one_place_at_a_time() -> None:
    forwards = Forwards()
    forwards.open(ORIGIN, ("desk",), DIAL, 0.0)
    forwards.open(ORIGIN, ("desk",), MESSAGE, 1.0)
    assert forwards.find("one") is None
    assert forwards.find("two")
    assert forwards.drop("CA1")
    assert forwards.drop("CA1") is None
    assert len(forwards) == 0


def test_who_asks_again_is_told_the_same_for_two_minutes() -> None:
    forwards = Forwards()
    forwards.open(ORIGIN, ("desk",), DIAL, 0.0)
    assert forwards.settled("one") is None
    forwards.settle("one", GOODBYE, 10.0)
    forwards.settle("two", None, 10.0)
    assert forwards.find("one") is None
    assert forwards.settled("one") == (GOODBYE,)
    assert forwards.settled("two") == (None,)
    forwards.expired(10.0 + SETTLED_S)
    assert forwards.settled("one")
    forwards.expired(10.1 + SETTLED_S)
    assert forwards.settled("one") is None


def test_a_call_of_which_nobody_speaks_any_more_is_given_up() -> None:
    forwards = Forwards()
    forwards.open(ORIGIN, ("desk",), DIAL, 0.0)
    assert forwards.expired(FORWARD_S) == []
    (gone,) = forwards.expired(FORWARD_S + 0.1)
    assert gone.origin == ORIGIN
    assert len(forwards) == 0


def test_what_twilio_could_not_be_told_it_asks_once() -> None:
    forwards = Forwards()
    forwards.open(OTHER, (), replace(DIAL, token="other"), 0.0)
    forwards.open(ORIGIN, ("desk",), DIAL, 0.0)
    assert forwards.told("CA1", 1.0) is None
    forwards.untold("CA1", "<Response/>", 1.0)
    assert forwards.told("CA3", 1.0) is None
    assert forwards.told("CA1", 2.0) == "<Response/>"
    assert forwards.told("CA1", 3.0) is None
    gone = forwards.expired(2.0 + FORWARD_S)
    assert [forward.origin for forward in gone] == [OTHER]


def test_a_caller_who_left_before_twilio_could_ask_is_given_up_soon() -> None:
    forwards = Forwards()
    forwards.open(ORIGIN, ("desk",), DIAL, 0.0)
    forwards.untold("CA1", "<Response/>", 1.0)
    assert forwards.expired(1.0 + ASK_S) == []
    (gone,) = forwards.expired(1.1 + ASK_S)
    assert gone.twiml == "<Response/>"


@pytest.mark.parametrize(
    ("asked", "caller", "shown"),
    [
        ("called", "+15550100199", "+15550100001"),
        ("caller", "+15550100199", "+15550100199"),
        ("caller", "anonymous", "+15550100001"),
        ("caller", "", "+15550100001"),
        ("caller", "sip:a@example.com", "+15550100001"),
        ("caller", "266696687", "+15550100001"),
    ],
)
def test_a_telephone_shows_a_number_or_ours(
    asked: str, caller: str, shown: str
) -> None:
    target = Target("desk", "+15550100777", caller_id=asked)  # type: ignore[arg-type]
    assert caller_id(target, replace(ORIGIN, caller=caller)) == shown


def test_who_has_no_hours_is_always_there() -> None:
    assert always("desk")


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
A, B, C = Fault.TWILIO_RESET, Fault.TWILIO_BAD_FRAME, Fault.STEPFUN_LOST
FIRST = CallEnded(
    "c1", NOON, 30_000, EndReason.CALLER_HANGUP, "caller", (A, B),
    "c1.wav", 29_000, {"input": 3, "output": 1},
)  # fmt: skip
LAST = CallEnded(
    "c1", NOON + timedelta(seconds=60), 60_000, EndReason.TRANSFERRED, "bot",
    (B, C), "c1-9.wav", 5000, {"input": 4, "audio": 2},
)  # fmt: skip


def test_two_parts_of_a_call_end_once() -> None:
    assert joined(FIRST, LAST) == CallEnded(
        "c1", LAST.ended_at, 90_000, EndReason.TRANSFERRED, "bot", (A, B, C),
        "c1.wav", 29_000, {"audio": 2, "input": 7, "output": 1},
    )  # fmt: skip
    assert joined(None, LAST) is LAST


def test_a_recording_that_only_the_second_part_has_is_the_calls() -> None:
    silent = replace(FIRST, recording=None, recording_ms=None)
    whole = joined(silent, LAST)
    assert (whole.recording, whole.recording_ms) == ("c1-9.wav", 5000)


def test_a_clock_that_went_back_shortens_no_call() -> None:
    early = replace(LAST, ended_at=NOON - timedelta(seconds=5))
    assert joined(FIRST, early).duration_ms == FIRST.duration_ms
