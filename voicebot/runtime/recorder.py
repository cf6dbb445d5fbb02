"""The recording of one call: the caller left, the bot as it was heard right."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from math import inf
from pathlib import Path
from typing import TypeVar

import structlog

from voicebot.audio.framing import ULAW_SILENCE, ulaw_bytes, ulaw_ms
from voicebot.audio.mixdown import Mixdown
from voicebot.errors import StoreError
from voicebot.store.recordings import StereoRecording

T = TypeVar("T")

log = structlog.get_logger()

# With what is held back, a process that is killed takes 1.5 s of sound along.
FLUSH_S = 0.5

# What the bot says is booked up to its lead (240 ms) before it is heard, and may be
# cut until then; so the last second stays in memory.
HELD_BACK_MS = 1000

# The line's clock is believed if it is at most so far behind ours.
LATE_MS = 5000

# Frames come 20 ms apart, give or take: only a jump wider than this is a gap.
JITTER_MS = 100


class Recorder:
    """
    Times are milliseconds from the start of the call.

    What comes while it isn't allowed is silence; before it is for the first time,
    there is no file, and what was heard is forgotten within a second.

    Args:
        path: of the file to create.
        disk: one thread: writes of one file must not overtake each other.
        allowed: whether to record from the start, or not before `allow` says so.

    Attributes:
        path: of the file, or None if there is none.
        lost: whether the disk failed; the file then ends before the call does.
        milliseconds: how much of it was written, once the call is over.
    """

    def __init__(self, path: Path, disk: Executor, *, allowed: bool = True) -> None:
        self.path: Path | None = path
        self._disk = disk
        self._allowed = allowed
        self._end_ms = inf  # consent was withdrawn then
        self._file: StereoRecording | None = None
        self._last: Future[None] | None = None  # what is written, or was last
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

    async def run(self, over: asyncio.Event, now_ms: Callable[[], float]) -> None:
        """
        Write what was heard twice a second, and all the rest when the call is over.

        A disk that fails costs what is recorded from then on, never the call.
        """
        try:
            try:
                while not await _within(FLUSH_S, over):
                    await self._write(now_ms() - HELD_BACK_MS)
                await self._write(now_ms())
                await self._written()
            finally:
                if self._file:
                    try:
                        await self._on_disk(self._file.close)
                    finally:
                        self.milliseconds = self._file.milliseconds
        except StoreError as exc:
            log.error("recording lost", error=str(exc))
            self.lost = True
        if not self.milliseconds:
            self.path = None

    async def _write(self, until_ms: float) -> None:
        before, stereo = self._taken, self._mix.take(max(0.0, until_ms))
        if not self._file and not self._allowed:
            self._taken += len(stereo) // 2
            return
        if not self._file:
            assert self.path
            self._file = await self._on_disk(StereoRecording, self.path)
            # The file's time is the call's.
            await self._on_disk(self._file.write, ULAW_SILENCE * (2 * before))
        heard = self._silenced(stereo)
        if self._end_ms < inf:
            heard = heard[: 2 * max(0, ulaw_bytes(self._end_ms) - before)]
        # Nobody waits for it to be written: to be told so would wake the loop of all
        # calls twice a second for each. The next piece finds out how it went.
        await self._written()
        self._last = self._disk.submit(_write_and_flush, self._file, heard)

    async def _written(self) -> None:
        """
        See that the last piece is written; a disk that is slow is waited for.

        Raises:
            StoreError: it isn't, and won't be.
        """
        if not self._last:
            return
        if self._last.done():
            self._last.result()
        else:
            await asyncio.wrap_future(self._last)

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

    async def _on_disk(self, act: Callable[..., T], *args: object) -> T:
        """Do what may block in the one thread that writes recordings, in order."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, act, *args)


def _write_and_flush(file: StereoRecording, stereo: bytes) -> None:
    file.write(stereo)
    file.flush()


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Whether the event is set before so much time has gone by."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
