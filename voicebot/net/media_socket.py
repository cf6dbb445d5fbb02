"""The WebSocket of a media stream, on the server's side."""

import asyncio
import socket
from collections.abc import Callable
from math import ceil

from aiohttp import web

from voicebot.websocket.quick import FrameSplitter, text_frames

# A peer that doesn't read for this long is gone, whatever its socket says.
WRITE_S = 5.0

LOW_WATER = socket.SOL_SOCKET, socket.SO_RCVLOWAT
# Who gathers frames and gets none for this long is told of what there is. All look at
# the same instants: the loop wakes once for all of them.
GATHER_S = 0.15
LOOK_S = 0.05


class MediaSocket(asyncio.Protocol):
    """
    aiohttp's socket, with a short way for the frames of audio.

    aiohttp wakes a task for each frame that came, and it takes one to wait for each
    that is sent: both cost more than what is done with most frames. So what arrives
    passes by here first. Whole texts are heard at once; all the rest (control frames,
    messages in pieces, what isn't WebSocket) goes to aiohttp as it came.

    To be woken costs more than to hear a frame. So frames that nobody waits for are
    gathered where they cost nothing: in the kernel, by the low-water mark of the
    socket, up to which its data isn't worth telling (`SO_RCVLOWAT`, socket(7)).

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
        self._hear: Callable[[list[bytes]], None] | None = None
        self._loop = asyncio.get_running_loop()
        self._clock = self._loop.time
        self._frame_bytes = 0  # of the largest that came last
        self._gathers = 1  # frames
        self._watch: asyncio.TimerHandle | None = None
        self._idle = False  # whether nothing came since the watch looked
        self._blocked_at: float | None = None
        self._unsent: list[bytes] = []
        transport.set_protocol(self)

    def listen(self, hear: Callable[[list[bytes]], None] | None) -> None:
        """
        Call `hear` with the whole texts that come from now on; with None, no more.

        To be called by who iterates, right before: so nothing overtakes what aiohttp
        has already.
        """
        self._hear = hear
        if hear is None:
            self.gather(1)

    def gather(self, frames: int) -> None:
        """
        From now on, hear so many frames at once, if they are as long as the last.

        What is less waits for no longer than it takes to see that nothing comes.
        """
        if frames == self._gathers:
            return
        # Half a frame less than all: they don't all have the same length.
        enough = frames * self._frame_bytes - self._frame_bytes // 2
        line: socket.socket | None = self._transport.get_extra_info("socket")
        if line is None or self._transport.is_closing():
            return
        try:
            line.setsockopt(*LOW_WATER, enough if frames > 1 else 1)
        except OSError:  # it is gone, or its system has none
            return
        self._gathers = frames
        if frames > 1 and self._watch is None:
            self._look_later()

    def _look_later(self) -> None:
        instant = ceil((self._clock() + GATHER_S) / LOOK_S)
        self._watch = self._loop.call_at(instant * LOOK_S, self._look)

    def _look(self) -> None:
        """Wait no longer if nothing comes any more."""
        self._watch = None
        if self._gathers == 1:
            return
        if self._idle:
            self.gather(1)
        else:
            self._look_later()
        self._idle = True

    def send(self, text: bytes) -> bool:
        """
        Write a text with the next flush; False, and it isn't, if the peer hasn't read
        for 5 s.
        """
        if self._blocked_at is not None and self._clock() >= self._blocked_at + WRITE_S:
            return False
        self._unsent.append(text)
        return True

    def flush(self) -> None:
        """
        Write what was sent, all of it at once: each write costs a call of the system.

        To be called before anything else may happen, so that nothing waits or is
        overtaken. Once the socket is being closed, texts are dropped: nobody would
        read them.
        """
        if not self._unsent:
            return
        texts, self._unsent = self._unsent, []
        if not (self.library.closed or self._transport.is_closing()):
            self._transport.write(text_frames(texts))

    # ---- what the transport says -----------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._idle = False
        texts: list[bytes] = []
        self._frame_bytes = 0
        for text, frame in self._frames.push(data):
            if text is None or self._hear is None:
                self._tell(texts)
                texts = []
                self._below.data_received(frame)
            else:
                texts.append(text)
                self._frame_bytes = max(self._frame_bytes, len(frame))
        self._tell(texts)

    def _tell(self, texts: list[bytes]) -> None:
        if texts and self._hear:
            self._hear(texts)

    def eof_received(self) -> bool | None:
        return self._below.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._hear = None
        if self._watch:
            self._watch.cancel()
        self._below.connection_lost(exc)

    def pause_writing(self) -> None:
        self._blocked_at = self._clock()
        self._below.pause_writing()

    def resume_writing(self) -> None:
        self._blocked_at = None
        self._below.resume_writing()
