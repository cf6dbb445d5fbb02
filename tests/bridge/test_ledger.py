"""Where the caller's ear is, against a far end that knows."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bridge.playout import FarEnd
from voicebot.bridge.ledger import MAX_MARKS, MAX_RUNS, Ledger
from voicebot.bridge.model import ClearCaller, MarkCaller, PlayToCaller


def test_nothing_was_heard_before_anything_was_sent() -> None:
    ledger = Ledger()
    assert ledger.position_heard(5.0) == 0
    assert ledger.position_sent == 0
    assert ledger.all_proved
    assert ledger.ends_at(5.0) == ledger.paced_until(5.0) == 5.0


def test_audio_is_heard_at_the_pace_of_the_clock() -> None:
    ledger = Ledger()
    assert ledger.send(8000, 5.0) == 5.0
    assert ledger.position_heard(5.25) == 2000
    assert ledger.ends_at(5.25) == 6.0
    assert ledger.position_heard(6.5) == 8000  # not beyond what was sent


def test_what_is_sent_in_time_follows_without_a_gap() -> None:
    ledger = Ledger()
    ledger.send(8000, 5.0)
    assert ledger.send(8000, 5.5) == 6.0
    assert ledger.position_heard(6.5) == 12_000


def test_what_is_sent_late_leaves_a_gap() -> None:
    ledger = Ledger()
    ledger.send(8000, 5.0)
    assert ledger.send(8000, 7.0) == 7.0
    assert ledger.position_heard(6.9) == 8000
    assert ledger.position_heard(7.5) == 12_000


def test_a_mark_proves_all_that_was_sent_before_it() -> None:
    ledger = Ledger()
    ledger.send(1600, 5.0)
    name = ledger.mark()
    assert name == "g0.1"
    proved = [ledger.all_proved]
    assert ledger.returned(name, 5.3)
    proved.append(ledger.all_proved)
    assert proved == [False, True]
    assert ledger.position_heard(5.3) == 1600


def test_a_mark_proves_nothing_twice() -> None:
    ledger = Ledger()
    ledger.send(1600, 5.0)
    name = ledger.mark()
    assert ledger.returned(name, 5.3)
    assert not ledger.returned(name, 5.3)
    assert not ledger.returned("never sent", 5.3)


def test_the_echo_of_a_mark_that_was_cleared_proves_nothing() -> None:
    """Bugs 2 and 3 of the eight that such bridges have: stale marks count."""
    ledger = Ledger()
    ledger.send(8000, 5.0)
    old = ledger.mark()
    assert ledger.clear(5.25) == 2000
    ledger.send(8000, 5.25)
    new = ledger.mark()
    assert new != old
    assert not ledger.returned(old, 5.3)  # because of the clear
    assert ledger.position_heard(5.3) == 2400
    assert not ledger.all_proved


def test_a_clear_takes_back_what_was_not_heard() -> None:
    """Bugs 1 and 4: the position is of what was heard, never beyond what was sent."""
    ledger = Ledger()
    ledger.send(8000, 5.0)
    assert ledger.clear(5.5) == 4000
    assert ledger.position_sent == 4000
    assert ledger.all_proved
    assert ledger.clear(9.0) == 4000
    assert ledger.send(800, 9.0) == 9.0
    assert ledger.clear(99.0) == 4800


def test_audio_that_comes_late_is_heard_late() -> None:
    ledger = Ledger()
    ledger.send(1600, 5.0)
    first = ledger.mark()
    ledger.send(1600, 5.1)
    second = ledger.mark()
    ledger.returned(first, 5.3)  # 100 ms there and back
    ledger.returned(second, 5.55)  # 50 ms after that: it ran dry
    ledger.send(1600, 5.4)
    assert ledger.ends_at(5.55) == pytest.approx(5.65)
    assert ledger.position_heard(5.55) == pytest.approx(4000, abs=1)


def test_a_late_mark_makes_nothing_leave_late() -> None:
    """Only its way back may have been slow; then waiting would make a gap."""
    ledger = Ledger()
    ledger.send(1600, 5.0)
    ledger.returned(ledger.mark(), 5.3)
    ledger.send(8000, 5.2)
    late = ledger.mark()
    ledger.returned(late, 6.9)  # 600 ms too late
    assert ledger.paced_until(6.0) == pytest.approx(6.2)


def test_a_mark_speaks_for_the_lost_ones_before_it() -> None:
    ledger = Ledger()
    ledger.send(1600, 5.0)
    lost = ledger.mark()
    ledger.send(1600, 5.1)
    assert ledger.returned(ledger.mark(), 5.5)
    assert ledger.all_proved
    assert not ledger.returned(lost, 9.0)  # how late it is says nothing
    assert ledger.ends_at(5.0) == pytest.approx(5.4)


def test_a_mark_of_an_old_stretch_does_not_touch_the_new_one() -> None:
    ledger = Ledger()
    ledger.send(1600, 5.0)
    old = ledger.mark()
    ledger.send(1600, 6.0)
    new = ledger.mark()
    assert ledger.returned(old, 6.1)
    assert ledger.position_heard(6.1) == 2400
    assert ledger.returned(new, 6.3)
    assert ledger.position_heard(6.3) == 3200


def test_a_mark_with_nothing_before_it_proves_nothing() -> None:
    ledger = Ledger()
    assert not ledger.returned(ledger.mark(), 5.0)


def test_a_far_end_that_returns_no_marks_does_not_fill_the_memory() -> None:
    ledger = Ledger()
    names = []
    for second in range(1000):
        ledger.send(800, float(second))
        names.append(ledger.mark())
    assert not ledger.returned(names[-MAX_MARKS - 1], 1000.0)
    assert ledger.returned(names[-MAX_MARKS], 1000.0)  # its stretch is forgotten
    assert ledger.returned(names[-MAX_RUNS], 1000.0)
    assert ledger.position_heard(1000.0) == 800_000


class Line:
    """
    Paced speech on a line that delays everything, a little less or more each time,
    and may hold everything up for a while, so that the far end runs dry.
    """

    def __init__(self, random: Random, far: FarEnd, *, marks: bool) -> None:
        self.ledger, self.far, self.now = Ledger(), far, 10.0
        self._random, self._marks = random, marks
        self._dry_at = 0.0
        self._unmarked = 0
        self.proved = True
        """Whether a mark has come back since the far end last ran dry."""

    def speak(self, seconds: float, *, stall_s: float = 0.0) -> None:
        until, stall_at = self.now + seconds, self.now + seconds / 2
        while self.now < until or self.now < self.far.stalled_until:
            if stall_s and self.now >= stall_at:
                self.far.stalled_until, stall_s = self.now + stall_s, 0.0
            while self.ledger.paced_until(self.now) - self.now <= 0.16:
                self._send(640)
            self.now += 0.005
            if self._marks:
                self._bring_marks()

    def error_ms(self) -> float:
        """Clear, and say by how much the ledger thinks that too much was heard."""
        heard = self.ledger.clear(self.now)
        self.far.send(ClearCaller(self.now), self.now, self._jitter_s())
        for name in self.far.marks_back(self.now + 1.0):
            assert not self.ledger.returned(name, self.now)  # all are of the clear
        self._unmarked = 0
        return (heard - self.far.cleared[-1][1]) / 8

    def _bring_marks(self) -> None:
        while (at := self.far.next_mark()) is not None and at <= self.now:
            for name in self.far.marks_back(at):
                assert self.ledger.returned(name, at)
            self.proved |= at - self.far.back_s > self._dry_at

    def _send(self, size: int) -> None:
        gaps = len(self.far.gaps_s)
        self.far.send(PlayToCaller(bytes(size), 0.0), self.now, self._jitter_s())
        self.ledger.send(size, self.now)
        if len(self.far.gaps_s) > gaps:
            self._dry_at, self.proved = self.far.played[-1][0], False
        self._unmarked += size
        if self._unmarked >= 1600:
            self._unmarked = 0
            self.far.send(MarkCaller(self.ledger.mark()), self.now, self._jitter_s())

    def _jitter_s(self) -> float:
        return self._random.uniform(0, 0.005)


seeds = st.integers(0, 2**32)


@given(seeds, st.floats(0, 0.15), st.floats(0, 0.15), st.floats(0.05, 0.7))
@settings(max_examples=150, deadline=None)
def test_with_marks_it_knows_the_ear_within_20_ms_though_the_line_stalled(
    seed: int, there_s: float, back_s: float, stall_s: float
) -> None:
    """
    At the instant at which a clear takes effect over there. Once the far end ran dry,
    this holds from the next mark on: nobody can know of it before.
    """
    random = Random(seed)
    line = Line(random, FarEnd(there_s, back_s), marks=True)
    line.speak(1.0)
    for _ in range(4):
        line.speak(random.uniform(0.05, 1.5), stall_s=stall_s * random.getrandbits(1))
        while not line.proved:
            line.speak(0.02)
        assert abs(line.error_ms()) <= 20
        line.now += random.uniform(0.3, 1.0)


@given(seeds, st.floats(0, 0.06))
@settings(max_examples=150, deadline=None)
def test_without_marks_it_knows_the_ear_within_60_ms(seed: int, there_s: float) -> None:
    random = Random(seed)
    line = Line(random, FarEnd(there_s), marks=False)
    for _ in range(4):
        line.speak(random.uniform(0.05, 2.5))
        assert abs(line.error_ms()) <= 60
        line.now += random.uniform(0.0, 1.0)


def test_a_mark_of_about_that_time_shows_lateness_but_no_shorter_way() -> None:
    ledger = Ledger()
    ledger.send(8 * 200, 5.0)
    first = ledger.mark()
    ledger.send(8 * 1000, 5.0)
    early, late = ledger.mark(), ledger.mark()
    ledger.returned(first, 5.3)  # 100 ms there and back
    ledger.returned(early, 6.29, about=True)
    assert ledger.ends_at(6.0) == pytest.approx(6.2)  # not earlier than on time
    ledger.returned(late, 6.31, about=True)
    assert ledger.ends_at(6.0) == pytest.approx(6.21)


def test_if_the_first_mark_is_of_about_then_it_must_do() -> None:
    ledger = Ledger()
    assert not ledger.knows_way
    ledger = Ledger()
    ledger.send(8 * 200, 5.0)
    ledger.returned(ledger.mark(), 5.3, about=True)
    assert ledger.knows_way
    assert ledger.ends_at(5.0) == pytest.approx(5.2)


def test_nothing_is_heard_before_it_was_sent_whatever_a_late_mark_made_of_it() -> None:
    ledger = Ledger()
    ledger.send(800, 0.0)
    first = ledger.mark()
    ledger.send(800, 0.0)
    late = ledger.mark()
    ledger.send(2400, 0.0)  # 0.5 s in all
    last = ledger.mark()
    assert ledger.returned(first, 0.3)  # 0.2 s there and back
    assert ledger.returned(late, 0.65)  # as if all played 0.25 s late
    assert ledger.send(800, 0.65) == pytest.approx(0.75)
    assert ledger.returned(last, 0.7)  # nothing did: it was silent over there
    assert ledger.position_heard(0.7) == 4000 + 400
    assert ledger.ends_at(0.7) == pytest.approx(0.75)
    assert ledger.paced_until(0.7) == pytest.approx(0.75)
