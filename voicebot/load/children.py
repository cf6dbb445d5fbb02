"""Processes of our own that speak JSON lines."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import orjson

from voicebot.errors import VoicebotError

START_S: Final = 60.0
STOP_S: Final = 15.0
LINE_BYTES: Final = 4 * 2**20
"""The figures of a call of three minutes have 10 KB."""
TAIL_BYTES: Final = 2000
PREFIX: Final = "VOICEBOT_"


class ChildError(VoicebotError):
    """A process that we started doesn't do what it should."""


class Child:
    """A process that was started; see `running`."""

    def __init__(self, name: str, process: Process, said: Path) -> None:
        self.name = name
        self.pid = process.pid
        self._process, self._said = process, said

    async def tell(self, order: Mapping[str, object]) -> None:
        """Write a line to it."""
        assert self._process.stdin
        self._process.stdin.write(orjson.dumps(order) + b"\n")
        with suppress(ConnectionError):  # what it prints, or doesn't, tells why
            await self._process.stdin.drain()

    async def first(self, wanted: Callable[[bytes], bool]) -> bytes:
        """
        Wait for the line that says that it has started.

        Raises:
            ChildError: it ended, or said nothing for a minute.
        """
        assert self._process.stdout
        try:
            async with asyncio.timeout(START_S):
                async for line in self._process.stdout:
                    if wanted(line):
                        return line
                await self._process.wait()
        except TimeoutError:
            raise ChildError(f"{self.name}: said nothing for {START_S:g} s") from None
        raise ChildError(f"{self.name} didn't start: {self.last_words()}")

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """
        Read its lines until it ends.

        Raises:
            ChildError: it failed.
        """
        assert self._process.stdout
        async for line in self._process.stdout:
            yield orjson.loads(line)
        if await self._process.wait() > 0:
            raise ChildError(f"{self.name} failed: {self.last_words()}")

    def last_words(self) -> str:
        """The last line that it wrote to standard error."""
        lines = (
            self._said.read_bytes()[-TAIL_BYTES:].decode("utf-8", "replace").split("\n")
        )
        words = [line.strip() for line in lines if line.strip()]
        return words[-1] if words else "it said nothing"

    async def stop(self) -> None:
        """End it: politely, and then not."""
        if self._process.stdin:
            self._process.stdin.close()
        for end in (self._process.terminate, self._process.kill):
            with suppress(ProcessLookupError):
                end()
            try:
                async with asyncio.timeout(STOP_S):
                    await self._process.wait()
                    return
            except TimeoutError:
                continue


@asynccontextmanager
async def running(
    name: str,
    *words: str,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    source: Path | None = None,
    cores: frozenset[int] | None = None,
) -> AsyncIterator[Child]:
    """
    Run `python WORDS…` while the context is open.

    Args:
        name: what it is called in an error.
        folder: where it runs, and where what it says on standard error is put.
        settings: of its environment, without their prefix; none of ours are in it.
        source: a folder with another revision of us.
        cores: those that it may use; None: those that we may.
    """
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(PREFIX)
    }
    given = {PREFIX + key.upper(): value for key, value in (settings or {}).items()}
    root = source or Path(__file__).parents[2]
    path = os.pathsep.join([str(root), *filter(None, [kept.get("PYTHONPATH")])])
    said = folder / f"{name.replace(' ', '-')}.log"
    with said.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            stdin=PIPE,
            stdout=PIPE,
            stderr=errors,
            cwd=folder,
            env=kept | given | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
            limit=LINE_BYTES,
            start_new_session=True,  # Ctrl-C is ours: we tell them to end
        )
    if cores:
        # It has no thread yet but its first: all that it starts inherits them.
        with suppress(ProcessLookupError):
            os.sched_setaffinity(process.pid, cores)
    child = Child(name, process, said)
    loop, mine = asyncio.get_running_loop(), asyncio.current_task()
    assert mine
    # Whoever ends us ends those that we started.
    loop.add_signal_handler(signal.SIGTERM, mine.cancel)
    try:
        yield child
    finally:
        await child.stop()
