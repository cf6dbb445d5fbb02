"""What is done about recordings when their calls are over, and about what is old."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict
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
from voicebot.store.muting import mutes_in, note_of, noted_in, silence, silences, since
from voicebot.store.recordings import FLIGHTS, repair
from voicebot.store.records import Recording
from voicebot.store.retention import Keep, Purged, purge

T = TypeVar("T")

log = structlog.get_logger()

AGAIN_S: Final = 30.0  # what failed is tried again
STORED_S: Final = 10.0  # for what was said to be in the call log
PURGE_S: Final = 3600.0
WAV: Final = ".wav"


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
        self._flights = settings.data / FLIGHTS
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

    def nudge(self) -> None:
        """A call is over."""
        self._news.set()

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
            self.nudge()

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
        found = [one for one in found if not self._is_live(one)]
        if any(one.path.suffix == WAV for one in found) and not await self._stored():
            complete = False
            found = [one for one in found if one.path.suffix != WAV]
        for one in found:
            try:
                await self._bring(one)
            except StoreError as exc:
                complete = False
                log.error("recording stays behind", error=str(exc))
        return complete

    def _is_live(self, found: Found) -> bool:
        """Whether it is written, or what was said may still turn out to be private."""
        if found.path.with_suffix(WAV) in self._live:
            return True
        return found.path.suffix == WAV and self._scribe.goes_on(found.call_id)

    async def _stored(self) -> bool:
        """Whether the call log has all that is known of what was said."""
        try:
            async with asyncio.timeout(STORED_S):
                await self._scribe.stored()
        except TimeoutError:
            log.warning("recordings wait for the call log")
            return False
        return True

    async def purge(self, at: datetime) -> None:
        """Remove what is kept no longer."""
        try:
            purged = await purge(
                self._database,
                self._archive,
                self._flights,
                self._keep,
                at,
                dry=False,
            )
        except StoreError as exc:
            log.error("purge failed", error=str(exc))
            return
        if purged != Purged():
            log.info("purged", **asdict(purged))

    async def _bring(self, found: Found) -> None:
        path = found.path
        if path.name.endswith(DRAFT):  # of who was killed
            await self._slowly(lambda: remove(path))
            return
        if path.suffix == WAV:
            await self._silence(found)
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

    async def _silence(self, found: Found) -> None:
        """
        Silence what is private in a recording.

        Where that is, can be found out only once, and is noted before: after a crash
        it is done again as it was noted.
        """
        known = await self._scribe.private_in(found.call_id)
        where = noted_in(known, found.began_ms)
        if where is None:
            mutes = since(mutes_in(known), found.began_ms)
            path = found.path
            if not mutes or not await self._slowly(lambda: _repaired(path)):
                return
            where = await self._slowly(lambda: silences(path, mutes))
            if not where:  # all of it is in a later part of the call
                return
            await self._scribe.silenced(note_of(found.call_id, found.began_ms, where))
        silent_ms = await self._slowly(lambda: silence(found.path, where))
        log.info("recording silenced", call_id=found.call_id, silent_ms=silent_ms)

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


def _repaired(path: Path) -> bool:
    """
    Whether there is any sound in a recording, whoever was killed while he wrote it.

    Raises:
        StoreError: it can't be read or written.
    """
    try:
        return repair(path)
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc
