"""What one life of the server told, before anybody else could rely on it."""

import asyncio
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection

from tests.crash.server import LATE, NOTED, READY, SAFE
from voicebot.store.events import EPOCH, MICROSECOND


@dataclass(frozen=True, slots=True)
class Noted:
    """An event that the server took down."""

    call_id: str
    seq: int
    kind: str

    @property
    def at_s(self) -> float:
        """When, in seconds since 1970: its number says so."""
        return self.seq * MICROSECOND.total_seconds()


class Witness:
    """
    Listens in a thread of its own, until nobody is there who could say more.

    Attributes:
        ready: the server takes calls, or is dead.
        noted: in order.
        safe: up to this number, events were acknowledged: they are on disk.
        late_ms: since SIGUSR1, the server kept its calls waiting for so long at most.
    """

    def __init__(self, ear: Connection) -> None:
        self.ready = asyncio.Event()
        self.noted: list[Noted] = []
        self.safe = -1
        self.late_ms = 0
        self._ear = ear
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._listen, name="witness")
        self._thread.start()

    @property
    def acknowledged(self) -> list[Noted]:
        return [event for event in self.noted if event.seq <= self.safe]

    def answered(self) -> list[Noted]:
        """When the streams began of the calls that weren't over."""
        over = {x.call_id for x in self.noted if x.kind == "call.ended"}
        streams = [x for x in self.noted if x.kind == "call.answered"]
        return [x for x in streams if x.call_id not in over]

    async def end(self) -> None:
        """Hear the rest of what a dead server told."""
        await asyncio.to_thread(self._thread.join)

    def _listen(self) -> None:
        with self._ear:
            while True:
                try:
                    told = self._ear.recv_bytes()
                except (EOFError, OSError):  # it was killed; maybe amid a sentence
                    break
                if told == READY:
                    self._loop.call_soon_threadsafe(self.ready.set)
                    continue
                match told.decode().split():
                    case [word, seq, call_id, kind] if word == NOTED:
                        self.noted.append(Noted(call_id, int(seq), kind))
                    case [word, seq] if word == SAFE:
                        self.safe = int(seq)
                    case [word, ms] if word == LATE:
                        self.late_ms = int(ms)
                    case other:
                        raise AssertionError(f"expected a sentence, got {other}")
        self._loop.call_soon_threadsafe(self.ready.set)


assert EPOCH.timestamp() == 0  # an event's number counts from there
