"""Sessions that are opened ahead of their calls, whatever becomes of either."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from tests.canary import KEY
from voicebot.bridge.model import Ending, PeerLost, SessionReady
from voicebot.flow.model import Input
from voicebot.runtime.model_leg import ModelLeg
from voicebot.runtime.model_socket import realtime
from voicebot.runtime.warm import WarmLegs
from voicebot.stepfun.realtime.commands import SessionConfig

CONFIG = SessionConfig("Be brief.", "linjiajiejie", turn_detection=None)
SESSION = {"id": "0" * 32, "voice": "linjiajiejie"}
CREATED = {"type": "session.created", "session": SESSION}
UPDATED = {"type": "session.updated", "session": SESSION}
ENGINE = {"type": "error", "error": {"message": "internal error of speech engine"}}


class Model:
    """
    A server whose sessions do what they are told to.

    Attributes:
        refusals: statuses for the first upgrades.
        mute: sessions are opened, and never configured.
        asked: a session was asked to be configured.
        sockets: all sessions so far.
        left: how many of them the client has closed.
    """

    def __init__(self) -> None:
        self.url = ""
        self.refusals: list[int] = []
        self.dials = 0
        self.mute = False
        self.sockets: list[web.WebSocketResponse] = []
        self.asked = asyncio.Event()
        self.left = asyncio.Semaphore(0)

    async def realtime(self, request: web.Request) -> web.StreamResponse:
        self.dials += 1
        if self.refusals:
            return web.json_response({}, status=self.refusals.pop(0))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        await socket.send_json(CREATED)
        await socket.receive()
        self.asked.set()
        if not self.mute:
            await socket.send_json(UPDATED)
        async for _ in socket:
            pass
        self.left.release()
        return socket


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    model = Model()
    app = web.Application()
    app.router.add_get("/realtime", model.realtime)
    async with TestServer(app) as running:
        model.url = str(running.make_url("/realtime")).replace("http", "ws")
        yield model


class Caller:
    """A call that is told what its model does."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Input] = asyncio.Queue()

    @asynccontextmanager
    async def on(self, leg: ModelLeg) -> AsyncIterator[None]:
        running = asyncio.create_task(leg.run(self.events.put_nowait))
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])


def leg_to(model: Model) -> ModelLeg:
    return ModelLeg(realtime(model.url, KEY), CONFIG, set())


@contextmanager
def fates() -> Iterator[list[str]]:
    """What the log says of warm sessions, by the end of the block."""
    said: list[str] = []
    with capture_logs() as logs:
        yield said
    said += [log["event"] for log in logs if log["event"].startswith("warm session")]
    for log in logs:
        assert KEY not in str(log.values())


async def test_a_call_takes_over_the_session_that_is_ready_for_it(
    model: Model,
) -> None:
    warm, leg, caller = WarmLegs(), leg_to(model), Caller()
    with fates() as said:
        warm.dial("call", leg)
        await leg.ready.wait()
        assert warm.take("call") is leg
        async with caller.on(leg):
            assert await caller.events.get() == SessionReady()
            await model.sockets[0].send_json(ENGINE)
            assert await caller.events.get() == PeerLost(Ending.STEPFUN_LOST)
        warm.drop("call")
        await warm.close()
    await model.left.acquire()
    assert model.dials == 1
    assert said == ["warm session taken over"]


async def test_a_call_that_comes_while_its_session_opens_waits_for_it(
    model: Model,
) -> None:
    warm, leg, caller = WarmLegs(), leg_to(model), Caller()
    warm.dial("call", leg)
    async with caller.on(warm.take("call")):
        assert await caller.events.get() == SessionReady()
    assert model.dials == 1
    await model.left.acquire()


async def test_the_end_of_its_call_closes_a_session_that_was_opened_ahead(
    model: Model,
) -> None:
    warm, leg, caller = WarmLegs(), leg_to(model), Caller()
    warm.dial("call", leg)
    await leg.ready.wait()
    async with caller.on(warm.take("call")):
        await caller.events.get()
    assert leg.ahead
    assert leg.ahead.done()  # at once, and not only with the process
    await model.left.acquire()


