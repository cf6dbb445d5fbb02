"""Recordings of any rate come out as the telephone has them."""

import numpy as np
import pytest

from voicebot.audio.g711 import ulaw_to_pcm16
from voicebot.audio.rate import to_ulaw

RATES = (8000, 11_025, 16_000, 22_050, 44_100, 48_000)


def tone(hz: float, rate_hz: int, seconds: float = 0.5) -> bytes:
    at = np.arange(round(rate_hz * seconds)) / rate_hz
    return (8000 * np.sin(2 * np.pi * hz * at)).astype("<i2").tobytes()


def heard(ulaw: bytes) -> tuple[float, float]:
    """The strongest frequency, and the loudness of all, in the middle."""
    samples = np.frombuffer(ulaw_to_pcm16(ulaw), "<i2").astype(float)[400:-400]
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    hz = float(np.argmax(power)) * 8000 / len(samples)
    return hz, float(np.sqrt(np.mean(samples**2)))


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("hz", [300.0, 1000.0, 3000.0])
def test_a_tone_keeps_its_height_its_loudness_and_its_length(
    rate_hz: int, hz: float
) -> None:
    ulaw = to_ulaw(tone(hz, rate_hz), rate_hz)
    assert abs(len(ulaw) - 4000) <= 1
    found_hz, level = heard(ulaw)
    assert abs(found_hz - hz) < 3
    assert abs(20 * np.log10(level / (8000 / np.sqrt(2)))) < 0.5


@pytest.mark.parametrize("rate_hz", RATES[2:])
def test_what_a_telephone_cannot_carry_is_left_out(rate_hz: int) -> None:
    hz = min(5500.0, 0.45 * rate_hz)
    assert heard(to_ulaw(tone(hz, rate_hz), rate_hz))[1] < 8000 / 100


def test_a_long_recording_is_the_same_as_its_pieces() -> None:
    whole = to_ulaw(tone(440.0, 16_000, 1.2), 16_000)
    assert len(whole) == 9600
    assert heard(whole)[0] == pytest.approx(440, abs=2)


def test_nothing_is_nothing() -> None:
    assert to_ulaw(b"", 16_000) == b""
