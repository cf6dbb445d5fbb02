"""A worker's process: started, listened to, looked after, ended."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from voicebot.config import Settings
from voicebot.errors import ConfigError
from voicebot.runtime import orders
from voicebot.runtime.orders import News, Order
from voicebot.runtime.pipe import Pipe

log = structlog.get_logger()

# Nothing of what is loaded is garbage, and to look for some takes a tenth of the time:
# `settle` begins with it.
CODE: Final = "import gc; gc.disable(); from voicebot.cli import main; main()"
COMMAND: Final = ("-P", "-c", CODE, "worker")

START_S: Final = 90.0  # a busy machine, and libraries to load
LAST_WORDS_S: Final = 10.0  # for who ends by itself, on a busy machine

# A worker tells twice a second how its loop does. One that tells nothing for so long
# stands still. It is looked at twice: it may be us who stood still.
SILENT_S: Final = 5.0


class WorkerProcess:
    """
    One process, and the pipe to it. Made by `start`.

    Args:
        told: takes all news but that it is ready.
        lost: is called when it is heard no more.
    """

    def __init__(
        self,
        number: int,
        process: asyncio.subprocess.Process,
        end: socket.socket,
        told: Callable[[News], None],
        lost: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._number, self._process = number, process
        self._told, self._is_lost = told, lost
        self._ready = self._loop.create_future()
        self._pipe = Pipe(end, self._heard, self._deaf)
        self.began_at = self._heard_at = self._loop.time()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, order: Order, descriptor: int | None = None) -> None:
        """Send an order, and an open socket with it, which isn't ours any more then."""
        self._pipe.send(order, descriptor)

    async def until_ready(self) -> None:
        """
        Wait until it can conduct calls.

        Raises:
            ConfigError: it can't; it says why on standard error.
        """
        try:
            async with asyncio.timeout(START_S):
                await self._ready
        except (TimeoutError, ConnectionError):
            self._loop.call_later(LAST_WORDS_S, self.kill)
            raise ConfigError(f"worker {self._number} doesn't start") from None

    async def until_ended(self) -> int:
        """Wait for its end, and bring it about if it stands still; the exit code."""
        looked_at = self.began_at
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(SILENT_S):
                    return await self._process.wait()
            if self._ready.done() and self._heard_at < looked_at:
                log.error("worker stands still", worker=self._number)
                self.kill()
            looked_at = self._loop.time()

    def kill(self) -> None:
        """End it at once, if it hasn't ended."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Close the pipe."""
        self._pipe.close()
        if not self._ready.done():
            self._ready.set_exception(ConnectionError())

    def _heard(self, news: object, _: int | None) -> None:
        assert isinstance(news, News)
        self._heard_at = self._loop.time()
        if isinstance(news, orders.Ready):
            self._ready.set_result(None)
        else:
            self._told(news)

    def _deaf(self) -> None:
        """It is gone; or there still, and reads no more."""
        self.close()
        self._loop.call_later(LAST_WORDS_S, self.kill)
        self._is_lost()


async def start(
    number: int,
    settings: Settings,
    told: Callable[[News], None],
    lost: Callable[[], None],
) -> WorkerProcess:
    """Start a process, and tell it the settings; it isn't ready yet."""
    ours, theirs = socket.socketpair()
    with theirs:
        end = theirs.fileno()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *COMMAND,
            str(end),
            str(number),
            pass_fds=(end,),
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C is for us, and we tell them
        )
    worker = WorkerProcess(number, process, ours, told, lost)
    worker.send(orders.Begin(settings))
    return worker
