"""A model's socket: what is heard at once, and what websockets reads."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close, Frame, Opcode
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from voicebot.errors import UpstreamError
from voicebot.net import quick_socket
from voicebot.net.quick_socket import (
    MASKS_AT_ONCE,
    MAX_FRAME_BYTES,
    MAX_WAITING_BYTES,
    QuickSocket,
)
from voicebot.net.realtime import realtime_socket

LIMIT_S = 5.0
LONG = b"l" * 200_000


@dataclass
class Ear:
    """What came of a socket, one way or the other, in its order."""

    socket: QuickSocket
    got: list[bytes] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, text: bytes) -> None:
        self.heard.append(text)
        self.got.append(text)
        self.news.set()

    async def read(self) -> None:
        """Read to the end."""
        while True:
            self.got.append(await self.socket.read())
            self.news.set()

    async def until(self, *messages: bytes) -> None:
        async with asyncio.timeout(LIMIT_S):
            while self.got != [*messages]:
                await self.news.wait()
                self.news.clear()

    async def end(self) -> ConnectionClosed:
        """Read until the session is lost."""
        with pytest.raises(ConnectionClosed) as caught:
            async with asyncio.timeout(LIMIT_S):
                await self.read()
        return caught.value


@asynccontextmanager
async def line() -> AsyncIterator[tuple[Ear, ServerConnection]]:
    """A socket that is listened to, and the server's end of it."""
    opened: asyncio.Future[ServerConnection] = (
        asyncio.get_running_loop().create_future()
    )

    async def handler(connection: ServerConnection) -> None:
        opened.set_result(connection)
        await connection.wait_closed()

    async with serve(handler, "127.0.0.1", 0, compression=None) as server:
        host, port = next(iter(server.sockets)).getsockname()
        async with realtime_socket(f"ws://{host}:{port}/", "key") as socket:
            ear = Ear(socket)
            socket.listen(ear.hear)
            yield ear, await opened


@asynccontextmanager
async def reading(ear: Ear) -> AsyncIterator[None]:
    task = asyncio.create_task(ear.read())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_texts_are_heard_in_order_and_nobody_reads() -> None:
    async with line() as (ear, server):
        for text in (b"one", LONG, b"", b"three"):
            await server.send(text, text=True)
        await ear.until(b"one", LONG, b"", b"three")


@pytest.mark.parametrize("size", [0, 125, 126, 3900, 65_536])
async def test_what_is_written_arrives(size: int) -> None:
    async with line() as (ear, server), asyncio.timeout(LIMIT_S):
        assert ear.socket.write(b"a" * size)
        assert await server.recv() == "a" * size


async def test_each_frame_has_a_mask_of_its_own() -> None:
    """Also where the randomness that was asked for is used up."""
    written, frames = Wire(), 2 * MASKS_AT_ONCE + 1
    async with opened_on(written) as socket:
        for _ in range(frames):
            socket.write(bytes(20))
    masks = [frame[2:6] for frame in written.frames]
    assert len(masks) == frames
    # Of 513 masks, two are alike once in 30 000 runs; more never are.
    assert len({*masks}) > frames - 3


async def test_a_ping_amid_texts_is_answered_and_they_are_heard() -> None:
    async with line() as (ear, server):
        await server.send("one")
        pong = await server.ping()
        await server.send("two")
        await ear.until(b"one", b"two")
        async with asyncio.timeout(LIMIT_S):
            await pong
        assert ear.heard == [b"one", b"two"]


async def test_messages_in_pieces_and_binary_ones_are_read_in_order() -> None:
    async with line() as (ear, server), reading(ear):
        await server.send("one")
        await server.send(["t", "wo"])
        await server.send("three")
        await server.send(b"four")
        await server.send("five")
        await ear.until(b"one", b"two", b"three", b"four", b"five")
        assert ear.heard == [b"one"]


async def test_a_server_that_closes_behind_texts_is_heard_out_and_says_why() -> None:
    async with line() as (ear, server):
        for text in ("one", "two"):
            await server.send(text)
        await server.close(4000, "enough")
        lost = await ear.end()
        assert ear.heard == [b"one", b"two"]
        assert lost.rcvd == Close(4000, "enough")
        assert ear.socket.write(b"to nobody")


async def test_a_connection_that_breaks_is_a_lost_session() -> None:
    async with line() as (ear, server):
        await server.send("one")
        await ear.until(b"one")
        server.transport.abort()
        assert (await ear.end()).rcvd is None
        assert ear.socket.write(b"to nobody")


async def test_a_message_without_end_is_refused() -> None:
    async with line() as (ear, server):
        await server.send("one")
        await server.send(b"x" * (MAX_FRAME_BYTES + 1), text=True)
        lost = await ear.end()
        assert ear.got == [b"one"]
        assert lost.sent is not None
        assert lost.sent.code == 1009


async def test_a_server_that_breaks_the_protocol_is_told_so() -> None:
    async with line() as (ear, server):
        masked = Frame(Opcode.TEXT, b"as a client does").serialize(mask=True)
        server.transport.write(masked)
        lost = await ear.end()
        assert ear.got == []
        assert lost.sent is not None
        assert lost.sent.code == 1002


async def test_a_server_that_does_not_read_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quick_socket, "WRITE_S", 0.05)
    async with line() as (ear, server):
        server.transport.pause_reading()
        text = b"x" * 65_536
        while ear.socket.write(text):
            pass
        waiting = ear.socket.transport.get_write_buffer_size()
        assert waiting < MAX_WAITING_BYTES + 2 * len(text)
        await ear.end()
        server.transport.abort()


