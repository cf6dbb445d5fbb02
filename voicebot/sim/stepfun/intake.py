"""The input audio buffer, in both turn modes."""

from voicebot.sim.stepfun.ear import (
    BYTES_PER_MS,
    Ear,
    SpeechStarted,
    SpeechStopped,
    TurnDetection,
    has_speech,
)
from voicebot.sim.stepfun.wire import Refused

# A committed buffer that is shorter is "no speech", whatever it holds.
SHORTEST_MS = 1000


class Intake:
    """What the client appended and nobody has answered yet."""

    def __init__(self, turns: TurnDetection | None, *, onset_s: float) -> None:
        self.heard_ms = 0.0
        self.is_deaf = False
        """The last commit was refused: until better comes, nothing is answered."""
        self._onset_s = onset_s
        self.reset(turns)

    def reset(self, turns: TurnDetection | None) -> None:
        """Empty the buffer, even in a turn that has begun, and set the turn mode."""
        self._turns = turns
        self._buffer = bytearray()
        self._ear = (
            Ear(turns, onset_s=self._onset_s, at_ms=round(self.heard_ms))
            if turns
            else None
        )

    def clear(self) -> None:
        self.reset(self._turns)

    def append(self, pcm16: bytes) -> list[SpeechStarted | SpeechStopped]:
        """Take in audio. Without turn detection it only piles up."""
        self.heard_ms += len(pcm16) / BYTES_PER_MS
        if self._ear is not None:
            return self._ear.hear(pcm16)
        self._buffer += pcm16
        return []

    def commit(self) -> bytes:
        """
        Make a turn of the buffer.

        Raises:
            Refused: the server decides about turns, or there is nothing to hear.
        """
        if self._ear is not None:
            raise Refused("commit when server vad")
        pcm16, self._buffer = bytes(self._buffer), bytearray()
        if not pcm16:
            raise Refused("append is not called")
        if len(pcm16) < SHORTEST_MS * BYTES_PER_MS or not has_speech(pcm16):
            self.is_deaf = True
            raise Refused("no speech found")
        return pcm16
