"""How loud both sides of a call's recordings are, for a picture of them."""

from collections.abc import Iterable
from io import BytesIO
from typing import Final

from voicebot.errors import StoreError

COLUMN_MS: Final = 50

Peaks = list[tuple[float, ...]]
"""The greatest amplitude of each channel, 0 to 1, of each column of COLUMN_MS."""


def joined(parts: Iterable[tuple[int, Peaks]]) -> Peaks:
    """
    Put the recordings of a call's streams where they belong.

    Args:
        parts: when in the call each begins, in ms.
    """
    whole: Peaks = []
    for began_ms, part in parts:
        whole += [(0.0, 0.0)] * (began_ms // COLUMN_MS - len(whole))
        whole += part
    return whole


def peaks(place: str, data: bytes) -> Peaks:
    """
    Measure a recording: WAV, FLAC, Opus.

    Args:
        place: where it lies.

    Raises:
        StoreError: it isn't one.
    """
    import numpy as np
    import soundfile

    try:
        with soundfile.SoundFile(BytesIO(data)) as sound:
            size = sound.samplerate * COLUMN_MS // 1000
            return [
                tuple(float(peak) for peak in np.abs(block).max(axis=0))
                for block in sound.blocks(size, dtype="float32", always_2d=True)
            ]
    except soundfile.LibsndfileError:
        raise StoreError(f"{place}: expected a recording that can be read") from None
