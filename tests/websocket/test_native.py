"""The module in C does what its twin does, and takes nothing else for its own."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.twins import CODES, memory_kb
from voicebot.websocket import frames

if "c" not in CODES:
    pytest.skip("there is no module in C: see `make compiled`", allow_module_level=True)

native: Any = import_module("voicebot.websocket.native")

TEXT: Final = b'{"event":"media"}' * 30


def framed(first: int, payload: bytes, *, masked: bool = True) -> bytes:
    """A frame such as no library would make: none is refused."""
    size = len(payload)
    if size < frames.TWO_BYTES:
        length, rest = size, b""
    elif size <= 0xFFFF:
        length, rest = frames.TWO_BYTES, size.to_bytes(2)
    else:
        length, rest = frames.EIGHT_BYTES, size.to_bytes(8)
    if not masked:
        return bytes((first, length)) + rest + payload
    payload = MASK + frames.unmasked(MASK, payload)
    return bytes((first, length | frames.MASKED)) + rest + payload


MASK: Final = b"\x12\x34\xab\xcd"
TEXTS, PING, PIECE, BINARY = frames.WHOLE_TEXT, 0x89, 0x01, 0x82
ONE: Final = framed(TEXTS, TEXT)

SIZES: Final = [0, 1, 7, 8, 9, 125, 126, 400, 65_535, 65_536, 70_000]
NOISE: Final = bytes(range(256)) * 300
pieces = st.one_of(
    st.binary(max_size=20),
    st.builds(
        lambda first, size, masked: framed(first, NOISE[:size], masked=masked),
        st.sampled_from([TEXTS] * 9 + [PING, PING, PIECE, BINARY, 0x80, 0xFF]),
        st.sampled_from(SIZES),
        st.sampled_from([True] * 9 + [False]),
    ),
)


@given(
    st.lists(pieces, max_size=8).map(b"".join),
    st.lists(st.sampled_from([1, 2, 3, 50, 400, 1000, 70_000]), min_size=1, max_size=9),
    st.booleans(),
    st.sampled_from([0, 125, 65_535, 200_000, sys.maxsize]),
)
def test_whatever_comes_is_cut_alike(
    line: bytes, steps: list[int], masked: bool, longest: int
) -> None:
    one = frames.FrameSplitter(masked=masked, longest=longest)
    other = native.FrameSplitter(masked=masked, longest=longest)
    turn = 0
    while line:
        step = steps[turn % len(steps)] * (1 if turn < 300 else 1000)
        arrived, line, turn = line[:step], line[step:], turn + 1
        assert one.push(arrived) == other.push(arrived)
        assert one.steady == other.steady


@given(
    st.lists(st.binary(max_size=200) | st.sampled_from(SIZES).map(bytes), max_size=5)
)
def test_the_same_frames_are_made(texts: list[bytes]) -> None:
    assert frames.text_frames(texts) == native.text_frames(texts)


@given(
    st.binary(max_size=200) | st.sampled_from(SIZES).map(lambda size: NOISE[:size]),
    st.binary(min_size=4, max_size=4),
)
def test_the_same_frame_of_a_client_is_made(text: bytes, mask: bytes) -> None:
    made = frames.masked_text_frame(text, mask)
    assert made == native.masked_text_frame(text, mask)


@pytest.mark.parametrize("begin", range(9))
def test_a_mask_comes_off_wherever_a_frame_begins(begin: int) -> None:
    """The words of eight bytes needn't stand at multiples of eight."""
    line = framed(PING, bytes(begin)) + ONE
    assert [text for text, _ in native.FrameSplitter().push(line)] == [None, TEXT]


def test_a_frame_that_came_alone_is_not_copied() -> None:
    ((_, frame),) = native.FrameSplitter().push(ONE)
    assert frame is ONE


def test_what_is_no_bytes_but_like_them_is_taken() -> None:
    for like in (bytearray(ONE), memoryview(ONE)):
        assert native.FrameSplitter().push(like) == [(TEXT, ONE)]
    line = bytearray(ONE)
    native.FrameSplitter().push(line)
    line.clear()  # nobody holds it


