"""However events arrive, rows come to the same."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from tests.store.happenings import CALLS, records
from tests.store.noted import event, put
from tests.store.postgres import Postgres
from tests.store.test_calls import ENDED, MESSAGE, NOON, STARTED, TURN
from voicebot.store.calls import CallStore, open_store
from voicebot.store.events import Event, Numbers
from voicebot.store.project import Rows
from voicebot.store.records import CallAnswered, CallReopened, EndReason, Record
from voicebot.store.tables import (
    call_events,
    calls,
    decisions,
    latencies,
    messages,
    recordings,
    turns,
)

TABLES = (calls, turns, decisions, latencies, messages, recordings, call_events)


async def everything(store: CallStore) -> list[object]:
    """All rows of all tables."""
    return [
        sorted(map(repr, await store._database.read(select(table)))) for table in TABLES
    ]


async def emptied(store: CallStore) -> None:
    for table in TABLES:
        await store._database.write(delete(table))


def numbered(happened: list[Record]) -> list[Event]:
    numbers = Numbers()
    return [numbers.event(record, NOON) for record in happened]


async def arrive(
    where: Path | str, events: list[Event], seed: int, *, restarts: bool
) -> list[object]:
    """Let events arrive in batches, some of them again; read what they come to."""
    chance = random.Random(seed)  # noqa: S311 - of a test
    again = list(events)
    async with open_store(where) as store:
        await emptied(store)
    while again:
        async with open_store(where) as store:
            while again:
                size = chance.randint(1, 6)
                batch, rest = again[:size], again[size:]
                await store.append(batch)
                repeated = chance.sample(batch, chance.randint(0, len(batch)))
                again = [x for x in repeated if chance.random() < 0.5] + rest
                if restarts and chance.random() < 0.3:
                    break
    async with open_store(where) as store:
        return await everything(store)


SLOW = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@SLOW
@given(st.lists(records(), max_size=25), st.randoms(use_true_random=False))
def test_rows_are_the_same_in_whatever_order_events_arrive(
    path: Path, happened: list[Record], chance: random.Random
) -> None:
    async def check() -> None:
        events = numbered(happened)
        plain = await arrive(path, events, 0, restarts=False)
        shuffled = chance.sample(events, len(events))
        for other in (events, shuffled):
            seed = chance.randint(0, 999)
            assert await arrive(path, other, seed, restarts=True) == plain
        async with open_store(path) as store:
            for table in (turns, decisions, messages, calls):
                await store._database.write(delete(table))
            await store.rebuild()
            assert await everything(store) == plain

    asyncio.run(check())


@settings(SLOW, max_examples=6)
@given(st.lists(records(), max_size=25), st.randoms(use_true_random=False))
def test_they_are_the_same_at_postgresql(
    postgres: Postgres, happened: list[Record], chance: random.Random
) -> None:
    async def check() -> None:
        url = postgres.url()
        events = numbered(happened)
        plain = await arrive(url, events, 0, restarts=False)
        shuffled = chance.sample(events, len(events))
        assert await arrive(url, shuffled, 1, restarts=False) == plain
        async with open_store(url) as store:
            await store.rebuild()
            assert await everything(store) == plain

    postgres.emptied()
    asyncio.run(check())


@settings(max_examples=100)
@given(st.lists(records(), max_size=40))
def test_a_call_has_rows_once_it_has_begun_and_one_end(happened: list[Record]) -> None:
    for call_id in CALLS:
        rows = Rows()
        rows.add(record for record in happened if record.call_id == call_id)
        if rows.call is None:
            assert rows == Rows()
            continue
        assert (rows.call.ended_at is None) == (rows.call.end_reason is None)
        again = Rows(rows.begun, rows.call)
        again.add([replace(ENDED, call_id=call_id, end_reason=EndReason.NODE_CRASH)])
        if rows.call.ended_at is not None:
            assert again.call == rows.call


async def test_all_calls_are_made_anew_a_few_at_a_time(
    store: CallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebot.store.calls.REBUILD_CALLS", 2)
    for number in range(5):
        await put(store, replace(STARTED, call_id=f"c{number}", call_sid=f"{number}"))
    await put(store, replace(TURN, call_id="c3"))
    before = await everything(store)
    await store._database.write(delete(calls))
    assert await store.list_calls(9) == []
    assert await store.rebuild() == 5
    assert await everything(store) == before


def test_a_call_has_one_stream_and_a_presumed_end_is_presumed_once() -> None:
    rows = Rows()
    crash = replace(ENDED, end_reason=EndReason.NODE_CRASH)
    later = replace(crash, ended_at=NOON)
    streams = [CallAnswered("c1", sid, NOON) for sid in ("MZ1", "MZ2")]
    rows.add([STARTED, *streams, crash, later])
    assert rows.call
    assert (rows.call.stream_sid, rows.call.ended_at) == ("MZ1", crash.ended_at)


def test_a_call_that_goes_on_behind_its_end_has_another() -> None:
    rows = Rows()
    first = replace(ENDED, end_reason=EndReason.INTERNAL_ERROR)
    rows.add([STARTED, first, CallReopened("c1")])
    assert rows.call
    assert (rows.call.ended_at, rows.call.end_reason) == (None, None)
    last = replace(ENDED, end_reason=EndReason.TRANSFERRED, waited_ms=20)
    rows.add([last, replace(ENDED, end_reason=EndReason.IDLE)])
    assert rows.call.end_reason is EndReason.TRANSFERRED
    assert rows.call.waited_ms == 20


async def test_a_part_of_a_message_that_comes_late_finds_its_place(
    store: CallStore,
) -> None:
    await put(store, STARTED)
    first = event(replace(MESSAGE, url=None, transcription=None))
    second = event(replace(MESSAGE, url="https://later", transcription="later"))
    third = event(replace(MESSAGE, url=None, transcription=None, duration_s=9))
    await store.append([first, third])
    await store.append([second])
    (message,) = await store.messages("c1")
    assert (message.url, message.duration_s) == ("https://later", 9)
