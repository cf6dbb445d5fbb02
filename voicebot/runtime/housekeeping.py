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
    found_at,
    found_in,
    measured,
    remove,
    restore,
)
from voicebot.store.bucket import Bucket
from voicebot.store.database import Database
from voicebot.store.muting import note_of, noted_in, silence, silences, unnoted_in
from voicebot.store.recordings import FLIGHTS, repair
from voicebot.store.records import Recording
from voicebot.store.retention import (
    KNOWN,
    Keep,
    Purged,
    forget,
    purge,
    recordings_of,
)
from voicebot.store.tables import calls

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

    What lies in the folder is what is left to do, so nothing is lost by a restart. To
    look through it takes longer the more is kept there, so that is done at the start,
    each hour, and after a failure; of a call that ends, its own file is enough.
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
        self._fresh: set[Path] = set()  # written to their end, and not looked at yet
        self._is_complete = False  # what there is besides is done
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
        self.hold(path)
        try:
            yield
        finally:
            self.release(path)

    def hold(self, path: Path) -> None:
        """Leave a file alone until `release`."""
        self._live.add(path)

    def release(self, path: Path) -> None:
        """Do with a file what is to be done; all of it is there."""
        self._live.discard(path)
        self._fresh.add(path)
        self.nudge()

    async def run(self) -> None:
        """Do what is to be done, for ever."""
        while True:
            self._news.clear()
            is_due = self._clock() >= self._purge_at
            if is_due or not self._is_complete:
                await self.archive()
            else:
                await self._archive_fresh()
            if is_due:
                self._purge_at = self._clock() + PURGE_S
                await self.purge(now())
            wait_s = self._purge_at - self._clock()
            try:
                async with asyncio.timeout(wait_s if self._is_complete else AGAIN_S):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def archive(self) -> bool:
        """Bring all recordings where they belong; whether none is left behind."""
        async with self._busy:
            found = await self._slowly(lambda: list(found_in(self._archive.folder)))
            self._is_complete = await self._bring_all(found)
            return self._is_complete

    async def _archive_fresh(self) -> None:
        """Bring those recordings where they belong that have just come to an end."""
        async with self._busy:
            fresh = sorted(self._fresh)  # of some of them there may be no file
            there = await self._slowly(lambda: [x for x in fresh if x.exists()])
            self._fresh.difference_update(set(fresh) - set(there))
            found = [one for one in map(found_at, there) if one]
            self._is_complete = await self._bring_all(found)

    async def _bring_all(self, found: list[Found]) -> bool:
        complete = True
        found = [one for one in found if not self._is_live(one)]
        if any(one.path.suffix == WAV for one in found) and not await self._stored():
            complete = False
            found = [one for one in found if one.path.suffix != WAV]
        for one in found:
            try:
                await self._bring(one)
                self._fresh.discard(one.path)
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

    async def silence(self, call_id: str) -> None:
        """
        Silence what turned out to be private in recordings that are kept already.

        Each is made the file again that it was, and kept anew: a crash in between
        leaves it in the folder, with what is left to do.

        Raises:
            StoreError: it can't be done now.
        """
        async with self._busy:
            known = await self._scribe.private_in(call_id)
            theirs = calls.c.call_id == call_id
            try:
                for each in await recordings_of(self._database, theirs):
                    if each.place:
                        loud = bool(unnoted_in(known, each.began_ms))
                        await self._keep_anew(each, each.place, loud=loud)
            finally:
                self._is_complete = False
                self.nudge()  # what is left to do

    async def _keep_anew(self, recording: Recording, place: str, *, loud: bool) -> None:
        wav = self._archive.wav_of(place)
        if not await self._slowly(wav.exists):  # else that was begun before
            if not loud:
                return
            data = await self._archive.read(place)
            await self._slowly(lambda: restore(data, wav))
        await self._bring(Found(wav, recording.call_id, recording.began_ms))
        if place not in self._places(wav.with_suffix(f".{self._form}")):
            await self._archive.remove(place)  # of another format

    def _places(self, path: Path) -> set[str]:
        """Where what is kept of a recording may be."""
        if bucket := self._archive.bucket:
            return {str(path), bucket.place(self._archive.folder, path)}
        return {str(path)}

    async def _bring(self, found: Found) -> None:
        path = found.path
        if path.name.endswith(DRAFT):  # of who was killed
            await self._slowly(lambda: remove(path))
            return
        if path.suffix != WAV and not self._archive.bucket:
            return
        known = await self._is_known(found.call_id)
        await self._keep_it(found)
        if (
            known
            and await self._stored()
            and await forget(self._database, found.call_id)
        ):
            places = {
                place
                for kept in (path, path.with_suffix(f".{self._form}"))
                for place in self._places(kept)
            }
            await self._archive.remove_all(places)

    async def _is_known(self, call_id: str) -> bool:
        return bool(await self._database.read(KNOWN, {"id": call_id}))

    async def _keep_it(self, found: Found) -> None:
        path = found.path
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
        mutes, path = unnoted_in(known, found.began_ms), found.path
        if bool(mutes) and await self._slowly(lambda: _repaired(path)):
            news = await self._slowly(lambda: silences(path, mutes))
            if news:  # else all of it is in a later part of the call
                note = note_of(found.call_id, found.began_ms, news)
                await self._scribe.silenced(note)
            where += news
        if not where:
            return
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
