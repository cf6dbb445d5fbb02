"""Faults at random, one after the other: what was acknowledged is in the log."""

import asyncio
import errno
import os
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.test_calls import STARTED, TURN
from tests.store.test_writer import BRISK, WAL
from voicebot.store import engines
from voicebot.store.calls import open_store
from voicebot.store.records import Turn
from voicebot.store.writer import Writer, open_writer

Act = Literal["note", "wait", "lock", "unlock", "break", "mend", "crash"]
ACTS: Sequence[Act] = ("note", "note", "wait", "lock", "unlock", "break", "mend")


class Storm:
    """A writer, and all that is done to it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._path = folder, folder / "calls.sqlite"
        self._other = sqlite3.connect(
            self._path, isolation_level=None, timeout=20, check_same_thread=False
        )
        self._other.execute(WAL)
        self._broken = False
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self._sync)
        self._noted = 0
        self._safe: set[int] = set()  # turns of which the writer said that they are

    def _sync(self, file: int) -> None:
        if self._broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._fsync(file)

    async def run(self, acts: Sequence[Act]) -> None:
        """A process begins at each crash; the last one finds all well."""
        for life in " ".join(acts).split("crash"):
            self._mend()
            async with open_writer(self._path, self._folder, BRISK) as writer:
                running = asyncio.create_task(writer.run())  # cancelled below
                begun = self._noted
                writer.note(STARTED, datetime.now(UTC))
                for act in life.split():
                    await self._do(act, writer)
                # Died here: of what is only held, nobody was told.
                held = {
                    event.record.seq
                    for event in writer._held
                    if isinstance(event.record, Turn)
                }
                self._safe |= set(range(begun, self._noted)) - held
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                self._mend()
        async with open_writer(self._path, self._folder):
            pass
        async with open_store(self._path) as store:
            found = {turn.seq for turn in await store.turns("c1")}
        assert self._safe <= found <= set(range(self._noted))
        self._other.close()

    async def _do(self, act: str, writer: Writer) -> None:
        match act:
            case "note":
                writer.note(replace(TURN, seq=self._noted), datetime.now(UTC))
                self._noted += 1
            case "wait":
                await asyncio.sleep(0.02)
            case "lock" if not self._other.in_transaction:
                # In a thread: who has the lock needs this one to give it back.
                await asyncio.to_thread(self._other.execute, "BEGIN IMMEDIATE")
            case "unlock" if self._other.in_transaction:
                self._other.execute("ROLLBACK")
            case "break":
                self._broken = True
            case "mend":
                self._broken = False
            case _:
                pass  # it is locked already, or isn't

    def _mend(self) -> None:
        self._broken = False
        if self._other.in_transaction:
            self._other.execute("ROLLBACK")


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(acts=st.lists(st.sampled_from([*ACTS, "crash"]), max_size=30))
def test_what_was_acknowledged_is_in_the_log_whatever_failed(
    acts: list[Act], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(engines, "ON_CONNECT", ("PRAGMA busy_timeout = 1", WAL))
        storm = Storm(Path(folder), patch)
        asyncio.run(storm.run(acts))
        with closing(sqlite3.connect(Path(folder) / "calls.sqlite")) as connection:
            check = connection.execute("PRAGMA integrity_check").fetchall()
        assert check == [("ok",)]
