"""The clock is a number. A slow model, one sample a step, is the referee."""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.sim.twilio.playout import BUFFER_BYTES, Playout, Segment

SECOND = bytes([0x55]) * 8000


def test_what_is_queued_is_heard_in_real_time() -> None:
    playout = Playout()
    playout.media(SECOND, now=10.0)
    playout.media(SECOND, now=10.1)
    assert playout.position_bytes(10.5) == 4000
    assert playout.heard(11.5) == [Segment(10.0, (SECOND * 2)[:12000], False)]
    assert playout.pending == 4000


def test_a_mark_comes_back_when_the_audio_before_it_was_played() -> None:
    playout = Playout()
    playout.media(SECOND, now=10.0)
    playout.mark("half", now=10.0)
    playout.media(SECOND, now=10.0)
    playout.mark("end", now=10.2)
    assert playout.next_deadline() == 11.0
    assert playout.advance(10.999) == []
    assert playout.advance(11.0) == ["half"]
    assert playout.next_deadline() == 12.0
    assert playout.advance(12.0) == ["end"]
    assert playout.next_deadline() is None


def test_a_mark_with_nothing_queued_comes_back_at_once() -> None:
    playout = Playout()
    playout.mark("now", now=10.0)
    assert playout.next_deadline() == 10.0
    assert playout.advance(10.0) == ["now"]


def test_a_clear_drops_the_rest_and_returns_the_pending_marks() -> None:
    playout = Playout()
    playout.media(SECOND, now=10.0)
    playout.mark("a", now=10.0)
    playout.media(SECOND, now=10.0)
    playout.mark("b", now=10.0)
    assert playout.clear(10.25) == ["a", "b"]
    assert playout.advance(99.0) == []
    assert playout.heard(99.0) == [Segment(10.0, SECOND[:2000], True)]
    assert playout.cleared == 14000


def test_what_is_on_its_way_to_the_ear_survives_a_clear() -> None:
    playout = Playout(carrier_delay_s=0.2)
    playout.media(SECOND, now=10.0)
    assert playout.position_bytes(10.1) == 0
    playout.clear(10.5)
    assert playout.position_bytes(10.5) == 2400
    assert not playout.heard(10.5)[0].cleared  # it still arrives
    assert playout.heard(11.0) == [Segment(10.2, SECOND[:4000], True)]


def test_audio_that_comes_late_makes_a_hole_but_a_pause_is_none() -> None:
    playout = Playout()
    playout.media(SECOND, now=10.0)
    playout.media(SECOND, now=11.25)
    playout.media(SECOND, now=13.0)  # 750 ms: a pause
    playout.clear(13.5)
    playout.media(SECOND, now=13.75)  # after a clear: meant
    assert playout.underruns(20.0) == [(11.0, 11.25)]


def test_a_clear_with_nothing_pending_cuts_nothing() -> None:
    playout = Playout()
    assert playout.clear(1.0) == []
    playout.media(SECOND, now=2.0)
    playout.clear(4.0)
    assert not playout.heard(4.0)[0].cleared


def test_more_than_ten_minutes_are_discarded() -> None:
    playout = Playout()
    assert playout.media(bytes(BUFFER_BYTES), now=0.0) == 0
    assert playout.media(SECOND, now=0.5) == 4000
    assert playout.media(SECOND, now=0.5) == 8000
    assert playout.discarded == 12000


def test_taking_frame_by_frame_gives_the_recording_with_its_silences() -> None:
    playout = Playout()
    assert playout.take(10.0) == b""
    playout.media(SECOND[:100], now=10.01)
    assert playout.take(10.02) == b"\xff" * 80 + SECOND[:80]
    playout.media(SECOND[:40], now=10.03)
    second = SECOND[:20] + b"\xff" * 60 + SECOND[:40] + b"\xff" * 40
    assert playout.take(10.04) == second
    assert playout.take(10.06) == b"\xff" * 160


def test_a_late_taker_still_gets_the_frames_of_the_past() -> None:
    playout = Playout()
    playout.take(10.0)
    playout.media(SECOND[:240], now=10.0)
    playout.advance(10.06)
    assert playout.take(10.02) == SECOND[:160]
    assert playout.take(10.04) == SECOND[:80] + b"\xff" * 80


def test_a_deadline_read_back_is_never_a_sample_early() -> None:
    for n in range(1, 400):
        playout = Playout()
        playout.media(bytes(n), now=123456.7)
        playout.mark("m", now=123456.7)
        deadline = playout.next_deadline()
        assert deadline is not None
        assert playout.advance(deadline) == ["m"]


class Slow:
    """The same, one sample a step: too slow to use, too plain to be wrong."""

    def __init__(self) -> None:
        self.queue: deque[int | str] = deque()
        self.ear = bytearray()
        self.marks: list[str] = []

    def step(self, samples: int) -> None:
        for _ in range(samples):
            self.due()
            byte = self.queue.popleft() if self.queue else 0xFF
            assert isinstance(byte, int)
            self.ear.append(byte)
        self.due()

    def due(self) -> None:
        while self.queue and isinstance(self.queue[0], str):
            self.marks.append(str(self.queue.popleft()))

    def clear(self) -> None:
        self.marks += [item for item in self.queue if isinstance(item, str)]
        self.queue.clear()


steps = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=500),
        st.integers(0, 600),
        st.sampled_from(["mark", "clear", "advance"]),
    ),
    max_size=30,
)


@settings(max_examples=150)
@given(steps)
def test_any_order_of_media_marks_and_clears_is_heard_as_by_the_slow_model(
    script: list[bytes | int | str],
) -> None:
    fast, slow = Playout(), Slow()
    marks: list[str] = []
    ear = fast.take(500.0)
    now = 4_000_000
    for number, step in enumerate(script):
        if isinstance(step, bytes):
            fast.media(step, now / 8000)
            slow.queue.extend(step)
        elif isinstance(step, int):
            now += step
            slow.step(step)
            ear += fast.take(now / 8000)
        elif step == "mark":
            fast.mark(str(number), now / 8000)
            slow.queue.append(str(number))
        elif step == "clear":
            marks += fast.clear(now / 8000)
            slow.clear()
        else:
            marks += fast.advance(now / 8000)
        held = fast.played + fast.cleared + fast.discarded + fast.pending
        assert fast.sent == held
    slow.due()
    assert marks + fast.advance(now / 8000) == slow.marks
    assert ear == bytes(slow.ear)
    assert fast.position_bytes(now / 8000) == fast.played


@pytest.mark.parametrize("delay_ms", [0, 60])
@settings(max_examples=50)
@given(st.integers(0, 4000), st.integers(1, 4000))
def test_nothing_buffered_at_a_clear_is_ever_heard(
    delay_ms: int, before: int, after: int
) -> None:
    playout = Playout(carrier_delay_s=delay_ms / 1000)
    playout.media(b"a" * 4000, now=0.0)
    playout.clear(before / 8000)
    playout.media(b"b" * after, now=before / 8000)
    heard = b"".join(segment.ulaw for segment in playout.heard(9.0))
    assert heard == b"a" * before + b"b" * after


def test_a_late_taker_hears_nothing_of_what_came_later() -> None:
    playout = Playout()
    playout.take(0.0)
    playout.media(b"\x01" * 80, 0.0)
    playout.media(b"\x02" * 80, 0.1)
    assert playout.take(0.02) == b"\x01" * 80 + b"\xff" * 80
    assert playout.take(0.11)[-80:] == b"\x02" * 80
