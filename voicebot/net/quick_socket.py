"""The WebSocket of a model's session, on the client's side."""

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.protocol import OPEN

from voicebot.websocket.frames import MASK_BYTES
from voicebot.websocket.quick import FrameSplitter, masked_text_frame

# One delta holds up to 1.9 s of audio, 123 KB of JSON (stepfun reference, 3.5);
# thirty times that is a peer that has lost its mind.
MAX_FRAME_BYTES: Final = 4 * 2**20

# What a session that was lost has missed of a caller's turn is sent at once, 1.3 MB at
# most; this is a minute of the caller's voice.
MAX_WAITING_BYTES: Final = 4 * 2**20

# A peer that doesn't read for this long is gone, whatever its socket says.
WRITE_S: Final = 5.0

HEAD_END: Final = b"\r\n\r\n"

MASKS_AT_ONCE: Final = 256


class QuickSocket(ClientConnection):
    """
    websockets' socket, with a short way for texts.

    The library wakes a task for each message that came, and takes one to wait for each
    that is sent: both cost more than what is done with most messages. So what arrives
    passes by here first. Whole texts may be heard at once; all the rest (the answer to
    the upgrade, control frames, messages in pieces) goes to the library as it came.

    It gets its frames whole, so that hearing may begin at any time: the first frames
    may well have come in one packet with the answer to the upgrade.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._head: bytes | None = b""  # its last bytes; None: all of it was there
        self._frames = FrameSplitter(masked=False, longest=MAX_FRAME_BYTES)
        self._masks = _masks()
        self._hear: Callable[[bytes], None] | None = None
        self._unread = 0  # texts that the library has
        self._written = 0  # bytes
        self._alarm: asyncio.TimerHandle | None = None  # set while the peer is behind

    def listen(self, hear: Callable[[bytes], None]) -> None:
        """
        Call `hear` with each whole text, once all that came before has been read.

        Args:
            hear: must not raise; it is called by the transport.
        """
        self._hear = hear

    async def read(self) -> bytes:
        """
        Wait for the next message that isn't heard.

        Raises:
            ConnectionClosed: there is none any more.
        """
        message = await self.recv(decode=False)
        self._unread -= 1
        return message

    def write(self, text: bytes) -> bool:
        """
        Send a text; False, and nothing is sent, if the peer is too far behind.

        Once the socket is being closed, a text is dropped: nobody would read it. A peer
        that takes nothing for 5 s is cut off.
        """
        if self._alarm and self.transport.get_write_buffer_size() > MAX_WAITING_BYTES:
            return False
        if self.protocol.state is OPEN and not self.transport.is_closing():
            frame = masked_text_frame(text, next(self._masks))
            self._written += len(frame)
            self.transport.write(frame)
        return True

    def _watch(self, taken_before: float = float("-inf")) -> None:
        taken = self._written - self.transport.get_write_buffer_size()
        if taken <= taken_before:
            self.transport.abort()
        else:
            self._alarm = self.loop.call_later(WRITE_S, self._watch, taken)

    def _off_guard(self) -> None:
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None

    # ---- what the transport says -----------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            data = self._after_head(self._head, data)
        for text, frame in self._frames.push(data):
            if text is None:
                super().data_received(frame)
            elif self._hear is None or self._unread:
                self._unread += 1
                super().data_received(frame)
            elif self.protocol.state is OPEN:
                self._hear(text)

    def _after_head(self, before: bytes, data: bytes) -> bytes:
        """Give the library the answer to the upgrade; return what follows, if it is."""
        seen = before + data
        at = seen.find(HEAD_END)
        end = len(data) if at < 0 else at + len(HEAD_END) - len(before)
        super().data_received(data[:end])
        if self.protocol.state is OPEN:
            self._head = None
            return data[end:]
        self._head = seen[1 - len(HEAD_END) :]
        if data[end:]:  # of a refusal
            super().data_received(data[end:])
        return b""

    def connection_lost(self, exc: Exception | None) -> None:
        self._off_guard()
        self._hear = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        self._off_guard()
        super().resume_writing()


def _masks() -> Iterator[bytes]:
    """
    What nobody can foretell (RFC 6455, 10.3), each for one frame.

    Of the system's randomness, a kilobyte at a time: to ask for four bytes costs as
    much as all the rest of a frame.
    """
    while True:
        pool = os.urandom(MASKS_AT_ONCE * MASK_BYTES)
        for at in range(0, len(pool), MASK_BYTES):
            yield pool[at : at + MASK_BYTES]
