"""Events are numbered, written as JSON, and read as they were."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings

from tests.store.happenings import records
from tests.store.test_calls import CANARY, NOON, STARTED, TURN
from voicebot.errors import StoreError
from voicebot.store.events import (
    KINDS,
    RECORDS,
    Event,
    EventKind,
    Numbers,
    data_of,
    event_of,
    line_of,
    number_at,
    record_of,
)
from voicebot.store.records import Record


def test_every_kind_has_a_record_and_every_record_a_kind() -> None:
    assert set(RECORDS) == set(EventKind)
    assert set(KINDS) == set(Record.__args__)


@settings(max_examples=100)
@given(records())
def test_an_event_is_read_as_it_was_written(record: Record) -> None:
    event = Numbers().event(record, NOON)
    line = line_of(event)
    assert line.count(b"\n") == 1
    assert event_of(line) == event
    assert record_of(event.kind, event.call_id, data_of(record)) == record


def test_what_no_database_keeps_is_replaced() -> None:
    turn = replace(TURN, generated_text="a\0b", heard_text="\ud800ä")
    data = data_of(turn)
    assert (data["generated_text"], data["heard_text"]) == ("a\ufffdb", "?ä")


def test_an_instant_without_a_zone_is_a_mistake_of_ours() -> None:
    naive = datetime(2026, 11, 22)  # noqa: DTZ001 - that is the mistake
    with pytest.raises(ValueError, match="started_at: expected an instant with a time"):
        data_of(replace(STARTED, started_at=naive))


def test_numbers_tell_the_time_and_only_grow() -> None:
    numbers = Numbers()
    clock = [NOON, NOON, NOON - timedelta(hours=1), NOON + timedelta(hours=1)]
    seqs = [numbers.event(STARTED, at).seq for at in clock]
    noon = number_at(NOON)
    assert seqs == [noon, noon + 1, noon + 2, noon + 3_600_000_000]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"[]\n",
        b"null\n",
        b'{"kind": "nothing"}\n',
        line_of(Event("c1", 1, NOON, replace(TURN, heard_text=CANARY)))[:-40],
        line_of(Event("c1", 1, NOON, TURN)).replace(b'"seq":1,', b'"seq":1,"x":', 1),
    ],
)
def test_a_broken_line_is_refused_without_being_repeated(line: bytes) -> None:
    with pytest.raises(StoreError) as caught:
        event_of(line)
    assert str(caught.value) == f"expected an event, got {len(line)} other bytes"
