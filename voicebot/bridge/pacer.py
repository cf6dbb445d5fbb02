"""
When to send what to the caller: never far ahead, never late.

A `clear` can only take back what Twilio hasn't played, and costs the more the further
ahead we are; sending just in time makes every stall of ours a gap. So we keep a small
lead. Sends follow the audio's own clock (when the last byte sent will have been heard),
not a timer of ours: a late wake-up is made good by the next one.
"""

from voicebot.audio.framing import ULAW_FRAME, ulaw_bytes, ulaw_ms

CHUNK_BYTES = 5 * ULAW_FRAME  # 100 ms: every message costs as much as its audio


class Pacer:
    """
    Audio that waits to be sent.

    Args:
        lead_ms: how much may be sent ahead of the caller's ear, at least a chunk.
        start_buffer_ms: how much of an answer must be there before its first byte is
            sent, unless the answer is complete: the model speaks barely faster than
            real time, in bursts.
    """

    def __init__(self, lead_ms: int = 300, start_buffer_ms: int = 300) -> None:
        self._refill_s = max(0.0, lead_ms - ulaw_ms(CHUNK_BYTES)) / 1000
        self._start_bytes = max(ULAW_FRAME, ulaw_bytes(start_buffer_ms))
        self._waiting = bytearray()
        self._complete = True

    def __len__(self) -> int:
        """Bytes that wait."""
        return len(self._waiting)

    def push(self, ulaw: bytes) -> None:
        """Add audio of an answer that isn't complete yet."""
        self._waiting += ulaw
        self._complete = False

    def put_back(self, ulaw: bytes) -> None:
        """What was taken is to be sent again, before all that waits."""
        self._waiting[:0] = ulaw

    def peek(self, ms: int) -> bytes:
        """The next milliseconds of what waits."""
        return bytes(self._waiting[: ulaw_bytes(ms)])

    def take_now(self, size: int) -> bytes:
        """Take so many bytes at once, due or not."""
        chunk = bytes(self._waiting[:size])
        del self._waiting[:size]
        return chunk

    def complete(self) -> None:
        """Nothing follows for now: what waits may leave to its last byte."""
        self._complete = True

    def clear(self) -> None:
        self._waiting.clear()
        self._complete = True

    def take(self, ends_at: float, now: float) -> bytes:
        """
        Take the next chunk if it is due.

        Args:
            ends_at: when all that was sent will have been played; `now` if it was.

        Returns:
            Whole frames, the last one of an answer perhaps shorter; empty if it is
            too early, or too little is there.
        """
        due_at = self.due_at(ends_at, now)
        if due_at is None or due_at > now:
            return b""
        size = min(len(self._waiting), CHUNK_BYTES)
        if not self._complete:
            size -= size % ULAW_FRAME
        return self.take_now(size)

    def due_at(self, ends_at: float, now: float) -> float | None:
        """The instant at which `take` will give something, or None if it waits."""
        needed = ULAW_FRAME if ends_at > now else self._start_bytes
        if not self._waiting or (not self._complete and len(self._waiting) < needed):
            return None
        return max(now, ends_at - self._refill_s)
