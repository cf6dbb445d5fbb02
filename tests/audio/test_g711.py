"""Every code and every sample, against the standard's decision values."""

import numpy as np
import pytest
from numpy.typing import NDArray

from voicebot.audio.g711 import pcm16_rms, pcm16_to_ulaw, ulaw_to_pcm16

# G.711, tables 2a and 2b: where each segment begins, and how wide its intervals are.
SEGMENTS = [
    (31, 4),
    (95, 8),
    (223, 16),
    (479, 32),
    (991, 64),
    (2015, 128),
    (4063, 256),
]
DECISIONS = [0, *range(1, 31, 2)] + [
    start + step * width for start, width in SEGMENTS for step in range(16)
]
UPPER = [*DECISIONS[1:], 8159]
VALUES = [0] + [(low + high) // 2 for low, high in zip(DECISIONS, UPPER, strict=True)][
    1:
]

SAMPLES = np.arange(-32768, 32768).astype("<i2")
CODES = bytes(range(256))


def encode(sample: int) -> int:
    return pcm16_to_ulaw(sample.to_bytes(2, "little", signed=True))[0]


def decoded(codes: bytes) -> NDArray[np.int16]:
    return np.frombuffer(ulaw_to_pcm16(codes), "<i2")


def test_the_decision_values_are_those_of_the_standard() -> None:
    assert len(DECISIONS) == 128
    assert DECISIONS[:4] == [0, 1, 3, 5]
    assert DECISIONS[-1] == 7903
    assert VALUES[:3] == [0, 2, 4]
    assert VALUES[-1] == 8031


def test_all_256_codes_decode_to_the_value_of_the_standard() -> None:
    expected = [-4 * VALUES[0x7F - code] for code in range(128)]
    expected += [4 * VALUES[0xFF - code] for code in range(128, 256)]
    assert decoded(CODES).tolist() == expected


def test_all_65536_samples_encode_to_the_code_of_the_standard() -> None:
    expected = bytearray()
    for sample in SAMPLES.tolist():
        # Exactly on a decision value a positive sample belongs to the interval
        # above it, a negative one to the interval nearer to zero (G.191).
        magnitude = sample // 4 if sample >= 0 else (-sample - 1) // 4
        interval = int(np.searchsorted(DECISIONS, magnitude, side="right")) - 1
        expected.append((0xFF if sample >= 0 else 0x7F) - interval)
    assert pcm16_to_ulaw(SAMPLES.tobytes()) == bytes(expected)


def test_no_sample_leaves_the_interval_of_its_code() -> None:
    codes = np.frombuffer(pcm16_to_ulaw(SAMPLES.tobytes()), np.uint8)
    interval = np.where(SAMPLES < 0, 0x7F, 0xFF) - codes
    magnitude = np.minimum(np.abs(SAMPLES.astype(int)), 4 * 8159)
    assert (4 * np.array(DECISIONS)[interval] <= magnitude).all()
    assert (magnitude <= 4 * np.array(UPPER)[interval]).all()


def test_negative_zero_is_the_only_code_that_does_not_survive_both_ways() -> None:
    there_and_back = pcm16_to_ulaw(ulaw_to_pcm16(CODES))
    changed = [
        (code, back)
        for code, back in zip(CODES, there_and_back, strict=True)
        if code != back
    ]
    assert changed == [(0x7F, 0xFF)]


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        (0, 0xFF),
        (-1, 0x7F),  # audioop says 0x7E, which is -8
        (32767, 0x80),
        (-32768, 0x00),
        (32636, 0x80),
        (-32636, 0x00),
    ],
)
def test_the_samples_that_other_encoders_get_wrong(sample: int, code: int) -> None:
    assert encode(sample) == code


def test_nothing_becomes_nothing() -> None:
    assert ulaw_to_pcm16(b"") == pcm16_to_ulaw(b"") == b""


def test_a_sample_cut_in_two_is_refused() -> None:
    with pytest.raises(ValueError, match="pcm16 has 3 bytes: the last sample is cut"):
        pcm16_to_ulaw(bytes(3))


def test_the_root_mean_square_is_rounded_down() -> None:
    assert pcm16_rms(np.array([3, -4], "<i2").tobytes()) == 3
    assert pcm16_rms(b"") == 0