def test_a_frame_may_claim_any_length_and_costs_what_came() -> None:
    """2^64 - 1 bytes, and 2^63 - 1 that may come: no room is made for either."""
    for size in (2**64 - 1, sys.maxsize):
        head = bytes((frames.WHOLE_TEXT, 0xFF)) + size.to_bytes(8)
        splitter = native.FrameSplitter(longest=sys.maxsize)
        found = splitter.push(head + b"mask")
        assert found == ([] if size == sys.maxsize else [(None, head + b"mask")])
        assert splitter.steady == (size == sys.maxsize)
        assert bool(splitter.push(b"more")) != splitter.steady


# ---- what is wrong is said, and nothing else happens -----------------------------


def released() -> memoryview:
    view = memoryview(bytearray(ONE))
    view.release()
    return view


def splitter() -> Any:
    return native.FrameSplitter()


ABSURD: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (TypeError, "positional", lambda: native.FrameSplitter(True)),
    (TypeError, "'size'", lambda: native.FrameSplitter(size=1)),
    (TypeError, "integer", lambda: native.FrameSplitter(longest="long")),
    (ValueError, "longest: expected 0 or", lambda: native.FrameSplitter(longest=-1)),
    (OverflowError, "too large", lambda: native.FrameSplitter(longest=2**63)),
    (TypeError, "not an acceptable", lambda: type("My", (native.FrameSplitter,), {})),
    (TypeError, "immutable", lambda: setattr(native.FrameSplitter, "push", None)),
    (AttributeError, "readonly", lambda: setattr(splitter(), "steady", False)),
    (TypeError, "FrameSplitter", lambda: native.FrameSplitter.push(object(), ONE)),
    (TypeError, "bytes-like", lambda: splitter().push("text")),
    (TypeError, "bytes-like", lambda: splitter().push(None)),
    (ValueError, "released", lambda: splitter().push(released())),
    (BufferError, "contiguous", lambda: splitter().push(memoryview(ONE)[::2])),
    (TypeError, "one argument", lambda: splitter().push()),
    (TypeError, "a list of bytes", lambda: native.text_frames(TEXT)),
    (TypeError, "a list of bytes", lambda: native.text_frames((TEXT,))),
    (TypeError, "a list of bytes", lambda: native.text_frames([TEXT, "text"])),
    (TypeError, "a list of bytes", lambda: native.text_frames([None])),
    (TypeError, "exactly 2", lambda: native.masked_text_frame(TEXT)),
    (TypeError, "not 'str'", lambda: native.masked_text_frame("text", MASK)),
    (TypeError, "read-only", lambda: native.masked_text_frame(bytearray(9), MASK)),
    (TypeError, "NoneType", lambda: native.masked_text_frame(TEXT, None)),
    (ValueError, "got 5", lambda: native.masked_text_frame(TEXT, bytes(5))),
]


@pytest.mark.parametrize(("error", "says", "call"), ABSURD)
def test_what_makes_no_sense_is_refused(
    error: type[Exception], says: str, call: Callable[[], object]
) -> None:
    with pytest.raises(error, match=says):
        call()


def test_refused_bytes_change_nothing() -> None:
    one = splitter()
    assert one.push(ONE[:10]) == []
    with pytest.raises(TypeError):
        one.push("text")
    assert one.push(ONE[10:]) == [(TEXT, ONE)]


# ---- nothing is lost -------------------------------------------------------------


def once() -> None:
    """Frames whole, in halves, and half of one that never comes."""
    line, stray = splitter(), framed(BINARY, TEXT)
    for _ in range(200):
        line.push(ONE)
        line.push(ONE[:10])
        line.push(ONE[10:] + ONE[:1])
        line.push(ONE[1:])
        native.text_frames([TEXT, TEXT])
        native.masked_text_frame(TEXT, MASK)
    line.push(bytes((0x81, 0xFE, 0xFF, 0xFF)) + bytes(30_000))
    splitter().push(stray + stray + ONE)


def test_nothing_is_lost_in_many_calls() -> None:
    held = [native.FrameSplitter, ONE, TEXT]
    before_kb = memory_kb(20, once, ABSURD)
    counts = [sys.getrefcount(each) for each in held], sys.getrefcount(None)
    assert memory_kb(100, once, ABSURD) - before_kb < 512  # 1e5 calls
    assert [sys.getrefcount(each) for each in held] == counts[0]
    assert abs(sys.getrefcount(None) - counts[1]) < 1000
