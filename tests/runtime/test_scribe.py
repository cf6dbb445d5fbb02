"""What calls tell becomes their record, in order."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.store.noted import writing
from voicebot.bridge.model import NoteDecision, NoteTurn, Outcome, Rule
from voicebot.bridge.waterfall import NoteLatency
from voicebot.flow.model import NoteEvent
from voicebot.runtime.live import Earlier
from voicebot.runtime.scribe import Diary, Scribe, ending, now
from voicebot.store.faults import Fault
from voicebot.store.records import (
    CallStarted,
    Decision,
    EndReason,
    FaultNote,
    FlowNote,
    Forwarded,
    ForwardOver,
    KeyPressed,
    Latency,
    ModelLost,
)
from voicebot.store.usage import Prices
from voicebot.store.writer import Writer

STARTED = CallStarted("c1", "CA1", "AC1", "", "", "inbound", "p", "r", "1", now())


TURN = NoteTurn(
    1, "bot", None, "r1", 100, 900, "one two", "one", 800, 400, 380, True, 640
)
DECISION = NoteDecision(
    seq=3,
    kind="barge_in",
    at_ms=100,
    decided_ms=500,
    rule=Rule.BACKCHANNEL,
    outcome=Outcome.RESUMED,
    caller_seq=None,
    trace="VVVHH..",
    features={"owner": "local", "stop_after_ms": 180},
)


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    async with writing(tmp_path) as writer:
        yield writer


@pytest.fixture
async def scribe(writer: Writer) -> Scribe:
    scribe = Scribe(writer)
    assert await scribe.started(STARTED)
    return scribe


async def test_what_is_noted_is_written_in_order(
    writer: Writer, scribe: Scribe
) -> None:
    scribe.answered("c1", "MZ1")
    scribe.ended(ending("c1", EndReason.IDLE, 5, ()))
    scribe.ended(ending("c1", EndReason.DRAIN, 6, ()))
    await scribe.stored()
    call = await writer.store.get_call("c1")
    assert call
    assert (call.stream_sid, call.end_reason) == ("MZ1", EndReason.IDLE)


async def test_a_webhook_that_is_repeated_is_no_new_call(scribe: Scribe) -> None:
    assert not await scribe.started(replace(STARTED, call_id="c2"))


async def test_a_turn_is_written_with_what_was_proved_of_it(
    writer: Writer, scribe: Scribe
) -> None:
    scribe.turn("c1", TURN)
    await scribe.stored()
    (turn,) = await writer.store.turns("c1")
    assert (turn.heard_text, turn.heard_ms, turn.proved_ms) == ("one", 400, 380)
    assert (turn.interrupted, turn.reply_ms) == (True, 640)


async def test_what_comes_after_a_transfer_is_written_behind_what_was_before(
    writer: Writer, scribe: Scribe
) -> None:
    earlier = Earlier(turns=7, decisions=4, ms=60_000)
    diary = Diary(scribe, "c1", earlier)
    diary.turn(TURN)
    diary.decision(replace(DECISION, seq=0, caller_seq=2))
    diary.decision(replace(DECISION, seq=1))
    diary.key(99.6, "2")
    assert scribe.extent("c1") == (9, 6)
    await scribe.stored()
    (row,) = await writer.store.turns("c1")
    first, second = await writer.store.decisions("c1")
    assert (row.seq, row.started_ms, row.ended_ms) == (8, 60_100, 60_900)
    assert (row.heard_ms, row.reply_ms) == (400, 640)
    assert (first.seq, first.at_ms, first.decided_ms) == (4, 60_100, 60_500)
    assert (first.caller_seq, second.seq, second.caller_seq) == (9, 5, None)
    assert (await writer.store.events("c1"))[-1].record == KeyPressed("c1", 60_100, "2")


async def test_a_decision_is_written_as_it_fell(writer: Writer, scribe: Scribe) -> None:
    scribe.decision("c1", DECISION)
    await scribe.stored()
    assert await writer.store.decisions("c1") == [
        Decision(
            call_id="c1",
            seq=3,
            kind="barge_in",
            at_ms=100,
            decided_ms=500,
            rule="backchannel",
            outcome="resumed",
            caller_seq=None,
            trace="VVVHH..",
            features={"owner": "local", "stop_after_ms": 180},
        )
    ]


async def test_what_the_flow_decides_is_in_the_record_by_name(
    writer: Writer, scribe: Scribe
) -> None:
    diary = Diary(scribe, "c1", Earlier())
    diary.flow(NoteEvent("refused", "front desk", "no_such_rule"), 1200.4)
    diary.model_lost(1300)
    scribe.forwarded("c1", "Ring", "front desk")
    scribe.forward_over("c1", "busy")
    await scribe.stored()
    _, *events = await writer.store.events("c1")
    assert [event.record for event in events] == [
        FlowNote("c1", 1200, "refused", "front desk", "no_such_rule"),
        ModelLost("c1", 1300),
        Forwarded("c1", "Ring", "front desk"),
        ForwardOver("c1", "busy"),
    ]


async def test_a_call_is_read_with_what_is_not_stored_yet(
    writer: Writer, scribe: Scribe
) -> None:
    scribe.ended(ending("c1", EndReason.IDLE, 5, ()))
    call = await scribe.call_by_sid("CA1")
    assert call
    assert call.end_reason is EndReason.IDLE
    await scribe.stored()
    assert await scribe.call_by_sid("CA1") == call
    assert scribe.extent("c1") == (100_000, 100_000)  # whatever was written of it


async def test_what_goes_wrong_is_in_the_record_when_it_does(
    writer: Writer, scribe: Scribe
) -> None:
    Diary(scribe, "c1", Earlier(ms=1000)).fault(Fault.TWILIO_RESET, 20.0)
    await scribe.stored()
    _, event = await writer.store.events("c1")
    assert event.record == FaultNote("c1", 1020, Fault.TWILIO_RESET)


async def test_what_an_answer_took_is_written_behind_what_was_before(
    writer: Writer, scribe: Scribe
) -> None:
    note = NoteLatency(3, 2, 100, None, 300, 400, 450, "clock", None, 250)
    diary = Diary(scribe, "c1", Earlier(turns=7, decisions=4, ms=60_000))
    diary.latency(note)
    diary.latency(replace(note, seq=4, caller_seq=None, committed_ms=200))
    await scribe.stored()
    shifted = Latency(
        "c1", 0, None, 60_100, 60_200, 60_300, 60_400, 60_450, "clock", None, 60_250
    )
    assert await writer.store.latencies("c1") == [
        replace(shifted, seq=7, caller_seq=9, committed_ms=None),
        replace(shifted, seq=8, caller_seq=None),
    ]


async def test_what_a_call_costs_is_known_answer_by_answer_and_at_its_end(
    writer: Writer,
) -> None:
    over: list[str] = []
    prices = Prices(twilio_minute=Decimal("0.06"))
    scribe = Scribe(writer, prices, over.append)
    assert await scribe.started(STARTED)
    assert Diary(scribe, "c1", Earlier()).usage({"output_tokens": 2}, 10.0) == 140
    await scribe.stored()
    (call,) = await writer.store.list_calls(1)
    assert (call.usage, call.cost_ucny) == ({"output_tokens": 2}, 140)
    usage = {"output_tokens": 3}
    scribe.ended(ending("c1", EndReason.IDLE, 60_001, (), usage=usage))
    assert over == ["c1"]
    await scribe.stored()
    (call,) = await writer.store.list_calls(1)
    assert call.cost == {"output": 210, "twilio": 120_000}
