"""A media stream's socket: what is heard at once, and what aiohttp reads."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
from websockets.asyncio.client import ClientConnection, connect

from voicebot.net.media_socket import WRITE_S, MediaSocket
from voicebot.websocket.frames import text_frames

LIMIT_S = 5.0


@dataclass
class Line:
    """Both ends of a stream."""

    socket: MediaSocket
    caller: ClientConnection = field(init=False)
    heard: list[bytes] = field(default_factory=list)
    reads: list[int] = field(default_factory=list)
    iterated: list[tuple[WSMsgType, bytes]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, texts: list[bytes]) -> None:
        self.heard += texts
        self.reads.append(len(texts))
        self.news.set()

    async def until(self, *texts: bytes) -> None:
        """Wait until the caller's last text was taken, one way or the other."""
        async with asyncio.timeout(LIMIT_S):
            while [*self.heard, *(data for _, data in self.iterated)] != [*texts]:
                await self.news.wait()
                self.news.clear()


@asynccontextmanager
async def line() -> AsyncIterator[Line]:
    """A stream that listens."""
    opened: asyncio.Future[Line] = asyncio.get_running_loop().create_future()

    async def media(request: web.Request) -> web.WebSocketResponse:
        library = web.WebSocketResponse(compress=False, decode_text=False)
        await library.prepare(request)
        assert request.transport
        ends = Line(MediaSocket(library, request.transport))
        ends.socket.listen(ends.hear)
        opened.set_result(ends)
        try:
            async for frame in library:
                ends.iterated.append((frame.type, frame.data))
                ends.news.set()
        finally:
            ends.over.set()
        return library

    app = web.Application()
    app.router.add_get("/", media)
    async with TestServer(app) as server:
        caller = await connect(
            str(server.make_url("/")).replace("http", "ws"), compression=None
        )
        async with caller:
            ends = await opened
            ends.caller = caller
            yield ends


async def test_texts_are_heard_in_order_and_nobody_iterates() -> None:
    async with line() as ends:
        for text in ("one", "two", "three"):
            await ends.caller.send(text)
        await ends.until(b"one", b"two", b"three")
        assert not ends.iterated


async def test_what_is_sent_arrives() -> None:
    async with line() as ends:
        for text in (b"one", b"two" * 200):
            assert ends.socket.send(text)
            ends.socket.flush()
            assert await ends.caller.recv() == text.decode()


async def test_what_is_sent_until_a_flush_arrives_in_order() -> None:
    async with line() as ends:
        texts = [b"one", b"two" * 200, b"", b"three" * 20_000]
        for text in texts:
            assert ends.socket.send(text)
        ends.socket.flush()
        async with asyncio.timeout(LIMIT_S):
            assert [await ends.caller.recv(decode=False) for _ in texts] == texts


async def test_a_ping_is_answered_and_a_close_is_a_close() -> None:
    async with line() as ends:
        async with asyncio.timeout(LIMIT_S):
            await (await ends.caller.ping())
        await ends.caller.send("text")
        await ends.caller.close(1001)
        async with asyncio.timeout(LIMIT_S):
            await ends.over.wait()
        assert ends.socket.library.close_code == 1001
        assert ends.heard == [b"text"]


async def test_after_a_message_in_pieces_all_is_read_by_iterating_in_order() -> None:
    async with line() as ends:
        await ends.caller.send("one")
        await ends.caller.send(["t", "wo"])
        await ends.caller.send("three")
        await ends.until(b"one", b"two", b"three")
        assert ends.heard == [b"one"]


async def test_who_no_longer_listens_leaves_the_rest_to_aiohttp() -> None:
    async with line() as ends:
        await ends.caller.send("one")
        await ends.until(b"one")
        ends.socket.listen(None)
        await ends.caller.send("two")
        await ends.until(b"one", b"two")
        assert ends.iterated == [(WSMsgType.TEXT, b"two")]


async def test_a_connection_that_breaks_ends_the_iteration() -> None:
    async with line() as ends:
        ends.caller.transport.abort()
        async with asyncio.timeout(LIMIT_S):
            await ends.over.wait()
        assert ends.socket.send(b"to nobody")
        ends.socket.flush()


async def test_a_server_that_closes_sends_nothing_more() -> None:
    async with line() as ends:
        closing = asyncio.create_task(ends.socket.library.close())
        await asyncio.sleep(0)
        assert ends.socket.send(b"too late")
        ends.socket.flush()
        assert [each async for each in ends.caller] == []
        async with asyncio.timeout(LIMIT_S):
            await closing


