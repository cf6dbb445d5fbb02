"""What answers of real calls took and cost, and what becomes of too dear ones."""

from pathlib import Path

import orjson
import pytest

from tests.e2e.house import CALLER, DIALPLAN, PERSONA, House, house, says
from tests.net.test_webhooks import Receiver
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.report import CallReport, Outcome
from voicebot.sim.twilio.script import Say
from voicebot.store.events import EventKind
from voicebot.store.faults import Fault
from voicebot.store.records import EndReason, FlowNote

LINES = (Line("Is this a call?", "It is one."), Line("Goodbye.", "Bye then."))
NO_MONEY = "budgets: {per_call: {cny: 0.05, soft: 0.01}, per_caller_day: {cny: 0.03}}\n"


async def a_call(home: House) -> CallReport:
    return await home.call(
        Say(says("Is this a call?"), "ask"), Say(says("Goodbye."), "bye")
    )


async def test_every_answer_is_in_the_record_step_by_step(tmp_path: Path) -> None:
    async with house(tmp_path, *LINES) as home:
        call, turns = await home.record(await a_call(home))
        (first, *_) = latencies = await home.board.store.latencies(call.call_id)
        replies = [turn.reply_ms for turn in turns if turn.reply_ms is not None]
        assert len(latencies) == len(replies)
        assert first.heard_by == "mark"
        assert first.committed_ms is not None
        assert first.delta_ms is not None
        assert first.spoken_ms < first.committed_ms <= first.delta_ms <= first.sent_ms
        assert first.sent_ms <= first.heard_ms
        assert abs(first.sent_ms - first.spoken_ms - replies[0]) <= 1
        events = await home.board.store.events(call.call_id)
        used = [x.record for x in events if x.kind is EventKind.USAGE]
        assert used
        assert call.cost_ucny == sum(call.cost.values()) > 0


@pytest.mark.timeout(180)
@pytest.mark.parametrize("workers", [0, 1])
async def test_a_call_that_costs_too_much_ends_and_the_next_finds_no_room(
    tmp_path: Path, workers: int
) -> None:
    dear, prices = Line("Is this a call?", "It is one."), tmp_path / "prices.yaml"
    prices.write_text("version: 1\ntokens: {input: 999, output: 9999}\n")
    plan = DIALPLAN + NO_MONEY
    async with house(tmp_path, dear, plan=plan, prices=prices, workers=workers) as home:
        report = await a_call(home)
        call, _ = await home.record(report)
        assert (report.outcome, call.end_reason) == (
            Outcome.COMPLETED,
            EndReason.BOT_GOODBYE,
        )
        events = await home.board.store.events(call.call_id)
        notes = [x.record for x in events if isinstance(x.record, FlowNote)]
        told = {(x.name, x.detail) for x in notes if x.kind == "budget"}
        assert ("per_caller_day", "hard") in told
        refused = await a_call(home)
        again, _ = await home.record(refused)
        assert again.faults == (Fault.ADMISSION_OVER_BUDGET,)
        assert again.end_reason is EndReason.REJECTED
        assert again.from_number == CALLER


async def test_others_are_told_of_a_call_that_is_over(tmp_path: Path) -> None:
    receiver = Receiver()
    server = await receiver.server()
    hook = f"after_call: {{deliver: [{{webhook: '{server.make_url('/')}'}}]}}\n"
    async with house(
        tmp_path, *LINES, persona=PERSONA + hook, webhook_secret="hush"
    ) as home:
        call, _ = await home.record(await a_call(home))
        await receiver.arrived.wait()
    await server.close()
    ((headers, body),) = receiver.got
    assert headers["Idempotency-Key"] == f"{call.call_id}.0"
    told = orjson.loads(body)
    assert (told["call_sid"], told["end_reason"]) == (call.call_sid, "bot_goodbye")
    assert told["reply_ms"]["median"] > 0
    assert CALLER.encode() not in body
