"""
The calls of this process whose record isn't in the database yet, or not all of it.

So a call can go on that needs its own record while the database is away.
"""

from collections import deque
from typing import Final

from voicebot.store.events import Event
from voicebot.store.project import Rows
from voicebot.store.records import (
    Call,
    CallAnswered,
    CallEnded,
    CallReopened,
    CallStarted,
)

Moves = CallStarted | CallAnswered | CallEnded | CallReopened

MAX_CALLS: Final = 10_000  # some hours of calls, if the database is away


class Recent:
    """Follows calls from their first event until the database has their last."""

    def __init__(self) -> None:
        self._rows: dict[str, Rows] = {}
        self._ids: dict[str, str] = {}  # of each call_sid
        self._over: deque[tuple[int, str]] = deque()  # seq of its end, call_id

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, event: Event) -> None:
        """Follow what happens, if it moves a call."""
        record = event.record
        if isinstance(record, CallStarted):
            if len(self._rows) >= MAX_CALLS:
                self.forget(next(iter(self._rows)))
            self._rows[event.call_id] = Rows()
            self._ids[record.call_sid] = event.call_id
        rows = self._rows.get(event.call_id)
        if rows and isinstance(record, Moves):
            rows.add([record])
            if isinstance(record, CallEnded):
                self._over.append((event.seq, event.call_id))
            elif isinstance(record, CallReopened):
                over = [each for each in self._over if each[1] != event.call_id]
                self._over = deque(over)

    def call_by_sid(self, call_sid: str) -> Call | None:
        """Return a call as it is now."""
        call_id = self._ids.get(call_sid)
        return self._rows[call_id].call if call_id else None

    def stored(self, seq: int) -> None:
        """Forget the calls that ended up to an event: the database has it all."""
        while self._over and self._over[0][0] <= seq:
            self.forget(self._over.popleft()[1])

    def forget(self, call_id: str) -> None:
        rows = self._rows.pop(call_id, None)
        if rows and rows.call:
            self._ids.pop(rows.call.call_sid, None)