async def test_frames_are_gathered_and_heard_at_once() -> None:
    async with line() as ends:
        texts = [f"{n:0400}" for n in range(7)]
        await ends.caller.send(texts[0])
        await ends.until(texts[0].encode())
        ends.socket.gather(3)
        for n, text in enumerate(texts[1:], 1):
            await ends.caller.send(text)
            if n % 3 == 0:
                await ends.until(*(each.encode() for each in texts[: n + 1]))
        assert ends.reads == [1, 3, 3]
        ends.socket.gather(1)
        await ends.caller.send("last")
        await ends.until(*(each.encode() for each in texts), b"last")


async def test_too_little_is_heard_when_nothing_more_comes() -> None:
    async with line() as ends:
        await ends.caller.send("x" * 400)
        await ends.until(b"x" * 400)
        ends.socket.gather(3)
        await ends.caller.send("y")
        await ends.until(b"x" * 400, b"y")
        ends.socket.gather(3)  # and again: it isn't for good
        await ends.caller.send("z")
        await ends.until(b"x" * 400, b"y", b"z")


async def test_who_gathers_hears_what_came_before_the_close() -> None:
    async with line() as ends:
        await ends.caller.send("x" * 400)
        await ends.until(b"x" * 400)
        ends.socket.gather(3)
        await ends.caller.send("stop")
        await ends.caller.close()
        async with asyncio.timeout(LIMIT_S):
            await ends.over.wait()
        assert ends.heard == [b"x" * 400, b"stop"]


async def test_what_cannot_gather_hears_all_the_same() -> None:
    """A connection without a socket, one that is gone, a system that knows no mark."""

    class Refusing:
        def setsockopt(self, *_: int) -> None:
            raise OSError("not supported")

    for line_below in (None, Refusing()):
        transport = Blocked(line_below)
        socket = MediaSocket(web.WebSocketResponse(), transport)
        heard: list[bytes] = []
        socket.listen(heard.extend)
        socket.gather(3)
        socket.data_received(masked(b"text"))
        assert heard == [b"text"]


async def test_who_gathers_no_more_is_watched_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marks: list[int] = []
    waits: list[Callable[[], None]] = []

    class Taking:
        def setsockopt(self, *option: int) -> None:
            marks.append(option[-1])

    def call_at(_: float, look: Callable[[], None]) -> None:
        waits.append(look)

    loop = asyncio.get_running_loop()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "call_at", call_at)
        socket = MediaSocket(web.WebSocketResponse(), Blocked(Taking()))
        socket.listen(lambda _: None)
        socket.data_received(masked(b"text"))
        socket.gather(3)
        socket.gather(1)
        waits.pop()()
        assert not waits
        socket.gather(3)
        assert len(waits) == 1
    # Of frames of 10 bytes.
    assert marks == [25, 1, 25]


def masked(text: bytes) -> bytes:
    return bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text


class Blocked(asyncio.Transport):
    """A connection whose peer doesn't read."""

    def __init__(self, line: object = None) -> None:
        super().__init__({"socket": line})
        self.written: list[bytes] = []
        self.protocol: asyncio.BaseProtocol = asyncio.Protocol()

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))


async def test_a_peer_that_does_not_read_for_five_seconds_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, transport = 100.0, Blocked()
    loop = asyncio.get_running_loop()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "time", lambda: now)
        socket = MediaSocket(web.WebSocketResponse(), transport)
    socket.pause_writing()
    now += WRITE_S - 0.01
    assert socket.send(b"waits")
    socket.flush()
    now += 0.01
    assert not socket.send(b"refused")
    socket.flush()
    assert transport.written == [text_frames([b"waits"])]
    socket.resume_writing()
    assert socket.send(b"again")
    socket.flush()
    assert transport.written[1:] == [text_frames([b"again"])]


async def test_all_that_is_sent_until_a_flush_is_one_write() -> None:
    transport = Blocked()
    socket = MediaSocket(web.WebSocketResponse(), transport)
    socket.flush()
    assert transport.written == []
    for text in (b"media", b"mark"):
        assert socket.send(text)
    assert transport.written == []
    socket.flush()
    assert transport.written == [text_frames([b"media", b"mark"])]
    socket.flush()
    assert len(transport.written) == 1
