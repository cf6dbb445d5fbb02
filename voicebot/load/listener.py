"""What one caller hears of a call, as figures. Its clock is an argument."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from voicebot.audio.framing import FRAME_MS, ULAW_HZ
from voicebot.load.mind import ANSWER_MS
from voicebot.load.watermark import Mark, read_bot

LATE_S: Final = 0.02
"""A frame that is sent later than this is heard as a hole by nobody but us: void."""

BATCH: Final = 50
"""Frames that are read at once: a second, a fifth of a millisecond."""

AFRESH_S: Final = 0.2
"""Audio that comes so long after the last was played begins something new."""

PINGS_APART_S: Final = 0.2

QUIET_WINDOWS: Final = 25
"""Half a second without tones: the answer is over."""

EDGE_MS: Final = 40
"""An answer's first and last window may be read or not."""


@dataclass(slots=True)
class Heard:
    """
    Of one call. Frames are those of 20 ms in which the bot's voice carries a mark.

    Times are seconds of the clock that all processes of a machine share.
    """

    frames_sent: int = 0
    frames_late: int = 0
    """Of these, sent more than LATE_S after their time."""
    own: int = 0
    foreign: int = 0
    """With the mark of another call."""
    unread: int = 0
    """With tones that are no mark: of two calls at once, or of pieces."""
    stale: int = 0
    """Of an answer before the one that was heard last."""
    lost_ms: int = 0
    """Missing of answers that nobody cut."""
    repeated_ms: int = 0
    """Too much of them."""
    answers: int = 0
    """That were heard to their end."""
    late_s: float = 0.0
    """The latest frame."""
    began_s: list[float] = field(default_factory=list)
    """When the first sound of each thing that was said came in."""
    pinged_s: list[float] = field(default_factory=list)
    """When each ping of the caller's was sent."""


class Listener:
    """
    Watches one call. Whose sound it was is read when the call is over: what is
    measured meanwhile is the server, and not us.

    Args:
        call: its number in the watermark.
        pings: frames of the caller's that begin a ping.
        clock: seconds, the same for all processes.
    """

    def __init__(
        self, call: int, pings: Iterable[bytes], clock: Callable[[], float]
    ) -> None:
        self.heard = Heard()
        self._call = call
        self._pings = frozenset(pings)
        self._clock = clock
        self._plays_until = 0.0
        self._line: list[bytes] = []  # all frames that were heard
        self._frames_read = 0  # of these
        self._clears: deque[int] = deque()  # frames of the line before each
        self._turns: list[int] = []  # of the answers, in the order heard
        self._lengths: Counter[int] = Counter()  # windows of each answer of _turns
        self._cut: set[int] = set()  # of these, places in _turns
        self._quiet = 0

    def line(self, said: bytes, heard: bytes, late_s: float) -> None:
        figures = self.heard
        figures.frames_sent += 1
        if late_s > figures.late_s:
            figures.late_s = late_s
        if late_s > LATE_S:
            figures.frames_late += 1
        if said in self._pings and not self._has_pinged():
            figures.pinged_s.append(self._clock())
        self._line.append(heard)

    def arrived(self, ulaw: bytes) -> None:
        now = self._clock()
        if now > self._plays_until + AFRESH_S:
            self.heard.began_s.append(now)
        self._plays_until = max(now, self._plays_until) + len(ulaw) / ULAW_HZ

    def cleared(self) -> None:
        self._plays_until = self._clock()
        self._clears.append(len(self._line))

    def reading(self) -> Iterator[None]:
        """Read what was heard, a second of it each time."""
        last = len(self._line) - 1
        while (begin := self._frames_read) < last:
            end = min(begin + BATCH, last)
            piece = b"".join(self._line[begin : end + 1])
            for number, mark in enumerate(read_bot(piece), begin + 1):
                self._cut_before(number)
                self._window(mark)
            self._frames_read = end
            yield

    def finish(self) -> Heard:
        """The call is over; read what isn't read yet."""
        for _ in self.reading():
            pass
        self._cut_before(len(self._line) + 1)
        if self._turns and self._quiet < QUIET_WINDOWS:
            self._cut.add(len(self._turns) - 1)
        for place in range(len(self._turns)):
            if place not in self._cut:
                self._count(self._lengths[place] * FRAME_MS)
        return self.heard

    def _has_pinged(self) -> bool:
        """Whether this ping was sent: in a pause of the voice, its frames are alike."""
        times = self.heard.pinged_s
        return bool(times) and self._clock() < times[-1] + PINGS_APART_S

    def _count(self, heard_ms: int) -> None:
        self.heard.answers += 1
        off_ms = heard_ms - ANSWER_MS
        if off_ms < -EDGE_MS:
            self.heard.lost_ms -= off_ms
        elif off_ms > EDGE_MS:
            self.heard.repeated_ms += off_ms

    def _cut_before(self, frame: int) -> None:
        """Note which answer was cut by each `clear` before a frame."""
        while self._clears and self._clears[0] < frame:
            self._clears.popleft()
            if self._turns:
                self._cut.add(len(self._turns) - 1)

    def _window(self, mark: Mark | bool) -> None:
        self._quiet = 0 if mark else self._quiet + 1
        if not isinstance(mark, Mark):
            self.heard.unread += mark
        elif mark.call != self._call:
            self.heard.foreign += 1
        elif self._turns and mark.turn == self._turns[-1]:
            self._own()
        elif mark.turn in self._turns[-4:]:
            self.heard.stale += 1
        else:
            self._turns.append(mark.turn)
            self._own()

    def _own(self) -> None:
        self.heard.own += 1
        self._lengths[len(self._turns) - 1] += 1
