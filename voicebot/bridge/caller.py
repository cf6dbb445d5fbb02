"""The caller's voice on its way to the model: turns, pre-roll, batches."""

from voicebot.audio.framing import FRAME_MS, ULAW_SILENCE, ulaw_bytes
from voicebot.audio.resample import UlawToPcm24
from voicebot.audio.vad import Vad
from voicebot.bridge.model import AppendAudio
from voicebot.bridge.turns import Change, TurnDetector

# What lies before the first frame that the VAD calls speech: soft onsets.
PREROLL_BYTES = ulaw_bytes(300)

# Larger appends cost less, and nobody waits for those of a turn whose end we decide
# ourselves. The model's own VAD wants small ones.
BATCH_BYTES = ulaw_bytes(60)
LIVE_BATCH_BYTES = ulaw_bytes(FRAME_MS)

# StepFun refuses less than about a second as `no speech found` (stepfun reference,
# 3.6.3: 700 ms refused, 1000 ms taken).
MIN_COMMIT_BYTES = ulaw_bytes(1100)


class CallerVoice:
    """
    Hears the caller, and cuts out what the model is to get.

    With `streaming`, the model gets all of it, since its own VAD wants silence too.
    Otherwise it gets turns: from 300 ms before the first speech, to the end of the
    silence that ended the turn.
    """

    def __init__(
        self, *, streaming: bool, end_silence_ms: int, max_turn_ms: int
    ) -> None:
        self._streaming = streaming
        self._max_turn_ms = max_turn_ms
        self._vad = Vad()
        self.detector = TurnDetector(end_silence_ms, max_turn_ms)
        self._upsampler = UlawToPcm24()
        self._waiting = bytearray()
        """Streaming or in a turn: what isn't appended yet. Else: the pre-roll."""
        self._in_turn = False
        self._turn_bytes = 0

    def push(self, ulaw: bytes, gate_dbov: float, min_ms: int | None) -> Change | None:
        """Take up to one frame of audio; the change of turn that it makes, if any."""
        self._waiting += ulaw
        change = None
        for frame in self._vad.push(ulaw, gate_dbov):  # one at most
            change = self.detector.push(frame.speech, min_ms)
        if not self._streaming and not self._in_turn:
            onset_ms = min(self.detector.turn_ms, self._max_turn_ms)
            del self._waiting[: -(PREROLL_BYTES + ulaw_bytes(onset_ms))]
        return change

    def begin_turn(self) -> None:
        """From now on what is heard is for the model, pre-roll first."""
        self._in_turn = True
        self._turn_bytes = 0

    def take(self, live: bool = False) -> AppendAudio | None:
        """Take a batch for the model, if one is full."""
        batch = LIVE_BATCH_BYTES if live else BATCH_BYTES
        if not (self._streaming or self._in_turn) or len(self._waiting) < batch:
            return None
        return self._append()

    def end_turn(self) -> AppendAudio:
        """Take the rest of the turn, padded to what the model accepts."""
        missing = MIN_COMMIT_BYTES - self._turn_bytes - len(self._waiting)
        self._waiting += ULAW_SILENCE * max(0, missing)
        self._in_turn = False
        return self._append()

    def _append(self) -> AppendAudio:
        self._turn_bytes += len(self._waiting)
        pcm16 = self._upsampler.push(bytes(self._waiting))
        self._waiting.clear()
        return AppendAudio(pcm16)
