"""Bytes, milliseconds and frames."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.audio.framing import (
    FRAME_MS,
    PCM_BYTES_PER_SECOND,
    PCM_HZ,
    ULAW_BYTES_PER_SECOND,
    ULAW_FRAME,
    ULAW_HZ,
    ULAW_SILENCE,
    Framer,
    pcm_bytes,
    pcm_ms,
    ulaw_bytes,
    ulaw_ms,
)


def test_the_constants_agree_with_each_other() -> None:
    assert ULAW_BYTES_PER_SECOND == ULAW_HZ == 8000
    assert PCM_BYTES_PER_SECOND == 2 * PCM_HZ == 48_000
    assert ulaw_bytes(FRAME_MS) == ULAW_FRAME == 160
    assert len(ULAW_SILENCE) == 1


def test_a_frame_of_either_format_lasts_20_ms() -> None:
    assert ulaw_ms(160) == pcm_ms(960) == 20.0
    assert (ulaw_bytes(20), pcm_bytes(20)) == (160, 960)


@pytest.mark.parametrize(
    ("ms", "ulaw", "pcm"), [(0, 0, 0), (0.125, 1, 6), (0.3, 2, 14), (0.06, 0, 2)]
)
def test_what_does_not_fill_a_sample_is_not_counted(
    ms: float, ulaw: int, pcm: int
) -> None:
    assert (ulaw_bytes(ms), pcm_bytes(ms)) == (ulaw, pcm)


@given(st.integers(0, 10**9))
@settings(max_examples=50)
def test_a_size_survives_the_way_to_milliseconds_and_back(samples: int) -> None:
    # Rounded down, so that half a sample makes it robust against the last bit.
    assert ulaw_bytes(ulaw_ms(samples) + 1 / 16) == samples
    assert pcm_bytes(pcm_ms(2 * samples) + 1 / 48) == 2 * samples


@given(st.lists(st.binary(max_size=400), max_size=8), st.integers(1, 200))
@settings(max_examples=50)
def test_frames_are_whole_and_nothing_is_lost_or_moved(
    chunks: list[bytes], size: int
) -> None:
    framer = Framer(size)
    frames = [frame for chunk in chunks for frame in framer.push(chunk)]
    assert {len(frame) for frame in frames} <= {size}
    rest = framer.rest()
    assert len(rest) < size
    assert b"".join(frames) + rest == b"".join(chunks)
    assert framer.rest() == b""


def test_a_chunk_of_one_frame_is_handed_on_without_a_copy() -> None:
    chunk = bytes(ULAW_FRAME)
    (frame,) = Framer().push(chunk)
    assert frame is chunk
