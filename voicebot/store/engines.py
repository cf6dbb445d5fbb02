"""
Where a call log can lie: in a file of SQLite's, or at a PostgreSQL server.

All that differs between the two is in here. One transaction writes at a time in both:
SQLite has no other way, and at PostgreSQL a lock of ours sees to it.

A transaction is a function, and no coroutine: SQLite's blocks, so it has a thread from
its first statement to its last. A step of its own for each statement, as async drivers
take for it, costs the thread of all calls more than the statements cost.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import orjson
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Executable,
    Table,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    ArgumentError,
    DisconnectionError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.pool import ConnectionPoolEntry

from voicebot.errors import ConfigError, StoreError
from voicebot.store.threads import man

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

# FULL, because a call that was acknowledged must survive a power cut. The wait for
# another process's lock ends well before Twilio stops waiting for our answer.
ON_CONNECT: Final = (
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
)

# The same, for a server. One that hangs is found out by the last.
CONNECT_S: Final = 5.0
COMMAND_S: Final = 15.0
ON_SERVER: Final = {
    "application_name": "voicebot",
    "lock_timeout": "5s",
    "statement_timeout": "10s",
    "synchronous_commit": "on",
}

# Who writes holds it: the letters of "voicebot" as a number.
WRITE_LOCK: Final = int.from_bytes(b"voicebot")

DRIVERS: Final = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+asyncpg"}

THREADS: Final = 4
"""One writes; the others read, which few do at a time."""


Insert = sqlite.Insert | postgresql.Insert

T = TypeVar("T")


class Reach(Protocol):
    """What reaches a log."""

    backend: str
    """`sqlite` or `postgresql`."""

    async def run(
        self,
        work: Callable[[Connection], T],
        *,
        writes: bool = False,
        migrates: bool = False,
    ) -> T:
        """
        Do some work, or nothing of it: one transaction.

        Args:
            writes: whether it is to be the one that writes.
            migrates: whether it makes tables anew.
        """

    async def open_all(self) -> None:
        """Open, for who stays, what would be opened once there is much to do."""

    async def close(self) -> None:
        """Close all connections. Nothing is being done any more."""


def url_of(where: Path | str) -> URL:
    """
    Return the address of a log, with the driver by which we reach it.

    Args:
        where: a file of SQLite's, or `postgresql://user:password@host/database`.

    Raises:
        ConfigError: it is no such address. The text doesn't repeat it: it may hold a
            password.
    """
    if isinstance(where, Path):
        return URL.create(DRIVERS["sqlite"], database=str(where))
    try:
        url = make_url(where)
        return url.set(drivername=DRIVERS[url.drivername])
    except (ArgumentError, KeyError, ValueError):
        raise ConfigError(
            "VOICEBOT_DATABASE_URL: expected postgresql://user:password@host/database "
            "or sqlite:///file, got something else"
        ) from None


def place_of(url: URL) -> str:
    """Name a log as error texts may: without user and password."""
    if is_file(url):
        return str(url.database)
    return f"postgresql://{url.host or 'localhost'}/{url.database or ''}"


def is_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


class _File:
    """A file of SQLite's: what is done there blocks, so threads do it."""

    backend = "sqlite"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._of = cache(engine.execution_options)
        self._threads = ThreadPoolExecutor(THREADS, "call log")

    async def run(
        self,
        work: Callable[[Connection], T],
        *,
        writes: bool = False,
        migrates: bool = False,
    ) -> T:
        engine = self._of(writes=writes, migrates=migrates)

        def transaction() -> T:
            with engine.begin() as connection:
                return work(connection)

        return await self._slowly(transaction)

    async def open_all(self) -> None:
        def connect() -> None:
            with ExitStack() as at_once:
                for _ in range(THREADS):
                    at_once.enter_context(self._engine.connect())

        man(self._threads, THREADS)
        await self._slowly(connect)

    async def close(self) -> None:
        await self._slowly(self._engine.dispose)
        self._threads.shutdown()  # else they keep the process from ending

    async def _slowly(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, act)


class _Server:
    """PostgreSQL, which makes nobody wait but the task that asks."""

    backend = "postgresql"

    def __init__(self, engine: "AsyncEngine") -> None:
        self._engine = engine

    async def run(
        self,
        work: Callable[[Connection], T],
        *,
        writes: bool = False,
        migrates: bool = False,  # noqa: ARG002 - its tables are changed in place
    ) -> T:
        async with self._engine.begin() as connection:
            if writes:
                await connection.run_sync(_take_write_lock)
            return await connection.run_sync(work)

    async def open_all(self) -> None:
        pass  # it closes by itself what it doesn't need, and here no files stay open

    async def close(self) -> None:
        await self._engine.dispose()


