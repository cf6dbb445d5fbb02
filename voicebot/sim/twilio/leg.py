"""
One media stream seen from Twilio, with the caller at its far end: no socket, no clock.

    frames from the server ─→ receive ─┐
    deadlines ───────────────→ tick ───┴─→ frames to the server
"""

from collections.abc import Callable
from typing import Final

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME, ULAW_HZ
from voicebot.sim.twilio.ear import SILENT_FRAME, Ear
from voicebot.sim.twilio.misbehaviour import NONE, Misbehaviour
from voicebot.sim.twilio.playout import Playout
from voicebot.sim.twilio.script import SILENT, Doing, Script
from voicebot.sim.twilio.stream import (
    DISCARDED,
    Clear,
    Mark,
    Media,
    TwilioStream,
)
from voicebot.sim.twilio.tape import Tape
from voicebot.sim.twilio.watch import Watch

Frame = str | bytes
Note = Callable[[str, float, str], None]
"""Called with (kind, when, detail) as things happen; the detail is never private."""

FRAME_S: Final = FRAME_MS / 1000


class Leg:
    """
    Owns the line while a stream is connected; script, ear and tape outlive it.

    Call `open`, then `receive` for every frame and `tick` at `next_deadline()`; all
    return the frames to send. `now` is seconds on a clock that never goes back.

    Attributes:
        hangs_up: why the caller hangs up, once it wants to.
        marks_sent, marks_played, marks_cleared: of the server's marks, how many came,
            and how they went back.
    """

    def __init__(
        self,
        stream: TwilioStream,
        script: Script,
        ear: Ear,
        tape: Tape,
        note: Note,
        *,
        carrier_delay_s: float,
        misbehaviour: Misbehaviour,
        watch: Watch | None = None,
    ) -> None:
        self.hangs_up: str | None = None
        self.marks_sent = self.marks_played = self.marks_cleared = 0
        self.playout = Playout(carrier_delay_s=carrier_delay_s)
        self.stream = stream
        self._script, self._ear, self._tape, self._note = script, ear, tape, note
        self._wrong = misbehaviour
        self._watch = watch
        self._opened = 0  # in samples of the clock
        self._frame_at = 0.0  # when the next frame is over
        self._frames = 0  # of 20 ms that are over

    def open(self, now: float) -> list[Frame]:
        """The socket is open: greet, and start the clock of the stream."""
        # On the grid of samples, so that every tick takes exactly one frame.
        self._opened = round(now * ULAW_HZ)
        self._frame_at = (self._opened + ULAW_FRAME) / ULAW_HZ
        self._tape.start(self._opened / ULAW_HZ)
        self.playout.take(self._opened / ULAW_HZ)
        frames: list[Frame] = [self.stream.connected()]
        if self._wrong.no_start:
            return frames
        if self._wrong.out_of_order:
            frames.append(self.stream.media(SILENT_FRAME, 0))
        frames.append(self.stream.start())
        if self._wrong.duplicate_start:
            frames.append(self.stream.start())
        return frames

    def next_deadline(self) -> float:
        """When `tick` must be called next."""
        mark, frame = self.playout.next_deadline(), self._frame_at
        return frame if mark is None or mark > frame else mark

    def tick(self, now: float) -> list[Frame]:
        """Send the marks and the 20 ms frames that are due, late ones included."""
        frames: list[Frame] = []
        while (at := self._frame_at) <= now and self.hangs_up is None:
            # Each at its own instant, however late this call is.
            frames += self._played(at)
            frames += self._frame(at, now)
        return frames + self._played(now)

    def receive(self, frame: Frame, now: float) -> list[Frame]:
        """Obey one frame of the server's."""
        match self.stream.receive(frame):
            case Media(ulaw):
                if self._watch:
                    self._watch.arrived(ulaw)
                if lost := self.playout.media(ulaw, now):
                    self.stream.warn(DISCARDED, f"{lost} bytes of media discarded")
            case Mark(name):
                self.marks_sent += 1
                self.playout.mark(name, now)
                return self._played(now)
            case Clear():
                names = self.playout.clear(now)
                self.marks_cleared += len(names)
                if self._watch:
                    self._watch.cleared()
                self._note("cleared", now, _marks(len(names)))
                return self._echo(names)
            case _:
                pass  # it was warned of
        return []

    def stop(self, now: float) -> list[Frame]:
        """Twilio ends the stream: the call is over, or goes elsewhere."""
        self.tick(now)
        return [] if self._wrong.closes_without_stop else [self.stream.stop()]

    def _frame(self, at: float, now: float) -> list[Frame]:
        at_ms = self._frames * FRAME_MS
        heard = self.playout.take(at)
        spoke_before = self._ear.speaking
        self._ear.hear(heard)
        if self._ear.speaking is not spoke_before:
            if self._ear.speaking:
                self._note("bot_audible", at - FRAME_S, "")
            else:  # noticed only now, as a pause is no silence
                self._note("bot_silent", at - self._ear.quiet_ms / 1000, "")
        doing = self._script.next(self._ear)
        self._record(doing, heard, at)
        if self._watch:
            self._watch.line(doing.ulaw, heard, now - at)
        self._frames += 1
        # Whole samples: no sum of seconds is exactly what a clock shows.
        samples = self._opened + (self._frames + 1) * ULAW_FRAME
        self._frame_at = samples / ULAW_HZ
        return self._said(doing, at_ms)

    def _record(self, doing: Doing, heard: bytes, at: float) -> None:
        if doing is SILENT:
            self._tape.add(doing.ulaw, heard)
            return
        if doing.begins is not None:
            self._tape.utterance_begins(doing.begins)
            self._note("caller_speaks", at - FRAME_S, doing.begins)
        self._tape.add(doing.ulaw, heard)
        if doing.ends:
            self._tape.utterance_ends()
            self._note("caller_stops", at, "")
        if doing.key is not None:
            self._note("dtmf", at, "")  # which one is the caller's secret
        if doing.hangs_up is not None:
            self.hangs_up = doing.hangs_up

    def _said(self, doing: Doing, at_ms: int) -> list[Frame]:
        wrong = self._wrong
        if wrong is NONE and doing.key is None:
            return [self.stream.media(doing.ulaw, at_ms)]
        if wrong.no_start:
            return []
        late = at_ms >= wrong.at_ms
        frames: list[Frame] = []
        if at_ms == wrong.at_ms:
            frames += wrong.inject
            flood = range(wrong.flood_frames)
            frames += [self.stream.media(SILENT_FRAME, at_ms) for _ in flood]
        if not (wrong.stalls and late):
            jump_ms = wrong.gap_ms if late else 0
            frames.append(self.stream.media(doing.ulaw, at_ms + jump_ms))
        if doing.key is not None:
            frames.append(self.stream.dtmf(doing.key))
        return frames

    def _played(self, now: float) -> list[Frame]:
        names = self.playout.advance(now)
        if not names:
            return []
        self.marks_played += len(names)
        return self._echo(names)

    def _echo(self, names: list[str]) -> list[Frame]:
        if self._wrong.never_echoes_marks:
            return []
        return [self.stream.mark(name) for name in names]


def _marks(count: int) -> str:
    return "1 mark" if count == 1 else f"{count} marks"
