"""Sounds to test with, the same on each run: μ-law at 8 kHz."""

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.g711 import pcm16_to_ulaw, ulaw_to_pcm16

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


def pink_noise(*, seconds: float = 1.0, level_dbov: float, seed: int = 1) -> bytes:
    """Noise with as much power in each octave, like a street's."""
    count = round(seconds * HZ)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=count))
    hz = np.maximum(np.fft.rfftfreq(count, 1 / HZ), 60)
    return ulaw(np.fft.irfft(spectrum / np.sqrt(hz), count), level_dbov)


def cough(*, seconds: float = 0.35, level_dbov: float = -22.0, seed: int = 1) -> bytes:
    """A burst of 30 ms, then noise through a throat, dying down, barely voiced."""
    at = times(seconds)
    generator = np.random.default_rng(seed)
    spectrum = np.fft.rfft(generator.normal(size=len(at)))
    hz = np.fft.rfftfreq(len(at), 1 / HZ)
    for_a_throat = 0.3 + sum(
        strength / (1 + ((hz - centre) / width) ** 2)
        for centre, width, strength in ((650, 250, 1.0), (1600, 400, 0.9))
    )
    wave = np.fft.irfft(spectrum * for_a_throat, len(at))
    wave /= np.sqrt(np.mean(wave**2))
    pitch = 170 * (1 - 0.3 * at / seconds) * (1 + 0.03 * generator.normal(size=len(at)))
    phase = 2 * np.pi * np.cumsum(pitch) / HZ
    voice = np.sum([np.sin(each * phase) / each for each in range(1, 14)], axis=0)
    wave += 0.3 * voice * np.exp(-(((at / seconds - 0.6) / 0.25) ** 2))
    burst = np.minimum(at / 0.004, 1.0)
    decay = 0.35 * np.exp(-(at - 0.03) / 0.1)
    return ulaw(wave * np.where(at < 0.03, burst, decay), level_dbov)


def hum(
    *, seconds: float = 0.35, hz: float = 150.0, level_dbov: float = -26.0
) -> bytes:
    """A murmur with the mouth shut: "mm", "嗯". Its pitch glides up by a fifth."""
    at = times(seconds)
    pitch = hz * 1.5 ** (at / seconds)
    phase = 2 * np.pi * np.cumsum(pitch) / HZ
    wave = np.random.default_rng(3).normal(scale=0.01, size=len(at))
    for harmonic in range(1, 17):
        shut = (1 + (harmonic * pitch / 700) ** 8) ** -0.5
        wave += shut / harmonic * np.sin(harmonic * phase + harmonic**2)
    soft = np.minimum(np.minimum(at / 0.03, (seconds - at) / 0.05), 1.0)
    return ulaw(wave * soft, level_dbov)


def music(*, seconds: float = 4.0, level_dbov: float = -26.0) -> bytes:
    """Hold music: an organ that plays three voices, four notes a second, no rest."""
    at = times(seconds)
    note = (4 * at).astype(int)
    wave = np.random.default_rng(4).normal(scale=0.01, size=len(at))
    for voice, steps in enumerate(((0, 4, 7, 4), (0, 0, 5, 5), (12, 11, 9, 7))):
        hz = 220 * 2 ** (np.asarray(steps)[note % 4] / 12) * (1, 1.5, 1)[voice]
        phase = 2 * np.pi * np.cumsum(hz) / HZ
        for harmonic in range(1, 7):
            wave += np.sin(harmonic * phase) / harmonic
    return ulaw(wave * (1 - 0.5 * (4 * at - note)), level_dbov)


def mixed(*sounds: bytes) -> bytes:
    """Several sounds at once, from the same start; the longest gives the length."""
    wave = np.zeros(max(map(len, sounds)))
    for sound in sounds:
        wave[: len(sound)] += np.frombuffer(ulaw_to_pcm16(sound), "<i2")
    return pcm16_to_ulaw(np.rint(wave).clip(-32768, 32767).astype("<i2").tobytes())
