"""
Between the phone's rate (8 kHz) and the model's (24 kHz), without aliases or gaps.

One filter serves both ways: a Kaiser-windowed sinc of 97 taps at 24 kHz. It passes
3.4 kHz untouched, stops everything from 4.6 kHz on by 72 dB, and delays by 2 ms:
16 samples at 8 kHz, 48 at 24 kHz. It holds nothing else back, so the last word of
an answer needs no flush.

It is computed as a matrix product: rows of a chunk, each with the history that its
first output needs, times the filter written out once for each output of a row.

Why the coefficients are rounded: as multiples of 2**-24, times samples of 16 bits,
they leave every product and every sum exact in float64. So no order of summation
that a BLAS may choose, on any machine and for any chunk length, changes one bit.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.framing import PCM_HZ, ULAW_HZ
from voicebot.audio.g711 import ULAW_OF_PCM16, ulaw_to_pcm16

RATIO: Final = PCM_HZ // ULAW_HZ
TAPS: Final = 97
KAISER_BETA: Final = 7.0

# How many samples make a row; the products cost least near these sizes.
ULAW_ROW: Final = 16
PCM_ROW: Final = RATIO * ULAW_ROW

PCM16_MIN: Final = np.float64(-32768)
PCM16_MAX: Final = np.float64(32767)


class UlawToPcm24:
    """
    One stream from the phone to the model.

    How the stream is cut into chunks doesn't change a bit of what comes out.
    """

    def __init__(self) -> None:
        self._history: NDArray[np.float64] = np.zeros(UP_HISTORY)

    def push(self, ulaw: bytes) -> bytes:
        """
        Convert a chunk.

        Args:
            ulaw: n bytes of G.711 μ-law at 8 kHz; any bytes.

        Returns:
            6n bytes: 3n samples, signed 16-bit little-endian, at 24 kHz.
        """
        if not ulaw:
            return b""
        samples = np.frombuffer(ulaw_to_pcm16(ulaw), "<i2")
        pcm, self._history = _filter(self._history, samples, UP, ULAW_ROW)
        return pcm[: RATIO * len(samples)].tobytes()


class Pcm24ToUlaw:
    """
    One stream from the model to the phone.

    How the stream is cut into chunks, be it in the middle of a sample, doesn't
    change a bit of what comes out.
    """

    def __init__(self) -> None:
        self._history: NDArray[np.float64] = np.zeros(DOWN_HISTORY)
        self._rest = b""  # less than one output's worth: 0 to 5 bytes

    def push(self, pcm16: bytes) -> bytes:
        """
        Convert a chunk.

        Args:
            pcm16: signed 16-bit little-endian samples at 24 kHz; any bytes.

        Returns:
            G.711 μ-law at 8 kHz: a byte for every 3 samples that are there by now.
            What doesn't make 3 samples yet is kept for the next chunk.
        """
        pcm16 = self._rest + pcm16 if self._rest else pcm16
        whole = len(pcm16) - len(pcm16) % (2 * RATIO)
        self._rest = pcm16[whole:]
        if not whole:
            return b""
        samples = np.frombuffer(pcm16, "<i2", whole // 2)
        pcm, self._history = _filter(self._history, samples, DOWN, PCM_ROW)
        return ULAW_OF_PCM16.take(
            pcm[: len(samples) // RATIO].view(np.uint16)
        ).tobytes()


def pcm24_to_16(pcm16: bytes) -> bytes:
    """
    Bring a whole clip of the phone's to the rate that recognisers are made for.

    The phone has nothing above 4 kHz, so that nothing is folded back, and a sample
    between two is found from its four neighbours.

    Args:
        pcm16: signed 16-bit little-endian samples at 24 kHz, of `UlawToPcm24`.

    Returns:
        Two samples at 16 kHz for each three; what doesn't make three is left out.
    """
    samples = np.frombuffer(pcm16, "<i2", len(pcm16) // 6 * 3).astype(np.int32)
    # Of x0 x1 x2 the second is halfway between x1 and x2: (9 (x1 + x2) - x0 - x3) / 16
    x0, x1, x2 = samples[0::3], samples[1::3], samples[2::3]
    x3 = np.append(x0[1:], x2[-1:])
    between = np.clip((9 * (x1 + x2) - x0 - x3 + 8) >> 4, -32768, 32767)
    return np.stack((x0, between), axis=1).astype("<i2").tobytes()


def _filter(
    history: NDArray[np.float64],
    samples: NDArray[np.int16],
    matrix: NDArray[np.float64],
    row: int,
) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """
    Filter a chunk of at least one sample.

    Buffers are made anew: the allocator hands out the same ones again, so that
    keeping them was measured to gain nothing, and would cost memory on each stream.

    Args:
        history: the inputs before `samples`.
        matrix: shape (len(history) + row, outputs of a row).
        row: how many inputs make a row.

    Returns:
        The outputs, clipped to 16 bits, the last row filled up with outputs that
        lack their inputs; and the history of the next chunk.
    """
    before, count = len(history), len(samples)
    rows = -(-count // row)
    window = np.zeros(before + rows * row)
    window[:before] = history
    window[before : before + count] = samples
    item = window.itemsize
    overlapping: NDArray[np.float64] = np.ndarray(
        (rows, before + row), np.float64, window, 0, (row * item, item)
    )
    # Copied, because BLAS takes no rows that overlap and numpy's own loop is slow.
    out = overlapping.copy() @ matrix
    np.maximum(out, PCM16_MIN, out=out)
    np.minimum(out, PCM16_MAX, out=out)
    np.rint(out, out=out)
    return out.astype(np.int16).ravel(), window[count : count + before].copy()


def _taps(gain: int) -> NDArray[np.float64]:
    """The low-pass filter at 24 kHz, cut off at 4 kHz, its coefficients rounded."""
    centred = np.arange(TAPS) - TAPS // 2
    taps: NDArray[np.float64] = np.sinc(centred / RATIO) * np.kaiser(TAPS, KAISER_BETA)
    taps *= gain / taps.sum()
    return np.rint(taps * 2**24, out=taps) / 2**24


def _up() -> NDArray[np.float64]:
    """Output o of a row is the sum over the inputs i of tap o - 3 i."""
    matrix = np.zeros((UP_HISTORY + ULAW_ROW, PCM_ROW))
    for output in range(PCM_ROW):
        for tap in range(output % RATIO, TAPS, RATIO):
            matrix[UP_HISTORY + (output - tap) // RATIO, output] = UP_TAPS[tap]
    return matrix


def _down() -> NDArray[np.float64]:
    """Output o of a row is the sum over the inputs i of tap 3 o - i."""
    matrix = np.zeros((DOWN_HISTORY + PCM_ROW, ULAW_ROW))
    for output in range(ULAW_ROW):
        newest = DOWN_HISTORY + RATIO * output
        matrix[newest - TAPS + 1 : newest + 1, output] = DOWN_TAPS[::-1]
    return matrix


# How many inputs before a row its first output needs.
UP_HISTORY: Final = (TAPS - 1) // RATIO
DOWN_HISTORY: Final = TAPS - 1

UP_TAPS: Final = _taps(RATIO)  # two of three inputs would be zeros: make up for them
DOWN_TAPS: Final = _taps(1)

# Shared by all streams of the process: 18 KB each.
UP: Final = _up()
DOWN: Final = _down()
