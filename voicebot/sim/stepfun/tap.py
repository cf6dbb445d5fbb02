"""A short way for what a client says on its WebSocket: no task is woken for it."""

import asyncio
from collections.abc import Callable

from voicebot.sim.stepfun.frames import Kind, client_frame


class Tap(asyncio.Protocol):
    """
    Stands before aiohttp's protocol, and hears each whole text where it is received.

    All else goes on to aiohttp; with the first message in pieces or of bytes, all that
    comes from then on, so that nothing overtakes it.

    Args:
        transport: of a WebSocket that was prepared just now: nothing was read of it.
    """

    def __init__(
        self, transport: asyncio.Transport, hear: Callable[[str], None]
    ) -> None:
        self._transport, self._hear = transport, hear
        below = transport.get_protocol()
        assert isinstance(below, asyncio.Protocol)
        self._below = below
        self._data = b""
        transport.set_protocol(self)

    def leave(self) -> None:
        """Let aiohttp have all that comes."""
        if self._transport.is_closing():
            return
        self._transport.set_protocol(self._below)
        rest, self._data = self._data, b""
        if rest:
            self._below.data_received(rest)

    def data_received(self, data: bytes) -> None:
        data = self._data + data
        at = 0
        while (frame := client_frame(data, at)) is not None:
            if frame.kind is Kind.OTHER:
                self._data = data[at:]
                self.leave()
                return
            if frame.kind is Kind.TEXT:
                self._hear(frame.text)
            else:
                self._below.data_received(data[at : frame.end])
            at = frame.end
        self._data = data[at:]

    def eof_received(self) -> bool | None:
        return self._below.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._below.connection_lost(exc)

    def pause_writing(self) -> None:
        self._below.pause_writing()

    def resume_writing(self) -> None:
        self._below.resume_writing()
