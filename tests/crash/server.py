"""The process that is killed: a real server, which tells a witness what it does."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final
from unittest.mock import patch

import uvloop

from tests.crash.sabotage import SABOTAGE
from voicebot.config import Settings
from voicebot.observe.logs import configure
from voicebot.store.records import Record
from voicebot.store.writer import Writer
from voicebot.web.server import serve

READY: Final = b"ready"
NOTED: Final = "noted"
SAFE: Final = "safe"

LIFE_S: Final = 600.0  # if whoever should end it has died


def live(settings: Settings, log: Path, told: Connection, sabotage: str | None) -> None:
    """
    Serve until SIGTERM, or until killed.

    Args:
        log: takes what the process logs.
        told: the witness's ear.
        sabotage: a mistake to make, by its name.
    """
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 2)
    configure(json=True)
    if sabotage:
        SABOTAGE[sabotage]()
    with _watched(told):
        uvloop.run(_serve(settings, told))


async def _serve(settings: Settings, told: Connection) -> None:
    async with asyncio.timeout(LIFE_S):
        await serve(settings, lambda: told.send_bytes(READY))


@contextmanager
def _watched(told: Connection) -> Iterator[None]:
    """
    Tell of each event that is noted, and up to which all are on disk.

    What is told is told at once: it lies in a pipe, and survives us.
    """
    note, is_safe = Writer.note, Writer._is_safe

    def telling_note(writer: Writer, record: Record, at: datetime) -> bool:
        taken = note(writer, record, at)
        if taken:
            event = writer._held[-1]
            line = f"{NOTED} {event.seq} {event.call_id} {event.kind}"
            told.send_bytes(line.encode())
        return taken

    def telling_is_safe(writer: Writer, seq: int) -> None:
        told.send_bytes(f"{SAFE} {seq}".encode())
        is_safe(writer, seq)

    with (
        patch.object(Writer, "note", telling_note),
        patch.object(Writer, "_is_safe", telling_is_safe),
    ):
        yield
