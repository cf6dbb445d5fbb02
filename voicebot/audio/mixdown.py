"""Lines up both sides of a call into one stereo recording, as the caller heard it."""

from voicebot.audio.framing import ULAW_SILENCE, ulaw_bytes


class Mixdown:
    """
    Takes pieces of both sides with the time at which they were heard, in any order,
    and gives the recording away bit by bit. Keeps only what wasn't taken yet.

    Times are milliseconds from the start of the recording.
    """

    def __init__(self) -> None:
        self._taken = 0  # samples of each side
        self._caller = _Track()
        self._bot = _Track()

    def caller(self, ulaw: bytes, at_ms: float) -> None:
        """Place audio of the caller. It replaces what was placed there before."""
        self._caller.place(ulaw, ulaw_bytes(at_ms), self._taken)

    def bot(self, ulaw: bytes, at_ms: float) -> None:
        """Place audio of the bot. It replaces what was placed there before."""
        self._bot.place(ulaw, ulaw_bytes(at_ms), self._taken)

    def cut_bot(self, at_ms: float) -> None:
        """
        Silence what the bot would have said from `at_ms` on: it was cleared.

        What was taken can't be changed any more: take only what was heard for sure.
        """
        self._bot.cut(ulaw_bytes(at_ms))

    def take(self, until_ms: float) -> bytes:
        """
        Take the recording from where the last one ended, up to `until_ms`.

        Returns:
            G.711 μ-law at 8 kHz, stereo: caller left, bot right, in turns; silence
            where nothing was placed. With all that was taken before it is
            floor(8 * until_ms) samples of each side, unless more was taken before.
        """
        until = max(ulaw_bytes(until_ms), self._taken)
        stereo = bytearray(2 * (until - self._taken))
        stereo[0::2] = self._caller.take(self._taken, until)
        stereo[1::2] = self._bot.take(self._taken, until)
        self._taken = until
        return bytes(stereo)


class _Track:
    """One side: pieces, each with its first sample, the later written on top."""

    def __init__(self) -> None:
        # Pieces, not a buffer: a peer may well claim that a frame is a year ahead.
        self._pieces: list[tuple[int, bytearray]] = []

    def place(self, ulaw: bytes, start: int, taken: int) -> None:
        late = max(taken - start, 0)
        if late >= len(ulaw):
            return
        start += late
        if self._pieces:
            first, piece = self._pieces[-1]
            if first + len(piece) == start:  # as most do
                piece += ulaw[late:]
                return
        self._pieces.append((start, bytearray(ulaw[late:])))

    def cut(self, at: int) -> None:
        self._pieces = [
            (start, ulaw[: at - start]) for start, ulaw in self._pieces if start < at
        ]

    def take(self, start: int, end: int) -> bytearray:
        """Render the samples from `start` to `end`; keep what lies behind them."""
        track = bytearray(ULAW_SILENCE * (end - start))
        pieces, self._pieces = self._pieces, []
        for first, ulaw in pieces:
            heard = ulaw[: max(end - first, 0)]
            track[first - start : first - start + len(heard)] = heard
            if len(heard) < len(ulaw):
                del ulaw[: len(heard)]
                self._pieces.append((first + len(heard), ulaw))
        return track
