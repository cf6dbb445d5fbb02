"""The server as a process: open, listen, drain, close."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from voicebot.config import Settings
from voicebot.errors import ConfigError
from voicebot.runtime.garbage import settle
from voicebot.runtime.plans import Plans
from voicebot.runtime.switchboard import Switchboard, open_switchboard
from voicebot.twilio.signature import SignatureCheck
from voicebot.web import health, media, webhooks
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
    for module in (webhooks, media, health):
        app.add_routes(module.routes)
    return app


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Switchboard]:
    """
    Serve, and end what is left of calls on the way out.

    Raises:
        ConfigError: the address can't be listened on, or a file is wrong.
        StoreError: the call log can't be opened.
    """
    tokens = (settings.twilio_auth_token, settings.twilio_auth_token_secondary)
    signatures = SignatureCheck(
        [token.get_secret_value() for token in tokens if token],
        settings.public_url or "",
    )
    plans = Plans(settings.dialplans, settings.engine)
    with _listen(settings.host, settings.port) as listener:
        async with open_switchboard(settings, plans) as board:
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


async def serve(settings: Settings, ready: Callable[[], None]) -> None:
    """
    Serve until SIGTERM or SIGINT, then let live calls finish.

    A second signal ends them at once, with a goodbye.
    """
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with running(settings) as board:

        def ask() -> None:
            if asked.is_set():
                board.end_all()
            asked.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ask)
        settle()
        ready()
        await asked.wait()
        log.info("draining", calls=len(board.live), drain_s=settings.drain_s)
        await board.drain(settings.drain_s)
        log.info("drained")
