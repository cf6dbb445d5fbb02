"""
The WebSocket of a media stream, its client's side: no socket, no clock.

A client of our own, since one that wakes a task for each of 50 frames a second and
call costs more than what a load test measures. It offers no extension and no
subprotocol, as Twilio doesn't.

Source: RFC 6455, The WebSocket Protocol.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from enum import IntEnum
from hashlib import sha1
from random import Random
from typing import Final
from urllib.parse import urlsplit

from voicebot.sim.mask import apply_mask

GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
HEAD_BYTES: Final = 65_536
"""A server's answer to the upgrade is shorter."""
MESSAGE_BYTES: Final = 16_777_216
"""Nobody sends more audio at once: 35 minutes of it."""

NO_STATUS: Final = 1005
ABNORMAL: Final = 1006
PROTOCOL_ERROR: Final = 1002
BAD_TEXT: Final = 1007


class Opcode(IntEnum):
    """What a frame is; section 5.2."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class WireError(Exception):
    """The server broke the protocol. Never leaves the simulator."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def upgrade(url: str, key: str, headers: Mapping[str, str]) -> bytes:
    """
    Build the request for a WebSocket.

    Args:
        key: 16 bytes of chance, in base64.
        headers: its other headers, `Host` among them.
    """
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fixed = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
    }
    lines = [f"{name}: {value}\r\n" for name, value in {**headers, **fixed}.items()]
    return f"GET {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()


def upgraded(head: bytes, key: str) -> int:
    """
    Read the head of the answer, without its last empty line.

    Returns:
        Its status; 101 only if the server proves that it speaks the protocol.

    Raises:
        WireError: it is no HTTP.
    """
    first, *rest = head.split(b"\r\n")
    words = first.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise WireError(PROTOCOL_ERROR, "the answer to the upgrade is no HTTP")
    status = int(words[1])
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in rest)
    }
    proof = b64encode(sha1(key.encode() + GUID, usedforsecurity=False).digest())
    if status == 101 and headers.get(b"sec-websocket-accept") != proof:
        raise WireError(PROTOCOL_ERROR, "the upgrade isn't proved")
    return status


def messages(payloads: Iterable[str | bytes], random: Random) -> bytes:
    """Build a message of each, a text of a text, with keys of chance: section 5.3."""
    return b"".join(
        [
            masked(Opcode.TEXT, payload.encode(), random.getrandbits(32))
            if isinstance(payload, str)
            else masked(Opcode.BINARY, payload, random.getrandbits(32))
            for payload in payloads
        ]
    )


def masked(opcode: Opcode, payload: bytes, key: int) -> bytes:
    """
    Build a frame that is a message of its own.

    Args:
        key: 32 bits, other ones for each frame.
    """
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 65_536:
        head = bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0xFF)) + size.to_bytes(8, "big")
    mask = key.to_bytes(4, "little")
    return head + mask + apply_mask(payload, mask)


class Reader:
    """Cuts what the server sends into messages, however the network cut it."""

    def __init__(self) -> None:
        self._data = b""
        self._begun: Opcode | None = None  # of a message in fragments
        self._fragments = bytearray()

    def feed(self, data: bytes) -> list[tuple[Opcode, bytes]]:
        """
        Add what came; return the messages that are whole now, control frames too.

        Raises:
            WireError: it is no WebSocket, or too much for one message.
        """
        data = self._data + data if self._data else data
        messages: list[tuple[Opcode, bytes]] = []
        at = 0
        while (frame := _frame(data, at)) is not None:
            final, opcode, start, at = frame
            payload = data[start:at]
            if final and opcode in WHOLE and self._begun is None:
                messages.append((opcode, payload))
            elif opcode >= Opcode.CLOSE:
                if not final:
                    raise WireError(PROTOCOL_ERROR, "a control frame in fragments")
                messages.append((opcode, payload))
            else:
                messages += self._fragment(opcode, payload, final=final)
        self._data = data[at:]
        return messages

    def _fragment(
        self, opcode: Opcode, payload: bytes, *, final: bool
    ) -> list[tuple[Opcode, bytes]]:
        if (self._begun is None) is (opcode is Opcode.CONTINUATION):
            raise WireError(PROTOCOL_ERROR, "a fragment out of order")
        self._begun = self._begun or opcode
        self._fragments += payload
        if len(self._fragments) > MESSAGE_BYTES:
            raise WireError(PROTOCOL_ERROR, "a message is too long")
        if not final:
            return []
        whole = self._begun, bytes(self._fragments)
        self._begun = None
        self._fragments.clear()
        return [whole]


WHOLE: Final = frozenset({Opcode.TEXT, Opcode.BINARY})
OPCODES: Final = {int(opcode): opcode for opcode in Opcode}


def _frame(data: bytes, at: int) -> tuple[bool, Opcode, int, int] | None:
    """Find a frame: if it is final, what it is, where its payload begins and ends."""
    held = len(data) - at
    if held < 2:
        return None
    first, size = data[at], data[at + 1]
    opcode = OPCODES.get(first & 0x0F)
    if opcode is None or first & 0x70 or size & 0x80:
        raise WireError(PROTOCOL_ERROR, "a frame is masked, or of an unknown kind")
    start = at + 2
    if size >= 126:
        start += 2 if size == 126 else 8
        if len(data) < start:
            return None
        size = int.from_bytes(data[at + 2 : start], "big")
        if size > MESSAGE_BYTES:
            raise WireError(PROTOCOL_ERROR, "a message is too long")
    end = start + size
    return None if len(data) < end else (first >= 0x80, opcode, start, end)


def close_code(payload: bytes) -> int:
    """Read the code of a close frame; section 7.1.5."""
    return int.from_bytes(payload[:2], "big") if len(payload) >= 2 else NO_STATUS
