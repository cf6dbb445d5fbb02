"""Writes records into a call log, as the events that they are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from voicebot.store.calls import CallStore
from voicebot.store.events import Event, Numbers
from voicebot.store.records import CallStarted, Record
from voicebot.store.triage import Patience
from voicebot.store.writer import Writer, open_writer

NUMBERS = Numbers()

CALM = Patience(slow_s=60, gather_s=0)
"""Nothing is spilled because the machine is busy, and nothing is gathered."""


def event(record: Record) -> Event:
    return NUMBERS.event(record, datetime.now(UTC))


async def put(store: CallStore, *records: Record) -> bool:
    """Add what happened; say whether no call among it was one that others have."""
    starts = [x.call_id for x in records if isinstance(x, CallStarted)]
    return not await store.append([event(record) for record in records], starts)


@asynccontextmanager
async def writing(
    folder: Path,
    where: Path | str | None = None,
    patience: Patience = CALM,
) -> AsyncIterator[Writer]:
    """A writer that writes; everything is stored when it is left."""
    async with open_writer(where or folder / "calls.sqlite", folder, patience) as one:
        task = asyncio.create_task(one.run())  # cancelled below
        try:
            yield one
            await one.stored()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