async def test_the_session_of_a_call_that_never_comes_is_closed_at_once(
    model: Model,
) -> None:
    warm, leg = WarmLegs(), leg_to(model)
    with fates() as said:
        warm.dial("call", leg)
        await leg.ready.wait()
        warm.drop("call")
        await model.left.acquire()
    assert said == ["warm session expired"]
    warm.drop("call")
    await warm.close()
    assert leg.ahead
    assert leg.ahead.cancelled()


async def test_one_that_is_still_being_opened_is_given_up_too(model: Model) -> None:
    model.mute = True
    warm, leg = WarmLegs(), leg_to(model)
    warm.dial("call", leg)
    await model.asked.wait()
    warm.drop("call")
    await warm.close()
    await model.left.acquire()
    assert not any(task.get_name() == "model ahead" for task in asyncio.all_tasks())


async def test_the_end_of_the_process_closes_them_all(model: Model) -> None:
    warm = WarmLegs()
    legs = [leg_to(model) for _ in range(3)]
    for number, leg in enumerate(legs):
        warm.dial(str(number), leg)
        await leg.ready.wait()
    await warm.close()
    for leg in legs:
        assert leg.ahead
        assert leg.ahead.cancelled()
        await model.left.acquire()


@pytest.mark.parametrize("status", [402, 503])
async def test_a_session_that_was_refused_ahead_is_opened_by_its_call(
    model: Model, status: int
) -> None:
    model.refusals = [status] * (1 if status == 402 else 2)
    warm, leg, caller = WarmLegs(), leg_to(model), Caller()
    with fates() as said:
        warm.dial("call", leg)
        assert leg.ahead
        await asyncio.wait([leg.ahead])
        async with caller.on(warm.take("call")):
            assert await caller.events.get() == SessionReady()
    assert said == ["warm session failed"]
    assert leg.faults  # an operator sees that it was tried


async def test_a_session_that_is_refused_while_its_call_waits_is_opened_by_it(
    model: Model,
) -> None:
    model.refusals = [402]
    warm, leg, caller = WarmLegs(), leg_to(model), Caller()
    warm.dial("call", leg)
    async with caller.on(warm.take("call")):
        assert await caller.events.get() == SessionReady()
    assert model.dials == 2


@pytest.mark.parametrize("how", ["closed", "engine"])
async def test_a_session_that_is_lost_before_its_call_comes_is_opened_anew(
    model: Model, how: str
) -> None:
    warm, leg, caller = WarmLegs(), leg_to(model), Caller()
    with fates() as said:
        warm.dial("call", leg)
        await leg.ready.wait()
        if how == "engine":
            await model.sockets[0].send_json(ENGINE)
        else:
            await model.sockets[0].close()
        assert leg.ahead
        await asyncio.wait([leg.ahead])
        async with caller.on(warm.take("call")):
            assert await caller.events.get() == SessionReady()
            assert model.dials == 2
            await model.sockets[1].close()
            assert await caller.events.get() == PeerLost(Ending.STEPFUN_LOST)
    assert said == ["warm session failed"]


async def test_a_model_that_refuses_to_the_end_is_an_event(model: Model) -> None:
    model.refusals = [402, 402]
    warm, leg, caller = WarmLegs(), leg_to(model), Caller()
    warm.dial("call", leg)
    async with caller.on(warm.take("call")):
        assert await caller.events.get() == PeerLost(
            Ending.STEPFUN_REFUSED, heals=False
        )


async def test_what_a_session_says_before_its_call_comes_is_nobodys(
    model: Model,
) -> None:
    warm, leg, caller = WarmLegs(), leg_to(model), Caller()
    warm.dial("call", leg)
    await leg.ready.wait()
    created = {"type": "response.created", "response": {"id": "r"}}
    await model.sockets[0].send_json(created)
    await asyncio.sleep(0.05)  # until it has been read
    async with caller.on(warm.take("call")):
        assert await caller.events.get() == SessionReady()


async def test_a_bug_of_ours_is_the_calls_alone(model: Model) -> None:
    warm, leg = WarmLegs(), leg_to(model)
    warm.dial("call", leg)
    await leg.ready.wait()

    def deliver(event: Input) -> None:
        if isinstance(event, PeerLost):
            raise ZeroDivisionError

    running = asyncio.create_task(warm.take("call").run(deliver))
    await asyncio.sleep(0)
    await model.sockets[0].send_json(ENGINE)
    with pytest.raises(ExceptionGroup):
        await running
    warm.drop("call")
    await warm.close()
