"""A WebSocket to the bot, by callbacks: no task is woken for a frame."""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from random import Random
from ssl import create_default_context
from typing import Final, cast
from urllib.parse import urlsplit

from voicebot.sim.twilio.leg import Frame
from voicebot.sim.twilio.wire import (
    ABNORMAL,
    BAD_TEXT,
    HEAD_BYTES,
    PROTOCOL_ERROR,
    Opcode,
    Reader,
    WireError,
    close_code,
    masked,
    messages,
    upgrade,
    upgraded,
)

CLOSE_S: Final = 2.0
"""How long a server may take to answer a close."""


class HandshakeError(Exception):
    """The server answered the upgrade, and didn't upgrade."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class Connection(asyncio.Protocol):
    """
    One WebSocket. Use `connect`.

    What is written isn't held back if the server doesn't read: a call of ten minutes
    comes to 10 MB.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._random = Random(key)
        loop = asyncio.get_running_loop()
        self._status: asyncio.Future[int] = loop.create_future()
        self._closed: asyncio.Future[int] = loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._head: bytes | None = b""  # of the answer to the upgrade, until it came
        self._reader = Reader()
        self._early: list[Frame] = []  # that came before anybody listened
        self._receive: Callable[[Frame], None] = self._early.append
        self._said_close = False

    def listen(self, receive: Callable[[Frame], None]) -> None:
        """Hand over each message from now on, and those that came already."""
        early, self._early, self._receive = self._early, [], receive
        for frame in early:
            receive(frame)

    def send(self, frames: list[Frame]) -> None:
        """Send messages; of a closed connection, into nothing."""
        transport = self._transport
        if not frames or transport is None or transport.is_closing():
            return
        transport.write(messages(frames, self._random))

    async def upgraded(self, request: bytes) -> None:
        """
        Ask for the upgrade, and wait for the answer.

        Raises:
            HandshakeError: it isn't 101.
            ConnectionError: none came, or it is no HTTP.
        """
        assert self._transport
        self._transport.write(request)
        if (status := await self._status) != 101:
            raise HandshakeError(status)

    async def closed(self) -> int:
        """Wait until it is closed; return the code of the server's close, or 1006."""
        return await asyncio.shield(self._closed)

    async def close(self) -> None:
        """Close it, and wait until the server has, but not for long."""
        self._say_close((1000).to_bytes(2, "big"))
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.closed()
        except TimeoutError:
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Lose it, without a word."""
        if self._transport:
            self._transport.abort()

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        try:
            if self._head is not None:
                data = self._answered(self._head + data)
            if self._head is None:
                for opcode, payload in self._reader.feed(data):
                    self._take(opcode, payload)
        except WireError as exc:
            self._fails(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._over(ABNORMAL)

    def _answered(self, data: bytes) -> bytes:
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            if len(data) > HEAD_BYTES:
                raise WireError(PROTOCOL_ERROR, "the answer to the upgrade is too long")
            self._head = data
            return b""
        self._head = None
        status = upgraded(head, self._key)
        if not self._status.done():
            self._status.set_result(status)
        if status != 101:
            self._end()
            return b""
        return rest

    def _take(self, opcode: Opcode, payload: bytes) -> None:
        match opcode:
            case Opcode.TEXT:
                try:
                    text = payload.decode()
                except UnicodeDecodeError:
                    raise WireError(BAD_TEXT, "a text is no UTF-8") from None
                self._receive(text)
            case Opcode.BINARY:
                self._receive(payload)
            case Opcode.PING:
                self._control(Opcode.PONG, payload)
            case Opcode.CLOSE:
                self._say_close(payload[:2])
                self._over(close_code(payload))
                self._end()
            case _:
                pass

    def _fails(self, exc: WireError) -> None:
        if not self._status.done():
            self._status.set_exception(ConnectionError(str(exc)))
        self._say_close(exc.code.to_bytes(2, "big"))
        self._over(exc.code)
        self._end()

    def _say_close(self, payload: bytes) -> None:
        if not self._said_close:
            self._said_close = True
            self._control(Opcode.CLOSE, payload)

    def _control(self, opcode: Opcode, payload: bytes) -> None:
        transport = self._transport
        if self._head is None and transport and not transport.is_closing():
            transport.write(masked(opcode, payload, self._random.getrandbits(32)))

    def _end(self) -> None:
        if self._transport:
            self._transport.close()

    def _over(self, code: int) -> None:
        if not self._status.done():
            self._status.set_exception(ConnectionError("no answer to the upgrade"))
        if not self._closed.done():
            self._closed.set_result(code)


async def connect(url: str, headers: Mapping[str, str]) -> Connection:
    """
    Open a WebSocket; wait with a limit.

    Args:
        url: ws: or wss:.

    Raises:
        HandshakeError: the server answers otherwise than with 101.
        OSError: nobody listens, or what listens doesn't speak HTTP.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    key = b64encode(secrets.token_bytes(16)).decode()
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: Connection(key),
        parts.hostname or "",
        parts.port or (443 if secure else 80),
        ssl=create_default_context() if secure else None,
    )
    try:
        await connection.upgraded(upgrade(url, key, headers))
    except BaseException:
        connection.abort()
        raise
    return connection
