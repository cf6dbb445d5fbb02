"""The director's leg against the offline StepFun, and one that never answers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession
from structlog.testing import capture_logs

from tests.canary import KEY
from voicebot.dialplan.director import Director
from voicebot.flow.model import AskDirector, DirectorAnswered, Input
from voicebot.net.chat import Chat
from voicebot.runtime.director import DirectorLeg, request_of
from voicebot.sim.stepfun import Mood, OfflineStepFun, Scenario, ScriptedMind
from voicebot.sim.stepfun.chat import Chooser, Said

WANTS = Director.model_validate(
    {"actions": {"human": {"when": "They ask for a person.", "do": "goodbye"}}}
)
SECRET = "my number is 246810"


def question(seq: int, words: str = "A person") -> AskDirector:
    transcript = f'[{{"who": "caller", "words": "{words}"}}]'
    return AskDirector(seq, "- human: They ask for a person.", transcript)


class Slow(Chooser):
    """Holds up the answer to whoever says so."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def chat(self, messages: Sequence[Said]) -> str:
        self.asked.append(messages[-1].text)
        return super().chat(messages)


class Delivered(list[Input]):
    """What the call got; can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def take(self, event: Input) -> None:
        self.append(event)
        self._more.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self) < count:
                self._more.clear()
                await self._more.wait()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - a server's count, which tells nobody
            await asyncio.sleep(0)


@asynccontextmanager
async def leg(
    *, key: str = KEY, wants: Director = WANTS, **members: Any
) -> AsyncIterator[tuple[DirectorLeg, Delivered, OfflineStepFun]]:
    """A leg that runs, what it delivers, and whom it asks."""
    mood = members.pop("mood", Mood.burst())
    mind = ScriptedMind(Scenario(()))
    offline = OfflineStepFun(mind, mood, api_key=KEY, **members)
    async with offline.running() as server, ClientSession() as http:
        chat = Chat(http, server.base_url, key)
        one = DirectorLeg(chat, wants, Counter(), Counter())
        delivered = Delivered()
        running = asyncio.create_task(one.run(delivered.take))
        try:
            yield one, delivered, server
        finally:
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running


async def test_a_question_is_answered_and_counted() -> None:
    with capture_logs() as lines:
        async with leg() as (one, delivered, _):
            one.ask(question(1))
            await delivered.until(1)
            one.ask(question(2, SECRET))
            await delivered.until(2)
    assert delivered == [DirectorAnswered(1, "human"), DirectorAnswered(2, "none")]
    assert one._usage["director_prompt_tokens"] > 0
    assert one._usage["director_completion_tokens"] == 3
    assert one._faults == {}
    assert [line["event"] for line in lines] == ["director answered"] * 2
    assert all(line["trace_id"] and line["prompt_tokens"] for line in lines)
    assert SECRET not in str(lines)


async def test_a_newer_question_takes_the_place_of_an_older_one() -> None:
    mind = Slow()
    mood = Mood(chat_s=(0.2, 0.2))
    async with leg(mood=mood, chat_mind=mind) as (one, delivered, server):
        one.ask(question(1, "forget this"))
        await until(lambda: server.statistics.chat_requests == 1)
        one.ask(question(2, "forget this too"))  # nobody has read it yet
        one.ask(question(3))
        await delivered.until(1)
    assert delivered == [DirectorAnswered(3, "human")]
    assert not any("too" in text for text in mind.asked)


async def test_a_question_that_fails_is_a_fault_and_the_next_is_asked() -> None:
    with capture_logs() as lines:
        async with leg(chat_refusals=(503, 503, 402)) as (one, delivered, server):
            for seq in range(1, 4):
                one.ask(question(seq))
                await until(lambda: sum(one._faults.values()) == seq)  # noqa: B023
            one.ask(question(4))
            await delivered.until(1)
    assert delivered == [DirectorAnswered(4, "human")]
    assert one._faults == {"director.failed": 2, "director.refused": 1}
    failed = [line for line in lines if line["event"] == "director failed"]
    assert [line["detail"] for line in failed] == ["server_error", "quota_exceeded"]
    assert [line["status"] for line in failed] == [503, 402]


async def test_a_director_that_takes_too_long_is_a_fault() -> None:
    wants = WANTS.model_copy(update={"timeout_s": 0.05})
    mood = Mood(chat_s=(30.0, 30.0))
    async with leg(mood=mood, wants=wants) as (one, delivered, _):
        one.ask(question(1))
        await until(lambda: bool(one._faults))
    assert one._faults == {"director.unreachable": 1}
    assert delivered == []


def test_what_is_said_is_a_message_of_its_own() -> None:
    request = request_of("m", question(1, SECRET))
    told, said = request.messages
    assert (told.role, said.role) == ("system", "user")
    assert SECRET in said.text
    assert SECRET not in told.text
