"""The frames of a session's WebSocket, at the server's end: no socket, no clock."""

from enum import Enum
from typing import Final, NamedTuple

from voicebot.sim.mask import apply_mask

MASKED: Final = 0x80
WHOLE_TEXT: Final = 0x81
"""Not compressed, and no message in pieces."""

SHORT_TEXT: Final = 125
"""Bytes; what is longer has its length behind the head."""


class Kind(Enum):
    """How a frame of the client's is to be read."""

    TEXT = "a text, whole"
    CONTROL = "ping, pong or close: no part of a message"
    OTHER = "anything else, or no WebSocket at all"


class ClientFrame(NamedTuple):
    """A frame of the client's."""

    kind: Kind
    text: str
    """Of a whole text."""

    end: int
    """Where the next one begins."""


def client_frame(data: bytes, at: int) -> ClientFrame | None:
    """
    Read the frame that begins at a place; None if it isn't all there.

    Source: RFC 6455, section 5.2.
    """
    if len(data) < at + 2:
        return None
    first, size = data[at], data[at + 1] ^ MASKED
    if size & MASKED:
        return ClientFrame(Kind.OTHER, "", at)
    start = at + 2
    if size > SHORT_TEXT:
        start += 2 if size == 126 else 8
        size = int.from_bytes(data[at + 2 : start], "big")
    end = start + 4 + size
    if len(data) < end:
        return None
    if 0x88 <= first <= 0x8A:
        return ClientFrame(Kind.CONTROL, "", end)
    if first == WHOLE_TEXT:
        try:
            text = apply_mask(data[start + 4 : end], data[start : start + 4]).decode()
        except UnicodeDecodeError:
            pass
        else:
            return ClientFrame(Kind.TEXT, text, end)
    return ClientFrame(Kind.OTHER, "", at)


def text_frame(text: str) -> bytes:
    """Build a frame of the server's that is a whole text."""
    payload = text.encode()
    size = len(payload)
    if size <= SHORT_TEXT:
        head = size.to_bytes()
    elif size < 65_536:
        head = b"\x7e" + size.to_bytes(2, "big")
    else:
        head = b"\x7f" + size.to_bytes(8, "big")
    return b"%c%b%b" % (WHOLE_TEXT, head, payload)
