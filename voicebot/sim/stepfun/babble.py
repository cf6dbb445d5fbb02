"""A voice without an engine: it sounds like speech, and says nothing."""

import re
import zlib
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATE_HZ: Final = 24000
LETTER_MS: Final = 70  # 14 letters a second
IDEOGRAPH_MS: Final = 200  # 5 a second
# Vowel -> the first two formants, in Hz (Peterson and Barney 1952, men; rounded).
FORMANTS: Final = {
    "a": (730, 1090),
    "e": (530, 1840),
    "i": (270, 2290),
    "o": (570, 840),
    "u": (300, 870),
    "y": (390, 1990),
}
# A consonant cluster with a vowel; an ideograph; digits; or a pause.
SYLLABLES: Final = re.compile(
    r"[^aeiouy\W\d_]*[aeiouy]+|[\u4e00-\u9fff]|\d|[^aeiouy\W\d_]+|[\W_]+",
    re.IGNORECASE,
)
PEAK: Final = 9000.0


@lru_cache(256)
def babble(text: str, rate_hz: int = RATE_HZ) -> bytes:
    """
    Voice a text as pcm16: one syllable after the other, always the same way.

    It has the rhythm, the pitch, the formants and the level of a telephone voice,
    so that voice detectors take it for one. Nobody can understand it.
    """
    pieces = [_piece(piece, rate_hz) for piece in SYLLABLES.findall(text.strip())]
    if not pieces:
        return b""
    samples = np.concatenate(pieces)
    loudest = np.abs(samples).max()
    if loudest > 0:
        samples *= PEAK / loudest
    return to_pcm16(samples)


def syllables(text: str) -> list[tuple[str, int]]:
    """What a text is voiced of, in order: each piece and how many ms it takes."""
    pieces = SYLLABLES.findall(text.strip())
    return [(piece, _length_ms(piece)) for piece in pieces]


def _length_ms(piece: str) -> int:
    if "\u4e00" <= piece[0] <= "\u9fff":
        return IDEOGRAPH_MS
    # The end of a sentence takes longer than the end of a word.
    ends = not piece[0].isalnum() and set(piece) & set(".,;:!?。，？！")
    return LETTER_MS * min(len(piece), 6) + (200 if ends else 0)


@lru_cache(512)
def _piece(piece: str, rate_hz: int) -> Samples:
    count = rate_hz * _length_ms(piece) // 1000
    if not piece[0].isalnum():
        return np.zeros(count)
    seed = zlib.crc32(piece.lower().encode())
    vowel = next((letter for letter in piece.lower() if letter in FORMANTS), None)
    first_hz, second_hz = FORMANTS[vowel or "aeiou"[seed % 5]]
    time_s = np.arange(count) / rate_hz
    pitch_hz = 110 + seed % 30 - 40 * time_s  # each syllable falls a little
    harmonics = np.arange(1, 26)[:, None]
    tone_hz = harmonics * pitch_hz
    strength = (
        np.exp(-(((tone_hz - first_hz) / 150) ** 2))
        + 0.5 * np.exp(-(((tone_hz - second_hz) / 250) ** 2))
        + 0.3 / harmonics
    )
    phase = 2 * np.pi * np.cumsum(pitch_hz) / rate_hz
    voiced = (strength * np.sin(harmonics * phase)).sum(axis=0)
    breath = 0.05 * np.random.default_rng(seed).standard_normal(count)
    swell = np.sin(np.pi * np.linspace(0.08, 0.92, count)) ** 0.5
    return np.asarray((voiced + breath) * swell, np.float64)


def to_pcm16(samples: Samples) -> bytes:
    """Round samples of -32768 to 32767 to bytes, clipping what is louder."""
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()


def from_pcm16(pcm16: bytes) -> Samples:
    return np.frombuffer(pcm16, "<i2").astype(np.float64)


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """
    Change the rate of a whole recording, with a brick-wall filter.

    Takes the spectrum of all of it at once: right for a turn, not for a stream.
    """
    if from_hz == to_hz or not len(samples):
        return samples
    count = round(len(samples) * to_hz / from_hz)
    spectrum = np.fft.rfft(samples)
    resized = np.zeros(count // 2 + 1, complex)
    kept = min(len(spectrum), len(resized))
    resized[:kept] = spectrum[:kept]
    return np.fft.irfft(resized, count) * (count / len(samples))
