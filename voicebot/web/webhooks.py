"""
What Twilio asks and tells us by HTTP, under `/twilio/`.

`voice` and `after` of a call and its stream; `queue` of one that waits; `dialed` and
`whisper` of a transfer; `recorded` and `transcribed` of a message; `status` of all.

Each handler runs only behind a valid signature; without one the answer is 403 and
nothing is read.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiMapping

from voicebot.errors import RemoteProtocolError, StoreError
from voicebot.runtime.forward import Answer
from voicebot.runtime.next_step import twiml_for
from voicebot.twilio import twiml
from voicebot.twilio.webhooks import (
    TERMINAL,
    AfterStream,
    CallStatus,
    Dialed,
    IncomingCall,
    Recorded,
    StreamStatus,
    Transcribed,
)
from voicebot.web.keys import BOARD, SETTINGS, SIGNATURES

log = structlog.get_logger()
routes = web.RouteTableDef()

FORM_S = 10.0  # Twilio's forms are one packet
PayloadError = (ClientPayloadError, HttpProcessingError)

Form = MultiMapping[str | bytes | bytearray | web.FileField]
Handler = Callable[[web.Request, Form], Awaitable[web.Response]]
T = TypeVar("T")


def signed(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Let a request through only if Twilio signed it."""

    async def checked(request: web.Request) -> web.Response:
        signature = request.headers.get("X-Twilio-Signature")
        form = await _form(request) if signature else None
        check = request.app[SIGNATURES]
        if form is None or not check.webhook(
            request.method, request.raw_path, form, signature
        ):
            resource = request.match_info.route.resource  # its path has no token
            log.warning("bad signature", path=resource and resource.canonical)
            raise web.HTTPForbidden(text="bad signature")
        return await handler(request, form)

    return checked


async def _form(request: web.Request) -> Form:
    try:
        async with asyncio.timeout(FORM_S):
            return await request.post()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="expected a form") from None
    # What aiohttp raises for bodies that aren't what their headers say.
    except (ValueError, LookupError, RuntimeError, ConnectionError, *PayloadError):
        raise web.HTTPBadRequest(text="expected a form") from None


@routes.post("/twilio/voice")
@signed
async def voice(request: web.Request, form: Form) -> web.Response:
    """A call comes in: what is to become of it?"""
    call = _read(IncomingCall.parse, form)
    if call.account_sid != request.app[SETTINGS].twilio_account_sid:
        log.warning("a call of another account", call_sid=call.call_sid)
        raise web.HTTPForbidden(text="not our account")
    with structlog.contextvars.bound_contextvars(call_sid=call.call_sid):
        try:
            answer = await request.app[BOARD].incoming(call)
        except StoreError as exc:
            # A call that leaves no record isn't taken: Twilio goes to the fallback.
            raise _unwritten(exc) from None
    return _answered(request, answer)


@routes.post("/twilio/after")
@signed
async def after(request: web.Request, form: Form) -> web.Response:
    """The stream is over and the call isn't: we ended it, or it broke."""
    stream = _read(AfterStream.parse, form)
    if stream.status in TERMINAL:  # the caller has left: nobody is rung for them
        return _answered(request, None)
    if elsewhere := request.app[BOARD].forwarding.after_stream(stream.call_sid):
        return _xml(elsewhere)
    with structlog.contextvars.bound_contextvars(call_sid=stream.call_sid):
        try:
            apology = await request.app[BOARD].apology_for(stream.call_sid)
        except StoreError as exc:
            log.error("call log fails", error=str(exc))
            apology = None
    return _answered(request, apology)


@routes.post("/twilio/dialed/{token}")
@signed
async def dialed(request: web.Request, form: Form) -> web.Response:
    """A transfer is over, or nobody answered: what comes next?"""
    news = _read(Dialed.parse, form)
    board = request.app[BOARD]
    with structlog.contextvars.bound_contextvars(call_sid=news.call_sid):
        answer = await board.forwarding.dialed(_token(request), news)
    return _answered(request, answer)


@routes.post("/twilio/queue/{token}")
@signed
async def queue(request: web.Request, form: Form) -> web.Response:
    """A caller waits in line: is there room?"""
    news = _read(AfterStream.parse, form)
    queueing = request.app[BOARD].queueing
    with structlog.contextvars.bound_contextvars(call_sid=news.call_sid):
        if news.status in TERMINAL:
            queueing.left(news.call_sid)
            return _answered(request, None)
        return _answered(request, await queueing.asked(_token(request), news.call_sid))


@routes.post("/twilio/recorded/{token}")
@signed
async def recorded(request: web.Request, form: Form) -> web.Response:
    """A message was left, or none, or its recording is ready."""
    news = _read(Recorded.parse, form)
    with structlog.contextvars.bound_contextvars(call_sid=news.call_sid):
        try:
            await request.app[BOARD].forwarding.recorded(_token(request), news)
        except StoreError as exc:
            raise _unwritten(exc) from None
    return web.Response(status=204) if news.is_callback else _answered(request, None)


@routes.post("/twilio/transcribed/{token}")
@signed
async def transcribed(request: web.Request, form: Form) -> web.Response:
    """The words of a message."""
    news = _read(Transcribed.parse, form)
    with structlog.contextvars.bound_contextvars(call_sid=news.call_sid):
        try:
            await request.app[BOARD].forwarding.transcribed(news)
        except StoreError as exc:
            raise _unwritten(exc) from None
    return web.Response(status=204)


@routes.post("/twilio/whisper/{token}")
@signed
async def whisper(request: web.Request, form: Form) -> web.Response:
    """Somebody answered a transfer: what do they hear before the caller does?"""
    text, language = request.app[BOARD].forwarding.whisper(_token(request))
    return _xml(twiml.whisper(text, language))


@routes.post("/twilio/status")
@signed
async def status(request: web.Request, form: Form) -> web.Response:
    """Twilio tells what became of a stream, or of a call."""
    if "StreamEvent" in form:
        stream = _read(StreamStatus.parse, form)
        if stream.event == "stream-error":
            code = re.match(r"[0-9]{1,5}", stream.error or "")
            log.warning("stream error", call_sid=stream.call_sid, code=code and code[0])
    else:
        call = _read(CallStatus.parse, form)
        with structlog.contextvars.bound_contextvars(call_sid=call.call_sid):
            log.debug("call status", status=call.status)
            if call.terminal:
                request.app[BOARD].queueing.left(call.call_sid)
                await request.app[BOARD].forwarding.call_over(call.call_sid)
    return web.Response(status=204)


def _read(parse: Callable[[Form], T], form: Form) -> T:
    try:
        return parse(form)
    except RemoteProtocolError as exc:
        raise web.HTTPBadRequest(text=str(exc)) from None


def _token(request: web.Request) -> str:
    return request.match_info["token"]


def _unwritten(exc: StoreError) -> web.HTTPException:
    """Twilio goes to the fallback, or asks again."""
    log.error("call log fails", error=str(exc))
    return web.HTTPServiceUnavailable(text="call log fails")


def _answered(request: web.Request, answer: Answer | None) -> web.Response:
    return _xml(twiml_for(answer, request.app[SETTINGS].public_url or ""))


def _xml(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/xml")
