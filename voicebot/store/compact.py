"""Takes out of a call log's files what was deleted: elsewhere it only isn't shown."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import URL, NullPool

from voicebot.errors import StoreError
from voicebot.store.tables import metadata

BUSY_MS: Final = 15_000


async def compact_server(url: URL) -> None:
    """
    Write the tables at PostgreSQL anew, however long that takes.

    Who writes to a table waits meanwhile.
    """
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(
        url, hide_parameters=True, poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    async with engine.connect() as connection:
        for table in metadata.sorted_tables:
            await connection.exec_driver_sql(f"VACUUM (FULL) {table.name}")


def compact_file(path: Path) -> None:
    """
    Write a file of SQLite's anew, without what was deleted; empty its log.

    Raises:
        StoreError: somebody reads it all the time.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            connection.execute("PRAGMA secure_delete = ON")
            texts = "SELECT name FROM sqlite_master WHERE sql LIKE '%USING fts5(%'"
            for (name,) in connection.execute(texts).fetchall():
                # Else words stay in its index until it merges them some day.
                connection.execute(
                    f'INSERT INTO "{name}" ("{name}") VALUES (\'optimize\')'  # noqa: S608 - a table of ours
                )
            connection.execute("VACUUM")
            (busy, *_) = connection.execute(
                "PRAGMA wal_checkpoint(TRUNCATE)"
            ).fetchone()
    except sqlite3.Error as exc:
        raise StoreError(f"{path}: {exc}") from None
    if busy:
        raise StoreError(f"{path}: somebody reads it; erase again in a moment")
