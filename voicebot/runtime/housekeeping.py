"""What is done about recordings when their calls are over, and about what is old."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import structlog

from voicebot.config import Settings
from voicebot.errors import StoreError
from voicebot.runtime.scribe import Scribe, now
from voicebot.store.archive import (
    DRAFT,
    Archive,
    Encoded,
    Found,
    encode,
    found_in,
    measured,
    remove,
)
from voicebot.store.bucket import Bucket
from voicebot.store.database import Database
from voicebot.store.records import Recording
from voicebot.store.retention import Keep, purge

T = TypeVar("T")

log = structlog.get_logger()

AGAIN_S: Final = 30.0  # what failed is tried again
PURGE_S: Final = 3600.0


def archive_of(settings: Settings) -> Archive:
    """
    Return where recordings are, or will be.

    Raises:
        ConfigError: they are in a bucket, and obstore isn't installed.
    """
    bucket = None
    if settings.recordings:
        secret = settings.recordings_secret
        bucket = Bucket(
            settings.recordings,
            endpoint=settings.recordings_endpoint,
            region=settings.recordings_region,
            key_id=settings.recordings_key_id,
            secret=secret.get_secret_value() if secret else None,
        )
    return Archive(settings.recordings_folder, bucket)


def keep_of(settings: Settings) -> Keep:
    return Keep(
        settings.keep_recordings_days,
        settings.keep_words_days,
        settings.keep_calls_days,
    )


class Housekeeping:
    """
    Brings recordings of calls that are over to where they are kept; purges the log.

    What lies in the folder is what is left to do, so nothing is lost by a restart.
    """

    def __init__(
        self, settings: Settings, archive: Archive, scribe: Scribe, database: Database
    ) -> None:
        self._form = settings.recordings_format
        self._keep = keep_of(settings)
        self._archive, self._scribe, self._database = archive, scribe, database
        self._clock = asyncio.get_running_loop().time
        self._purge_at = 0.0
        self._news = asyncio.Event()
        self._busy = asyncio.Lock()
        self._live: set[Path] = set()
        # At our own priority. A thread of a lower one that is kept off the cores while
        # it has the interpreter's lock keeps all calls waiting: 92 ms were seen.
        self._hand = ThreadPoolExecutor(1, "archive")

    def close(self) -> None:
        """Finish what is being encoded, and begin nothing more."""
        self._hand.shutdown(cancel_futures=True)

    @asynccontextmanager
    async def recording(self, path: Path | None) -> AsyncIterator[None]:
        """Leave a file alone for the time of the block; it is being written."""
        if path is None:
            yield
            return
        self._live.add(path)
        try:
            yield
        finally:
            self._live.discard(path)
            self._news.set()

    async def run(self) -> None:
        """Do what is to be done, for ever."""
        while True:
            self._news.clear()
            complete = await self.archive()
            if self._clock() >= self._purge_at:
                self._purge_at = self._clock() + PURGE_S
                await self.purge(now())
            wait_s = self._purge_at - self._clock()
            try:
                async with asyncio.timeout(wait_s if complete else AGAIN_S):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def archive(self) -> bool:
        """Bring all recordings where they belong; whether none is left behind."""
        async with self._busy:
            return await self._bring_all()

    async def _bring_all(self) -> bool:
        complete = True
        found = await self._slowly(lambda: list(found_in(self._archive.folder)))
        for one in found:
            if one.path.with_suffix(".wav") in self._live:
                continue
            try:
                await self._bring(one)
            except StoreError as exc:
                complete = False
                log.error("recording stays behind", error=str(exc))
        return complete

    async def purge(self, at: datetime) -> None:
        """Remove what is kept no longer."""
        try:
            purged = await purge(
                self._database, self._archive, self._keep, at, dry=False
            )
        except StoreError as exc:
            log.error("purge failed", error=str(exc))
            return
        if purged.recordings or purged.words or purged.calls:
            log.info(
                "purged",
                recordings=purged.recordings,
                words=purged.words,
                calls=purged.calls,
            )

    async def _bring(self, found: Found) -> None:
        path = found.path
        if path.name.endswith(DRAFT):  # of who was killed
            await self._slowly(lambda: remove(path))
            return
        if path.suffix == ".wav":
            encoded = await self._slowly(lambda: encode(path, self._form))
            if encoded:
                await self._note(found, str(encoded.path), encoded)
                log.info(
                    "recording kept",
                    call_id=found.call_id,
                    duration_ms=encoded.recording_ms,
                )
            await self._slowly(lambda: remove(path))
            if not encoded:
                return
            path = encoded.path
        if bucket := self._archive.bucket:
            place = bucket.place(self._archive.folder, path)
            whole = await self._slowly(lambda: measured(path))
            await bucket.put(path, whole.size_bytes, place)
            await self._note(found, place, whole)
            await self._slowly(lambda: remove(path))
            log.info("recording uploaded", call_id=found.call_id)

    async def _note(self, found: Found, place: str, encoded: Encoded) -> None:
        """Say where a recording is; on return that is on disk."""
        self._scribe.recording(
            Recording(
                found.call_id,
                found.began_ms,
                place=place,
                recording_ms=encoded.recording_ms,
                size_bytes=encoded.size_bytes,
                sha256=encoded.sha256,
            )
        )
        await self._scribe.written()

    async def _slowly(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._hand, act)
