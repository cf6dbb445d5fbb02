"""The caller's voice on its way to the model: turns, pre-roll, batches."""

from collections.abc import Callable

from voicebot.audio.framing import FRAME_MS, ULAW_SILENCE, ulaw_bytes
from voicebot.audio.level import FLOOR_DBOV
from voicebot.audio.quick import UlawToPcm24, Vad
from voicebot.audio.timbre import Sound
from voicebot.audio.vad import SURE, SURER, VadFrame
from voicebot.bridge.model import AppendAudio
from voicebot.bridge.turns import Change, Needs, TurnDetector

# What lies before the first frame that the VAD calls speech: soft onsets. With 300 ms,
# one call in 143 of our corpus would lose 58 ms of its first word, in music.
PREROLL_BYTES = ulaw_bytes(400)

# Larger appends cost less, and nobody waits for those of a turn whose end we decide
# ourselves. The model's own VAD wants small ones.
BATCH_FRAMES = 3
BATCH_BYTES = ulaw_bytes(BATCH_FRAMES * FRAME_MS)
LIVE_BATCH_BYTES = ulaw_bytes(FRAME_MS)

# StepFun refuses less than about a second as `no speech found` (stepfun reference,
# 3.6.3: 700 ms refused, 1000 ms taken).
MIN_COMMIT_BYTES = ulaw_bytes(1100)

# When the oldest is dropped; seldom, as this is done for every frame of every call.
MOST_RECENT_BYTES = ulaw_bytes(1000)

# After this, a word is no part of a turn that begins.
FORGOTTEN_MS = 1000

# Who speaks on a line as soft as this is near; before what a room full of people says,
# or music, there was no such frame in half a second.
SILENT_DBOV = -50.0
LATELY = 500 // FRAME_MS  # frames

