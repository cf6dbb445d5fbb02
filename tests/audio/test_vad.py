"""What sounds like speech, and what only looks so to a detector."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.signals import noise, speech, tone
from voicebot.audio.framing import ULAW_FRAME, ULAW_SILENCE
from voicebot.audio.level import FLOOR_DBOV, dbov
from voicebot.audio.vad import Vad, VadFrame, is_tone

SECOND = ULAW_SILENCE * 8000
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)


def voiced(ulaw: bytes, **gate: float) -> list[bool]:
    return [frame.speech for frame in Vad().push(ulaw, **gate)]


def keys(tone_s: float, gap_s: float) -> bytes:
    """All sixteen keys of a telephone, one after the other, ten milliseconds late."""
    gap = ULAW_SILENCE * round(8000 * gap_s)
    return ULAW_SILENCE * 80 + b"".join(
        tone(row, column, seconds=tone_s) + gap for row in ROWS for column in COLUMNS
    )


def cadence(*hz: float, on_s: float, off_s: float) -> bytes:
    return (tone(*hz, seconds=on_s) + ULAW_SILENCE * round(8000 * off_s)) * 3


@pytest.mark.parametrize(
    "ulaw",
    [
        pytest.param(SECOND, id="silence"),
        pytest.param(b"\x7f" * 8000, id="negative silence"),
        pytest.param(b"\x20" * 8000, id="offset"),
        pytest.param(noise(seconds=3, level_dbov=-50), id="white noise"),
        pytest.param(tone(50, level_dbov=-30), id="hum"),
        pytest.param(cadence(440, 480, on_s=2, off_s=1), id="ringback, US"),
        pytest.param(cadence(400, 450, on_s=0.4, off_s=0.2), id="ringback, UK"),
        pytest.param(cadence(425, on_s=1, off_s=4), id="ringback, Europe and China"),
        pytest.param(cadence(480, 620, on_s=0.5, off_s=0.5), id="busy, US"),
        pytest.param(cadence(350, on_s=0.35, off_s=0.35), id="busy, China"),
        pytest.param(tone(350, 440, seconds=3), id="dial tone"),
        pytest.param(cadence(950, on_s=0.33, off_s=0), id="information tone"),
        pytest.param(cadence(1100, on_s=0.5, off_s=3), id="fax that calls"),
        pytest.param(tone(2100, seconds=3), id="fax that answers"),
        pytest.param(keys(0.05, 0.05), id="keys, 50 ms"),
        pytest.param(keys(0.1, 0.1), id="keys, 100 ms"),
    ],
)
def test_what_nobody_said_is_no_speech(ulaw: bytes) -> None:
    assert not any(voiced(ulaw))


def test_loud_noise_is_no_speech_once_the_line_is_known() -> None:
    assert not any(voiced(noise(seconds=3, level_dbov=-35))[5:])


@pytest.mark.parametrize("hz", range(200, 3500, 110))
def test_no_single_tone_is_speech(hz: int) -> None:
    assert not any(voiced(tone(hz, seconds=0.4)))


@pytest.mark.parametrize("level_dbov", [-15.0, -26.0, -36.0])
def test_speech_is_noticed_within_200_ms(level_dbov: float) -> None:
    frames = voiced(SECOND + speech(level_dbov=level_dbov))
    assert not any(frames[:50])
    assert any(frames[50:60])


def test_speech_is_noticed_in_noise() -> None:
    clean = np.frombuffer(SECOND + speech(), np.uint8)
    # The louder of the two, sample by sample: in μ-law the smaller magnitude code.
    hiss = np.frombuffer(noise(seconds=3, level_dbov=-50), np.uint8)
    mixed = np.where((clean & 0x7F) < (hiss & 0x7F), clean, hiss).tobytes()
    frames = voiced(mixed)
    assert not any(frames[:50])
    assert any(frames[50:60])


def test_the_verdict_ends_soon_after_the_speech() -> None:
    frames = voiced(speech() + SECOND)
    assert not any(frames[105:])


def test_speech_below_the_gate_is_taken_for_echo() -> None:
    assert not any(voiced(speech(level_dbov=-30), gate_dbov=-15))
    assert any(voiced(speech(level_dbov=-30), gate_dbov=-40))


def test_speech_below_the_level_of_a_line_is_ignored() -> None:
    assert not any(voiced(speech(level_dbov=-55)))
    frames = Vad(min_dbov=-70).push(speech(level_dbov=-55))
    assert any(frame.speech for frame in frames)


@pytest.mark.parametrize(
    ("votes", "verdicts"),
    [
        ("111", "001"),
        ("1101", "0001"),
        ("1011", "0001"),
        ("1001", "0000"),
        ("11001", "00000"),
        ("11100", "00110"),
    ],
)
def test_speech_is_three_of_the_last_four_frames(votes: str, verdicts: str) -> None:
    ulaw = speech()
    start = (voiced(ulaw).index(True) - 2) * ULAW_FRAME
    vad = Vad()
    vad.push(ulaw[:start], gate_dbov=0)  # above anything: no vote
    for at, (vote, verdict) in enumerate(zip(votes, verdicts, strict=True)):
        frame = ulaw[start + at * ULAW_FRAME :][:ULAW_FRAME]
        (heard,) = vad.push(frame, gate_dbov=FLOOR_DBOV if vote == "1" else 0)
        assert heard.speech is (verdict == "1")


def test_a_frame_has_the_level_of_its_own_20_ms() -> None:
    loud = tone(1000, seconds=0.02, level_dbov=-20)
    quiet, noisy = Vad().push(ULAW_SILENCE * ULAW_FRAME + loud)
    assert quiet == VadFrame(speech=False, dbov=FLOOR_DBOV)
    assert noisy == VadFrame(speech=False, dbov=dbov(loud))


@given(st.lists(st.integers(0, 700), max_size=12), st.binary(max_size=500))
@settings(max_examples=30)
def test_chunks_do_not_change_a_verdict(sizes: list[int], junk: bytes) -> None:
    ulaw = speech(seconds=0.5) + junk
    vad, frames, at = Vad(), list[VadFrame](), 0
    for size in [*sizes, len(ulaw)]:
        frames += vad.push(ulaw[at : at + size])
        at += size
    assert frames == Vad().push(ulaw)
    assert len(frames) == len(ulaw) // ULAW_FRAME


@pytest.mark.parametrize("hz", [[60], [3990], [110, 3900], [1000, 1000.5]])
def test_peaks_at_the_edges_of_the_spectrum_are_tones_too(hz: list[float]) -> None:
    wave = np.sum(
        [np.sin(2 * np.pi * each * np.arange(160) / 8000 + 1) for each in hz], axis=0
    )
    assert is_tone((8000 * wave).astype("<i2").tobytes())


def test_three_tones_are_a_chord_and_may_be_speech() -> None:
    at = np.arange(160) / 8000
    wave = sum(np.sin(2 * np.pi * hz * at) for hz in (500, 1200, 2500))
    assert not is_tone((8000 * np.asarray(wave)).astype("<i2").tobytes())
