"""Mistakes that the trial must find: else it would find none of ours."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

from voicebot.store.calls import CallStore
from voicebot.store.events import Event
from voicebot.store.project import Rows
from voicebot.store.recordings import StereoRecording
from voicebot.store.writer import Writer

LATE_S: Final = 60.0


def _acknowledge_early() -> None:
    """Say that events are on disk, and write them a minute later."""
    commit = Writer._commit
    tasks = set()

    async def late(writer: Writer, batch: list[Event]) -> None:
        await asyncio.sleep(LATE_S)
        await commit(writer, batch)

    async def early(writer: Writer, batch: list[Event]) -> None:
        writer._is_safe(batch[-1].seq)
        tasks.add(asyncio.create_task(late(writer, batch)))

    patch.object(Writer, "_commit", early).start()


def _skip_one() -> None:
    """Write all events but those of keys."""
    append = CallStore.append

    async def most(store: CallStore, events: list[Event], claims: Any = ()) -> set[str]:
        return await append(store, [x for x in events if x.kind != "key"], claims)

    patch.object(CallStore, "append", most).start()


def _count_when_closed() -> None:
    """Say in a recording's header how long it is when it is closed, not before."""
    patch.object(StereoRecording, "flush", lambda _: None).start()


def _forget_orphans() -> None:
    """Leave the calls of a process that died as they are."""

    async def none(*_: object, **__: object) -> int:
        return 0

    patch.object(CallStore, "close_orphans", none).start()


def _miscount() -> None:
    """Make rows of one event otherwise than of all of them."""
    add = Rows.add

    def wrong(rows: Rows, records: Any) -> None:
        add(rows, records)
        for seq, turn in rows.turns.items():
            rows.turns[seq] = replace(turn, started_ms=turn.started_ms + 1)

    patch.object(Rows, "add", wrong).start()


SABOTAGE: Final[Mapping[str, Callable[[], None]]] = {
    "acknowledges early": _acknowledge_early,
    "skips one": _skip_one,
    "counts when closed": _count_when_closed,
    "forgets orphans": _forget_orphans,
    "miscounts": _miscount,
}
