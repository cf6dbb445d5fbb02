import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import RemoteProtocolError
from voicebot.stepfun.sse import MAX_EVENT_BYTES, SseReader

TWO = b'data: {"a": 1}\n\ndata: {"b": "\xe5\xad\x97"}\n\ndata: [DONE]\n\n'
TWO_READ = [b'{"a": 1}', b'{"b": "\xe5\xad\x97"}']


def read(*chunks: bytes) -> list[bytes]:
    reader = SseReader()
    events = [data for chunk in chunks for data in reader.feed(chunk)]
    return events + reader.finish()


def test_events_are_read_up_to_done() -> None:
    reader = SseReader()
    assert reader.feed(TWO) == TWO_READ
    assert reader.ended
    assert reader.feed(b"data: late\n\n") == reader.finish() == []


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@given(cuts=st.lists(st.integers(0, 80)))
def test_how_a_stream_is_cut_into_chunks_does_not_matter(
    end: bytes, cuts: list[int]
) -> None:
    text = TWO.replace(b"\n", end)
    at = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    assert read(*(text[a:b] for a, b in zip(at, at[1:], strict=False))) == TWO_READ


def test_an_event_is_told_as_soon_as_it_is_whole() -> None:
    reader = SseReader()
    assert reader.feed(b'data: {"a') == []
    assert reader.feed(b'": 1}\r\n\r') == [b'{"a": 1}']
    assert reader.feed(b"\ndata: 2\n\n") == [b"2"]
    assert reader.feed(b"") == []


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (b"", []),
        (b": a comment, to keep the line alive\n\n", []),
        (b"event: delta\nid: 7\nretry: 10\ndata: x\n\n", [b"x"]),
        (b"data:x\n\n", [b"x"]),  # the space is optional, and only one is taken
        (b"data:  x\n\n", [b" x"]),
        (b"data: x\ndata: y\n\n", [b"x\ny"]),
        (b"data\n\ndatum: x\n\n", []),
        (b"\xef\xbb\xbfdata: x\n\n", [b"x"]),  # only at the very start
        (b"data: x\n\n\xef\xbb\xbfdata: y\n\n", [b"x"]),
    ],
)
def test_lines_are_read_as_the_standard_says(text: bytes, events: list[bytes]) -> None:
    assert read(text) == events


@pytest.mark.parametrize("end", [b"", b"\n", b"\r"])
def test_the_empty_line_behind_the_last_event_may_be_missing(end: bytes) -> None:
    assert read(b'data: {"a": 1}' + end) == [b'{"a": 1}']
    reader = SseReader()
    reader.feed(b"data: [DONE]" + end)
    assert reader.finish() == []
    assert reader.ended


def test_half_an_event_is_told_as_it_is() -> None:
    assert read(b'data: {"a": 1}\n\n', b'data: {"b') == [b'{"a": 1}', b'{"b']
    assert read(b"dat") == []


@pytest.mark.parametrize("line", [b"data: ", b"event: ", b""])
def test_a_line_without_an_end_is_not_kept_for_ever(line: bytes) -> None:
    reader = SseReader()
    reader.feed(line)
    with pytest.raises(RemoteProtocolError, match="expected up to 4194304 bytes"):
        reader.feed(b"x" * (MAX_EVENT_BYTES + 10))


def test_an_event_without_an_end_is_not_kept_for_ever() -> None:
    reader = SseReader()
    half = b"data: " + b"x" * (MAX_EVENT_BYTES // 2) + b"\n"
    reader.feed(half)
    reader.feed(half)
    with pytest.raises(RemoteProtocolError, match="expected up to 4194304 bytes"):
        reader.feed(half)
