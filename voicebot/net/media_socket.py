"""The WebSocket of a media stream, on the server's side."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from voicebot.websocket_frames import FrameSplitter, text_frame

# A peer that doesn't read for this long is gone, whatever its socket says.
WRITE_S = 5.0


class MediaSocket(asyncio.Protocol):
    """
    aiohttp's socket, with a short way for the frames of audio.

    aiohttp wakes a task for each frame that came, and it takes one to wait for each
    that is sent: both cost more than what is done with most frames. So what arrives
    passes by here first. Whole texts are heard at once; all the rest (control frames,
    messages in pieces, what isn't WebSocket) goes to aiohttp as it came.

    Args:
        library: aiohttp's, prepared just now: nothing has been read of it.
        transport: the connection under it.

    Attributes:
        library: iterating over it gives what `listen` doesn't.
    """

    def __init__(
        self, library: web.WebSocketResponse, transport: asyncio.Transport
    ) -> None:
        self.library = library
        self._transport = transport
        below = transport.get_protocol()
        assert isinstance(below, asyncio.Protocol)
        self._below = below
        self._frames = FrameSplitter()
        self._hear: Callable[[bytes], None] | None = None
        self._clock = asyncio.get_running_loop().time
        self._blocked_at: float | None = None
        transport.set_protocol(self)

    def listen(self, hear: Callable[[bytes], None] | None) -> None:
        """
        Call `hear` with each whole text that comes from now on; with None, no more.

        To be called by who iterates, right before: so nothing overtakes what aiohttp
        has already.
        """
        self._hear = hear

    def send(self, text: bytes) -> bool:
        """
        Write a text; False, and nothing is written, if the peer hasn't read for 5 s.

        Once the socket is being closed, a text is dropped: nobody would read it.
        """
        if self._blocked_at is not None and self._clock() >= self._blocked_at + WRITE_S:
            return False
        if not (self.library.closed or self._transport.is_closing()):
            self._transport.write(text_frame(text))
        return True

    # ---- what the transport says -----------------------------------------------

    def data_received(self, data: bytes) -> None:
        for text, frame in self._frames.push(data):
            if text is not None and self._hear:
                self._hear(text)
            else:
                self._below.data_received(frame)

    def eof_received(self) -> bool | None:
        return self._below.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._hear = None
        self._below.connection_lost(exc)

    def pause_writing(self) -> None:
        self._blocked_at = self._clock()
        self._below.pause_writing()

    def resume_writing(self) -> None:
        self._blocked_at = None
        self._below.resume_writing()
