"""
The recordings of calls: the caller left, the bot as it was heard right.

A call places what is heard; who writes takes it from all of them at once.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from itertools import islice
from math import ceil, inf
from pathlib import Path

import structlog

from voicebot.audio.framing import ULAW_SILENCE, ulaw_bytes, ulaw_ms
from voicebot.audio.mixdown import Mixdown
from voicebot.errors import StoreError
from voicebot.store.recordings import StereoRecording

log = structlog.get_logger()

# With what is held back, a process that is killed takes 2 s of sound along.
FLUSH_S = 1.0

# In so many parts, if there are as many recordings.
PARTS = 10

# What the bot says is booked up to its lead (300 ms) before it is heard, and may be
# cut until then; so the last second stays in memory.
HELD_BACK_MS = 1000

# The line's clock is believed if it is at most so far behind ours.
LATE_MS = 5000

# Frames come 20 ms apart, give or take: only a jump wider than this is a gap.
JITTER_MS = 100


class Recorder:
    """
    The recording of one call. Times are milliseconds from its start.

    What comes while it isn't allowed is silence; before it is for the first time,
    there is no file, and what was heard is forgotten within a second.

    Args:
        path: of the file to create.
        recordings: who writes it, while `run` runs.
        allowed: whether to record from the start, or not before `allow` says so.

    Attributes:
        path: of the file, or None if there is none.
        lost: whether the disk failed; the file then ends before the call does.
        milliseconds: how much of it was written, once the call is over.
    """

    def __init__(
        self, path: Path, recordings: "Recordings", *, allowed: bool = True
    ) -> None:
        self.path: Path | None = path
        self._recordings = recordings
        self._allowed = allowed
        self._end_ms = inf  # consent was withdrawn then
        self.file = RecordingFile(path)
        self._begun = False  # there is a file, or will be
        self._over = asyncio.Event()
        self.milliseconds = 0
        self.lost = False
        self._mix = Mixdown()
        self._caller_until_ms = 0.0
        self._taken = 0  # samples of each side
        # Silent from, until; the last may be open.
        self._pauses: list[tuple[float, float]] = [] if allowed else [(0.0, inf)]
        self._is_typing = False
        self._line_offset_ms = inf  # our clock less the line's; set by the first frame

    def caller(self, ulaw: bytes, timestamp_ms: float, now_ms: float) -> None:
        """
        Place a piece of the caller's audio.

        Args:
            timestamp_ms: the line's own clock, which knows better than its arrival
                where it belongs: after a stall, frames come in a burst.
        """
        if self.lost:
            return
        at_ms = timestamp_ms + self._line_offset_ms
        if not now_ms - LATE_MS < at_ms < now_ms + JITTER_MS:
            self._line_offset_ms = now_ms - timestamp_ms
            at_ms = now_ms
        if abs(at_ms - self._caller_until_ms) > JITTER_MS:
            self._caller_until_ms = at_ms
        self._mix.caller(ulaw, self._caller_until_ms)
        self._caller_until_ms += ulaw_ms(len(ulaw))

    def bot(self, ulaw: bytes, at_ms: float) -> None:
        if not self.lost:
            self._mix.bot(ulaw, at_ms)

    def cut(self, at_ms: float) -> None:
        self._mix.cut_bot(at_ms)

    def pause(self, on: bool, at_ms: float) -> None:
        """Record silence of both sides from now on, or the call again."""
        self._is_typing = on
        self._silence(at_ms)

    def allow(self, on: bool, at_ms: float) -> None:
        """Record from now on; or no longer, for good."""
        self._allowed = on
        if not on:
            self._end_ms = at_ms
        self._silence(at_ms)

    def _silence(self, at_ms: float) -> None:
        is_silent = bool(self._pauses) and self._pauses[-1][1] == inf
        wanted = self._is_typing or not self._allowed
        if wanted and not is_silent:
            self._pauses.append((at_ms, inf))
        elif is_silent and not wanted:
            self._pauses[-1] = (self._pauses[-1][0], at_ms)

    def take(self, until_ms: float) -> bytes | None:
        """
        Take what is to be written next, which ends at `until_ms`.

        Returns:
            G.711 μ-law, stereo; None if there is to be no file, so far.
        """
        before, stereo = self._taken, self._mix.take(max(0.0, until_ms))
        if not self._begun and not self._allowed:
            self._taken += len(stereo) // 2
            return None
        heard = self._silenced(stereo)
        if self._end_ms < inf:
            heard = heard[: 2 * max(0, ulaw_bytes(self._end_ms) - before)]
        if not self._begun:
            self._begun = True
            heard = ULAW_SILENCE * (2 * before) + heard  # the file's time is the call's
        return heard

    async def run(self, now_ms: Callable[[], float]) -> None:
        """
        Have what was heard written, and all the rest when the call is over.

        A disk that fails costs what is recorded from then on, never the call.
        """
        rest: bytes | None = None
        try:
            self._recordings.add(self, now_ms)
            await self._over.wait()
            if not self.lost:
                rest = self.take(now_ms())
        finally:
            self._recordings.discard(self)
            try:
                await self._recordings.close(self.file, rest)
            except StoreError as exc:
                log.error("recording lost", error=str(exc))
                self.lost = True
            self.milliseconds = self.file.milliseconds
        if not self.milliseconds:
            self.path = None

    def stop(self) -> None:
        """The call is over: let `run` write the rest."""
        self._over.set()

    def give_up(self) -> None:
        """The disk failed: nothing more is recorded, and `run` says so."""
        self.lost = True
        self._over.set()

    def _silenced(self, stereo: bytes) -> bytes:
        """Blank what lies in a pause, of the piece that follows what was taken."""
        first, last = self._taken, self._taken + len(stereo) // 2
        self._taken = last
        blanked = bytearray(stereo)
        for from_ms, until_ms in self._pauses:
            start = min(max(ulaw_bytes(from_ms), first), last)
            end = last if until_ms == inf else min(ulaw_bytes(until_ms), last)
            silence = ULAW_SILENCE * (2 * max(0, end - start))
            blanked[2 * (start - first) : 2 * (start - first) + len(silence)] = silence
        return bytes(blanked)


class Recordings:
    """
    Writes the recordings of all calls of a process, each once a second.

    Of many calls, a tenth at a time is written in one go: more would hold the loop.

    A disk that takes longer isn't given more: what is heard stays with its recorder.

    Args:
        disk: one thread: writes of one file must not overtake each other.
    """

    def __init__(self, disk: Executor) -> None:
        self._disk = disk
        self._open: dict[Recorder, Callable[[], float]] = {}
        self._timer: asyncio.TimerHandle | None = None  # while any is open
        self._writing: Future[None] | None = None  # or what was written last

    def add(self, recorder: Recorder, now_ms: Callable[[], float]) -> None:
        """Write a recording from now on; `now_ms` is its call's clock."""
        self._open[recorder] = now_ms
        if not self._timer:
            self._set_timer()

    def discard(self, recorder: Recorder) -> None:
        """Write it no longer."""
        self._open.pop(recorder, None)
        if self._timer and not self._open:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        loop = asyncio.get_running_loop()
        parts = min(PARTS, len(self._open))
        self._timer = loop.call_later(FLUSH_S / parts, self._flush_part, parts)

    def _flush_part(self, parts: int) -> None:
        self._set_timer()
        self.flush(ceil(len(self._open) / parts))

    def flush(self, count: int) -> None:
        """
        Have written what was heard of the calls whose turn it is, so many of them,
        unless the last isn't written yet.

        Nobody waits for it: to be told would wake the loop once more. The next time
        finds out how it went.
        """
        if self._writing and not self._writing.done():
            return
        pieces: list[tuple[RecordingFile, bytes]] = []
        for recorder in [*islice(self._open, count)]:
            self._open[recorder] = now_ms = self._open.pop(recorder)  # the last one now
            if recorder.file.error:
                recorder.give_up()
            elif (heard := recorder.take(now_ms() - HELD_BACK_MS)) is not None:
                pieces.append((recorder.file, heard))
        if pieces:
            self._writing = self._disk.submit(_write_all, pieces)

    async def close(self, file: "RecordingFile", rest: bytes | None) -> None:
        """
        Write the rest of a file and close it, behind all that is being written.

        It is closed even if who waits for that is cancelled.

        Raises:
            StoreError: the disk failed, now or before.
        """
        closing = self._disk.submit(file.close, rest)
        await asyncio.shield(asyncio.wrap_future(closing))


class RecordingFile:
    """
    A file that is created when there is something to write. What fails is kept for
    `close`, so that it costs no other file.

    All methods block: they are for the one thread that writes recordings.

    Attributes:
        error: what failed, if anything did; nothing is written any more.
        milliseconds: how much was written, once it is closed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: StereoRecording | None = None
        self.error: Exception | None = None
        self.milliseconds = 0

    def write(self, stereo: bytes) -> None:
        """Append a piece, and flush it."""
        if self.error:
            return
        try:
            if not self._file:
                self._file = StereoRecording(self._path)
            self._file.write(stereo)
            self._file.flush()
        except Exception as exc:  # noqa: BLE001 - `close` raises it
            self.error = exc

    def close(self, rest: bytes | None) -> None:
        """
        Append the rest, if any, and finish the file, if there is one.

        Raises:
            StoreError: the disk failed, now or before.
        """
        if rest is not None:
            self.write(rest)
        if self._file:
            try:
                self._file.close()
            finally:
                self.milliseconds = self._file.milliseconds
        if self.error:
            raise self.error


def _write_all(pieces: list[tuple[RecordingFile, bytes]]) -> None:
    for file, stereo in pieces:
        file.write(stereo)
