"""Bytes into milliseconds and back, for the two formats of a call. Nowhere else."""

from math import floor
from typing import Final

ULAW_HZ: Final = 8000
PCM_HZ: Final = 24_000
FRAME_MS: Final = 20
"""What Twilio sends in one message, and what we send it in one."""

ULAW_FRAME: Final = 160
"""Bytes of μ-law in one frame."""

ULAW_SILENCE: Final = b"\xff"
ULAW_BYTES_PER_SECOND: Final = ULAW_HZ
PCM_BYTES_PER_SECOND: Final = 2 * PCM_HZ


def ulaw_ms(size: int) -> float:
    """How long so many bytes of μ-law play."""
    return 1000 * size / ULAW_BYTES_PER_SECOND


def ulaw_bytes(ms: float) -> int:
    """How many bytes of μ-law begin and end within `ms`: rounded down."""
    return floor(ms * ULAW_BYTES_PER_SECOND / 1000)


def pcm_ms(size: int) -> float:
    """How long so many bytes of 24 kHz pcm16 play."""
    return 1000 * size / PCM_BYTES_PER_SECOND


def pcm_bytes(ms: float) -> int:
    """How many bytes of 24 kHz pcm16 fit into `ms`: whole samples, so always even."""
    return 2 * floor(ms * PCM_HZ / 1000)


class Framer:
    """Cuts a stream into frames of one size, however its chunks were cut."""

    def __init__(self, size: int = ULAW_FRAME) -> None:
        self._size = size
        self._rest = b""

    def push(self, data: bytes) -> list[bytes]:
        """Add a chunk; return the frames that are now whole, oldest first."""
        size = self._size
        if not self._rest and len(data) == size:
            return [data]  # what Twilio sends, 50 times a second
        data = self._rest + data
        whole = len(data) - len(data) % size
        self._rest = data[whole:]
        return [data[at : at + size] for at in range(0, whole, size)]

    def rest(self) -> bytes:
        """Take what is left: less than a frame, perhaps nothing."""
        rest, self._rest = self._rest, b""
        return rest
