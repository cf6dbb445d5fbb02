"""The model's leg against servers that aren't as they should be."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

from voicebot.bridge.model import Ending, Event, PeerLost, SessionReady
from voicebot.runtime.model_leg import DEFAULT_VOICE, MAX_BAD_FRAMES, ModelLeg
from voicebot.stepfun.realtime.commands import SessionConfig

CONFIG = SessionConfig("Be brief.", "linjiajiejie", turn_detection=None)
CREATED = {"type": "session.created", "session": {"id": "0" * 32}}
BAD_VOICE = {"type": "error", "error": {"message": "voice x is not valid"}}

Script = Callable[[web.WebSocketResponse], Awaitable[None]]


def updated(**session: object) -> dict[str, object]:
    return {"type": "session.updated", "session": {"id": "0" * 32} | session}


@asynccontextmanager
async def server(script: Script) -> AsyncIterator[str]:
    """Speaks as the script says, then closes."""

    async def realtime(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json(CREATED)
        await script(socket)
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/realtime", realtime)
    async with TestServer(app) as running:
        yield str(running.make_url("/realtime")).replace("http", "ws")


async def run(script: Script) -> tuple[ModelLeg, list[Event]]:
    """Run a leg until the server is done with it."""
    delivered: list[Event] = []
    async with server(script) as url, asyncio.timeout(10):
        leg = ModelLeg(url, "key", CONFIG, delivered.append)
        await leg.run()
    return leg, delivered


async def test_a_server_that_keeps_its_own_vad_on_is_a_fault() -> None:
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        vad = {"type": "server_vad"}
        await socket.send_json(updated(voice="linjiajiejie", turn_detection=vad))

    leg, delivered = await run(script)
    assert delivered == [SessionReady(), PeerLost(Ending.STEPFUN_LOST)]
    assert list(leg.faults) == ["stepfun.other_turn_detection", "stepfun.lost"]


async def test_a_server_that_speaks_in_another_voice_is_a_fault() -> None:
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await socket.send_json(updated(voice="another", turn_detection={"type": ""}))

    leg, _ = await run(script)
    assert list(leg.faults) == ["stepfun.other_voice", "stepfun.lost"]


async def test_a_voice_is_replaced_once_and_not_for_ever() -> None:
    asked: list[str] = []

    async def script(socket: web.WebSocketResponse) -> None:
        async for frame in socket:
            asked.append(orjson.loads(frame.data)["session"]["voice"])
            await socket.send_json(BAD_VOICE)

    leg, delivered = await run(script)
    assert asked == ["linjiajiejie", DEFAULT_VOICE]
    assert delivered == [PeerLost(Ending.STEPFUN_LOST)]
    assert leg.faults["stepfun.bad_voice"] == 2


async def test_garbage_is_dropped_unless_there_is_nothing_else() -> None:
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        for frame in (["[]"] * MAX_BAD_FRAMES + ['{"type": "unheard.of"}']) * 3:
            await socket.send_str(frame)
        await socket.send_json(updated(voice="linjiajiejie"))
        await socket.send_bytes(b"\x00")
        for _ in range(MAX_BAD_FRAMES + 1):
            await socket.send_str("{")
        await socket.receive()  # until the leg has gone

    leg, delivered = await run(script)
    assert delivered == [SessionReady(), PeerLost(Ending.STEPFUN_LOST)]
    assert leg.faults["stepfun.bad_frame"] == 3 * MAX_BAD_FRAMES + MAX_BAD_FRAMES + 1
