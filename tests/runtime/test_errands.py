"""Requests of a call: their secrets, their answers, and what is known of a caller."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.dialplan.plans import persona
from voicebot.dialplan.persona import Persona
from voicebot.flow.model import Fetch, Fetched, Input, LookedUp, Trouble
from voicebot.flow.requests import errand
from voicebot.net.errands import ErrandClient, open_errands
from voicebot.runtime.errands import Errands, Lookups
from voicebot.sim.api import Answer, OfflineApi

KEY = "k3y-of-the-test"


@pytest.fixture
async def client() -> AsyncIterator[ErrandClient]:
    async with open_errands() as client:
        yield client


@pytest.fixture(autouse=True)
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("API_KEY", KEY)
    return tmp_path


def desk(url: str, **given: Any) -> Persona:
    http = {"kind": "http", "url": url, "description": "x", "timeout": "2s"}
    headers = {"Authorization": "Bearer ${env:API_KEY}"}
    return persona(
        tools={"slots": http | {"headers": headers}, "book": http | {"method": "POST"}},
        vars={"name": {"from": "lookup"}, "pin": {"from": "lookup", "sensitive": True}},
        lookup={"url": url, "map": {"name": "name", "pin": "pin"}, "timeout": "2s"},
        **given,
    )


def order(who: Persona, tool: str, id: int = 1) -> Fetch:
    made = errand(who.tools[tool], {}, {})
    assert made
    return Fetch(id, tool, f"{id}-abc", made)


async def made(client: ErrandClient, *orders: Fetch) -> list[Fetched]:
    """Make requests; what came of each."""
    there: list[Fetched] = []
    is_there = asyncio.Event()

    def deliver(event: Input) -> None:
        assert isinstance(event, Fetched)
        there.append(event)
        if len(there) == len(orders):
            is_there.set()

    call = Errands(client, "call7")
    for each in orders:
        call.fetch(each)
    running = asyncio.create_task(call.run(deliver))
    async with asyncio.timeout(10):
        await is_there.wait()
    running.cancel()
    return sorted(there, key=lambda each: each.id)


async def test_a_request_has_its_secret_and_its_answer_comes_back(
    client: ErrandClient,
) -> None:
    api = OfflineApi({"GET /x": {"free": [9]}, "POST /x": {"ok": True}})
    async with api.running() as base:
        who = desk(f"{base}/x")
        answers = await made(client, order(who, "slots"), order(who, "book", 2))
    assert answers == [
        Fetched(1, '{"free": [9]}', status=200),
        Fetched(2, '{"ok": true}', status=200),
    ]
    seen = {each.method: each.headers for each in api.asked}
    assert seen["GET"]["Authorization"] == f"Bearer {KEY}"
    assert seen["POST"]["Idempotency-Key"] == "call7-2-abc"


@pytest.mark.parametrize(
    ("answer", "trouble", "status"),
    [
        (Answer(status=503), Trouble.FAILED, 503),
        (Answer(misbehaves="redirect"), Trouble.REDIRECTED, 302),
        (Answer(misbehaves="garbage"), Trouble.UNREADABLE, 200),
        (Answer(misbehaves="huge"), Trouble.TOO_LARGE, None),
        (Answer(misbehaves="hangs_up"), Trouble.UNREACHABLE, None),
    ],
)
async def test_what_goes_wrong_has_a_name(
    client: ErrandClient, answer: Answer, trouble: Trouble, status: int | None
) -> None:
    async with OfflineApi({"GET /x": answer}).running() as base:
        (told,) = await made(client, order(desk(f"{base}/x"), "slots"))
    assert told == Fetched(1, trouble=trouble, status=status)


@pytest.mark.parametrize("url", ["${env:NOT_THERE}/x", "${file:/not/there}/x"])
async def test_without_its_secret_a_request_isnt_made(
    client: ErrandClient, url: str
) -> None:
    with capture_logs() as lines:
        (told,) = await made(client, order(desk(url), "slots"))
    assert told == Fetched(1, trouble=Trouble.MISCONFIGURED)
    (line,) = lines
    assert line["why"].startswith(("NOT_THERE: not set", "/not/there: no such file"))


async def test_a_secret_that_is_no_address_is_in_no_log(
    client: ErrandClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASE", f"ftp://{KEY}")
    with capture_logs() as lines:
        (told,) = await made(client, order(desk("${env:BASE}/x"), "slots"))
    assert told.trouble is Trouble.MISCONFIGURED
    assert KEY not in str(lines)


async def test_what_is_abandoned_tells_nothing(client: ErrandClient) -> None:
    api = OfflineApi({"GET /x": Answer(misbehaves="slow")})
    told: list[Input] = []
    call = Errands(client, "call7")
    async with api.running() as base:
        call.fetch(order(desk(f"{base}/x"), "slots"))
        running = asyncio.create_task(call.run(told.append))
        async with asyncio.timeout(10):
            await api.was_asked.wait()
        call.abandon(1)
        call.abandon(2)
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert told == []


# ---- lookups -----------------------------------------------------------------------


async def looked_up(client: ErrandClient, who: Persona) -> LookedUp:
    lookups = Lookups(client)
    lookups.begin("c1", who, {})
    there: asyncio.Queue[Input] = asyncio.Queue()
    call = Errands(client, "c1", lookups.of("c1"))
    running = asyncio.create_task(call.run(there.put_nowait))
    async with asyncio.timeout(10):
        found = await there.get()
    running.cancel()
    await lookups.close()
    assert isinstance(found, LookedUp)
    return found


@pytest.mark.parametrize(
    ("answer", "values", "trouble"),
    [
        (Answer({"name": "Ann", "pin": 12}), {"name": "Ann", "pin": "12"}, None),
        (Answer({}), {}, None),
        (Answer(status=404), {}, Trouble.NOT_FOUND),
        (Answer(misbehaves="garbage"), {}, Trouble.UNREADABLE),
        (Answer(misbehaves="huge"), {}, Trouble.TOO_LARGE),
    ],
)
async def test_what_is_found_out_about_a_caller(
    client: ErrandClient, answer: Answer, values: object, trouble: Trouble | None
) -> None:
    async with OfflineApi({"GET /x": answer}).running() as base:
        found = await looked_up(client, desk(f"{base}/x"))
    assert (found.values, found.trouble) == (values, trouble)


async def test_a_lookup_without_what_its_address_needs_finds_nothing(
    client: ErrandClient,
) -> None:
    found = await looked_up(client, desk("https://api.example/{{name}}"))
    assert found.trouble is Trouble.NOT_FOUND


async def test_a_greeting_waits_a_moment_for_who_is_known(
    client: ErrandClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"text": "Hello.", "when": {"returning_caller": "Hello {{name|you}}."}}
    api = OfflineApi(
        {"GET /quick": {"name": "Ann"}, "GET /slow": Answer(misbehaves="slow")}
    )
    async with api.running() as base:
        lookups = Lookups(client)
        quick, slow = desk(f"{base}/quick", greeting=known), desk(f"{base}/slow")
        patient = desk(f"{base}/slow", greeting=known)
        for call_id, who in (("c1", quick), ("c2", slow), ("c3", patient)):
            lookups.begin(call_id, who, {})
        assert await lookups.greets("c1", quick) == {"name": "Ann"}
        monkeypatch.setattr("voicebot.runtime.errands.GREETING_S", 0.0)
        assert await lookups.greets("c2", slow) == {}  # nothing to wait for
        assert await lookups.greets("c3", patient) == {}
        assert await lookups.greets("c4", patient) == {}
        lookups.drop("c2")
        lookups.drop("c2")
        await lookups.close()
    assert lookups.of("c3") is None


async def test_a_lookup_that_breaks_ends_no_call(
    client: ErrandClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("voicebot.runtime.errands.lookup_errand", broken)
    known = {"text": "Hello.", "when": {"returning_caller": "Hello."}}
    who = desk("https://api.example", greeting=known)
    lookups = Lookups(client)
    lookups.begin("c1", who, {})
    told: list[Input] = []
    with capture_logs() as lines:
        assert await lookups.greets("c1", who) == {}
        running = asyncio.create_task(
            Errands(client, "c1", lookups.of("c1")).run(told.append)
        )
        await asyncio.sleep(0)
        running.cancel()
    await lookups.close()
    assert told == []
    assert {line["event"] for line in lines} == {"lookup broke"}
