"""
What a telephone line does to a voice: noise, echo, a loudspeaker, another talker.

Samples are float64 in the range of 16-bit integers, 8000 a second. Levels are dBov:
the root mean square relative to 32768. What is drawn by chance comes from NumPy's
legacy generator, whose streams are frozen: the same on every machine and version.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.framing import ULAW_HZ, ulaw_bytes
from voicebot.audio.g711 import pcm16_to_ulaw, ulaw_to_pcm16

Samples = NDArray[np.float64]

FULL_SCALE: Final = 32768.0
FLOOR_DBOV: Final = -120.0


def from_ulaw(ulaw: bytes) -> Samples:
    return np.frombuffer(ulaw_to_pcm16(ulaw), "<i2").astype(np.float64)


def to_ulaw(samples: Samples) -> bytes:
    """Round, clip what is too loud, compress."""
    rounded = np.rint(samples).clip(-32768, 32767).astype("<i2")
    return pcm16_to_ulaw(rounded.tobytes())


def dbov(samples: Samples) -> float:
    """The level of samples; FLOOR_DBOV of silence, or of none."""
    power = float(np.mean(samples * samples)) if len(samples) else 0.0
    least = FULL_SCALE**2 * 10 ** (FLOOR_DBOV / 10)
    return float(10 * np.log10(max(power, least) / FULL_SCALE**2))


def windows_dbov(samples: Samples, window_ms: int) -> Samples:
    """The level of each whole window."""
    size = ulaw_bytes(window_ms)
    whole = samples[: len(samples) // size * size].reshape(-1, size)
    power = np.maximum((whole * whole).mean(axis=1), 1e-6)
    return np.asarray(10 * np.log10(power / FULL_SCALE**2))


def gain(db: float) -> float:
    return float(10 ** (db / 20))


def set_level(samples: Samples, level_dbov: float) -> Samples:
    """Scale noise to a level: all of it counts, pauses too."""
    return samples * gain(level_dbov - dbov(samples))


def band(samples: Samples, low_hz: float, high_hz: float) -> Samples:
    """Keep what is between two frequencies: a wall, or a cheap loudspeaker."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / ULAW_HZ)
    spectrum *= 1 / (1 + (low_hz / np.maximum(hz, 1.0)) ** 6)
    spectrum *= 1 / (1 + (hz / high_hz) ** 6)
    return np.asarray(np.fft.irfft(spectrum, len(samples)))


@cache
def noise(color: str, seconds: int, seed: int = 0) -> Samples:
    """White or pink noise at -20 dBov. Not to be written to."""
    random = np.random.RandomState(seed)
    white = random.standard_normal(seconds * ULAW_HZ)
    if color == "pink":
        spectrum = np.fft.rfft(white)
        hz = np.fft.rfftfreq(len(white), 1 / ULAW_HZ)
        white = np.fft.irfft(spectrum / np.sqrt(np.maximum(hz, 50.0)), len(white))
    return set_level(white, -20.0)


def tones(first_hz: float, second_hz: float, ms: int, level_dbov: float) -> Samples:
    """A key's pair of tones, its ends rounded off over 2 ms."""
    at = np.arange(ulaw_bytes(ms)) / ULAW_HZ
    pair = np.sin(2 * np.pi * first_hz * at) + np.sin(2 * np.pi * second_hz * at)
    return set_level(fade_in(fade_in(pair, 2)[::-1], 2)[::-1], level_dbov)


def fade_in(samples: Samples, ms: int) -> Samples:
    """Let a sound begin softly."""
    count = min(ulaw_bytes(ms), len(samples))
    faded = samples.copy()
    faded[:count] *= np.linspace(0, 1, count)
    return faded


@dataclass(frozen=True, slots=True)
class Echo:
    """The bot's own voice in the caller's line."""

    gain_db: float
    """Level of the echo relative to what the ear hears."""
    delay_ms: int
    """From Twilio's playing it to its return to Twilio: carrier delay included."""
    speakerphone: bool = False
    """A loudspeaker that distorts, in a room that reverberates."""


@cache
def _response(speakerphone: bool) -> Samples:
    """What an impulse comes back as; its energy is 1."""
    random = np.random.RandomState(11)
    if speakerphone:  # reverberation time about 0.3 s
        taps = random.standard_normal(960) * np.exp(-np.arange(960) / 350)
        taps[0] = 6.0
    else:  # a hybrid: dispersed over 3 ms
        taps = random.standard_normal(24) * np.exp(-np.arange(24) / 6)
    return np.asarray(taps / np.sqrt(np.sum(taps * taps)))


class EchoPath:
    """
    Turns what the ear hears into what comes back, 20 ms upon 20 ms.

    Args:
        carrier_ms: how late the ear hears what Twilio plays.
    """

    def __init__(self, echo: Echo, carrier_ms: float) -> None:
        self._gain = gain(echo.gain_db)
        self._taps = _response(echo.speakerphone)
        self._compress = echo.speakerphone
        lag = max(0, ulaw_bytes(echo.delay_ms - carrier_ms))
        self._past = np.zeros(lag + len(self._taps) - 1)

    def push(self, ear: Samples) -> Samples:
        """Take what the ear heard in a frame; return what comes back in it."""
        if self._compress:
            loud = 6000.0  # a small loudspeaker, turned up
            ear = np.tanh(ear / loud) * loud
        heard = np.concatenate([self._past, ear])
        self._past = heard[len(ear) :]
        window = heard[: len(ear) + len(self._taps) - 1]
        if not window.any():
            return np.zeros(len(ear))
        return self._gain * np.convolve(window, self._taps, "valid")
