"""Recordings of any rate as the telephone has them. Slow and exact; not for calls."""

from typing import Final

import numpy as np

from voicebot.audio.framing import ULAW_HZ
from voicebot.audio.g711 import pcm16_to_ulaw

# Zero crossings of the sinc on either side: -70 dB beyond the stop band.
REACH: Final = 32
PASS: Final = 0.92  # of the lower Nyquist frequency; the rest is the filter's slope
BLOCK: Final = 4096  # samples at a time


def to_ulaw(pcm16: bytes, rate_hz: int) -> bytes:
    """
    Return a recording as G.711 μ-law of 8000 Hz.

    Args:
        pcm16: signed 16-bit little-endian, mono.
        rate_hz: of it; 8000 or more.
    """
    if rate_hz == ULAW_HZ:
        return pcm16_to_ulaw(pcm16)
    given = np.frombuffer(pcm16, "<i2").astype(np.float64)
    step = rate_hz / ULAW_HZ
    cutoff = PASS / step
    reach = round(REACH / cutoff)
    padded = np.pad(given, (reach, reach + 1))
    taps = np.arange(-reach + 1, reach + 1)
    pieces = []
    for first in range(0, int(len(given) / step), BLOCK):
        count = min(BLOCK, int(len(given) / step) - first)
        at = (first + np.arange(count)) * step
        whole = at.astype(np.int64)
        distance = taps - (at - whole)[:, None]
        window = 0.5 + 0.5 * np.cos(np.pi * np.clip(distance / reach, -1, 1))
        weights = cutoff * np.sinc(cutoff * distance) * window
        near = padded[whole[:, None] + reach + taps]
        pieces.append((weights * near).sum(axis=1))
    samples = np.concatenate([*pieces, np.zeros(0)])
    return pcm16_to_ulaw(
        np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()
    )
