"""The call log fails in the middle of calls, and no caller hears of it."""

import asyncio
import sqlite3
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from tests.e2e.house import (
    ACCOUNT,
    CALLER,
    DIALPLAN,
    KEY,
    OUR_NUMBER,
    PERSONA,
    TOKEN,
    House,
    house,
    says,
)
from tests.e2e.test_process import command, environment
from tests.store.postgres import running_postgres
from voicebot.sim.ports import free_port
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line, Scenario, ScriptedMind
from voicebot.sim.stepfun.server import OfflineStepFun
from voicebot.sim.twilio.caller import place_call
from voicebot.sim.twilio.report import CallReport, Outcome
from voicebot.sim.twilio.rest import TwilioRest
from voicebot.sim.twilio.script import Keys, Say, Script, Wait
from voicebot.store.calls import open_store
from voicebot.store.events import EventKind
from voicebot.store.records import Call, EndReason

LINES = (Line("Is this a call?", "It is one."), Line("Goodbye.", "Bye then."))


async def a_call(home: House) -> CallReport:
    return await home.call(
        Say(says("Is this a call?"), "ask"),
        Keys("1"),  # the answer comes behind it: who hears nobody says nothing
        Say(says("Goodbye."), "bye"),
    )


@asynccontextmanager
async def locked(home: House) -> AsyncIterator[None]:
    """Another process holds the log."""
    path = home.settings.call_log
    assert isinstance(path, Path)
    with closing(sqlite3.connect(path, check_same_thread=False)) as other:
        # In a thread: if the server has the lock, it needs this one to give it back.
        await asyncio.to_thread(other.execute, "BEGIN EXCLUSIVE")
        yield


async def known(home: House, report: CallReport) -> Call:
    """What the server knows of a call of its own."""
    call = await home.board.scribe.call_by_sid(report.call_sid)
    assert call
    return call


async def is_complete(home: House, report: CallReport) -> None:
    assert (report.outcome, report.warnings) == (Outcome.COMPLETED, [])
    call, turns = await home.record(report)
    assert (call.end_reason, call.faults) == (EndReason.BOT_GOODBYE, ())
    assert [turn.generated_text for turn in turns if turn.who == "caller"] == [
        line.hear for line in LINES
    ]
    events = await home.board.store.events(call.call_id)
    # A recording is moved to where it is kept when it likes.
    kinds = [event.kind for event in events if event.kind is not EventKind.RECORDING]
    assert kinds[:2] == [EventKind.CALL_STARTED, EventKind.CALL_ANSWERED]
    assert kinds[-1] is EventKind.CALL_ENDED
    assert EventKind.KEY in kinds
    at = [event.at for event in events]
    assert at == sorted(at)


async def test_a_log_that_is_locked_during_calls_lacks_nothing_afterwards(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, *LINES, mood=Mood.burst()) as home:
        async with locked(home):
            report = await a_call(home)
            async with asyncio.timeout(10):
                while (await known(home, report)).end_reason is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert (await known(home, report)).end_reason is EndReason.BOT_GOODBYE
            # A replay is known for one though the log can't say so.
            assert "<Reject" in await home.webhook(report.call_sid)
            assert await home.board.store.list_calls(9) == []
        await is_complete(home, report)


async def test_a_server_that_is_killed_during_a_call_and_comes_back_lacks_nothing(
    tmp_path: Path,
) -> None:
    with running_postgres() as server:
        async with house(
            tmp_path, *LINES, mood=Mood.burst(), database_url=server.url()
        ) as home:
            first = asyncio.create_task(a_call(home))  # awaited below
            async with asyncio.timeout(20):
                while not len(home.board.live):  # noqa: ASYNC110 - a test, over sockets
                    await asyncio.sleep(0.02)
            server.kill()
            second = await a_call(home)
            await first
            await asyncio.to_thread(server.start)
            await is_complete(home, first.result())
            await is_complete(home, second)


@asynccontextmanager
async def process(folder: Path, env: dict[str, str]) -> AsyncIterator[Process]:
    """`voicebot serve`, from when it listens until it is killed."""
    # The watch reads it.
    with open(folder / "server.log", "ab") as log:  # noqa: ASYNC230 - once, a test
        one = await asyncio.create_subprocess_exec(
            *command("serve"),
            cwd=folder,
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert one.stdout
    try:
        assert b"listens at" in await one.stdout.readline()
        yield one
    finally:
        if one.returncode is None:
            one.kill()
        await one.wait()


async def test_a_server_that_is_killed_during_calls_leaves_none_open(
    tmp_path: Path,
) -> None:
    plans = tmp_path / "dialplans"
    (plans / "personas").mkdir(parents=True)
    (plans / "dialplan.yaml").write_text(DIALPLAN)
    (plans / "personas" / "tester.yaml").write_text(PERSONA)
    vendor = OfflineStepFun(ScriptedMind(Scenario(LINES)), Mood.burst(), api_key=KEY)
    path = tmp_path / "data" / "calls.sqlite"
    async with (
        vendor.running() as stepfun,
        TwilioRest(ACCOUNT, TOKEN).running() as rest,
    ):
        port = str(free_port())
        url = f"http://127.0.0.1:{port}"
        env = environment(
            VOICEBOT_STEPFUN_API_KEY=KEY,
            VOICEBOT_STEPFUN_BASE_URL=stepfun.base_url,
            VOICEBOT_TWILIO_API_URL=rest.api_url,
            VOICEBOT_PUBLIC_URL=url,
            VOICEBOT_PORT=port,
        )

        async def a_caller() -> CallReport:
            return await place_call(
                voice_url=f"{url}/twilio/voice",
                status_url=f"{url}/twilio/status",
                auth_token=TOKEN,
                account_sid=ACCOUNT,
                from_number=CALLER,
                to_number=OUR_NUMBER,
                script=Script((Say(says("Is this a call?"), "ask"), Wait(20_000))),
                rest=rest,
                max_call_s=30.0,
            )

        async with process(tmp_path, env) as server:
            calls = [asyncio.create_task(a_caller()) for _ in range(4)]  # awaited below
            async with asyncio.timeout(30):
                while await answered(path) < 4:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.1)
            server.kill()
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        async with process(tmp_path, env):
            pass
    async with open_store(path) as store:
        found = await store.list_calls(9)
        assert len(found) == 4
        assert {call.end_reason for call in found} == {EndReason.NODE_CRASH}
        for record in found:
            turns = await store.turns(record.call_id)
            assert "Is this a call?" in [turn.generated_text for turn in turns]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def answered(path: Path) -> int:
    """In how many calls the caller's turn is stored."""
    with closing(sqlite3.connect(path)) as connection:
        query = (
            "SELECT count(DISTINCT call_id) FROM turns WHERE generated_text LIKE 'Is%'"
        )
        return int(connection.execute(query).fetchone()[0])
