"""What is counted, and what it is called."""

import asyncio
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from voicebot.bridge.model import Outcome
from voicebot.bridge.vitals import BargedIn, DeadAir, Greeted, RanDry
from voicebot.runtime.metrics import (
    Load,
    LoopLagged,
    Metrics,
    ModelDialled,
    ModelLost,
    ModelOpened,
    ModelRefused,
    ModelResumed,
    Sight,
    StreamBegan,
    watch_loop,
)
from voicebot.runtime.scribe import ending, now
from voicebot.store.faults import Fault
from voicebot.store.records import (
    CallStarted,
    EndReason,
    FaultNote,
    Latency,
    Record,
    TokensUsed,
)
from voicebot.store.writer import Backlog

CALLER = "+15550100199"
STARTED = CallStarted(
    "c1", "CA1", "AC1", CALLER, "+15550100001", "inbound", "desk", "main", "1", now()
)
ANSWER = Latency("c1", 0, 0, 1000, 1100, 1400, 1500, 1600, "clock")
IDLE = Load(
    live=0,
    waiting=0,
    elsewhere=0,
    limit=100,
    draining=False,
    backlog=Backlog(0, 0, is_away=False, lost_records=0),
)


async def page(metrics: Metrics, load: Load = IDLE) -> str:
    text, _ = await metrics.page(load, "")
    return text.decode()


async def samples(metrics: Metrics, load: Load = IDLE) -> dict[str, float]:
    """All that isn't 0, by its name and labels."""
    found = {}
    for family in text_string_to_metric_families(await page(metrics, load)):
        for each in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(each.labels.items()))
            name = f"{each.name.removeprefix('voicebot_')}{{{labels}}}"
            if each.value and not each.name.startswith("process_"):
                found[name.removesuffix("{}")] = each.value
    return found


async def counted(*records: Record) -> dict[str, float]:
    metrics = Metrics()
    for record in records:
        metrics.note(record)
    return await samples(metrics)


async def test_a_call_is_counted_when_it_comes_in_and_when_it_ends() -> None:
    end = ending("c1", EndReason.CALLER_HANGUP, 42_000, ())
    found = await counted(STARTED, end)
    assert found["calls_started_total"] == 1
    assert found["calls_ended_total{reason=caller_hangup}"] == 1
    assert found["call_duration_seconds_sum"] == 42


async def test_a_call_that_found_no_room_says_why() -> None:
    full = ending("c1", EndReason.REJECTED, 0, (Fault.ADMISSION_NUMBER_FULL,))
    assert (await counted(full))["calls_turned_away_total{why=number_full}"] == 1


async def test_a_fault_is_counted_once_a_call() -> None:
    lost = FaultNote("c1", 500, Fault.STEPFUN_LOST)
    faults = (Fault.STEPFUN_LOST, Fault.RECORDING_LOST)
    end = ending("c1", EndReason.CALLER_HANGUP, 1000, faults)
    found = await counted(lost, end, replace(lost, call_id="c2"))
    assert found["faults_total{fault=stepfun.lost}"] == 2
    assert found["faults_total{fault=recording.lost}"] == 1


async def test_an_answer_is_counted_as_reckoned_and_as_proved() -> None:
    found = await counted(ANSWER, replace(ANSWER, heard_ms=1700, heard_by="mark"))
    assert found["turn_latency_seconds_sum{heard_by=clock}"] == 0.6
    assert found["turn_latency_seconds_sum{heard_by=mark}"] == 0.7


async def test_money_is_counted_when_it_is_billed_and_once() -> None:
    used = TokensUsed("c1", 500, {}, {"input": 20_000, "output": 70_000})
    end = ending("c1", EndReason.CALLER_HANGUP, 1000, ())
    cost = {"input": 20_000, "output": 70_000, "twilio": 60_000}
    found = await counted(used, replace(end, cost=cost))
    assert found["cost_yuan_total{purpose=input}"] == 0.02
    assert found["cost_yuan_total{purpose=output}"] == 0.07
    assert found["cost_yuan_total{purpose=twilio}"] == 0.06


async def test_calls_of_a_process_that_died_are_ends_too() -> None:
    metrics = Metrics()
    metrics.orphans(3)
    found = await samples(metrics)
    assert found["calls_ended_total{reason=node_crash}"] == 3


@pytest.mark.parametrize(
    ("sight", "name", "value"),
    [
        (Greeted(250.0), "greeting_delay_seconds_sum", 0.25),
        (
            BargedIn(300.0, Outcome.RESUMED),
            "barge_in_stop_seconds_sum{outcome=resumed}",
            0.3,
        ),
        (RanDry(125.0), "underruns_total", 1),
        (RanDry(125.0), "underrun_seconds_total", 0.125),
        (DeadAir(1500.0), "dead_air_seconds_sum", 1.5),
        (StreamBegan(0.75), "call_setup_seconds_sum", 0.75),
        (ModelDialled(), "stepfun_dials_total", 1),
        (ModelOpened(0.5), "stepfun_open_seconds_sum", 0.5),
        (
            ModelRefused(Fault.STEPFUN_TOO_MANY),
            "stepfun_refusals_total{code=rate_limited}",
            1,
        ),
        (ModelLost(), "stepfun_lost_total", 1),
        (ModelResumed(1250.0), "stepfun_resume_seconds_sum", 1.25),
        (LoopLagged(0.25), "event_loop_lag_seconds_sum{process=main}", 0.25),
        (LoopLagged(0.0, "worker-1", 9), "tasks{process=worker-1}", 9),
    ],
)
async def test_what_stands_in_no_record_is_counted(
    sight: Sight, name: str, value: float
) -> None:
    metrics = Metrics()
    metrics.see(sight)
    assert (await samples(metrics))[name] == value


async def test_what_goes_on_is_told_as_it_is_at_that_moment() -> None:
    metrics = Metrics()
    lost = Backlog(7, 2048, is_away=True, lost_records=3)
    busy = Load(5, 2, 1, 10, draining=True, backlog=lost)
    await samples(metrics, busy)
    found = await samples(metrics, busy)  # what was lost isn't lost twice
    assert found == {
        "calls_live": 5,
        "calls_waiting": 2,
        "calls_elsewhere": 1,
        "calls_limit": 10,
        "draining": 1,
        "call_log_held_events": 7,
        "call_log_spilled_bytes": 2048,
        "call_log_away": 1,
        "call_log_lost_records_total": 3,
    }


async def test_no_caller_is_in_it() -> None:
    metrics = Metrics()
    metrics.note(STARTED)
    metrics.note(FaultNote("c1", 500, Fault.STEPFUN_LOST))
    text = await page(metrics)
    for private in (CALLER, "CA1", "AC1", "c1", "desk"):
        assert private not in text


async def test_a_loop_that_was_held_up_is_seen_to_be_late() -> None:
    seen: asyncio.Queue[Sight] = asyncio.Queue()
    watching = asyncio.create_task(watch_loop(seen.put_nowait, "worker-1"))
    async with asyncio.timeout(5):
        sight = await seen.get()
    watching.cancel()
    assert isinstance(sight, LoopLagged)
    assert sight.process == "worker-1"
    assert sight.lag_s >= 0
    assert sight.tasks == 2  # this one and that which watches
