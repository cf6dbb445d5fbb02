"""How loud a piece of μ-law is."""

from math import log10
from typing import Final

from voicebot.audio.g711 import pcm16_rms, ulaw_to_pcm16

FULL_SCALE: Final = 32768
FLOOR_DBOV: Final = -96.0
"""The level of silence: below the smallest step of 16 bits, and not -inf."""


def dbov(ulaw: bytes) -> float:
    """
    Measure the level (RMS) of a chunk.

    Returns:
        dB relative to overload: a square wave of full scale is 0, a sine of full
        scale -3, a phone call some -26, silence and nothing at all FLOOR_DBOV.
    """
    return pcm16_dbov(ulaw_to_pcm16(ulaw))


def pcm16_dbov(pcm: bytes) -> float:
    """Measure the level of 16-bit samples, which somebody has decoded already."""
    rms = pcm16_rms(pcm)
    return 20 * log10(rms / FULL_SCALE) if rms else FLOOR_DBOV
