"""
Brings a call log to this release's tables, and back.

The revisions are in `migrations/versions`, one file each. Alembic is only imported if
there is something to do: it takes longer than most commands.
"""

from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from voicebot.errors import StoreError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0008"
"""The revision whose tables are those of `tables.py`."""

# Before there were revisions, releases counted in SQLite's own header.
LEGACY_VERSION: Final = 3
LEGACY_REVISION: Final = "0001"


def is_ready(connection: Connection, place: str) -> bool:
    """
    Check that a database is ours, or empty; say whether it is up to date.

    Raises:
        StoreError: it is another program's, or a newer release's.
    """
    return _revision(connection, place) == HEAD


def upgrade(connection: Connection, place: str) -> None:
    """
    Make a database a log of this release, within the transaction that is open.

    Raises:
        StoreError: as `is_ready` does.
    """
    # Asked again: another process may just have done it, or gone beyond.
    found = _revision(connection, place)
    if found == HEAD:
        return
    from alembic import command

    config = _config(connection)
    if found == LEGACY_REVISION and not _has(connection, "alembic_version"):
        command.stamp(config, found)
    command.upgrade(config, HEAD)


def downgrade(connection: Connection, revision: str) -> None:
    """Bring a log back to an older release's tables: `base` is none at all."""
    from alembic import command

    command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "voicebot.store:migrations")
    return config


def _revision(connection: Connection, place: str) -> str | None:
    """
    The revision at which a log is; None if it is empty.

    Raises:
        StoreError: it is another program's, or one that this release can't upgrade.
    """
    if _has(connection, "alembic_version"):
        found: str | None = connection.scalar(
            text("SELECT version_num FROM alembic_version")
        )
        if found is not None and not (found.isdecimal() and found <= HEAD):
            raise StoreError(
                f"{place}: expected a call log of revision {HEAD} or older, got "
                f"{found!r}: it isn't this program's, or a newer release's"
            )
        return found
    version = 0
    if connection.dialect.name == "sqlite":
        version = connection.scalar(text("PRAGMA user_version")) or 0
    if version == LEGACY_VERSION and _has(connection, "messages"):
        return LEGACY_REVISION
    if version or inspect(connection).get_table_names():
        raise StoreError(
            f"{place}: expected a call log, or nothing yet, got tables of version "
            f"{version}: they are another program's, or of a release before 0.1"
        )
    return None


def _has(connection: Connection, table: str) -> bool:
    return inspect(connection).has_table(table)
