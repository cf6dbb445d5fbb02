"""
The caller's side of a media stream, written from Twilio's documents alone.

What arrives is played in order from a buffer. A mark comes back when all before it
was played, or was cleared. (Twilio: Media Streams, WebSocket messages.)
"""

from voicebot.bridge.model import Action, ClearCaller, MarkCaller, PlayToCaller

HZ = 8000


class FarEnd:
    """
    Args:
        there_s: how long a message takes to it.
        back_s: how long a mark takes back.
    """

    def __init__(self, there_s: float = 0.05, back_s: float = 0.05) -> None:
        self.there_s, self.back_s = there_s, back_s
        self.stalled_until = 0.0  # nothing arrives before, but in order after
        self.played: list[tuple[float, bytes]] = []
        """When each piece began to be heard, as far as known by now."""
        self.cleared: list[tuple[float, int]] = []
        """When each clear took effect, and how many bytes had been played by then."""
        self.gaps_s: list[float] = []
        """How long each pause was that the far end had to make inside of audio."""
        self._idle_from = 0.0
        self._last_arrival = 0.0
        self._marks: list[tuple[float, float, str]] = []  # played, comes back, name

    def send(self, action: Action, now: float, jitter_s: float = 0.0) -> None:
        arrival = max(now + self.there_s + jitter_s, self.stalled_until)
        self._last_arrival = at = max(arrival, self._last_arrival)
        match action:
            case PlayToCaller(ulaw):
                if self.played and at > self._idle_from:
                    self.gaps_s.append(at - self._idle_from)
                starts_at = max(at, self._idle_from)
                self.played.append((starts_at, ulaw))
                self._idle_from = starts_at + len(ulaw) / HZ
            case MarkCaller(name):
                played_at = max(at, self._idle_from)
                self._marks.append((played_at, played_at + self.back_s, name))
            case ClearCaller():
                self._clear(at)
            case _:
                pass

    def marks_back(self, now: float) -> list[str]:
        """The marks that have come back by now, in order."""
        back = [name for _, back_at, name in self._marks if back_at <= now]
        self._marks = [mark for mark in self._marks if mark[1] > now]
        return back

    def next_mark(self) -> float | None:
        return min((back_at for _, back_at, _ in self._marks), default=None)

    def position(self, at: float) -> int:
        """How many bytes were played by then."""
        heard = (self._heard(start, ulaw, at) for start, ulaw in self.played)
        return sum(map(len, heard))

    def heard(self) -> bytes:
        return b"".join(ulaw for _, ulaw in self.played)

    def _clear(self, at: float) -> None:
        while self.played and self.played[-1][0] >= at:
            self.played.pop()
        if self.played:
            start, ulaw = self.played[-1]
            self.played[-1] = (start, self._heard(start, ulaw, at))
        self.cleared.append((at, sum(len(ulaw) for _, ulaw in self.played)))
        self._idle_from = min(self._idle_from, at)
        self._marks = [
            (min(played, at), min(back, at + self.back_s), name)
            for played, back, name in self._marks
        ]

    @staticmethod
    def _heard(start: float, ulaw: bytes, at: float) -> bytes:
        return ulaw[: max(0, round((at - start) * HZ))]
