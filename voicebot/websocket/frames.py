"""
WebSocket frames, cut out of what a connection brings.

Most of what our peers send is a message of text in one frame. Those are read here, in
one step, from the bytes that arrived; whatever else a WebSocket may carry is handed on
as it came, to a library that knows all of it.

Source: RFC 6455, section 5.2.
"""

from typing import Final

import numpy as np

WHOLE_TEXT: Final = 0x81
"""The first byte of a message of text that isn't cut in pieces."""

MASKED: Final = 0x80
MASK_BYTES: Final = 4
WORD: Final = np.dtype(np.uint32)
TWO_BYTES: Final = 126
"""In place of a length: it follows, in so many bytes."""

EIGHT_BYTES: Final = 127
CONTROL: Final = 0x08
"""In the first byte of a frame that is no data."""


class FrameSplitter:
    """
    Cuts one connection's bytes into frames.

    Args:
        masked: whether the peer is a client; frames of servers have no mask.
        longest: bytes that a text may have to be cut out.

    Attributes:
        steady: whether all data so far came in whole texts that aren't too long. Once
            it did not, nothing is cut any more: the library has the rest.
    """

    def __init__(self, *, masked: bool = True, longest: int = 0xFFFF) -> None:
        self.steady = True
        self._mask = MASKED if masked else 0
        self._longest = longest
        self._parts: list[bytes] = []  # of a frame that isn't all there
        self._held = 0  # bytes of them
        self._wanted = 0  # bytes, with which more can be said

    def push(self, data: bytes) -> list[tuple[bytes | None, bytes]]:
        """
        Take what arrived.

        Returns:
            For each frame that is whole: the text that it holds, None if it is another
            kind of frame, and the frame as it came. What isn't cut is one "frame".
        """
        frames: list[tuple[bytes | None, bytes]] = []
        if self._parts:
            self._parts.append(data)
            self._held += len(data)
            if self._held < self._wanted:
                return frames
            data = b"".join(self._parts)
            self._parts.clear()
        at, end = 0, len(data)
        while at < end:
            size = self._size(data, at) if self.steady else end - at
            if end - at < size:
                self._parts.append(data[at:])
                self._held, self._wanted = end - at, size
                break
            frame = data[at : at + size]
            frames.append((self._text(frame) if self.steady else None, frame))
            at += size
        return frames

    def _size(self, data: bytes, at: int) -> int:
        """Of the frame that begins there; more than there is, if it isn't all there."""
        there = len(data) - at
        if there < 2:
            return 2
        size, head = data[at + 1] & ~MASKED, 2
        if size == TWO_BYTES:
            if there < 4:
                return 4
            size, head = int.from_bytes(data[at + 2 : at + 4]), 4
        elif size == EIGHT_BYTES:
            if there < 10:
                return 10
            size, head = int.from_bytes(data[at + 2 : at + 10]), 10
        if size > self._longest:
            self.steady = False
            return there
        return head + size + (MASK_BYTES if data[at + 1] & MASKED else 0)

    def _text(self, frame: bytes) -> bytes | None:
        if frame[0] == WHOLE_TEXT and frame[1] & MASKED == self._mask:
            size = frame[1] & ~MASKED
            at = 10 if size == EIGHT_BYTES else 4 if size == TWO_BYTES else 2
            if self._mask:
                begin = at + MASK_BYTES
                return unmasked(frame[at:begin], frame[begin:])
            return frame[at:]
        if not frame[0] & CONTROL:
            self.steady = False  # a message in pieces, or what such a peer may not send
        return None


def unmasked(mask: bytes, payload: bytes) -> bytes:
    """Take a client's mask of 4 bytes off, or put it on."""
    # As words of a mask's size, at least one: numpy reads no empty bytes.
    words = np.frombuffer(payload + bytes(MASK_BYTES - len(payload) % MASK_BYTES), WORD)
    masked: bytes = (words ^ np.frombuffer(mask, WORD)).tobytes()
    return masked[: len(payload)]


def text_frames(texts: list[bytes]) -> bytes:
    """Make a server's frames, one for each message of text, and put them together."""
    return b"".join([part for text in texts for part in (_head(len(text)), text)])


def masked_text_frame(text: bytes, mask: bytes) -> bytes:
    """
    Make a client's frame, one message of text.

    Args:
        mask: 4 bytes that nobody can foretell, for this frame only (section 10.3).

    Raises:
        ValueError: the mask has another length.
    """
    if len(mask) != MASK_BYTES:
        raise ValueError(f"mask: expected {MASK_BYTES} bytes, got {len(mask)}")
    return _head(len(text), MASKED) + mask + unmasked(mask, text)


def _head(size: int, masked: int = 0) -> bytes:
    if size < TWO_BYTES:
        return bytes((WHOLE_TEXT, masked | size))
    if size <= 0xFFFF:
        return bytes((WHOLE_TEXT, masked | TWO_BYTES)) + size.to_bytes(2)
    return bytes((WHOLE_TEXT, masked | EIGHT_BYTES)) + size.to_bytes(8)
