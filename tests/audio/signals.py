"""Sounds to test with, the same on each run: μ-law at 8 kHz."""

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.g711 import pcm16_to_ulaw

HZ = 8000


def ulaw(wave: NDArray[np.float64], level_dbov: float) -> bytes:
    """Scale a wave to a level, and compress it."""
    wave = wave / np.sqrt(np.mean(wave**2)) * 32768 * 10 ** (level_dbov / 20)
    return pcm16_to_ulaw(np.rint(wave).clip(-32768, 32767).astype("<i2").tobytes())


def times(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * HZ)) / HZ


def tone(*hz: float, seconds: float = 1.0, level_dbov: float = -20.0) -> bytes:
    """One or several sines at once, of equal strength."""
    at = times(seconds)
    wave = np.sum([np.sin(2 * np.pi * each * at + each) for each in hz], axis=0)
    return ulaw(wave, level_dbov)


def noise(*, seconds: float = 1.0, level_dbov: float, seed: int = 1) -> bytes:
    """White noise."""
    generator = np.random.default_rng(seed)
    return ulaw(generator.normal(size=round(seconds * HZ)), level_dbov)


def speech(*, seconds: float = 2.0, level_dbov: float = -26.0) -> bytes:
    """
    Something like a voice: a pitch that wanders, vowels that glide, 4 syllables
    a second with a gap behind each, the whole a little breathy.
    """
    at = times(seconds)
    pitch = 120 + 15 * np.sin(2 * np.pi * 0.7 * at) + 6 * np.sin(2 * np.pi * 2.9 * at)
    phase = 2 * np.pi * np.cumsum(pitch) / HZ
    glide = 2 * np.pi * 1.3 * at
    formants = [  # where, how wide, how strong
        (550 + 200 * np.sin(glide), 90, 1.0),
        (1500 + 500 * np.cos(glide), 120, 0.5),
        (2600 + 150 * np.sin(2 * glide), 180, 0.25),
    ]
    wave = np.random.default_rng(2).normal(scale=0.01, size=len(at))
    for harmonic in range(1, 28):  # 28 times the highest pitch is below 4 kHz
        hz = harmonic * pitch
        gain = sum(
            strength / (1 + ((hz - centre) / width) ** 2)
            for centre, width, strength in formants
        )
        wave += gain / harmonic**0.5 * np.sin(harmonic * phase)
    return ulaw(wave * np.maximum(np.sin(2 * np.pi * 4 * at), 0.0) ** 0.5, level_dbov)
