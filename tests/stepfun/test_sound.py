import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import RemoteProtocolError
from voicebot.stepfun.sound import Pcm16Reader, kind_of

SAMPLES = bytes(range(40))


def wav(
    samples: bytes = SAMPLES,
    *,
    rate_hz: int = 8000,
    form: bytes | None = None,
    size: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    if form is None:
        form = struct.pack("<HHIIHH", 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + before
    count = len(samples) if size is None else size
    chunks += b"data" + struct.pack("<I", count) + samples + after
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (wav(), "wav"),
        (b"ID3\x04rest", "mp3"),
        (b"\xff\xfb\x90\x00", "mp3"),
        (b"fLaC", "flac"),
        (b"OggS", "opus"),
        (b"RIFF....AVI ", None),
        (b"{}", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_a_file_is_known_by_its_beginning(data: bytes, kind: str | None) -> None:
    assert kind_of(data) == kind


@given(st.lists(st.integers(0, 40)))
def test_how_samples_are_cut_into_pieces_does_not_matter(cuts: list[int]) -> None:
    reader = Pcm16Reader(8000)
    at = sorted({0, 40, *cuts})
    pieces = [reader.feed(SAMPLES[a:b]) for a, b in zip(at, at[1:], strict=False)]
    assert b"".join(pieces) == SAMPLES
    assert not any(len(piece) % 2 for piece in pieces)


def test_half_a_sample_waits_for_its_other_half() -> None:
    reader = Pcm16Reader(8000)
    assert reader.feed(b"\x01") == b""
    assert reader.feed(b"\x02\x03") == b"\x01\x02"
    assert reader.feed(b"\x04") == b"\x03\x04"


@pytest.mark.parametrize(
    "piece",
    [
        wav(),
        wav(size=0),  # not known yet
        wav(size=0xFFFFFFFF),
        wav(before=b"LIST" + struct.pack("<I", 3) + b"abc\0"),  # an odd one is padded
        wav(after=b"LIST" + struct.pack("<I", 4) + b"abcd"),
        wav(form=struct.pack("<HHIIHHH", 1, 1, 8000, 16000, 2, 16, 0)),
    ],
)
def test_a_header_is_taken_off_each_piece(piece: bytes) -> None:
    reader = Pcm16Reader(8000)
    assert reader.feed(piece) == SAMPLES
    assert reader.feed(piece + b"\0" * (reader.feed(b"") != b"")) == SAMPLES


def test_half_a_sample_before_a_header_is_no_part_of_what_follows() -> None:
    reader = Pcm16Reader(8000)
    assert reader.feed(b"\1\2\3") == b"\1\2"
    assert reader.feed(wav()) == SAMPLES


@pytest.mark.parametrize(
    ("piece", "problem"),
    [
        (b"ID3\x04rest", "audio: expected pcm, got mp3"),
        (b"OggS", "audio: expected pcm, got opus"),
        (wav(rate_hz=24000), "at 8000 Hz, got format 1, 1 channels, 16 bits at 24000"),
        (
            wav(form=struct.pack("<HHIIHH", 3, 2, 8000, 64000, 8, 32)),
            "got format 3, 2 channels, 32 bits at 8000 Hz",
        ),
        (wav(form=b"\1\0"), "expected a WAV format of 16 bytes or more, got 2"),
        (b"RIFF\0\0\0\0WAVE", "expected samples behind a WAV header, got 12 bytes"),
        (
            b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd",
            "expected samples behind a WAV header, got 24 bytes",
        ),
    ],
)
def test_what_would_be_noise_is_refused(piece: bytes, problem: str) -> None:
    with pytest.raises(RemoteProtocolError, match=problem):
        Pcm16Reader(8000).feed(piece)


@given(st.binary(max_size=80))
def test_no_header_makes_the_reader_raise_anything_undocumented(rest: bytes) -> None:
    with suppress(RemoteProtocolError):  # refused, as documented
        Pcm16Reader(8000).feed(b"RIFF\0\0\0\0WAVE" + rest)
