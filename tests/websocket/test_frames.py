"""Frames out of the bytes of a connection, however they arrive."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from tests.twins import each_twin
from voicebot.websocket.frames import (
    FrameSplitter,
    masked_text_frame,
    text_frames,
    unmasked,
)

twin = each_twin(
    __name__,
    "FrameSplitter",
    "masked_text_frame",
    "text_frames",
    native="voicebot.websocket.native",
)

MEDIA = b'{"event":"media","media":{"payload":"' + b"/" * 216 + b'"}}'


LONGEST = 200_000


def sent(
    opcode: Opcode, data: bytes, *, fin: bool = True, masked: bool = True
) -> bytes:
    """A frame, as another's library makes it."""
    return Frame(opcode, data, fin).serialize(mask=masked)


@pytest.mark.parametrize("masked", [True, False])
def test_a_frame_that_arrives_alone_is_read_at_once(masked: bool) -> None:
    frame = sent(Opcode.TEXT, MEDIA, masked=masked)
    assert FrameSplitter(masked=masked).push(frame) == [(MEDIA, frame)]


texts = st.sampled_from(
    [b"", b"a", b"x" * 125, b"y" * 126, MEDIA, b"z" * 65536, b"l" * LONGEST]
)
others = st.sampled_from([Opcode.PING, Opcode.PONG, Opcode.CLOSE])


@given(
    st.lists(
        st.tuples(st.just(Opcode.TEXT), texts)
        | st.tuples(others, st.binary(max_size=125)),
        max_size=12,
    ),
    st.lists(st.integers(1, 400), min_size=1, max_size=5),
    st.booleans(),
)
def test_however_they_are_cut_each_comes_whole_and_once(
    messages: list[tuple[Opcode, bytes]], sizes: list[int], masked: bool
) -> None:
    stream = [sent(*message, masked=masked) for message in messages]
    splitter = FrameSplitter(masked=masked, longest=LONGEST)
    line, found = b"".join(stream), []
    turn = 0
    while line:
        size = sizes[turn % len(sizes)] * (1 if turn < 500 else 1000)
        found += splitter.push(line[:size])
        line, turn = line[size:], turn + 1
    assert [frame for _, frame in found] == stream
    assert [text for text, _ in found] == [
        data if opcode is Opcode.TEXT else None for opcode, data in messages
    ]
    assert splitter.steady


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(
    "make_odd",
    [
        lambda masked: (
            sent(Opcode.TEXT, b"a", fin=False, masked=masked)
            + sent(Opcode.CONT, b"b", masked=masked)
        ),
        lambda masked: sent(Opcode.BINARY, b"a", masked=masked),
        lambda masked: sent(Opcode.TEXT, b"x" * 65536, masked=masked),
        lambda masked: sent(Opcode.TEXT, b"of the other side", masked=not masked),
        lambda masked: b"\xc1" + sent(Opcode.TEXT, b"reserved", masked=masked)[1:],
    ],
    ids=["pieces", "binary", "long", "mask", "reserved"],
)
def test_after_what_is_unusual_nothing_is_cut_any_more(
    make_odd: Callable[[bool], bytes], masked: bool
) -> None:
    splitter, odd = FrameSplitter(masked=masked), make_odd(masked)
    text = sent(Opcode.TEXT, MEDIA, masked=masked)
    found = splitter.push(text) + splitter.push(odd[:7])
    found += splitter.push(odd[7:] + text) + splitter.push(text[:5])
    assert b"".join(frame for _, frame in found) == text + odd + text + text[:5]
    assert [text for text, _ in found if text is not None] == [MEDIA]
    assert not splitter.steady


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("size", [125, 126, LONGEST])
def test_a_text_that_comes_byte_by_byte_is_put_together(
    size: int, masked: bool
) -> None:
    text = b"x" * size
    frame = sent(Opcode.TEXT, text, masked=masked)
    splitter = FrameSplitter(masked=masked, longest=LONGEST)
    for at in range(len(frame) - 1):
        assert splitter.push(frame[at : at + 1]) == []
    assert splitter.push(frame[-1:]) == [(text, frame)]


@given(st.binary(max_size=2000), st.booleans())
def test_no_byte_is_lost_whatever_comes(noise: bytes, masked: bool) -> None:
    splitter = FrameSplitter(masked=masked)
    line = b"".join(frame for _, frame in splitter.push(noise))
    assert noise.startswith(line)
    # What is held back is the beginning of a frame, and comes with the rest of it.
    line += b"".join(frame for _, frame in splitter.push(bytes(70_000)))
    assert line.startswith(noise)


@given(st.binary(min_size=4, max_size=4), st.binary(max_size=300))
def test_a_mask_taken_off_twice_is_on_again(mask: bytes, payload: bytes) -> None:
    expected = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    assert unmasked(mask, payload) == expected


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, LONGEST])
def test_a_frame_of_ours_is_what_another_library_makes(size: int) -> None:
    text = b"a" * size
    assert text_frames([text]) == sent(Opcode.TEXT, text, masked=False)


@given(st.lists(texts, max_size=5))
def test_frames_of_ours_follow_one_another(messages: list[bytes]) -> None:
    frames = [sent(Opcode.TEXT, text, masked=False) for text in messages]
    assert text_frames(messages) == b"".join(frames)


@given(texts, st.binary(min_size=4, max_size=4))
def test_a_client_s_frame_is_read_by_another_library_and_by_us(
    text: bytes, mask: bytes
) -> None:
    frame = masked_text_frame(text, mask)
    assert FrameSplitter(longest=LONGEST).push(frame) == [(text, frame)]
    server = ServerProtocol(state=State.OPEN)
    server.receive_data(frame)
    (got,) = server.events_received()
    assert isinstance(got, Frame)
    assert (got.opcode, got.data, got.fin) == (Opcode.TEXT, text, True)
    assert mask in frame


@pytest.mark.parametrize("mask", [b"", b"abc", b"abcde"])
def test_a_mask_has_four_bytes(mask: bytes) -> None:
    with pytest.raises(ValueError, match=f"mask: expected 4 bytes, got {len(mask)}"):
        masked_text_frame(b"text", mask)