def reach(url: URL) -> Reach:
    """
    Return what reaches a log. Opens nothing yet, but makes SQLite's file.

    Raises:
        ConfigError: the driver isn't installed.
        StoreError: the file cannot be made.
    """
    if is_file(url):
        path = Path(url.database or "").absolute()
        create_file(path)
        engine = create_engine(url, hide_parameters=True, json_serializer=_json)
        event.listen(engine, "do_connect", partial(_connecting, path))
        event.listen(engine, "connect", partial(_connected, path))
        event.listen(engine, "checkout", partial(_checked_out, path))
        event.listen(engine, "begin", _begun)
        return _File(engine)
    # With it comes the ORM: a tenth of what a process takes to start.
    from sqlalchemy.ext.asyncio import create_async_engine

    try:
        return _Server(
            create_async_engine(
                url,
                hide_parameters=True,
                json_serializer=_json,
                pool_pre_ping=True,  # the server may have been restarted
                connect_args={
                    "timeout": CONNECT_S,
                    "command_timeout": COMMAND_S,
                    "server_settings": ON_SERVER,
                },
            )
        )
    except ModuleNotFoundError as exc:
        raise ConfigError(
            f"a call log at PostgreSQL needs {exc.name}: pip install voicebot[postgres]"
        ) from None


def failures(url: URL) -> tuple[type[Exception], ...]:
    """What can be raised when a log is read or written, but by bugs of ours."""
    if is_file(url):
        return (SQLAlchemyError,)
    import asyncpg

    # Of a connection that isn't there yet, the driver's own errors come through.
    ours = (asyncpg.PostgresError, asyncpg.InterfaceError)
    return (SQLAlchemyError, OSError, TimeoutError, *ours)


def reason_of(exc: BaseException) -> str:
    """Say why a statement failed, without a value of a row: PostgreSQL quotes them."""
    cause = exc.orig if isinstance(exc, StatementError) else exc
    if cause is None:
        return type(exc).__name__
    if type(cause).__module__ == "sqlite3":
        return str(cause)
    if isinstance(cause, OSError) and cause.errno and cause.errno > 0:
        return os.strerror(cause.errno)
    root = cause.__cause__ or cause
    return type(root).__name__


def insert_into(table: Table, backend: str) -> Insert:
    """Begin an INSERT that knows ON CONFLICT."""
    if backend == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


@cache
def add_to(table: Table, backend: str) -> Executable:
    """Return what adds rows; one that is there stays as it is."""
    return insert_into(table, backend).on_conflict_do_nothing()


@cache
def put_into(
    table: Table, backend: str, fixed: frozenset[str] = frozenset()
) -> Executable:
    """
    Return what adds rows, in place of those that have their keys.

    Args:
        fixed: columns that stay as they are, and so do their indexes.
    """
    statement = insert_into(table, backend)
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={
            column.name: statement.excluded[column.name]
            for column in table.c
            if not column.primary_key and column.name not in fixed
        },
    )


def create_file(path: Path) -> None:
    """Only we may read it. SQLite gives its -wal and -shm files the same mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc


def _json(value: object) -> str:
    # Only to write: what the standard library wrote before, orjson may not read. Names
    # of tables and columns are no plain strings.
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def _take_write_lock(connection: Connection) -> None:
    """Wait until nobody else writes; it is given back with the transaction."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")


def _connecting(
    path: Path, _dialect: object, _record: object, args: list[Any], more: dict[str, Any]
) -> None:
    # A log that was there and isn't any more is away: SQLite would begin another.
    args[0] = f"{path.as_uri()}?mode=rw"
    more["uri"] = True


def _checked_out(
    path: Path, _connection: object, record: ConnectionPoolEntry, _lent: object
) -> None:
    # What is written to a file that was moved, or replaced, may be nowhere tomorrow.
    if record.info.get("file") != _identity(path):
        raise DisconnectionError  # so it is connected anew, to what is there now


def _identity(path: Path) -> tuple[int, int] | None:
    """What a file is, whatever its name; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _connected(path: Path, connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["file"] = _identity(path)
    # Else the driver begins transactions by itself: too late, and not around DDL.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ON_CONNECT:
        cursor.execute(pragma)
    cursor.close()


def _begun(connection: Connection) -> None:
    options = connection.get_execution_options()
    # A migration makes tables anew: that must not take along what refers to them.
    # Within a transaction it couldn't be said any more.
    checks = "OFF" if options.get("migrates", False) else "ON"
    if connection.info.get("checks") != checks:
        connection.exec_driver_sql(f"PRAGMA foreign_keys = {checks}")
        connection.info["checks"] = checks
    # A transaction that turns into a writer halfway may be refused; one that says
    # so at once only waits.
    writes = options.get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
