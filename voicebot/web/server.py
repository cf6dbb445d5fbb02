"""The server as a process: open, listen, drain, close."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog
from aiohttp import web

from voicebot.config import Settings, service_manager
from voicebot.errors import ConfigError
from voicebot.observe.service import ServiceManager
from voicebot.runtime.crew import open_crew
from voicebot.runtime.garbage import settle
from voicebot.runtime.plans import Plans
from voicebot.runtime.switchboard import Switchboard, open_switchboard
from voicebot.store.threads import SUNDRY, manned
from voicebot.twilio.signature import SignatureCheck
from voicebot.web import health, media, metrics, webhooks
from voicebot.web.keys import BOARD, SETTINGS, SIGNATURES

log = structlog.get_logger()

CLOSE_S = 2.0  # for what is still open when all calls are over

BACKLOG = 1024  # connections that wait: a burst of calls comes as one of sockets


def create_app(
    settings: Settings, signatures: SignatureCheck, board: Switchboard
) -> web.Application:
    """Build the application. Opens nothing."""
    app = web.Application()
    app[SETTINGS] = settings
    app[BOARD] = board
    app[SIGNATURES] = signatures
    for module in (webhooks, media, health, metrics):
        app.add_routes(module.routes)
    return app


@asynccontextmanager
async def running(settings: Settings, workers: int = 0) -> AsyncIterator[Switchboard]:
    """
    Serve, and end what is left of calls on the way out.

    Args:
        workers: processes that conduct the calls; 0: this one does.

    Raises:
        ConfigError: the address can't be listened on, or a file is wrong, or a worker
            doesn't start.
        StoreError: the call log can't be opened.
    """
    tokens = (settings.twilio_auth_token, settings.twilio_auth_token_secondary)
    signatures = SignatureCheck(
        [token.get_secret_value() for token in tokens if token],
        settings.public_url or "",
    )
    plans = Plans(settings.dialplans, settings.engine)
    with _one_sentence(), _listen(settings.host, settings.port) as listener:
        async with (
            open_switchboard(settings, plans) as board,
            _crewed(settings, board, workers),
        ):
            runner = web.AppRunner(
                create_app(settings, signatures, board),
                access_log=None,
                shutdown_timeout=CLOSE_S,
            )
            await runner.setup()
            try:
                await web.SockSite(runner, listener, backlog=BACKLOG).start()
                yield board
                await board.drain(0)
            finally:
                await runner.cleanup()


@asynccontextmanager
async def _crewed(
    settings: Settings, board: Switchboard, workers: int
) -> AsyncIterator[None]:
    if not workers:
        yield
        return
    async with open_crew(workers, settings, board, board.metrics.see) as board.crew:
        yield


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Let what an operator did wrong out of the groups of whose task saw it first."""
    try:
        yield
    except BaseExceptionGroup as group:
        found, rest = group.split(ConfigError)
        if found is None or rest:
            raise
        error: BaseException = found
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as exc:
        why = (exc.strerror or str(exc)).partition(" (while ")[0]
        raise ConfigError(
            f"cannot listen on {host}:{port}: {why}; "
            "set VOICEBOT_HOST or VOICEBOT_PORT to something else"
        ) from exc


async def serve(
    settings: Settings, ready: Callable[[], None], workers: int = 0
) -> None:
    """
    Serve until SIGTERM or SIGINT, then let live calls finish.

    A second signal ends them at once, with a goodbye. SIGHUP replaces the workers.

    Args:
        workers: as of `running`.
    """
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(manned(SUNDRY, "sundry"))
    manager = ServiceManager(*service_manager())
    async with running(settings, workers) as board, beating(manager):

        def ask() -> None:
            if asked.is_set():
                board.end_all()
            asked.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ask)
        loop.add_signal_handler(signal.SIGHUP, _renew, board)
        await asyncio.sleep(0)  # chores have begun, and imported what they need
        settle()
        ready()
        manager.ready()
        await asked.wait()
        manager.stopping(len(board.live))
        log.info("draining", calls=len(board.live), drain_s=settings.drain_s)
        await board.drain(settings.drain_s)
        log.info("drained")


def _renew(board: Switchboard) -> None:
    if board.crew:
        board.crew.renew()
    else:
        log.warning("SIGHUP replaces workers, and there are none: see --workers")


@asynccontextmanager
async def beating(manager: ServiceManager) -> AsyncIterator[None]:
    """Say that the event loop turns, as long as the block runs."""

    async def beat(every_s: float) -> None:
        while True:
            manager.alive()
            await asyncio.sleep(every_s)

    if manager.beat_s is None:
        yield
        return
    task = asyncio.create_task(beat(manager.beat_s), name="watchdog")
    try:
        yield
    finally:
        task.cancel()
