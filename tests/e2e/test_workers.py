"""Calls that other processes conduct."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from aiohttp import ClientSession
from structlog.testing import capture_logs

from tests.e2e.house import DIALPLAN, PERSONA, House, house, says
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.agents import FarEnd
from voicebot.sim.twilio.report import CallReport, Outcome
from voicebot.sim.twilio.script import HangUp, Interrupt, Keys, Say, Until, Wait
from voicebot.store.records import EndReason

# Each starts processes, and a busy machine takes its time to load them.
pytestmark = pytest.mark.timeout(300)

LINES = (
    Line("My phone is broken.", "I am sorry to hear that. " * 4),
    Line("How long will it take?", "About two hours, I think."),
    Line("Thank you, goodbye!", "You are welcome."),
)


async def test_a_worker_greets_answers_is_interrupted_and_ends(tmp_path: Path) -> None:
    async with house(tmp_path, *LINES, workers=2) as home:
        report = await home.call(
            Say(says("My phone is broken."), "broken"),
            Interrupt(says("How long will it take?"), "how long", after_ms=1500),
            Say(says("Thank you, goodbye!"), "goodbye"),
        )
        call, turns = await home.record(report)
        page, _ = await home.board.metrics.page(home.board.load(), "")
    assert (report.outcome, report.warnings) == (Outcome.COMPLETED, [])
    assert (call.end_reason, call.ended_by) == (EndReason.BOT_GOODBYE, "bot")
    assert call.faults == ()
    said = [turn.generated_text for turn in turns if turn.who == "caller"]
    assert said == [line.hear for line in LINES]
    assert turns[0].heard_text == "Hello there."
    assert call.cost_ucny > 0
    assert call.recording
    text = page.decode()
    assert "voicebot_stepfun_dials_total 1.0" in text
    assert 'voicebot_event_loop_lag_seconds_count{process="worker-2"}' in text
    assert "voicebot_greeting_delay_seconds_count 1.0" in text


# Some nine seconds, so that something can happen meanwhile.
STEPS = (Wait(5000), Say(says("Hello?"), "hello"), HangUp(wait_quiet_ms=700))
HELLO = Line("Hello?", "Yes, I am here.")


def begin(home: House, count: int) -> list[asyncio.Task[CallReport]]:
    return [asyncio.create_task(home.call(*STEPS)) for _ in range(count)]


async def until_live(home: House, count: int) -> None:
    async with asyncio.timeout(60):
        while home.stepfun.statistics.opened < count:  # noqa: ASYNC110 - of others
            await asyncio.sleep(0.05)


def processes(home: House) -> set[int]:
    assert home.board.crew
    return {each.pid for each in home.board.crew.members()}


async def test_both_workers_get_calls_and_the_limit_is_one(tmp_path: Path) -> None:
    async with house(tmp_path, HELLO, workers=2, max_calls=4) as home:
        calls = begin(home, 6)
        await until_live(home, 4)
        assert home.board.crew
        each = [member.calls for member in home.board.crew.members()]
        reports = await asyncio.gather(*calls)
        await home.board.quiet()
        rows = await home.board.store.list_calls(10)
    assert each == [2, 2]
    refused = [report for report in reports if report.outcome is Outcome.REJECTED]
    assert len(refused) == 2
    ends = sorted((row.end_reason or "", row.faults) for row in rows)
    assert ends == [
        *[(EndReason.CALLER_HANGUP, ())] * 4,
        *[(EndReason.REJECTED, ("admission.full",))] * 2,
    ]


async def test_new_workers_take_over_and_no_call_is_dropped(tmp_path: Path) -> None:
    async with house(tmp_path, HELLO, workers=2) as home:
        before = processes(home)
        calls = begin(home, 3)
        await until_live(home, 3)
        assert home.board.crew
        with capture_logs() as lines:
            home.board.crew.renew()
            home.board.crew.renew()  # nothing has changed since
            await home.board.crew.renewed()
        after = processes(home)
        calls += begin(home, 2)
        reports = await asyncio.gather(*calls)
        await home.board.quiet()
        rows = await home.board.store.list_calls(10)
        async with asyncio.timeout(60):
            await home.board.crew.left()
    assert not before & after
    assert sum(line["event"] == "worker started" for line in lines) == 2
    assert [len(report.turns) for report in reports] == [1] * 5
    ends = [(row.end_reason, row.faults) for row in rows]
    assert ends == [(EndReason.CALLER_HANGUP, ())] * 5


async def test_of_a_worker_that_dies_callers_hear_the_apology(tmp_path: Path) -> None:
    async with house(tmp_path, HELLO, workers=2) as home:
        (lost,) = begin(home, 1)
        await until_live(home, 1)
        assert home.board.crew
        (busy,) = [each for each in home.board.crew.members() if each.calls]
        os.kill(busy.pid, signal.SIGKILL)
        report = await lost
        (spared,) = begin(home, 1)  # the other one takes it
        spared_report = await spared
        await home.board.quiet()
        row = await home.board.store.call_by_sid(report.call_sid)
        async with asyncio.timeout(60):
            while len(home.board.crew) < 2:  # noqa: ASYNC110 - it starts anew
                await asyncio.sleep(0.1)
    assert row
    assert (row.end_reason, row.faults) == (EndReason.NODE_CRASH, ("node_crash",))
    assert report.tally.said == ["I am sorry."]
    assert len(spared_report.turns) == 1


async def test_a_worker_that_stands_still_is_replaced(tmp_path: Path) -> None:
    async with house(tmp_path, HELLO, workers=1) as home:
        (call,) = begin(home, 1)
        await until_live(home, 1)
        assert home.board.crew
        (stuck,) = home.board.crew.members()
        os.kill(stuck.pid, signal.SIGSTOP)
        report = await call
        row, _ = await home.record(report)
        states = set()
        async with asyncio.timeout(120), ClientSession() as http:
            while not len(home.board.crew):  # it starts anew
                async with http.get(f"{home.url}/readyz") as answer:
                    states.add(answer.status)
                await asyncio.sleep(0.1)
            async with http.get(f"{home.url}/readyz") as answer:
                ready = answer.status
        (other,) = home.board.crew.members()
    assert other.pid != stuck.pid
    assert (states, ready) == ({503}, 200)
    assert row.end_reason is EndReason.NODE_CRASH
    assert report.tally.said == ["I am sorry."]


async def test_a_drain_whose_time_is_up_says_goodbye(tmp_path: Path) -> None:
    async with house(tmp_path, HELLO, workers=1) as home:
        (call,) = begin(home, 1)
        await until_live(home, 1)
        await home.board.drain(1)
        report = await call
        row, turns = await home.record(report)
    assert row.end_reason is EndReason.DRAIN
    assert turns[-1].heard_text == "Good bye."


DESK = "+15550100777"
PLAN = DIALPLAN + f'targets: {{desk: {{number: "{DESK}"}}}}\n'
KEYPAD = PERSONA + (
    "menus: {keypad: {prompt: For the desk press zero., key: '9', "
    "keys: {'0': {transfer: desk}}}}\n"
)


async def test_a_call_leaves_its_worker_and_comes_back_to_one(tmp_path: Path) -> None:
    streams = 0

    def see(kind: str, _at_s: float, _detail: str) -> None:
        nonlocal streams
        streams += kind == "stream_started"

    async with house(tmp_path, HELLO, persona=KEYPAD, plan=PLAN, workers=2) as home:
        report = await home.call(
            Keys("9", wait_quiet_ms=300),
            Keys("0", wait_quiet_ms=300),
            Until(lambda: streams == 2),
            Say(says("Hello?"), "hello"),
            HangUp(wait_quiet_ms=900),
            far_ends={DESK: FarEnd("busy")},
            on_event=see,
        )
        row, turns = await home.record(report)
        assert len(home.board.forwarding) == 0
    heard = [turn.heard_text for turn in turns if turn.who == "bot"]
    assert report.tally.dialled == [DESK]
    assert len(report.tally.stream_sids) == 2
    assert heard[-1] == "Yes, I am here."
    numbers = [turn.seq for turn in turns]
    assert numbers == sorted(set(numbers))  # the second stream goes on behind
    assert (row.end_reason, row.faults) == (EndReason.CALLER_HANGUP, ())
