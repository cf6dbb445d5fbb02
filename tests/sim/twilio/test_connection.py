"""Our WebSocket against aiohttp's, and against servers that do as they like."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha1

import pytest
import uvloop
from aiohttp import WSMsgType, web

from tests.sim.twilio.test_wire import sent
from voicebot.sim.twilio import connection as module
from voicebot.sim.twilio.connection import Connection, HandshakeError, connect
from voicebot.sim.twilio.leg import Frame
from voicebot.sim.twilio.wire import Opcode, upgraded

LIMIT_S = 5.0


@asynccontextmanager
async def echoing() -> AsyncIterator[str]:
    """A server that says what it hears; `bye` makes it close, `ping` ping."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("welcome")
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            elif message.data == "bye":
                await socket.close(code=4001)
            elif message.data == "ping":
                await socket.ping(b"?")
            else:
                await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/media", serve)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Raw(asyncio.Protocol):
    """Upgrades, or gives another answer; says some bytes more, and never closes."""

    def __init__(self, answer: bytes, after: bytes) -> None:
        self.transport: asyncio.Transport | None = None
        self._answer, self._after = answer, after

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        _, asked, rest = data.partition(b"Sec-WebSocket-Key: ")
        if asked and self.transport:
            key = rest.partition(b"\r\n")[0].decode()
            self.transport.write((self._answer or proof(key)) + self._after)


@asynccontextmanager
async def raw(answer: bytes, after: bytes = b"") -> AsyncIterator[str]:
    served: list[Raw] = []

    def serve() -> Raw:
        served.append(Raw(answer, after))
        return served[-1]

    server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for each in served:
            if each.transport:
                each.transport.abort()
        await asyncio.sleep(0)  # until it is closed


def proof(key: str) -> bytes:
    """The answer that proves the upgrade, found by what accepts it."""
    digest = sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    head = b"HTTP/1.1 101 Hello\r\nSec-WebSocket-Accept: " + b64encode(digest)
    assert upgraded(head, key) == 101
    return head + b"\r\n\r\n"


class Heard:
    """What a connection hands over, awaited with a limit."""

    def __init__(self, connection: Connection) -> None:
        self._frames: asyncio.Queue[Frame] = asyncio.Queue()
        connection.listen(self._frames.put_nowait)

    async def next(self) -> Frame:
        async with asyncio.timeout(LIMIT_S):
            return await self._frames.get()


async def talk() -> None:
    async with echoing() as url:
        connection = await connect(f"{url}/media", {"Host": "bot"})
        heard = Heard(connection)
        assert await heard.next() == "welcome"
        connection.send(["hello", b"\x01\x02", "x" * 70_000])
        assert [await heard.next() for _ in range(3)] == [
            "hello",
            b"\x01\x02",
            "x" * 70_000,
        ]
        connection.send(["ping", "after"])  # aiohttp would complain of no pong
        assert await heard.next() == "after"
        connection.send(["bye"])
        async with asyncio.timeout(LIMIT_S):
            assert await connection.closed() == 4001
        connection.send(["into nothing"])
        await connection.close()


async def test_messages_go_both_ways() -> None:
    await talk()


def test_messages_go_both_ways_on_uvloop() -> None:
    uvloop.run(talk())


async def test_our_close_is_answered() -> None:
    async with echoing() as url:
        connection = await connect(f"{url}/media", {"Host": "bot"})
        await connection.close()
        assert await connection.closed() == 1000


async def test_a_server_that_does_not_upgrade() -> None:
    async with echoing() as url:
        with pytest.raises(HandshakeError) as raised:
            await connect(f"{url}/other", {"Host": "bot"})
    assert raised.value.status == 404


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 101 Yes\r\n\r\n", b"x" * 70_000]
)
async def test_a_server_that_speaks_something_else(answer: bytes) -> None:
    async with raw(answer) as url:
        with pytest.raises(ConnectionError):
            await connect(url, {"Host": "bot"})


async def test_nobody_listens() -> None:
    with pytest.raises(OSError, match="Connect"):
        await connect("ws://127.0.0.1:9/", {"Host": "bot"})


@pytest.mark.parametrize(
    ("after", "code"),
    [
        (sent(Opcode.TEXT, b"\xff"), 1007),
        (sent(3, b""), 1002),
        (sent(Opcode.CLOSE, b""), 1005),
        (sent(Opcode.PONG, b"") + sent(Opcode.CLOSE, b"\x03\xe9"), 1001),
    ],
)
async def test_how_a_server_ends_it(after: bytes, code: int) -> None:
    async with raw(b"", after) as url:
        connection = await connect(url, {"Host": "bot"})
        connection.listen(lambda _: None)
        async with asyncio.timeout(LIMIT_S):
            assert await connection.closed() == code
        await connection.close()


async def test_a_server_that_never_closes_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CLOSE_S", 0.05)
    async with raw(b"") as url:
        connection = await connect(url, {"Host": "bot"})
        await connection.close()
        async with asyncio.timeout(LIMIT_S):
            assert await connection.closed() == 1006
