"""Calls are known here before the database knows them."""

from dataclasses import replace

import pytest

from tests.store.noted import event
from tests.store.test_calls import ENDED, NOON, STARTED, TURN, another
from voicebot.store import recent
from voicebot.store.recent import Recent
from voicebot.store.records import CallAnswered, CallReopened


def test_a_call_is_followed_until_the_database_has_its_end() -> None:
    calls = Recent()
    calls.add(event(STARTED))
    calls.add(event(CallAnswered("c1", "MZ1", NOON)))
    calls.add(event(TURN))  # moves nothing
    call = calls.call_by_sid("CA1")
    assert call
    assert (call.stream_sid, call.ended_at) == ("MZ1", None)
    end = event(ENDED)
    calls.add(end)
    calls.stored(end.seq - 1)
    call = calls.call_by_sid("CA1")
    assert call
    assert call.end_reason is ENDED.end_reason
    calls.stored(end.seq)
    assert (calls.call_by_sid("CA1"), len(calls)) == (None, 0)


def test_a_call_that_goes_on_is_followed_on() -> None:
    calls = Recent()
    for number in (1, 2):
        calls.add(event(another(number)))
        calls.add(event(replace(ENDED, call_id=f"c{number}")))
    end = event(CallReopened("c1"))
    calls.add(end)
    calls.stored(end.seq)
    assert calls.call_by_sid("CA1")
    assert calls.call_by_sid("CA2") is None


def test_what_happens_in_other_calls_is_not_followed() -> None:
    calls = Recent()
    calls.add(event(ENDED))
    assert len(calls) == 0
    assert calls.call_by_sid("CA1") is None
    calls.forget("c1")


def test_only_so_many_are_followed_and_the_oldest_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recent, "MAX_CALLS", 2)
    calls = Recent()
    for number in (1, 2, 3):
        calls.add(event(another(number)))
    end = event(replace(ENDED, call_id="c1"))
    calls.add(end)
    calls.stored(end.seq)
    assert calls.call_by_sid("CA1") is None
    assert calls.call_by_sid("CA2")
    assert calls.call_by_sid("CA3")
