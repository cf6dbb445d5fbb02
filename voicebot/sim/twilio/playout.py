"""
Twilio's end of the bot's voice: a buffer that plays, marks that come back, a clear.

Source: Twilio: Media Streams, WebSocket messages (media, mark, clear); error 31931.
"""

from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from math import floor
from typing import Final

from voicebot.audio.framing import ULAW_HZ, ULAW_SILENCE

BUFFER_BYTES: Final = 600 * ULAW_HZ
"""Ten minutes. What goes beyond is discarded, with warning 31931."""

UNDERRUN_MS: Final = 500
"""A longer hole in the bot's speech is a pause, or the end of its turn."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Audio of the bot that reached the ear without a hole in it."""

    at_s: float
    """When its first sample was heard."""

    ulaw: bytes
    cleared: bool
    """Whether a `clear` ended it; if not, the buffer ran dry, or it still plays."""

    @property
    def end_s(self) -> float:
        return self.at_s + len(self.ulaw) / ULAW_HZ


@dataclass(slots=True)
class _Run:
    start: int
    played: bytearray
    cleared: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.played)


class Playout:
    """
    Plays media in the order of arrival, and knows what the caller's ear has got.

    `now` is seconds on any clock that never goes back; it is counted in samples of
    125 µs, so that every byte has its place. A mark comes back when what was queued
    before it has left the buffer; the ear hears it `carrier_delay_s` later, and that
    stretch cannot be cleared any more.

    Attributes:
        sent, played, cleared, discarded: bytes of μ-law, ever; with `pending`,
            sent == played + cleared + discarded + pending.
    """

    def __init__(self, *, carrier_delay_s: float = 0.0) -> None:
        self.sent = self.played = self.cleared = self.discarded = 0
        self._delay = round(carrier_delay_s * ULAW_HZ)
        self._pending = bytearray()
        self._marks: deque[tuple[int, str]] = deque()  # place in the queue, name
        self._queued = 0  # bytes that ever were in the queue: the place of its end
        self._gone = 0  # of these, bytes that left it: the place of its head
        self._runs: list[_Run] = []
        self._playing = False
        self._now = 0
        self._taken: int | None = None  # the ear's sample up to which take() went
        self._oldest = 0  # the first run that take() still needs

    @property
    def pending(self) -> int:
        """Bytes that wait in the buffer."""
        return len(self._pending)

    def media(self, ulaw: bytes, now: float) -> int:
        """Queue audio; return how many bytes of it were discarded: buffer full."""
        self._play(now)
        room = BUFFER_BYTES - len(self._pending)
        self.sent += len(ulaw)
        surplus = max(0, len(ulaw) - room)
        self.discarded += surplus
        ulaw = ulaw[: len(ulaw) - surplus]
        if ulaw and not self._playing:
            self._playing = True
            self._runs.append(_Run(self._now, bytearray()))
        self._pending += ulaw
        self._queued += len(ulaw)
        return surplus

    def mark(self, name: str, now: float) -> None:
        """Queue a mark behind the audio; with none queued it is due at once."""
        self._play(now)
        self._marks.append((self._queued, name))

    def clear(self, now: float) -> list[str]:
        """Drop what wasn't played; return all marks that are due or were pending."""
        self._play(now)
        if self._pending:
            self._runs[-1].cleared = True
        self.cleared += len(self._pending)
        self._pending.clear()
        self._playing = False
        self._gone = self._queued
        names = [name for _, name in self._marks]
        self._marks.clear()
        return names

    def advance(self, now: float) -> list[str]:
        """Play up to `now`; return the names of the marks that were reached."""
        if not self._marks:
            return []  # most of the time; what plays is reckoned when it matters
        self._play(now)
        names = []
        while self._marks and self._marks[0][0] <= self._gone:
            names.append(self._marks.popleft()[1])
        return names

    def next_deadline(self) -> float | None:
        """When the next mark is due, or None if none is pending."""
        if not self._marks:
            return None
        ahead = max(0, self._marks[0][0] - self._gone)
        if not ahead:
            return self._now / ULAW_HZ
        return (self._runs[-1].end + ahead) / ULAW_HZ

    def heard(self, now: float) -> list[Segment]:
        """What has reached the ear by `now`, oldest first, with its times."""
        self._play(now)
        ear = self._now - self._delay
        return [
            Segment(
                (run.start + self._delay) / ULAW_HZ,
                bytes(run.played[: ear - run.start]),
                run.cleared and run.end <= ear,
            )
            for run in self._runs
            if run.start < ear and run.played
        ]

    def position_bytes(self, now: float) -> int:
        """How many bytes of the bot's voice have reached the ear by `now`."""
        return sum(len(segment.ulaw) for segment in self.heard(now))

    def underruns(self, now: float) -> list[tuple[float, float]]:
        """
        Holes in the bot's speech: (start, end) at the ear, in seconds.

        A hole is where the buffer ran dry and audio came within UNDERRUN_MS. After
        a `clear` it is no hole: the bot meant to be silent.
        """
        segments = self.heard(now)
        return [
            (before.end_s, after.at_s)
            for before, after in zip(segments, segments[1:], strict=False)
            if not before.cleared and 1000 * (after.at_s - before.end_s) < UNDERRUN_MS
        ]

    def take(self, now: float) -> bytes:
        """
        Return what the ear got since the last call, silence included.

        The first call sets the beginning and returns nothing. Frame upon frame,
        this is the recording of the bot's side.
        """
        self._play(now)
        end = _sample(now) - self._delay  # a late caller asks for the past, in order
        start = end if self._taken is None else self._taken
        self._taken = end
        runs = self._runs
        while self._oldest < len(runs) and runs[self._oldest].end <= start:
            if self._playing and self._oldest == len(runs) - 1:
                break  # it goes on there
            self._oldest += 1
        if self._oldest == len(runs):
            return _silence(end - start)
        run = runs[self._oldest]
        if run.start <= start and run.end >= end:
            return bytes(run.played[start - run.start : end - run.start])
        heard = bytearray(_silence(end - start))
        for run in runs[self._oldest :]:
            left, right = max(start, run.start), min(end, run.end)
            if left < right:
                heard[left - start : right - start] = run.played[
                    left - run.start : right - run.start
                ]
        return bytes(heard)

    def _play(self, now: float) -> None:
        sample = _sample(now)
        if sample <= self._now:
            return
        self._now = sample
        if not self._playing:
            return
        run = self._runs[-1]
        due = self._pending[: sample - run.start - len(run.played)]
        del self._pending[: len(due)]
        run.played += due
        self.played += len(due)
        self._gone += len(due)
        self._playing = bool(self._pending)


@lru_cache(64)
def _silence(samples: int) -> bytes:
    return ULAW_SILENCE * samples


def _sample(now: float) -> int:
    # The small term: a deadline of ours, read back, must not be a sample early.
    return floor(now * ULAW_HZ + 1e-3)
