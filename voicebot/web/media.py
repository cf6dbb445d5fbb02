"""The media stream of a call: `/twilio/media/{token}`."""

import asyncio
import os

import structlog
from aiohttp import WSMsgType, web

from voicebot.errors import RemoteProtocolError
from voicebot.net.media_socket import MediaSocket
from voicebot.runtime.crew import Handover
from voicebot.runtime.live import Ticket
from voicebot.store.records import EndReason
from voicebot.twilio.messages import Start
from voicebot.twilio.stream import MediaStream
from voicebot.web.keys import BOARD, SIGNATURES

log = structlog.get_logger()
routes = web.RouteTableDef()

START_S = 5.0  # `start` comes right after the upgrade; who opens and waits is no Twilio

# Beyond this aiohttp closes the socket; what is smaller and still too large for a
# media frame is dropped by the call, which goes on.
MAX_MESSAGE_BYTES = 4 * 2**20

POLICY = 1008

CLOSE_S = 3.0  # a close handshake over the worst line


@routes.get("/twilio/media/{token}")
async def media(request: web.Request) -> web.StreamResponse:
    """Let a stream in: signature, token, `start`, ids. Only then may money be spent."""
    signature = request.headers.get("X-Twilio-Signature")
    if not request.app[SIGNATURES].upgrade(request.raw_path, signature):
        log.warning("bad signature", path="/twilio/media")
        raise web.HTTPForbidden(text="bad signature")
    socket = socket_of()
    if not socket.can_prepare(request):
        log.error("an upgrade arrived without its headers: a proxy drops them")
        raise web.HTTPUpgradeRequired(text="expected a WebSocket upgrade")
    board = request.app[BOARD]
    ticket = board.redeem(request.match_info["token"])
    if ticket is None:
        log.warning("bad token")
        raise web.HTTPForbidden(text="bad token")
    if board.crew:
        await _hand_over(request, ticket)
        return web.Response()  # to nobody: the connection isn't ours any more
    return await conduct(request, socket, ticket)


async def _hand_over(request: web.Request, ticket: Ticket) -> None:
    """Give the connection to a worker, as it was before the upgrade."""
    board, transport = request.app[BOARD], request.transport
    if transport is None:
        board.never_started(ticket, EndReason.NEVER_CONNECTED)
        return
    try:
        # A copy: closing ours closes nothing as long as there is another one.
        descriptor = os.dup(transport.get_extra_info("socket").fileno())
    except OSError as exc:  # no file descriptors are left
        log.error("stream not handed over", error=exc.strerror)
        board.never_started(ticket, EndReason.INTERNAL_ERROR)
        raise web.HTTPServiceUnavailable(text="try again") from None
    transport.abort()
    fields = [name + b": " + value for name, value in request.raw_headers]
    line = f"GET {request.raw_path} HTTP/1.1".encode()
    head = b"\r\n".join([line, *fields, b"", b""])
    handover = Handover(descriptor, request.match_info["token"], head)
    await board.hand_over(ticket, handover)


async def conduct(
    request: web.Request, socket: web.WebSocketResponse, ticket: Ticket
) -> web.StreamResponse:
    """Run a call whose stream was let in."""
    board = request.app[BOARD]
    stream = MediaStream()
    try:
        await socket.prepare(request)
        if request.transport is None:
            raise ConnectionError
        line = MediaSocket(socket, request.transport)
        async with asyncio.timeout(START_S):
            await _started(socket, stream)
        _check(ticket, stream)
    except RemoteProtocolError as exc:
        log.warning("stream refused", error=str(exc))
        board.never_started(ticket, EndReason.PROTOCOL)
    except (TimeoutError, ConnectionError):
        board.never_started(ticket, EndReason.NEVER_CONNECTED)
    except BaseException:  # whatever it is, the call's place must be free again
        board.never_started(ticket, EndReason.INTERNAL_ERROR)
        raise
    else:
        await board.run(ticket, line, stream)
    if socket.prepared:
        await close(socket, request, POLICY)
    return socket


def socket_of() -> web.WebSocketResponse:
    return web.WebSocketResponse(
        compress=False, max_msg_size=MAX_MESSAGE_BYTES, decode_text=False
    )


async def _started(socket: web.WebSocketResponse, stream: MediaStream) -> None:
    """Read up to `start`; anything else before it is dropped."""
    async for frame in socket:
        if frame.type is not WSMsgType.TEXT:
            continue
        try:
            message = stream.receive(frame.data)
        except RemoteProtocolError as exc:
            log.warning("bad frame before start", error=str(exc))
            continue
        if isinstance(message, Start):
            return
    raise ConnectionError("closed before start")


async def close(socket: web.WebSocketResponse, request: web.Request, code: int) -> None:
    """Close a stream, even one whose peer has stopped reading."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await socket.close(code=code)
    except TimeoutError:
        if request.transport:
            request.transport.abort()


def _check(ticket: Ticket, stream: MediaStream) -> None:
    start = stream.start
    assert start
    if (start.call_sid, start.account_sid) != (ticket.call_sid, ticket.account_sid):
        raise RemoteProtocolError("message.start: expected the ids of the webhook")
