"""How loud both sides of a recording are, for a picture of it."""

from pathlib import Path
from typing import Final

from voicebot.errors import StoreError

COLUMN_MS: Final = 50

Peaks = list[tuple[float, ...]]
"""The greatest amplitude of each channel, 0 to 1, of each column of COLUMN_MS."""


def peaks(path: Path) -> Peaks:
    """
    Measure a recording: WAV, FLAC, Opus.

    Raises:
        StoreError: it is gone, or isn't one.
    """
    import numpy as np
    import soundfile

    try:
        with soundfile.SoundFile(path) as sound:
            size = sound.samplerate * COLUMN_MS // 1000
            return [
                tuple(float(peak) for peak in np.abs(block).max(axis=0))
                for block in sound.blocks(size, dtype="float32", always_2d=True)
            ]
    except (OSError, soundfile.LibsndfileError):
        raise StoreError(f"{path}: expected a recording that can be read") from None
