"""Others are told of calls: what they asked for, once it can be, for a day."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from tests.dialplan.plans import dialplan, persona
from tests.net.test_webhooks import Receiver
from tests.store.noted import put
from tests.store.test_calls import ENDED, STARTED, TURN
from tests.store.test_latencies import LATENCY
from voicebot.dialplan.model import Dialplan
from voicebot.net.webhooks import Webhooks
from voicebot.runtime.after_call import Messenger, told_of
from voicebot.runtime.reviews import Reviewer
from voicebot.store.calls import CallStore, open_store
from voicebot.store.database import Database
from voicebot.store.records import Call

COST = {"output": 42_000}


def no_review(store: CallStore) -> Reviewer:
    """Whom nobody asks."""
    nobody: Any = None
    return Reviewer(store, nobody, nobody)


class Clock:
    def __init__(self) -> None:
        self.now = ENDED.ended_at + timedelta(seconds=1)

    def __call__(self) -> datetime:
        return self.now


def plan(*hooks: dict[str, object]) -> Dialplan:
    desk = persona(after_call={"deliver": hooks})
    return replace(dialplan(), personas={"reception": desk})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[CallStore]:
    async with open_store(tmp_path / "calls.sqlite") as store:
        await put(store, STARTED, TURN, LATENCY, replace(ENDED, cost=COST))
        yield store


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def told(store: CallStore) -> tuple[Call, dict[str, Any]]:
    call = await store.get_call("c1")
    assert call
    turns = await store.turns("c1")
    latencies = await store.latencies("c1")
    return call, told_of(call, turns, latencies, ("numbers", "words"))


async def test_nothing_private_is_told_unless_asked_for(store: CallStore) -> None:
    call, everything = await told(store)
    body = orjson.dumps(told_of(call, [TURN], [])).decode()
    for private in (TURN.generated_text, TURN.heard_text, STARTED.from_number[-7:]):
        assert private not in body
    assert "recordings" not in body
    assert everything["from_number"] == STARTED.from_number
    assert everything["words"][0]["heard"] == TURN.heard_text


async def test_what_is_told_of_a_call(store: CallStore) -> None:
    _, body = await told(store)
    assert body["end_reason"] == "bot_goodbye"
    assert body["cost_cny"] == "0.042000"
    assert body["turns"] == {"caller": 0, "bot": 1, "interrupted": 1}
    assert body["reply_ms"] == {"median": 960, "worst": 960}


async def test_a_call_is_told_of_once_to_each(
    store: CallStore, http: ClientSession
) -> None:
    receiver = Receiver()
    server = await receiver.server()
    url = f"{server.make_url('/')}"
    plain: dict[str, object] = {"webhook": url}
    wants = plan(plain, plain | {"include": ["words"]})
    one = Messenger(
        store, lambda: wants, Webhooks(http, "hush"), no_review(store), Clock()
    )
    assert await one.round() == 2
    assert await one.round() == 0
    await server.close()
    keys = sorted(headers["Idempotency-Key"] for headers, _ in receiver.got)
    assert keys == ["c1.0", "c1.1"]
    bodies = [orjson.loads(body) for _, body in receiver.got]
    assert sorted("words" in body for body in bodies) == [False, True]


async def test_who_is_away_is_told_later_and_who_is_gone_never(
    store: CallStore, http: ClientSession
) -> None:
    receiver, clock = Receiver(503), Clock()
    server = await receiver.server()
    wants = plan({"webhook": f"{server.make_url('/')}"})

    def messenger() -> Messenger:  # each try is another process's
        return Messenger(
            store, lambda: wants, Webhooks(http, "hush"), no_review(store), clock
        )

    assert await messenger().round() == 1
    assert await messenger().round() == 0
    clock.now += timedelta(seconds=10)
    receiver.status = 410
    assert await messenger().round() == 1
    clock.now += timedelta(hours=3)
    assert await messenger().round() == 0
    await server.close()
    assert len(receiver.got) == 2


async def test_after_a_day_it_is_given_up(
    store: CallStore, http: ClientSession, unused_tcp_port: int
) -> None:
    clock = Clock()
    wants = plan({"webhook": f"http://127.0.0.1:{unused_tcp_port}/"})
    one = Messenger(
        store, lambda: wants, Webhooks(http, "hush"), no_review(store), clock
    )
    tries = 0
    for _ in range(30 * 60):
        tries += await one.round()
        clock.now += timedelta(minutes=1)
        if tries > 6:
            clock.now += timedelta(hours=1)
        if clock.now > ENDED.ended_at + timedelta(days=2):
            break
    assert 12 <= tries <= 18


async def test_nobody_is_told_without_a_secret(store: CallStore) -> None:
    wants = plan({"webhook": "https://example.com/"})
    one = Messenger(store, lambda: wants, None, no_review(store), Clock())
    assert [await one.round() for _ in range(2)] == [0, 0]
    nobody = Messenger(store, dialplan, None, no_review(store), Clock())
    assert await nobody.round() == 0


async def test_a_call_that_was_erased_is_not_told_of(
    store: CallStore, http: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def erased(_: object) -> None:
        return None

    monkeypatch.setattr(store, "get_call", erased)
    wants = plan({"webhook": "https://example.com/"})
    one = Messenger(
        store, lambda: wants, Webhooks(http, "hush"), no_review(store), Clock()
    )
    assert await one.round() == 1


async def test_it_goes_on_whatever_the_log_does(
    store: CallStore, http: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver()
    server = await receiver.server()
    wants = plan({"webhook": f"{server.make_url('/')}"})
    one = Messenger(
        store, lambda: wants, Webhooks(http, "hush"), no_review(store), Clock()
    )
    broken = asyncio.Event()
    read = Database.read

    async def fails(database: Database, query: Any) -> Any:
        if not broken.is_set():
            broken.set()
            from voicebot.errors import StoreError

            raise StoreError("away")
        return await read(database, query)

    monkeypatch.setattr(Database, "read", fails)
    task = asyncio.create_task(one.tell_others())  # cancelled below
    await broken.wait()
    one.nudge()
    await receiver.arrived.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await server.close()
    assert len(receiver.got) == 1
