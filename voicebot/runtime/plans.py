"""The dialplan in force: loaded at the start, replaced when a save is good."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

import structlog

from voicebot.dialplan.fallback import Engine
from voicebot.dialplan.load import load
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.persona import Persona
from voicebot.errors import DialplanError

log = structlog.get_logger()

DEBOUNCE_MS: Final = 200  # an editor's save is several writes
POLL_MS: Final = 1000

Look: TypeAlias = frozenset[tuple[str, int, int, int]]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A save that isn't served."""

    problems: tuple[str, ...]
    since: datetime


class Plans:
    """
    Attributes:
        current: what the next call uses. Calls under way keep what they began with.
        loaded_at: since when.
        rejected: what is wrong with the files as they are now, if they are wrong.

    Args:
        engine: of all personas, whatever they say; None: as they say.

    Raises:
        DialplanError: the files can't be served as they stand.
    """

    def __init__(self, folder: Path, engine: Engine | None = None) -> None:
        self._folder = folder
        self._engine = engine
        self._seen = look(folder)
        self.current: Dialplan = self._load()
        self.loaded_at = datetime.now(UTC)
        self.rejected: Rejected | None = None

    async def watch(self, changed: Callable[[], None]) -> None:
        """Follow the files for ever. A broken save changes nothing but `rejected`.

        Besides waiting to be told, it looks once a second: mounts over a network,
        and a folder that is a link to another, tell of no change.
        """
        # A worker, which has no files to follow, starts without it.
        from watchfiles import awatch

        async for changes in awatch(
            self._folder,
            debounce=DEBOUNCE_MS,
            step=50,
            rust_timeout=POLL_MS,
            yield_on_timeout=True,
        ):
            seen = await asyncio.to_thread(look, self._folder)
            if (changes or seen != self._seen) and await self.reload():
                changed()

    async def reload(self) -> bool:
        """Load the files again; whether something else is in force now."""
        # Before the files are read: what changes meanwhile is seen the next time.
        self._seen = await asyncio.to_thread(look, self._folder)
        try:
            plan = await asyncio.to_thread(self._load)
        except DialplanError as exc:
            self._reject(tuple(map(str, exc.problems)))
            return False
        self.rejected = None
        if plan.revision == self.current.revision:
            return False
        self.current = plan
        self.loaded_at = datetime.now(UTC)
        log.info("dialplan loaded", revision=plan.revision)
        return True

    def _load(self) -> Dialplan:
        plan = load(self._folder)
        return with_engine(plan, self._engine) if self._engine else plan

    def _reject(self, problems: tuple[str, ...]) -> None:
        if self.rejected and self.rejected.problems == problems:
            return
        self.rejected = Rejected(problems, datetime.now(UTC))
        for problem in problems:
            log.error("dialplan rejected", problem=problem)


def with_engine(plan: Dialplan, engine: Engine) -> Dialplan:
    """Return a plan whose personas all speak with one engine."""
    personas = {name: _speaking(each, engine) for name, each in plan.personas.items()}
    return replace(plan, personas=personas)


def _speaking(persona: Persona, engine: Engine) -> Persona:
    changes: dict[str, str] = {"engine": engine}
    if engine == "cascade":
        changes["vad"] = "local"  # it has no other
    model = persona.model.model_copy(update=changes)
    variants = {name: _speaking(own, engine) for name, own in persona.variants.items()}
    return persona.model_copy(update={"model": model}).speaking(variants)


def look(folder: Path) -> Look:
    """Return what is seen of a folder's files, and of its folders', without reading."""
    seen = set()
    for pattern in ("*", "*/*"):
        for path in folder.glob(pattern):
            try:
                stat = path.stat()
            except OSError:  # gone again, or a link to nowhere
                continue
            seen.add((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return frozenset(seen)
