"""Money while calls are on: prices, budgets of the plan, the log at boot."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from tests.dialplan.plans import dialplan, persona
from tests.store.noted import put
from tests.store.test_calls import ENDED, STARTED
from voicebot.dialplan.budgets import Budgets
from voicebot.dialplan.calls import CallFacts
from voicebot.dialplan.model import Dialplan
from voicebot.errors import ConfigError
from voicebot.flow.model import BudgetReached
from voicebot.runtime.forward import Origin
from voicebot.runtime.till import Till, load_prices
from voicebot.store.calls import CallStore, open_store
from voicebot.store.records import CallAnswered
from voicebot.store.usage import Prices

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CALLER, OURS = STARTED.from_number, STARTED.to_number


def plan(**budgets: object) -> Dialplan:
    return replace(dialplan(), budgets=Budgets.model_validate(budgets))


def origin(**limits: object) -> Origin:
    return Origin("c1", "CA1", "AC1", CALLER, OURS, persona(limits=limits))


def facts(caller: str = CALLER) -> CallFacts:
    return CallFacts(OURS, caller, NOON)


def test_what_answers_cost_is_told_to_their_call_and_keeps_others_out() -> None:
    wants = plan(per_call={"cny": 2, "soft": 1}, per_caller_day={"cny": 2})
    till = Till(lambda: wants, lambda: NOON)
    spend = till.spender(origin())
    assert spend({"cny": 999_999}) == []
    assert spend({"cny": 1}) == [BudgetReached("per_call", False)]
    assert till.refusal(wants, facts()) is None
    assert spend({"cny": 1_000_000}) == [
        BudgetReached("per_call", True),
        BudgetReached("per_caller_day", True),
    ]
    assert till.refusal(wants, facts()) == "per_caller_day"
    assert till.refusal(wants, facts("+15550009999")) is None
    till.over("c1")
    assert spend({"cny": 0}) == [BudgetReached("per_caller_day", True)]


def test_a_persona_may_have_less() -> None:
    wants = plan()
    till = Till(lambda: wants, lambda: NOON)
    spend = till.spender(origin(cny=1))
    assert spend({"cny": 1_000_000}) == [BudgetReached("limits.cny", True)]


def test_a_call_of_nobody_has_no_limit_of_its_own() -> None:
    till = Till(plan, lambda: NOON)
    assert till.spender(replace(origin(), persona=None))({"cny": 10**9}) == []


async def test_what_was_spent_today_is_known_after_a_restart(tmp_path: Path) -> None:
    zone = ZoneInfo("Asia/Shanghai")  # its 22nd began at 16:00 of the 21st, UTC
    wants = replace(plan(total_day={"cny": 3}, per_caller_day={"cny": 1}), zone=zone)
    cost = {"output": 1_000_000}
    async with open_store(tmp_path / "calls.sqlite") as store:
        for number, hour, direction in (
            (1, datetime(2026, 11, 21, 15, 59, tzinfo=UTC), "inbound"),
            (2, datetime(2026, 11, 21, 16, 1, tzinfo=UTC), "inbound"),
            (3, NOON, "outbound-api"),
        ):
            start = replace(
                STARTED,
                call_id=f"c{number}",
                call_sid=f"CA{number}",
                started_at=hour,
                direction=direction,
            )
            if direction == "outbound-api":
                start = replace(start, from_number=OURS, to_number="+15550007777")
            answered = CallAnswered(start.call_id, "MZ", hour)
            end = replace(ENDED, call_id=start.call_id, cost=cost)
            await put(store, start, answered, end)
        till = Till(lambda: wants, lambda: NOON)
        await till.recall(store, "us")
    assert till.refusal(wants, facts()) == "per_caller_day"
    assert till.refusal(wants, facts("+15550007777")) == "per_caller_day"
    assert till.refusal(wants, facts("+15550008888")) is None
    till.spender(replace(origin(), caller="+15550008888"))({"cny": 1_000_000})
    assert till.refusal(wants, facts("+15550009999")) == "total_day"


def test_prices_are_those_of_the_list_unless_a_file_says_otherwise(
    tmp_path: Path,
) -> None:
    assert load_prices(None) == Prices()
    path = tmp_path / "prices.yaml"
    path.write_text("version: 1\n")
    assert load_prices(path) == Prices()
    path.write_text("version: 1\ntokens: {cached: 0}\ntwilio: {minute: 0.06}\n")
    assert load_prices(path) == Prices(cached=Decimal(0), twilio_minute=Decimal("0.06"))


def test_a_file_of_prices_that_is_missing_or_wrong_is_told(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    with pytest.raises(ConfigError, match="VOICEBOT_PRICES: .*: No such file"):
        load_prices(path)
    path.write_text("version: 1\ntokens: {cached: free}\n")
    with pytest.raises(ConfigError, match=r"prices.yaml:2:18: tokens.cached: expected"):
        load_prices(path)


async def test_what_other_processes_spend_is_read_again_and_ours_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebot.runtime.till.RECALL_S", 0.0)
    wants = plan(total_day={"tokens": 10}, per_number_day={"minutes": 2})
    till = Till(lambda: wants, lambda: NOON)
    usage = {"input_tokens": 4, "output_tokens": 3}

    async def a_call(store: CallStore, number: str, process: str) -> None:
        start = replace(
            STARTED,
            call_id=number,
            call_sid=number,
            started_at=NOON,
            instance_id=process,
        )
        end = replace(ENDED, call_id=number, usage=usage, duration_ms=60_000)
        await put(store, start, CallAnswered(number, "MZ", NOON), end)

    async with open_store(tmp_path / "calls.sqlite") as store:
        await a_call(store, "c1", "us")
        await a_call(store, "c2", "them")
        await till.recall(store, "us")
        assert till.refusal(wants, facts()) is None
        await a_call(store, "c3", "them")
        counting = asyncio.create_task(till.keep_counting(store, "us"))
        async with asyncio.timeout(10):
            while till.refusal(wants, facts()) is None:  # noqa: ASYNC110 - a thread's
                await asyncio.sleep(0)
        counting.cancel()
    assert till.refusal(wants, facts()) == "per_number_day"
    other = CallFacts("+15550007777", CALLER, NOON)
    assert till.refusal(wants, other) == "total_day"


async def test_a_log_that_cannot_be_read_leaves_what_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebot.runtime.till.RECALL_S", 0.0)
    till = Till(plan, lambda: NOON)
    async with open_store(tmp_path / "calls.sqlite") as store:
        await store.database.write(text("DROP TABLE calls"))
        with capture_logs() as logs:
            counting = asyncio.create_task(till.keep_counting(store, "us"))
            async with asyncio.timeout(10):
                while not logs:  # noqa: ASYNC110 - a thread's
                    await asyncio.sleep(0)
            counting.cancel()
    assert logs[0]["event"] == "others' spending isn't known"
