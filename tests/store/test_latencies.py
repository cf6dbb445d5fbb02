"""What answers took and cost is in the rows of their call, whatever happens to it."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.noted import put
from tests.store.test_calls import ENDED, NOON, STARTED, TURN
from tests.store.test_migrate import down
from voicebot.store.calls import CallStore, open_store
from voicebot.store.faults import Fault
from voicebot.store.project import Rows
from voicebot.store.records import (
    Call,
    CallAnswered,
    CallEnded,
    CallReopened,
    EndReason,
    FaultNote,
    Latency,
    Record,
    Reviewed,
    Spent,
    TokensUsed,
    Transcribed,
)

LATENCY = Latency(
    call_id="c1",
    seq=2,
    caller_seq=1,
    spoken_ms=1000,
    committed_ms=1500,
    delta_ms=1900,
    sent_ms=1960,
    heard_ms=2000,
    heard_by="clock",
)
STAGED = replace(LATENCY, seq=3, understood_ms=1600, written_ms=1850)
PROVED = replace(LATENCY, heard_ms=2040, heard_by="mark")
USED = TokensUsed("c1", 2000, {"input_tokens": 3}, {"input": 30, "output": 70})
CRASH = replace(
    ENDED, end_reason=EndReason.NODE_CRASH, ended_by="us", usage={}, cost={}
)
WHOLE = replace(ENDED, usage={"input_tokens": 9}, cost={"input": 90, "twilio": 5})


def row(*records: Record) -> Call:
    rows = Rows()
    rows.add([STARTED, *records])
    assert rows.call
    return rows.call


async def test_the_last_word_on_an_answer_stands(store: CallStore) -> None:
    other = replace(LATENCY, seq=1, sent_ms=900, committed_ms=None, delta_ms=None)
    await put(store, STARTED, LATENCY, PROVED)
    await put(store, other, STAGED)
    assert await store.latencies("c1") == [other, PROVED, STAGED]
    assert await store.rebuild() == 1
    assert await store.latencies("c1") == [other, PROVED, STAGED]


async def test_what_answers_cost_adds_up_until_the_call_says_all(
    store: CallStore,
) -> None:
    await put(store, STARTED, CallAnswered("c1", "MZ1", NOON), USED)
    await put(store, USED)
    call = await store.get_call("c1")
    assert call
    assert (call.usage, call.cost) == (
        {"input_tokens": 6},
        {"input": 60, "output": 140},
    )
    assert call.cost_ucny == 200
    assert await store.spent(NOON) == [
        Spent("inbound", STARTED.from_number, STARTED.to_number, 200, 6, 0)
    ]
    await put(store, WHOLE)
    call = await store.get_call("c1")
    assert call
    assert (call.usage, call.cost, call.cost_ucny) == (WHOLE.usage, WHOLE.cost, 95)
    assert await store.rebuild() == 1
    assert await store.get_call("c1") == call


@pytest.mark.parametrize(
    ("ends", "ucny"),
    [
        ((CRASH,), 100),
        ((CRASH, CRASH), 100),
        ((CRASH, WHOLE), 95),
        ((WHOLE, CRASH), 95),
        ((WHOLE, USED), 95),
    ],
)
def test_a_crash_hides_nothing_of_what_was_spent(
    ends: tuple[CallEnded | TokensUsed, ...], ucny: int
) -> None:
    assert row(USED, *ends).cost_ucny == ucny


AFTERWARDS: tuple[Record, ...] = (
    Reviewed("c1", None, None, {}, {}, {"review": 7}),
    Transcribed("c1", 1, None, 2000, True, {"transcription": 84}),
    FaultNote("c1", 60_000, Fault.TRANSCRIPTION_FAILED),
)


@pytest.mark.parametrize(
    "ends", [(WHOLE,), (CRASH, WHOLE), (WHOLE, CallReopened("c1"), WHOLE)]
)
@pytest.mark.parametrize("first", [True, False])
def test_what_comes_after_an_end_stands_behind_the_next_one(
    ends: tuple[Record, ...], first: bool
) -> None:
    happened = (ends[0], *AFTERWARDS, *ends[1:]) if first else (*ends, *AFTERWARDS)
    call = row(*happened)
    assert call.cost == {"input": 90, "twilio": 5, "review": 7, "transcription": 84}
    assert call.cost_ucny == 186
    assert call.faults == (Fault.STEPFUN_LOST, Fault.TRANSCRIPTION_FAILED)


def test_a_crash_hides_no_fault() -> None:
    lost = FaultNote("c1", 900, Fault.RECORDING_LOST)
    crash = replace(CRASH, faults=(Fault.NODE_CRASH,))
    assert row(lost, lost, crash).faults == (Fault.RECORDING_LOST, Fault.NODE_CRASH)
    known = replace(WHOLE, faults=(Fault.RECORDING_LOST,))
    assert row(lost, crash, known).faults == (Fault.RECORDING_LOST,)


async def test_others_budgets_pay_for_the_model_only(store: CallStore) -> None:
    usage = {"input_tokens": 9, "cascade_chat_prompt_tokens": 20, "cascade_asr_ms": 70}
    answered = CallAnswered("c1", "MZ1", NOON)
    await put(store, STARTED, answered, replace(WHOLE, usage=usage), *AFTERWARDS)
    assert await store.spent(NOON) == [
        Spent("inbound", STARTED.from_number, STARTED.to_number, 90, 29, 60_000)
    ]


def test_what_comes_of_a_call_after_its_crash_counts() -> None:
    assert row(CRASH, USED).cost_ucny == 100


async def test_an_older_release_gets_no_stages_that_it_cannot_read(
    where: Path | str,
) -> None:
    async with open_store(where) as store:
        await put(store, STARTED, STAGED)
    await down(where, "0006")
    older = replace(STAGED, understood_ms=None, written_ms=None)
    async with open_store(where) as store:
        assert await store.latencies("c1") == [older]
        assert await store.rebuild() == 1
        assert await store.latencies("c1") == [older]


async def test_older_tables_have_no_costs_and_calls_survive(where: Path | str) -> None:
    async with open_store(where) as store:
        await put(store, STARTED, TURN, LATENCY, USED, WHOLE)
    await down(where, "0003")
    async with open_store(where) as store:
        assert await store.latencies("c1") == []
        assert await store.turns("c1") == [TURN]
        call = await store.get_call("c1")
        assert call
        assert (call.cost, call.cost_ucny) == ({}, 0)
        assert await store.rebuild() == 1  # the last event knows it all
        call = await store.get_call("c1")
        assert call
        assert call.cost_ucny == 95
