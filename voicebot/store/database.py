"""
The file under the call log: SQLite in WAL mode.

What a write acknowledged is on disk. One process writes a log; any number may read
it meanwhile. An error text carries no values of a row: those are numbers and words
of callers.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import (
    URL,
    Connection,
    Executable,
    Row,
    Select,
    event,
    inspect,
    text,
)
from sqlalchemy.exc import SQLAlchemyError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from voicebot.errors import StoreError
from voicebot.store.tables import SCHEMA_VERSION, UPGRADES, metadata

# FULL, because a call that was acknowledged must survive a power cut. The wait for
# another process's lock ends well before Twilio stops waiting for our answer.
ON_CONNECT: Final = (
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)

T = TypeVar("T")


@asynccontextmanager
async def open_database(path: Path) -> AsyncIterator["Database"]:
    """
    Open a call log's file for the time of the block, creating what is missing.

    One of an older release is brought up to date; that release can still write it,
    but not open it again.

    Raises:
        StoreError: the file cannot be opened, is damaged, isn't a call log, or is
            one of a newer release. It is never replaced.
    """
    _create_file(path)
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)), hide_parameters=True
    )
    event.listen(engine.sync_engine, "connect", _connected)
    event.listen(engine.sync_engine, "begin", _begun)
    database = Database(path, engine)
    try:
        await database.prepare()
        yield database
    finally:
        await database.close()


class Database:
    """Runs one statement at a time; raises StoreError whatever goes wrong."""

    def __init__(self, path: Path, engine: AsyncEngine) -> None:
        self.path = path
        self._reader = engine
        self._writer = engine.execution_options(writes=True)
        self._writing = asyncio.Lock()  # SQLite has one writer: wait here, not there
        self._working: set[asyncio.Task[Any]] = set()

    async def prepare(self) -> None:
        """Create what a new or an older log lacks; check that it can be served."""
        await self._finish(self._prepare())

    async def close(self) -> None:
        """Wait for what is being written, then close all connections."""
        while self._working:
            await asyncio.wait(self._working)
        await self._reader.dispose()  # else its threads keep the process from ending

    async def write(self, statement: Executable) -> int:
        """Commit one statement; return the number of rows that it touched."""
        return await self._finish(self._commit(statement))

    async def read(self, query: Select[Any]) -> list[Row[Any]]:
        """Read all rows of a query, which bounds them itself."""
        return await self._finish(self._fetch(query))

    async def _prepare(self) -> None:
        with self._errors():
            async with self._reader.connect() as connection:
                version = await connection.run_sync(self._check)
            if version != SCHEMA_VERSION:
                async with self._writer.begin() as connection:
                    await connection.run_sync(self._upgrade)

    def _check(self, connection: Connection) -> int:
        """Return the version of the log, which must be ours and whole; 0 if new."""
        version = self._version(connection)
        if (damage := connection.scalar(text("PRAGMA quick_check(1)"))) != "ok":
            raise StoreError(f"{self.path}: the call log is damaged: {damage}")
        return version

    def _version(self, connection: Connection) -> int:
        version: int = connection.scalar(text("PRAGMA user_version")) or 0
        is_new = version == 0 and not inspect(connection).get_table_names()
        if not (is_new or version in UPGRADES or version == SCHEMA_VERSION):
            raise StoreError(
                f"{self.path}: expected a call log of version {SCHEMA_VERSION} or "
                f"older, got version {version}: it isn't this program's, or a newer "
                "release's"
            )
        return version

    def _upgrade(self, connection: Connection) -> None:
        """Make it a log of our version, within the one transaction that is open."""
        # Asked again: another process may just have done it, or gone beyond.
        found = self._version(connection) or SCHEMA_VERSION
        for version in range(found, SCHEMA_VERSION):
            for statement in UPGRADES[version]:
                connection.execute(text(statement))
        metadata.create_all(connection)  # those that are missing
        connection.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))

    async def _commit(self, statement: Executable) -> int:
        with self._errors():
            async with self._writing, self._writer.begin() as connection:
                return (await connection.execute(statement)).rowcount

    async def _fetch(self, query: Select[Any]) -> list[Row[Any]]:
        with self._errors():
            async with self._reader.connect() as connection:
                return list(await connection.execute(query))

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
        """Translate SQLAlchemy's errors, whose own texts quote the statement."""
        try:
            yield
        except SQLAlchemyError as exc:
            reason = exc.orig if isinstance(exc, StatementError) else type(exc).__name__
            raise StoreError(f"{self.path}: {reason}") from exc


def _create_file(path: Path) -> None:
    """Only we may read it. SQLite gives its -wal and -shm files the same mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc


def _connected(connection: Any, _: object) -> None:
    # Else the driver begins transactions by itself: too late, and not around DDL.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ON_CONNECT:
        cursor.execute(pragma)
    cursor.close()


def _begun(connection: Connection) -> None:
    # A transaction that turns into a writer halfway may be refused; one that says
    # so at once only waits.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
