"""
What Twilio asks and tells us by HTTP: `/twilio/voice`, `/after` and `/status`.

Each handler runs only behind a valid signature; without one the answer is 403 and
nothing is read.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar, assert_never

import structlog
from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiMapping

from voicebot.errors import RemoteProtocolError, StoreError
from voicebot.runtime.switchboard import Connect, Refuse, Tell
from voicebot.twilio import twiml
from voicebot.twilio.webhooks import (
    AfterStream,
    CallStatus,
    IncomingCall,
    StreamStatus,
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
            log.warning("bad signature", path=request.path)
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
            log.error("call log fails", error=str(exc))
            raise web.HTTPServiceUnavailable(text="call log fails") from None
    base = request.app[SETTINGS].public_url or ""
    match answer:
        case Connect(token):
            return _xml(
                twiml.connect_stream(
                    stream_url=f"ws{base.removeprefix('http')}/twilio/media/{token}",
                    action_url=f"{base}/twilio/after",
                    status_url=f"{base}/twilio/status",
                    parameters={},
                )
            )
        case Refuse(reason):
            return _xml(twiml.reject(reason))
        case Tell(text, language):
            return _xml(twiml.say_and_hangup(text, language))
        case _:
            assert_never(answer)


@routes.post("/twilio/after")
@signed
async def after(request: web.Request, form: Form) -> web.Response:
    """The stream is over and the call isn't: we ended it, or it broke."""
    stream = _read(AfterStream.parse, form)
    try:
        apology = await request.app[BOARD].apology_for(stream.call_sid)
    except StoreError as exc:
        log.error("call log fails", error=str(exc))
        apology = None
    if apology is None:
        return _xml(twiml.hangup())
    return _xml(twiml.say_and_hangup(apology.text, apology.language))


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
        log.debug("call status", call_sid=call.call_sid, status=call.status)
    return web.Response(status=204)


def _read(parse: Callable[[Form], T], form: Form) -> T:
    try:
        return parse(form)
    except RemoteProtocolError as exc:
        raise web.HTTPBadRequest(text=str(exc)) from None


def _xml(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/xml")
