"""When audio leaves: a small lead ahead of the ear, whole frames, no gap of ours."""

from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.bridge.pacer import CHUNK_BYTES, Pacer

SECOND = b"\x42" * 8000


def paced(pacer: Pacer, seconds: float, *, woken_every_s: float = 0.001) -> list[float]:
    """When each chunk leaves, with a clock that only the pacer sets."""
    left, now, ends_at = [], 0.0, 0.0
    while now < seconds:
        while chunk := pacer.take(max(now, ends_at), now):
            ends_at = max(now, ends_at) + len(chunk) / 8000
            left.append(now)
        now += woken_every_s
    return left


def test_an_answer_begins_when_enough_of_it_is_there() -> None:
    pacer = Pacer(lead_ms=300, start_buffer_ms=300)
    pacer.push(b"\x42" * 2399)
    assert pacer.due_at(5.0, 5.0) is None
    assert pacer.take(5.0, 5.0) == b""
    pacer.push(b"\x42")
    assert pacer.due_at(5.0, 5.0) == 5.0
    assert pacer.take(5.0, 5.0) == b"\x42" * CHUNK_BYTES


def test_a_complete_answer_need_not_be_long_to_begin() -> None:
    pacer = Pacer(start_buffer_ms=300)
    pacer.push(b"\x42" * 7)
    pacer.complete()
    assert pacer.take(5.0, 5.0) == b"\x42" * 7
    assert len(pacer) == 0


def test_only_the_end_of_an_answer_may_be_less_than_a_frame() -> None:
    pacer = Pacer(start_buffer_ms=20)
    pacer.push(b"\x42" * 399)
    assert len(pacer.take(5.0, 5.0)) == 320
    assert pacer.take(5.04, 5.0) == b""
    pacer.complete()
    assert len(pacer.take(5.04, 5.0)) == 79


def test_no_more_than_the_lead_is_ever_sent_ahead() -> None:
    pacer = Pacer(lead_ms=300)
    pacer.push(SECOND)
    assert paced(pacer, 0.0005) == [0.0, 0.0, 0.0]  # 300 ms at once


def test_it_goes_on_at_the_pace_of_the_ear() -> None:
    pacer = Pacer(lead_ms=300)
    pacer.push(SECOND)
    pacer.complete()
    left = paced(pacer, 2.0)
    assert len(left) == 10
    assert left[-1] <= 1.0 - 0.2 + 0.1


def test_a_late_wake_up_is_made_good() -> None:
    pacer = Pacer(lead_ms=300)
    pacer.push(SECOND)
    assert len(pacer.take(5.1, 5.0)) == CHUNK_BYTES
    assert pacer.due_at(5.24, 5.0) == 5.24 - 0.2


def test_a_lead_shorter_than_a_chunk_still_sends() -> None:
    pacer = Pacer(lead_ms=0)
    pacer.push(SECOND)
    pacer.complete()
    assert len(paced(pacer, 2.0)) == 10


def test_no_start_buffer_means_a_frame() -> None:
    pacer = Pacer(start_buffer_ms=0)
    pacer.push(b"\x42" * 159)
    assert pacer.due_at(5.0, 5.0) is None
    pacer.push(b"\x42")
    assert len(pacer.take(5.0, 5.0)) == 160


def test_what_was_cleared_never_leaves() -> None:
    pacer = Pacer()
    pacer.push(SECOND)
    pacer.clear()
    assert pacer.due_at(5.0, 5.0) is None
    pacer.push(b"\x17" * 160)
    pacer.complete()
    assert pacer.take(5.0, 5.0) == b"\x17" * 160


@given(
    st.lists(st.binary(max_size=700)),
    st.integers(0, 500),
    st.integers(0, 500),
    st.booleans(),
)
@settings(max_examples=200)
def test_nothing_is_lost_added_or_swapped(
    chunks: list[bytes], lead_ms: int, start_buffer_ms: int, complete: bool
) -> None:
    pacer, now, ends_at, left = Pacer(lead_ms, start_buffer_ms), 1.0, 1.0, b""
    for chunk in chunks:
        pacer.push(chunk)
    if complete:
        pacer.complete()
    while (due_at := pacer.due_at(max(now, ends_at), now)) is not None:
        now = due_at
        chunk = pacer.take(max(now, ends_at), now)
        assert chunk  # what is due, leaves
        ends_at = max(now, ends_at) + len(chunk) / 8000
        left += chunk
    assert b"".join(chunks).startswith(left)
    if complete:
        assert left == b"".join(chunks)
