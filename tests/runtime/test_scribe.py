"""Records are written in order, and again if the disk fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from voicebot.bridge.model import NoteDecision, NoteTurn, Outcome, Rule
from voicebot.errors import StoreError
from voicebot.runtime import scribe
from voicebot.runtime.live import Earlier
from voicebot.runtime.scribe import Scribe, ending, now
from voicebot.store.calls import CallStore, open_store
from voicebot.store.records import CallStarted, Decision, EndReason

STARTED = CallStarted("c1", "CA1", "AC1", "", "", "inbound", "p", "r", "1", now())


@asynccontextmanager
async def writing(store: CallStore) -> AsyncIterator[Scribe]:
    writer = Scribe(store)
    task = asyncio.create_task(writer.write())  # cancelled below
    yield writer
    await writer.written()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_what_is_noted_is_written_in_order(tmp_path: Path) -> None:
    async with open_store(tmp_path / "calls.sqlite") as store:
        await store.call_started(STARTED)
        async with writing(store) as writer:
            writer.answered("c1", "MZ1")
            writer.ended(ending("c1", EndReason.IDLE, 5, ()))
            writer.ended(ending("c1", EndReason.DRAIN, 6, ()))
        call = await store.get_call("c1")
    assert call
    assert (call.stream_sid, call.end_reason) == ("MZ1", EndReason.IDLE)


async def test_a_turn_is_written_with_what_was_proved_of_it(tmp_path: Path) -> None:
    note = NoteTurn(
        1, "bot", None, "r1", 100, 900, "one two", "one", 800, 400, 380, True, 640
    )
    async with open_store(tmp_path / "calls.sqlite") as store:
        await store.call_started(STARTED)
        async with writing(store) as writer:
            writer.turn("c1", note)
        (turn,) = await store.turns("c1")
    assert (turn.heard_text, turn.heard_ms, turn.proved_ms) == ("one", 400, 380)
    assert (turn.interrupted, turn.reply_ms) == (True, 640)


async def test_what_comes_after_a_transfer_is_written_behind_what_was_before(
    tmp_path: Path,
) -> None:
    turn = NoteTurn(
        1, "bot", None, "r1", 100, 900, "one two", "one", 800, 400, 380, True, 640
    )
    note = NoteDecision(
        seq=0,
        kind="barge_in",
        at_ms=100,
        decided_ms=500,
        rule=Rule.BACKCHANNEL,
        outcome=Outcome.RESUMED,
        caller_seq=2,
        trace="V",
        features={},
    )
    earlier = Earlier(turns=7, decisions=4, ms=60_000)
    async with open_store(tmp_path / "calls.sqlite") as store:
        await store.call_started(STARTED)
        async with writing(store) as writer:
            writer.turn("c1", turn, earlier)
            writer.decision("c1", note, earlier)
            writer.decision("c1", replace(note, seq=1, caller_seq=None), earlier)
        (row,) = await store.turns("c1")
        first, second = await store.decisions("c1")
    assert (row.seq, row.started_ms, row.ended_ms) == (8, 60_100, 60_900)
    assert (row.heard_ms, row.reply_ms) == (400, 640)
    assert (first.seq, first.at_ms, first.decided_ms) == (4, 60_100, 60_500)
    assert (first.caller_seq, second.seq, second.caller_seq) == (9, 5, None)


async def test_a_decision_is_written_as_it_fell(tmp_path: Path) -> None:
    note = NoteDecision(
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
    async with open_store(tmp_path / "calls.sqlite") as store:
        await store.call_started(STARTED)
        async with writing(store) as writer:
            writer.decision("c1", note)
        assert await store.decisions("c1") == [
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


async def test_what_fails_is_tried_again_and_nothing_else_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribe, "WRITE_AGAIN_S", (0.0, 0.0))
    async with open_store(tmp_path / "calls.sqlite") as store:
        await store.call_started(STARTED)
        tried: list[int] = []

        async def fails_once() -> None:
            tried.append(1)
            if len(tried) == 1:
                raise StoreError("the disk is full")

        async with writing(store) as writer:
            writer._write(fails_once)
            writer.ended(ending("unknown", EndReason.IDLE, 5, ()))  # never works
            writer.ended(ending("c1", EndReason.IDLE, 5, ()))
        call = await store.get_call("c1")
    assert len(tried) == 2
    assert call
    assert call.end_reason is EndReason.IDLE
