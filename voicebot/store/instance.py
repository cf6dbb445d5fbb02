"""
This process among those that write a call log, and the calls of those that died.

Who is alive says so every HEARTBEAT_S. The name of the process that has a folder lies
in it: so the next one needn't wait to know that it is dead.
"""

import asyncio
import uuid
from datetime import datetime
from pathlib import Path
from typing import Final

from voicebot.errors import StoreError
from voicebot.store.calls import CallStore

BEATS_A_LOOK: Final = 6  # others' calls are looked after less often


class Instance:
    """
    Says that this process is alive, and closes the calls of the dead.

    Args:
        folder: nobody else may use it while we live.
    """

    def __init__(self, store: CallStore, folder: Path) -> None:
        self.id = uuid.uuid4().hex
        self._store = store
        self._file = folder / "instance"
        self._beats = 0

    async def begin(self, at: datetime) -> int:
        """
        Begin to be alive. Call it before the first call of this process.

        Returns:
            How many calls a process that died had left open.

        Raises:
            StoreError: the log can't be written, or the folder.
        """
        try:
            before_us = await asyncio.to_thread(self._read)
            await self._store.alive(self.id, at)
            closed = await self._store.close_orphans(at, self.id, before_us)
            await asyncio.to_thread(self._write)
        except OSError as exc:
            raise StoreError(f"{self._file}: {exc.strerror}") from None
        return closed

    async def beat(self, at: datetime) -> int:
        """
        Be alive, and now and then look after the others.

        Returns:
            How many calls of theirs were closed.

        Raises:
            StoreError: the log can't be written now.
        """
        await self._store.alive(self.id, at)
        self._beats += 1
        if self._beats % BEATS_A_LOOK:
            return 0
        return await self._store.close_orphans(at, self.id)

    def _read(self) -> str | None:
        return self._file.read_text() if self._file.exists() else None

    def _write(self) -> None:
        self._file.touch(mode=0o600)
        self._file.write_text(self.id)
