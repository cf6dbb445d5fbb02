"""The media stream of a call: `/twilio/media/{token}`."""

import asyncio

import structlog
from aiohttp import WSMsgType, web

from voicebot.errors import RemoteProtocolError
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


@routes.get("/twilio/media/{token}")
async def media(request: web.Request) -> web.StreamResponse:
    """Let a stream in: signature, token, `start`, ids. Only then may money be spent."""
    signature = request.headers.get("X-Twilio-Signature")
    if not request.app[SIGNATURES].upgrade(request.raw_path, signature):
        log.warning("bad signature", path="/twilio/media")
        raise web.HTTPForbidden(text="bad signature")
    board = request.app[BOARD]
    ticket = board.redeem(request.match_info["token"])
    if ticket is None:
        log.warning("bad token")
        raise web.HTTPForbidden(text="bad token")
    socket = web.WebSocketResponse(
        compress=False, max_msg_size=MAX_MESSAGE_BYTES, decode_text=False
    )
    stream = MediaStream()
    reason = EndReason.NEVER_CONNECTED
    try:
        await socket.prepare(request)
        async with asyncio.timeout(START_S):
            await _started(socket, stream)
        _check(ticket, stream)
    except (TimeoutError, RemoteProtocolError, ConnectionError) as exc:
        if isinstance(exc, RemoteProtocolError):
            reason = EndReason.PROTOCOL
            log.warning("stream refused", error=str(exc))
        board.never_started(ticket, reason)
        await socket.close(code=POLICY)
        return socket
    await board.run(ticket, socket, stream)
    return socket


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


def _check(ticket: Ticket, stream: MediaStream) -> None:
    start = stream.start
    assert start
    if (start.call_sid, start.account_sid) != (ticket.call_sid, ticket.account_sid):
        raise RemoteProtocolError("message.start: expected the ids of the webhook")