# Where the line wasn't silent, a neural detector knows a voice before the first stage
# does. If it has heard one for so long, that began late; for longer, it hears others.
VOICE_FRAMES = range(200 // FRAME_MS, 500 // FRAME_MS)
NEURAL_SPEECH = 0.5


class CallerVoice:
    """
    Hears the caller, and cuts out what the model is to get.

    While it streams, the model gets all of it, since its own VAD wants silence too.
    Otherwise it gets turns: from 400 ms before the first speech, to the end of the
    silence that ended the turn.

    Args:
        listen: a neural detector on the line, if there is one: see `Vad`.
    """

    def __init__(
        self,
        *,
        streaming: bool,
        max_turn_ms: int,
        listen: Callable[[bytes], float] | None = None,
    ) -> None:
        self._streaming = streaming
        self._max_turn_ms = max_turn_ms
        self._vad = Vad(listen=listen)
        self.detector = TurnDetector(max_turn_ms)
        self.frame = VadFrame(False, FLOOR_DBOV, Sound.SILENCE, FLOOR_DBOV)
        """What the VAD found in the last 20 ms."""
        self._noisy = LATELY  # frames since silence; of a line not yet heard, too many
        self._voiced = 0  # frames in a row in which a neural VAD heard a voice
        self._from_silence = False
        """Whether what sounded last came out of silence."""
        self._upsampler = UlawToPcm24()
        self._recent = bytearray()
        """What the model gets if a turn begins that it doesn't hear: the pre-roll."""
        self._waiting = bytearray()
        """What it is to get, and isn't appended yet."""
        self._open = streaming
        """Whether the model gets what is heard."""
        self._turn_bytes = 0
        self._faded_ms = 0
        """Since something began that was too little for a turn, and may have been the
        turn's first word; 0 if that is long ago."""

    def hear(
        self, ulaw: bytes, gate_dbov: float, *, in_turn: bool = False
    ) -> VadFrame | None:
        """Take up to one frame of audio; what the VAD finds, if a frame is whole."""
        if self._open:
            self._waiting += ulaw
        if self._streaming or not self._open:
            self._recent += ulaw
            if len(self._recent) > MOST_RECENT_BYTES:
                del self._recent[: -self._preroll_bytes - len(ulaw)]
        for frame in self._vad.push(ulaw, gate_dbov, in_turn=in_turn):
            self.frame = frame
            heard = frame.voice is not None and frame.voice >= NEURAL_SPEECH
            self._voiced = self._voiced + 1 if heard else 0
            self._noisy = 0 if frame.dbov < SILENT_DBOV else self._noisy + 1
            if frame.sound is not Sound.SILENCE:  # silence behind it tells nothing
                self._from_silence = self._noisy < LATELY
            return frame  # one at most
        return None

    @property
    def quiet(self) -> bool:
        """Whether nothing has begun that may be speech."""
        return self.detector.idle and self.frame.sound is Sound.SILENCE

    @property
    def is_sure(self) -> bool:
        """Whether it is a voice beyond doubt, for a neural VAD, and out of silence."""
        sure = self.frame.voice is not None and self.frame.voice >= SURE
        return sure and self._from_silence

    @property
    def is_certain(self) -> bool:
        """Whether a neural VAD heard a voice lately that isn't even a murmur."""
        return self.frame.voice is not None and self.frame.voice >= SURER

    @property
    def begins_late(self) -> bool:
        """Whether a voice was there before its onset could be heard."""
        return not self._from_silence and self._voiced in VOICE_FRAMES

    @property
    def missing(self) -> int:
        """Frames until a batch for the model is full."""
        return max(1, BATCH_FRAMES - len(self._waiting) // LIVE_BATCH_BYTES)

    def judge(
        self, frame: VadFrame, needs: Needs | None, end_silence_ms: int
    ) -> Change | None:
        """Find the change of turn that the frame makes, if any."""
        change = self.detector.push(frame, needs, end_silence_ms)
        if change is Change.FADED:
            self._faded_ms = self.detector.turn_ms
        elif self._faded_ms and not self.detector.turn_ms:
            self._faded_ms = (self._faded_ms + FRAME_MS) % FORGOTTEN_MS
        return change

    def reject(self) -> None:
        """What is heard isn't a turn. It may have been the first word of one."""
        self._faded_ms = min(self.detector.turn_ms, FORGOTTEN_MS - FRAME_MS)
        self.detector.reset()

    def limit(self, max_turn_ms: int) -> None:
        """No turn is longer from now on."""
        self._max_turn_ms = self.detector.max_turn_ms = max_turn_ms

    def stream(self, on: bool) -> None:
        """
        From now on the model gets all that is heard, or turns only.

        It begins with what may be a beginning turn; and what it got of one when it
        ends, it gets again.
        """
        self._waiting.clear()
        if on and self.detector.turn_ms:
            self.begin_turn()
        self._streaming = self._open = on

    def begin_turn(self) -> None:
        """From now on what is heard is for the model, pre-roll first."""
        if not self._open:
            self._waiting += self._recent[-self._preroll_bytes :]
            self._recent.clear()
        self._faded_ms = 0
        self._open = True
        self._turn_bytes = 0

    @property
    def _preroll_bytes(self) -> int:
        onset_ms = min(self.detector.turn_ms, self._max_turn_ms)
        return PREROLL_BYTES + ulaw_bytes(onset_ms + self._faded_ms)

    def take(self, live: bool = False) -> AppendAudio | None:
        """Take a batch for the model, if one is full."""
        batch = LIVE_BATCH_BYTES if live else BATCH_BYTES
        return self._append() if len(self._waiting) >= batch else None

    def end_turn(self) -> AppendAudio:
        """Take the rest of the turn, padded to what the model accepts."""
        missing = MIN_COMMIT_BYTES - self._turn_bytes - len(self._waiting)
        self._waiting += ULAW_SILENCE * max(0, missing)
        self._open = False
        return self._append()

    def _append(self) -> AppendAudio:
        self._turn_bytes += len(self._waiting)
        pcm16 = self._upsampler.push(bytes(self._waiting))
        self._waiting.clear()
        return AppendAudio(pcm16)
