"""Asks Twilio for its set-up, and our public address for an answer."""

import asyncio
import ssl
import time
from typing import Final
from urllib.parse import urlsplit

from aiohttp import (
    ClientConnectorCertificateError,
    ClientError,
    ClientSession,
    ClientTimeout,
)

from voicebot.doctor.finding import Finding
from voicebot.doctor.phone import (
    STATUS,
    PublicSeen,
    judge_account,
    judge_numbers,
    refused,
)
from voicebot.errors import UpstreamError
from voicebot.net.twilio import TwilioRest
from voicebot.twilio.signature import SOCKET_SCHEMES, sign

TIMEOUT: Final = ClientTimeout(total=10)
MOST_BYTES: Final = 4096  # of an answer; a proxy may send a whole page
DAY_S: Final = 86_400

# No call is begun, ended or noted by it.
NEWS: Final = {"CallSid": "CA" + "0" * 32, "CallStatus": "ringing"}
NO_TOKEN: Final = "/twilio/media/voicebot-doctor"
UPGRADE: Final = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dm9pY2Vib3QtZG9jdG9yIQ==",
}


async def ask_twilio(rest: TwilioRest, public_url: str | None) -> list[Finding]:
    found: list[Finding] = []
    try:
        found += judge_account(await rest.account())
    except UpstreamError as error:
        return [refused("account", error)]
    try:
        found += judge_numbers(await rest.numbers(), public_url)
    except UpstreamError as error:
        found.append(refused("numbers", error))
    return found


async def visit(http: ClientSession, public_url: str, token: str) -> PublicSeen:
    """Come to our public address as Twilio would, and as somebody else would."""
    seen = PublicSeen()
    try:
        seen.certificate_days = await _certificate_days(public_url)
        seen.health, body = await _ask(http, "GET", f"{public_url}/healthz")
    except (ClientError, TimeoutError, OSError) as exc:
        seen.trouble = _trouble(exc)
        return seen
    seen.is_ours = seen.health == 200 and body.replace(b" ", b"") == b'{"status":"ok"}'
    if not seen.is_ours:
        return seen
    url = public_url + STATUS
    signed = {"X-Twilio-Signature": sign(token, url, NEWS)}
    seen.signed = await _status(http, "POST", url, signed, NEWS)
    seen.unsigned = await _status(http, "POST", url, {}, NEWS)
    base = urlsplit(public_url)
    socket_url = public_url.replace(base.scheme, SOCKET_SCHEMES[base.scheme], 1)
    signed = {"X-Twilio-Signature": sign(token, socket_url + NO_TOKEN, {})}
    try:
        seen.upgrade, body = await _ask(
            http, "GET", public_url + NO_TOKEN, UPGRADE | signed
        )
        seen.upgrade_reached = body == b"bad token"
    except (ClientError, TimeoutError, OSError):
        pass
    return seen


async def _status(
    http: ClientSession,
    method: str,
    url: str,
    headers: dict[str, str],
    form: dict[str, str],
) -> int | None:
    try:
        return (await _ask(http, method, url, headers, form))[0]
    except (ClientError, TimeoutError, OSError):
        return None


async def _ask(
    http: ClientSession,
    method: str,
    url: str,
    headers: dict[str, str] | None = None,
    form: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    async with http.request(
        method,
        url,
        headers=headers,
        data=form,
        allow_redirects=False,
        timeout=TIMEOUT,
    ) as answer:
        return answer.status, await answer.content.read(MOST_BYTES)


async def _certificate_days(public_url: str) -> float | None:
    """How long the certificate is good for; None without TLS."""
    url = urlsplit(public_url)
    if url.scheme != "https":
        return None
    context = await asyncio.to_thread(ssl.create_default_context)
    async with asyncio.timeout(TIMEOUT.total):
        _, writer = await asyncio.open_connection(
            url.hostname, url.port or 443, ssl=context
        )
    try:
        certificate = writer.get_extra_info("peercert")
    finally:
        writer.transport.abort()
    ends_at = ssl.cert_time_to_seconds(certificate["notAfter"])
    return (ends_at - time.time()) / DAY_S


def _trouble(exc: Exception) -> str:
    match exc:
        case ClientConnectorCertificateError(certificate_error=cause):
            exc = cause
        case _:
            pass
    match exc:
        case ssl.SSLCertVerificationError(verify_message=why):
            return f"certificate: {why}"
        case _:
            return type(exc).__name__
