"""A worker as a process: takes orders and streams from the main process, and ends."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from voicebot.config import Settings
from voicebot.runtime import orders
from voicebot.runtime.garbage import settle
from voicebot.runtime.orders import Order
from voicebot.runtime.pipe import Pipe
from voicebot.runtime.worker import Worker, open_worker
from voicebot.store.records import EndReason
from voicebot.store.threads import SUNDRY, manned
from voicebot.web.keys import BOARD
from voicebot.web.media import START_S, conduct, socket_of

log = structlog.get_logger()
routes = web.RouteTableDef()

BEGIN_S = 10.0
CLOSE_S = 2.0


@routes.get("/twilio/media/{token}")
async def media(request: web.Request) -> web.StreamResponse:
    """Run a call: the main process has checked who this is."""
    board = request.app[BOARD]
    ticket = board.redeem(request.match_info["token"])
    if ticket is None:  # a second request, on a connection that was passed on
        raise web.HTTPForbidden(text="bad token")
    return await conduct(request, socket_of(), ticket)


async def work(end: int, number: int, begin: Callable[[Settings], None]) -> None:
    """
    Conduct calls until the main process needs no more, or is gone.

    Args:
        end: descriptor of a socket pair whose other end the main process has.
        number: from 1, among the workers of this server.
        begin: is called with the server's settings, before anything else is done.
    """
    structlog.contextvars.bind_contextvars(worker=number)
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # the main process tells us
    inbox: asyncio.Queue[tuple[object, int | None]] = asyncio.Queue()  # read at once
    ended = asyncio.Event()
    pipe = Pipe(
        socket.socket(fileno=end), lambda *each: inbox.put_nowait(each), ended.set
    )
    try:
        async with asyncio.timeout(BEGIN_S):
            first, _ = await inbox.get()
        assert isinstance(first, orders.Begin)
        begin(first.settings)
        loop = asyncio.get_running_loop()
        loop.set_default_executor(manned(SUNDRY, "sundry"))
        async with (
            open_worker(first.settings, number, pipe.send) as board,
            _server(board) as server,
            asyncio.TaskGroup() as tasks,
        ):
            obeying = tasks.create_task(_obey(board, server, inbox))
            finished = tasks.create_task(board.finished.wait())
            finished.add_done_callback(lambda _: ended.set())
            settle()
            pipe.send(orders.Ready())
            await ended.wait()
            if not board.finished.is_set():
                log.error("the main process is gone: calls end", calls=board.calls)
            obeying.cancel()
            finished.cancel()
    finally:
        pipe.close()


async def _obey(
    board: Worker,
    server: web.Server,
    inbox: asyncio.Queue[tuple[object, int | None]],
) -> None:
    """Do what the main process says, for ever, in order."""
    while True:
        order, descriptor = await inbox.get()
        assert isinstance(order, Order)
        try:
            board.obey(order)
            if isinstance(order, orders.Conduct):
                assert descriptor is not None
                await _serve(board, server, order, descriptor)
        except Exception:  # noqa: BLE001 - a bug of ours: this call ends, others go on
            log.exception("order broke", order=type(order).__name__)
            if isinstance(order, orders.Conduct):
                board.give_up(order.token, EndReason.INTERNAL_ERROR)


@asynccontextmanager
async def _server(board: Worker) -> AsyncIterator[web.Server]:
    """Serve connections that come from nowhere."""
    app = web.Application()
    app[BOARD] = board
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_S)
    await runner.setup()
    assert runner.server
    try:
        yield runner.server
    finally:
        await runner.cleanup()


async def _serve(
    board: Worker,
    server: web.Server,
    order: orders.Conduct,
    descriptor: int,
) -> None:
    """Put a connection under our server, as if it had come to us."""
    loop = asyncio.get_running_loop()
    connection = socket.socket(fileno=descriptor)
    try:
        _, protocol = await loop.connect_accepted_socket(server, connection)
    except OSError:  # it broke on its way
        connection.close()
        board.give_up(order.token, EndReason.NEVER_CONNECTED)
        return
    protocol.data_received(order.head)
    # If it broke at this moment, nobody asks for it.
    loop.call_later(START_S, board.give_up, order.token, EndReason.NEVER_CONNECTED)
