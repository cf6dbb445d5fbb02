"""The dialplan in force: loaded at the start, replaced when a save is good."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog
from watchfiles import awatch

from voicebot.dialplan.load import load
from voicebot.dialplan.model import Dialplan
from voicebot.errors import DialplanError

log = structlog.get_logger()

DEBOUNCE_MS = 200  # an editor's save is several writes


class Plans:
    """
    Attributes:
        current: what the next call uses. Calls under way keep what they began with.

    Raises:
        DialplanError: the files can't be served as they stand.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.current: Dialplan = load(folder)

    async def watch(self, changed: Callable[[], None]) -> None:
        """Follow the files for ever. A broken save changes nothing but the log."""
        async for _ in awatch(self._folder, debounce=DEBOUNCE_MS, step=50):
            if await self.reload():
                changed()

    async def reload(self) -> bool:
        """Load the files again; whether something else is in force now."""
        try:
            plan = await asyncio.to_thread(load, self._folder)
        except DialplanError as exc:
            for problem in exc.problems:
                log.error("dialplan rejected", problem=str(problem))
            return False
        if plan.revision == self.current.revision:
            return False
        self.current = plan
        log.info("dialplan loaded", revision=plan.revision)
        return True
