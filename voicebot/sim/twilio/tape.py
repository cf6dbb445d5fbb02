"""What was said on the line, both sides, and the times that can be read off it."""

from collections.abc import Sequence
from dataclasses import dataclass

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME
from voicebot.sim.twilio.ear import PAUSE_MS, SILENT_FRAME, audible_frames


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance of the caller and the bot's reaction, in seconds of the tape.

    All times are those of the first or last audible frame: exact to 20 ms.
    """

    label: str
    started_s: float
    ended_s: float
    reply_gap_s: float | None
    """From its end to the first sound of the bot's answer; negative if the bot
    began before. None: it never answered."""

    barge_in_stop_s: float | None
    """From its beginning until the bot was silent; None if it didn't interrupt."""


class Tape:
    """
    Both sides as the caller hears them, frame by frame.

    Attributes:
        begins_s: when, on the clock of the call, the tape began; None until then.
    """

    def __init__(self) -> None:
        self.begins_s: float | None = None
        # Not joined before they are wanted: most frames are one and the same.
        self._caller: list[bytes] = []
        self._bot: list[bytes] = []
        self._utterances: list[tuple[str, int, int]] = []

    @property
    def frames(self) -> int:
        return len(self._caller)

    @property
    def caller(self) -> bytes:
        """μ-law, as long as that of the bot."""
        return b"".join(self._caller)

    @property
    def bot(self) -> bytes:
        """μ-law, as it was heard."""
        return b"".join(self._bot)

    def start(self, now: float) -> None:
        """Begin, or go on after a hole in which no stream was connected."""
        if self.begins_s is None:
            self.begins_s = now
        missing = round(1000 * (now - self.begins_s) / FRAME_MS) - self.frames
        for _ in range(missing):
            self.add(SILENT_FRAME, SILENT_FRAME)

    def add(self, caller: bytes, bot: bytes) -> None:
        """Record the next 20 ms."""
        self._caller.append(caller)
        self._bot.append(bot)

    def utterance_begins(self, label: str) -> None:
        """The next frame is the first of an utterance of the caller."""
        self._utterances.append((label, self.frames, -1))

    def utterance_ends(self) -> None:
        """The last recorded frame was its last."""
        label, start, _ = self._utterances[-1]
        self._utterances[-1] = (label, start, self.frames)

    def greeting_delay_s(self) -> float | None:
        """From the beginning to the bot's first sound; None if there was none."""
        runs = _runs(audible_frames(self.bot))
        return _seconds(runs[0][0]) if runs else None

    def turns(self) -> list[Turn]:
        """Measure every utterance of the caller that was finished."""
        bot = _runs(audible_frames(self.bot))
        caller = audible_frames(self.caller)
        spoken = []
        for label, start, end in self._utterances:
            audible = caller[start:end] if end > 0 else []
            if True in audible:
                last = end - audible[::-1].index(True)
                spoken.append((label, start + audible.index(True), last))
        starts = [start for _, start, _ in spoken[1:]]
        return [
            _turn(utterance, following, bot)
            for utterance, following in zip(
                spoken, [*starts, self.frames], strict=False
            )
        ]

    def stereo(self) -> bytes:
        """Interleave: the caller left, the bot right, one byte of μ-law each."""
        both = bytearray(2 * ULAW_FRAME * self.frames)
        both[0::2] = self.caller
        both[1::2] = self.bot
        return bytes(both)


def _turn(
    utterance: tuple[str, int, int], following: int, bot: Sequence[tuple[int, int]]
) -> Turn:
    label, start, end = utterance
    cut = [stop for begin, stop in bot if begin < start < stop]
    replies = [
        begin for begin, stop in bot if start <= begin < following and stop > end
    ]
    return Turn(
        label,
        _seconds(start),
        _seconds(end),
        _seconds(replies[0] - end) if replies else None,
        _seconds(cut[0] - start) if cut else None,
    )


def _runs(audible: Sequence[bool]) -> list[tuple[int, int]]:
    """Find the utterances: (first frame, frame after the last), pauses bridged."""
    runs: list[tuple[int, int]] = []
    for frame, heard in enumerate(audible):
        if not heard:
            continue
        if runs and (frame - runs[-1][1]) * FRAME_MS < PAUSE_MS:
            runs[-1] = (runs[-1][0], frame + 1)
        else:
            runs.append((frame, frame + 1))
    return runs


def _seconds(frames: int) -> float:
    return frames * FRAME_MS / 1000
