"""
G.711 μ-law, to and from linear samples. The only module that knows audioop.

Decoding is audioop's: exact, and the fastest there is. Encoding is a table of our
own, because audioop's encoder is one code too loud on 508 negative samples (it
makes -1 a -8), which lifts silence with dither into an audible hiss with an offset.
"""

import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # from 3.13: audioop-lts
    import audioop


def ulaw_to_pcm16(ulaw: bytes) -> bytes:
    """
    Expand μ-law to linear samples.

    Args:
        ulaw: any n bytes, one a sample; every byte is valid μ-law.

    Returns:
        2n bytes: signed 16-bit little-endian samples, mono, at the same rate.

    Source:
        ITU-T G.711 (11/88), table 2b, times 4.
    """
    pcm: bytes = audioop.ulaw2lin(ulaw, 2)
    return pcm


def pcm16_to_ulaw(pcm: bytes) -> bytes:
    """
    Compress linear samples to μ-law.

    The rate doesn't change: resample to 8000 Hz first.

    Args:
        pcm: signed 16-bit little-endian samples, mono; 2n bytes.

    Returns:
        n bytes, one a sample. Silence is 0xFF, not 0x00.

    Raises:
        ValueError: `pcm` has an odd number of bytes, so a sample was cut in two.

    Source:
        ITU-T G.711 (11/88), table 2a. A negative sample exactly on a decision
        value takes the smaller magnitude, as in ITU-T G.191.
    """
    if len(pcm) % 2:
        raise ValueError(f"pcm16 has {len(pcm)} bytes: the last sample is cut in two")
    return ULAW_OF_PCM16.take(np.frombuffer(pcm, "<u2")).tobytes()


def pcm16_rms(pcm: bytes) -> int:
    """The root mean square of linear samples, rounded down; 0 if there are none."""
    rms: int = audioop.rms(pcm, 2)
    return rms


def _encoding() -> NDArray[np.uint8]:
    """Build the μ-law code of every 16-bit sample, indexed by the sample as uint16."""
    # 8 segments of 16 intervals. The 14-bit decision values of the standard are
    # 0, 1, 3 .. 31, 35 .. 95, 103 .. 8159; a 16-bit sample is 4 times as fine.
    segment, interval = np.divmod(np.arange(128), 16)
    decisions = 4 * (((2 * interval + 33) << segment) - 33 - (1 << segment))
    decisions[0] = 0
    samples = np.arange(0x10000, dtype=np.uint16).view(np.int16).astype(np.int32)
    positive = 0xFF - (np.searchsorted(decisions, samples, side="right") - 1)
    negative = 0x7F - (np.searchsorted(decisions, -samples, side="left") - 1)
    return np.where(samples < 0, negative, positive).astype(np.uint8)


ULAW_OF_PCM16: Final = _encoding()
"""μ-law codes, uint8, shape (65536,), indexed by a sample's bits read as uint16."""
