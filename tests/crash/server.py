"""The process that is killed: a real server, which tells a witness what it does."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final
from unittest.mock import patch

import uvloop

from tests.crash.disk import DISKS, Disk
from tests.crash.sabotage import SABOTAGE
from tests.crash.starved import waited_s
from voicebot.config import Settings
from voicebot.observe.logs import configure
from voicebot.store.records import Record
from voicebot.store.writer import Writer
from voicebot.web.server import serve

READY: Final = b"ready"
NOTED: Final = "noted"
SAFE: Final = "safe"
LATE: Final = "late"

PULSE_S: Final = 0.01

LIFE_S: Final = 600.0  # if whoever should end it has died


def live(settings: Settings, log: Path, told: Connection, mishap: str | None) -> None:
    """
    Serve until SIGTERM, or until killed.

    Args:
        log: takes what the process logs.
        told: the witness's ear.
        mishap: a mistake of SABOTAGE's to make, or a disk of DISKS' to write to, which
            fails from SIGUSR1 to SIGUSR2.
    """
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 2)
    configure(json=True)
    disk = DISKS.get(mishap or "")
    if disk:
        disk.mount()
    elif mishap:
        SABOTAGE[mishap]()
    with _watched(told):
        uvloop.run(_serve(settings, told, disk))


async def _serve(settings: Settings, told: Connection, disk: Disk | None) -> None:
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def fail() -> None:
        if disk:
            disk.fails = True
        begun.set()

    def mend() -> None:
        if disk:
            disk.fails = False

    loop.add_signal_handler(signal.SIGUSR1, fail)
    loop.add_signal_handler(signal.SIGUSR2, mend)
    pulse = asyncio.create_task(_pulse(begun, told))
    try:
        async with asyncio.timeout(LIFE_S):
            await serve(settings, lambda: told.send_bytes(READY))
    finally:
        pulse.cancel()


async def _pulse(begun: asyncio.Event, told: Connection) -> None:
    """Tell, from SIGUSR1 on, for how long something here kept all calls waiting."""
    await begun.wait()
    loop = asyncio.get_running_loop()
    worst_ms, starved_s = 0.0, waited_s(os.getpid())
    while True:
        due = loop.time() + PULSE_S
        await asyncio.sleep(PULSE_S)
        late_s, before_s = loop.time() - due, starved_s
        starved_s = waited_s(os.getpid())
        ms = 1000 * (late_s - (starved_s - before_s))
        if ms > worst_ms:
            worst_ms = ms
            told.send_bytes(f"{LATE} {round(ms)}".encode())


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
