"""The module in C does what its twin does, and takes nothing else for its own."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twilio.examples import frame
from tests.twins import CODES, memory_kb
from voicebot.twilio import media

if "c" not in CODES:
    pytest.skip("there is no module in C: see `make compiled`", allow_module_level=True)

native: Any = import_module("voicebot.twilio.native")

TEXT: Final = frame("ws.media")
TAIL: Final = TEXT[TEXT.rindex(b'"},"streamSid"') :]
ULAW: Final = bytes(range(256)) * 4


@settings(max_examples=500)
@given(
    st.binary(max_size=300),
    st.integers(0, 600),
    st.integers(0, 4),
    st.text('{}[]",:\\ 0aA=/+-_\n\x7f', max_size=4).map(str.encode)
    | st.binary(max_size=3),
    st.sampled_from([TAIL] * 9 + [b"", b'"', TAIL[2:], b"}"]),
)
def test_whatever_is_changed_both_read_the_same(
    ulaw: bytes, at: int, length: int, patch: bytes, tail: bytes
) -> None:
    written = media.media_text(b'""', ulaw).split(b'"')[-2]
    text = TEXT[: TEXT.index(b'"payload":"') + 11] + written + TAIL
    at %= len(text) + 1
    for each in (text, text[:at] + patch + text[at + length :]):
        assert native.read_media(each, tail) == media.read_media(each, tail)


@given(
    st.one_of(
        st.text("ABYZabyz0189+/=", max_size=12).map(str.encode), st.binary(max_size=8)
    )
)
def test_the_same_is_taken_for_base64(payload: bytes) -> None:
    text = TEXT[: TEXT.index(b'"payload":"') + 11] + payload + TAIL
    assert native.read_media(text, TAIL) == media.read_media(text, TAIL)


@given(st.binary(max_size=40), st.binary(max_size=1000))
def test_the_same_is_written(sid: bytes, ulaw: bytes) -> None:
    assert native.media_text(sid, ulaw) == media.media_text(sid, ulaw)


def test_audio_that_is_no_bytes_but_like_them_is_taken() -> None:
    for like in (bytearray(ULAW), memoryview(ULAW)):
        assert native.media_text(b'"M"', like) == media.media_text(b'"M"', ULAW)
    line = bytearray(ULAW)
    native.media_text(b"", line)
    line.clear()  # nobody holds it


# ---- what is wrong is said, and nothing else happens -----------------------------


def released() -> memoryview:
    view = memoryview(bytearray(ULAW))
    view.release()
    return view


ABSURD: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (TypeError, "read_media: expected", lambda: native.read_media()),
    (TypeError, "read_media: expected", lambda: native.read_media(TEXT)),
    (TypeError, "read_media: expected", lambda: native.read_media(TEXT, TAIL, 1)),
    (TypeError, "read_media: expected", lambda: native.read_media("text", TAIL)),
    (TypeError, "read_media: expected", lambda: native.read_media(TEXT, None)),
    (TypeError, "read_media: expected", lambda: native.read_media(bytearray(), TAIL)),
    (TypeError, "keyword", lambda: native.read_media(TEXT, tail=TAIL)),
    (TypeError, "media_text: expected", lambda: native.media_text(b"")),
    (TypeError, "media_text: expected", lambda: native.media_text("sid", ULAW)),
    (TypeError, "bytes-like", lambda: native.media_text(b"", "text")),
    (TypeError, "bytes-like", lambda: native.media_text(b"", None)),
    (ValueError, "released", lambda: native.media_text(b"", released())),
    (BufferError, "contiguous", lambda: native.media_text(b"", memoryview(ULAW)[::2])),
]


@pytest.mark.parametrize(("error", "says", "call"), ABSURD)
def test_what_makes_no_sense_is_refused(
    error: type[Exception], says: str, call: Callable[[], object]
) -> None:
    with pytest.raises(error, match=says):
        call()


# ---- nothing is lost -------------------------------------------------------------


def once() -> None:
    """Messages that are read and that aren't, and what is written."""
    refused = TEXT[: -len(TAIL)] + b"-" + TAIL, TEXT[: -len(TAIL) - 4] + b"-AAA" + TAIL
    for _ in range(200):
        native.read_media(TEXT, TAIL)
        for text in refused:
            assert native.read_media(text, TAIL) is None
        native.read_media(TEXT, b"")
        native.media_text(b"sid", ULAW)


def test_nothing_is_lost_in_many_calls() -> None:
    held = [TEXT, TAIL, ULAW]
    before_kb = memory_kb(20, once, ABSURD)
    counts = [sys.getrefcount(each) for each in held], sys.getrefcount(None)
    assert memory_kb(100, once, ABSURD) - before_kb < 512  # 1e5 calls
    assert [sys.getrefcount(each) for each in held] == counts[0]
    assert abs(sys.getrefcount(None) - counts[1]) < 1000
