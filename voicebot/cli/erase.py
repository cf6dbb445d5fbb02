"""`voicebot calls erase` and `purge`: what isn't to be kept any longer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from voicebot.errors import ConfigError, StoreError

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from voicebot.config import Settings
    from voicebot.store.archive import Archive
    from voicebot.store.database import Database

T = TypeVar("T")


def erase(
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="As the log has it: '+12025550123'.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """
    Erase all calls from and to a number, for good, and prove it.

    Rows, events, words, recordings on the disk and in the bucket, what is spilled. A
    server may go on meanwhile. Exports, backups and what lies at Twilio are yours.
    """
    from voicebot.runtime.scribe import now
    from voicebot.store.erasure import erase as forget

    if not number.strip("+"):
        raise ConfigError("NUMBER: expected a caller's number, got none")
    if not yes:
        typer.confirm("Erase all calls of this number for good?", abort=True)
    erased = _work(
        lambda settings, database, archive: forget(
            database, archive, settings.data, number, now()
        )
    )
    for what, count in erased.counts.items():
        print(f"{what}: {count} erased")
    for file, times in erased.left.items():
        print(f"{file}: the number stands there {times} times")
    for sid in erased.at_twilio:
        print(f"message {sid}: its recording is at Twilio; delete it there")
    if erased.going_on:
        raise StoreError(
            f"{erased.going_on} calls of this number aren't over: erase again then"
        )
    if any(erased.left.values()):
        raise StoreError("the number still stands in a file: other calls hold it")


def purge(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what would be removed.")
    ] = False,
) -> None:
    """
    Remove what is kept no longer: recordings, flight records, words, whole calls.

    A server does it by itself every hour.
    """
    from voicebot.runtime.housekeeping import keep_of
    from voicebot.runtime.scribe import now
    from voicebot.store.recordings import FLIGHTS
    from voicebot.store.retention import purge as remove_old

    purged = _work(
        lambda settings, database, archive: remove_old(
            database,
            archive,
            settings.data / FLIGHTS,
            keep_of(settings),
            now(),
            dry=dry_run,
        )
    )
    verb = "would be removed" if dry_run else "removed"
    print(f"recordings: {purged.recordings} {verb}")
    print(f"flight records: {purged.flights} {verb}")
    print(f"words: of {purged.words} calls {verb}")
    print(f"calls: {purged.calls} {verb}")


def _work(
    work: "Callable[[Settings, Database, Archive], Awaitable[T]]",
) -> T:
    from pathlib import Path

    from voicebot.config import load_settings
    from voicebot.runtime.housekeeping import archive_of
    from voicebot.store.database import open_database

    settings = load_settings()
    where = settings.call_log
    if isinstance(where, Path) and not where.is_file():
        raise StoreError(f"{where}: no call log yet: the first call makes it")

    async def working() -> T:
        async with open_database(where) as database:
            return await work(settings, database, archive_of(settings))

    return asyncio.run(working())
