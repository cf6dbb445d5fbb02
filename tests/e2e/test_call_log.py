"""The call log fails in the middle of calls, and no caller hears of it."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.e2e.house import House, house, says
from tests.store.postgres import running_postgres
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.report import CallReport, Outcome
from voicebot.sim.twilio.script import Keys, Say
from voicebot.store.events import EventKind
from voicebot.store.records import Call, EndReason

LINES = (Line("Is this a call?", "It is one."), Line("Goodbye.", "Bye then."))


async def a_call(home: House) -> CallReport:
    return await home.call(
        Keys("1"), Say(says("Is this a call?"), "ask"), Say(says("Goodbye."), "bye")
    )


@contextmanager
def locked(home: House) -> Iterator[None]:
    """Another process holds the log."""
    path = home.settings.call_log
    assert isinstance(path, Path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
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
    kinds = [event.kind for event in events]
    assert kinds[:2] == [EventKind.CALL_STARTED, EventKind.CALL_ANSWERED]
    assert kinds[-1] is EventKind.CALL_ENDED
    assert EventKind.KEY in kinds
    at = [event.at for event in events]
    assert at == sorted(at)


async def test_a_log_that_is_locked_during_calls_lacks_nothing_afterwards(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, *LINES, mood=Mood.burst()) as home:
        with locked(home):
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
