"""
WebSocket frames of Twilio's side, cut out of what its connection brings.

Twilio sends each of its messages as one masked text frame. These are read here, in one
step, from the bytes that arrived; whatever else a WebSocket may carry is handed on as
it came, to a library that knows all of it.

Source: RFC 6455, section 5.2.
"""

from typing import Final

WHOLE_TEXT: Final = 0x81
"""The first byte of a message of text that isn't cut in pieces."""

MASKED: Final = 0x80
TWO_BYTES: Final = 126
"""In place of a length: it follows, in so many bytes."""

EIGHT_BYTES: Final = 127
CONTROL: Final = 0x08
"""In the first byte of a frame that is no data."""


class FrameSplitter:
    """
    Cuts one connection's bytes into frames.

    Attributes:
        steady: whether all data so far came in whole texts of less than 64 KiB. Once
            it did not, nothing is cut any more: the library has the rest.
    """

    def __init__(self) -> None:
        self.steady = True
        self._rest = b""  # less than a frame

    def push(self, data: bytes) -> list[tuple[bytes | None, bytes]]:
        """
        Take what arrived.

        Returns:
            For each frame that is whole: the text that it holds, None if it is another
            kind of frame, and the frame as it came. What isn't cut is one "frame".
        """
        frames: list[tuple[bytes | None, bytes]] = []
        if self._rest:
            data = self._rest + data
            self._rest = b""
        while data:
            if not self.steady:
                frames.append((None, data))
                break
            size = self._size(data)
            if len(data) < size:
                self._rest = data
                break
            frame, data = (
                (data, b"") if len(data) == size else (data[:size], data[size:])
            )
            frames.append((self._text(frame), frame) if self.steady else (None, frame))
        return frames

    def _size(self, data: bytes) -> int:
        """Of the first frame; at least more than there is, if it isn't all there."""
        if len(data) < 2:
            return 2
        size = data[1] & ~MASKED
        if size == TWO_BYTES:
            if len(data) < 4:
                return 4
            size = 4 + int.from_bytes(data[2:4])
        elif size == EIGHT_BYTES:
            self.steady = False
            return len(data)
        else:
            size += 2
        return size + 4 if data[1] & MASKED else size

    def _text(self, frame: bytes) -> bytes | None:
        if frame[0] == WHOLE_TEXT and frame[1] & MASKED:
            at = 4 if frame[1] == MASKED | TWO_BYTES else 2
            return unmasked(frame[at : at + 4], frame[at + 4 :])
        if not frame[0] & CONTROL:
            self.steady = False  # a message in pieces, or what no client may send
        return None


def unmasked(mask: bytes, payload: bytes) -> bytes:
    """Take a client's mask of 4 bytes off, or put it on."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(size)


def text_frame(text: bytes) -> bytes:
    """Make a server's frame of a whole message of text, up to 64 KiB of it."""
    size = len(text)
    if size < TWO_BYTES:
        return bytes((WHOLE_TEXT, size)) + text
    return bytes((WHOLE_TEXT, TWO_BYTES)) + size.to_bytes(2) + text