async def test_a_refusal_is_read_whatever_is_in_it() -> None:
    async def refuse(_: web.Request) -> web.Response:
        body = b'{"error":\r\n\r\n{"type": "quota_exceeded"}}'
        return web.Response(status=402, body=body)

    app = web.Application()
    app.router.add_get("/", refuse)
    async with TestServer(app) as server:
        url = str(server.make_url("/")).replace("http", "ws")
        with pytest.raises(UpstreamError, match="HTTP 402: quota_exceeded"):
            async with realtime_socket(url, "key"):
                pass


async def test_a_server_that_insists_on_compression_is_refused() -> None:
    async def insist(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        socket.headers["Sec-WebSocket-Extensions"] = "permessage-deflate"
        await socket.prepare(request)
        await socket.receive()
        return socket

    app = web.Application()
    app.router.add_get("/", insist)
    async with TestServer(app) as server:
        url = str(server.make_url("/")).replace("http", "ws")
        with pytest.raises(UpstreamError, match="no answer: NegotiationError"):
            async with realtime_socket(url, "key"):
                pass


# ---- without a network -----------------------------------------------------------


class Wire(asyncio.Transport):
    """A connection that keeps what is written; `waiting` is what its peer left."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[bytes] = []
        self.waiting = 0
        self.is_aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.frames.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True


def upgrade(wire: Wire) -> bytes:
    """Answer the request on it."""
    server = ServerProtocol()
    server.receive_data(wire.frames.pop())
    (request,) = server.events_received()
    server.send_response(server.accept(request))  # type: ignore[arg-type]
    return b"".join(server.data_to_send())


@asynccontextmanager
async def asking(wire: Wire) -> AsyncIterator[QuickSocket]:
    """A socket that has asked for the upgrade."""
    socket = QuickSocket(ClientProtocol(parse_uri("ws://model/")))
    socket.connection_made(wire)
    shaking = asyncio.create_task(socket.handshake())
    await asyncio.sleep(0)
    try:
        yield socket
    finally:
        socket.connection_lost(None)
        await asyncio.wait([shaking])
        shaking.result()


@asynccontextmanager
async def opened_on(wire: Wire) -> AsyncIterator[QuickSocket]:
    async with asking(wire) as socket:
        socket.data_received(upgrade(wire))
        yield socket


def text(data: bytes) -> bytes:
    return Frame(Opcode.TEXT, data).serialize(mask=False)


MESSAGES = [b"session.created", b"x" * 300, b"", b"last"]


@given(
    st.lists(st.integers(1, 600), max_size=6),
    st.integers(0, 6),
    st.lists(st.booleans(), min_size=7, max_size=7),
)
def test_however_answer_and_texts_are_cut_and_whenever_hearing_begins(
    cuts: list[int], listen_after: int, reads: list[bool]
) -> None:
    """Each text comes once and in its order: read, or heard."""

    async def run() -> list[bytes]:
        wire = Wire()
        async with asking(wire) as socket:
            stream = upgrade(wire) + b"".join(map(text, MESSAGES))
            at = sorted({0, *(cut for cut in cuts if cut < len(stream)), len(stream)})
            ear = Ear(socket)
            task = None
            for turn, (start, end) in enumerate(pairwise(at)):
                if turn == listen_after:
                    socket.listen(ear.hear)
                if reads[turn] and task is None:
                    task = asyncio.create_task(ear.read())
                socket.data_received(stream[start:end])
                for _ in range(3 if reads[turn] else 0):
                    await asyncio.sleep(0)
            socket.listen(ear.hear)
            async with reading(ear) if task is None else cancelled(task):
                await ear.until(*MESSAGES)
            return ear.got

    assert asyncio.run(run()) == MESSAGES


@asynccontextmanager
async def cancelled(task: asyncio.Task[None]) -> AsyncIterator[None]:
    yield
    task.cancel()
    await asyncio.wait([task])


async def test_what_comes_behind_a_close_is_not_heard() -> None:
    wire = Wire()
    async with opened_on(wire) as socket:
        ear = Ear(socket)
        socket.listen(ear.hear)
        close = Frame(Opcode.CLOSE, Close(1000, "").serialize()).serialize(mask=False)
        socket.data_received(text(b"one") + close + text(b"two"))
        assert ear.heard == [b"one"]
        before = len(wire.frames)
        assert socket.write(b"too late")
        assert len(wire.frames) == before


async def test_a_peer_that_reads_slowly_is_waited_for_and_one_that_does_not_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire, waits = Wire(), list[tuple[float, Callable[[], None]]]()

    class Bell:
        def cancel(self) -> None:
            waits.clear()

    def call_later(delay: float, act: Callable[..., None], *args: float) -> Bell:
        waits.append((delay, lambda: act(*args)))
        return Bell()

    async with opened_on(wire) as socket:
        monkeypatch.setattr(socket.loop, "call_later", call_later)
        socket.pause_writing()
        socket.write(b"x" * 1000)
        wire.waiting = 900  # of 1008 bytes
        waits.pop()[1]()
        assert not wire.is_aborted
        wire.waiting = MAX_WAITING_BYTES + 1
        assert not socket.write(b"refused")
        wire.waiting = 0
        socket.resume_writing()
        assert not waits
        assert socket.write(b"taken")
        wire.waiting = 20
        socket.pause_writing()
        ((delay, act),) = waits
        assert delay == quick_socket.WRITE_S
        act()
        assert wire.is_aborted
