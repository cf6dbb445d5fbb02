"""The model's session is opened while Twilio still connects the call, or not at all."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import ClientSession
from structlog.testing import capture_logs

from tests.e2e.house import House, house, says
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.misbehaviour import Misbehaviour, Signing
from voicebot.sim.twilio.script import HangUp, Say
from voicebot.store.records import EndReason

LINES = (Line("Hello?", "Yes, I am listening."),)
FRESH = "CA" + "7" * 32


async def counted(home: House, *, opened: int, closed: int) -> None:
    """Wait until so many sessions were opened and closed."""
    statistics = home.stepfun.statistics
    async with asyncio.timeout(3):
        while (statistics.opened, statistics.closed) != (opened, closed):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_the_webhook_of_a_call_opens_its_session_and_its_stream_takes_it(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, *LINES, mood=Mood.burst()) as home:
        with capture_logs() as logs:
            report = await home.call(Say(says("Hello?"), "hello"), HangUp(400))
        call, turns = await home.record(report)
        await counted(home, opened=1, closed=1)
    assert call.faults == ()
    assert turns[-1].heard_text == "Yes, I am listening."
    fates = [log for log in logs if log["event"].startswith("warm session")]
    assert [log["event"] for log in fates] == ["warm session taken over"]
    assert fates[0]["age_ms"] >= 0


async def test_a_session_is_open_before_the_stream_comes_and_closed_if_it_never_does(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:
        await home.webhook(FRESH)
        await counted(home, opened=1, closed=0)
        tasks = {x for x in asyncio.all_tasks() if x.get_name() == "model ahead"}
        assert len(tasks) == 1
        home.board.end_all()  # as when its ticket expires
        await counted(home, opened=1, closed=1)
        assert len(home.board.live) == 0
        # Its end of the socket may notice later than the other one.
        _, pending = await asyncio.wait(tasks, timeout=3)
        assert not pending


async def test_a_stop_of_the_process_leaves_no_session_open(tmp_path: Path) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:
        await home.webhook(FRESH)
        await counted(home, opened=1, closed=0)
        stepfun = home.stepfun
    assert stepfun.statistics.closed == 1


async def test_a_webhook_sent_again_opens_no_second_session(tmp_path: Path) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:
        for _ in range(3):
            assert "<Stream" in await home.webhook(FRESH)
        await counted(home, opened=1, closed=0)
        await asyncio.sleep(0.2)
        assert home.stepfun.statistics.opened == 1


async def test_no_more_sessions_are_opened_than_calls_are_let_in(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, mood=Mood.burst(), max_calls=2) as home:
        answers = [await home.webhook("CA" + f"{n}" * 32) for n in range(5)]
        await counted(home, opened=2, closed=0)
        await asyncio.sleep(0.2)
        assert home.stepfun.statistics.opened == 2
    assert sum("<Stream" in answer for answer in answers) == 2


@pytest.mark.parametrize("signing", [Signing.WRONG, Signing.MISSING])
async def test_a_webhook_that_twilio_did_not_sign_opens_none(
    tmp_path: Path, signing: Signing
) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:
        await home.call(HangUp(100), misbehave=Misbehaviour(webhook=signing))
        await asyncio.sleep(0.2)
        assert home.stepfun.statistics.opened == 0


@pytest.mark.parametrize("token", ["", "x" * 32])
async def test_a_stream_without_a_token_of_ours_opens_none(
    tmp_path: Path, token: str
) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home, ClientSession() as http:
        async with http.get(f"{home.url}/twilio/media/{token}") as answer:
            assert answer.status in {403, 404}
        await asyncio.sleep(0.2)
        assert home.stepfun.statistics.opened == 0


async def test_a_stream_of_another_call_closes_the_session_it_came_for(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:
        other = Misbehaviour(start_call_sid="CA" + "9" * 32)
        report = await home.call(HangUp(100), misbehave=other)
        call, turns = await home.record(report)
        statistics = home.stepfun.statistics
        await counted(home, opened=statistics.opened, closed=statistics.opened)
        assert statistics.opened <= 1  # 0 if it came before the model did
    assert call.end_reason is EndReason.PROTOCOL
    assert turns == []


async def test_a_call_whose_session_was_refused_ahead_opens_one_itself(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, *LINES, mood=Mood.burst(), refusals=(402,)) as home:
        report = await home.call(Say(says("Hello?"), "hello"), HangUp(400))
        call, turns = await home.record(report)
    assert call.faults == ("stepfun.quota_exceeded",)
    assert turns[-1].heard_text == "Yes, I am listening."
