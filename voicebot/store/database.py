"""
The database under the call log.

What a write acknowledged is on disk. An error text carries no values of a row: those
are numbers and words of callers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Executable, Row, Table, text
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, StatementError

from voicebot.errors import StoreError
from voicebot.store import migrate
from voicebot.store.compact import compact_file, compact_server
from voicebot.store.engines import (
    Insert,
    Reach,
    failures,
    insert_into,
    is_file,
    place_of,
    reach,
    reason_of,
    url_of,
)

T = TypeVar("T")


class RowRefused(StoreError):
    """The database is there, and won't have what it was given: not even later."""


@asynccontextmanager
async def open_database(where: Path | str) -> AsyncIterator["Database"]:
    """
    Open a call log for the time of the block, creating what is missing.

    One of an older release is brought up to date.

    Args:
        where: a file of SQLite's, or the address of a database.

    Raises:
        ConfigError: it is no address, or its driver isn't installed.
        StoreError: it cannot be reached, isn't a call log, or is one of a newer
            release. It is never replaced.
    """
    url = url_of(where)
    database = Database(url, reach(url))
    try:
        await database.prepare()
        yield database
    finally:
        await database.close()


class Database:
    """Runs reads and whole transactions; raises StoreError whatever goes wrong."""

    def __init__(self, url: URL, log: Reach) -> None:
        self._url = url
        self.place = place_of(url)
        self.file = Path(url.database or "") if is_file(url) else None
        self._failures = failures(url)
        self._log = log
        self._writing = asyncio.Lock()  # there is one writer: wait here, not there
        self._working: set[asyncio.Task[Any]] = set()

    @property
    def is_file(self) -> bool:
        """Whether it is SQLite's."""
        return self._log.backend == "sqlite"

    def insert(self, table: Table) -> Insert:
        """Begin an INSERT that knows ON CONFLICT."""
        return insert_into(table, self._log.backend)

    async def prepare(self) -> None:
        """Create what a new or an older log lacks."""
        await self._finish(self._prepare())

    async def open_all(self) -> None:
        """
        Open, for who stays, what would be opened once there is much to do.

        Raises:
            StoreError: the log can't be reached.
        """
        with self._errors():
            await self._log.open_all()

    async def close(self) -> None:
        """Wait for what is being written, then close all connections."""
        while self._working:
            await asyncio.wait(self._working)
        await self._log.close()

    async def write(self, statement: Executable) -> int:
        """Commit one statement; return the number of rows that it touched."""
        return await self.transact(lambda log: log.execute(statement).rowcount)

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """
        Do all of some work, or nothing, while nobody else writes.

        Args:
            work: runs in a thread of its own, if the log is a file.

        Raises:
            RowRefused: what it wrote isn't what the tables take.
            StoreError: it can't be written now.
        """
        return await self._finish(self._transact(work))

    async def read(
        self, query: Executable, values: Mapping[str, object] | None = None
    ) -> list[Row[Any]]:
        """
        Read all rows of a query, which bounds them itself.

        Args:
            values: what its parameters are this time, if it was made with any.
        """
        return await self._finish(self._fetch(query, values))

    async def compact(self) -> None:
        """
        Leave nothing of what was deleted in the files. Others may go on meanwhile.

        Raises:
            StoreError: it can't be done now.
        """
        await self._finish(self._compact())

    async def _compact(self) -> None:
        with self._errors():
            if self.file:
                await asyncio.to_thread(compact_file, self.file)
            else:
                await compact_server(self._url)

    async def check(self) -> None:
        """
        Read all of a file, to see that it is whole. A server sees to that itself.

        Raises:
            StoreError: it isn't.
        """
        if self.is_file:
            found = await self.read(text("PRAGMA quick_check(1)"))
            if (damage := found[0][0]) != "ok":
                raise StoreError(f"{self.place}: the call log is damaged: {damage}")

    async def _prepare(self) -> None:
        with self._errors():
            if not await self._log.run(partial(migrate.is_ready, place=self.place)):
                upgrade = partial(migrate.upgrade, place=self.place)
                await self._log.run(upgrade, writes=True, migrates=True)

    async def _transact(self, work: Callable[[Connection], T]) -> T:
        with self._errors():
            async with self._writing:
                return await self._log.run(work, writes=True)

    async def _fetch(
        self, query: Executable, values: Mapping[str, object] | None
    ) -> list[Row[Any]]:
        with self._errors():
            return await self._log.run(lambda log: list(log.execute(query, values)))

    async def _finish(self, work: Coroutine[Any, Any, T]) -> T:
        """
        Let work go on to its end, even if who waits for it is cancelled.

        A connection that is left halfway would leak, and so would a call's last
        record. `close` waits for what is still going on.
        """
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._working.discard(task)
        if not task.cancelled():
            task.exception()  # seen: if its waiter was cancelled, nobody else looks

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Translate the drivers' errors, whose own texts quote what was written."""
        try:
            yield
        except self._failures as exc:
            kind = RowRefused if _is_refusal(exc) else StoreError
            raise kind(f"{self.place}: {reason_of(exc)}") from None


def _is_refusal(exc: BaseException) -> bool:
    """Whether the row is at fault, and not the disk, the server or a lock."""
    refusals = (DataError, IntegrityError, ProgrammingError)
    return isinstance(exc, refusals) or type(exc) is StatementError
