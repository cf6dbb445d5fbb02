"""Asks Twilio for its set-up, and our public address for an answer."""

import asyncio
import ssl
import time
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout

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
UNANSWERED: Final = (ClientError, TimeoutError, OSError)
OURS: Final = b'{"status":"ok"}'
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
    door = _Door(http, await asyncio.to_thread(ssl.create_default_context))
    seen = PublicSeen()
    try:
        seen.certificate_days = await door.certificate_days(public_url)
        seen.health, body = await door.ask("GET", f"{public_url}/healthz")
    except UNANSWERED as exc:
        seen.trouble = _trouble(exc)
        return seen
    seen.is_ours = seen.health == 200 and body.replace(b" ", b"") == OURS
    if not seen.is_ours:
        return seen
    url = public_url + STATUS
    signed = {"X-Twilio-Signature": sign(token, url, NEWS)}
    with suppress(*UNANSWERED):
        seen.signed, _ = await door.ask("POST", url, signed, NEWS)
    with suppress(*UNANSWERED):
        seen.unsigned, _ = await door.ask("POST", url, {}, NEWS)
    base = urlsplit(public_url)
    socket_url = public_url.replace(base.scheme, SOCKET_SCHEMES[base.scheme], 1)
    signed = {"X-Twilio-Signature": sign(token, socket_url + NO_TOKEN, {})}
    with suppress(*UNANSWERED):
        seen.upgrade, body = await door.ask(
            "GET", public_url + NO_TOKEN, UPGRADE | signed
        )
        seen.upgrade_reached = body == b"bad token"
    return seen


class _Door:
    """Asks strangers' servers, as far as ours is one."""

    def __init__(self, http: ClientSession, context: ssl.SSLContext) -> None:
        self._http, self._context = http, context

    async def ask(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        form: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        async with self._http.request(
            method,
            url,
            headers=headers,
            data=form,
            allow_redirects=False,
            timeout=TIMEOUT,
            ssl=self._context,
        ) as answer:
            return answer.status, await answer.content.read(MOST_BYTES)

    async def certificate_days(self, public_url: str) -> float | None:
        """How long the certificate is good for; None without TLS."""
        url = urlsplit(public_url)
        if url.scheme != "https":
            return None
        async with asyncio.timeout(TIMEOUT.total):
            _, writer = await asyncio.open_connection(
                url.hostname, url.port or 443, ssl=self._context
            )
        certificate = writer.get_extra_info("peercert")
        writer.transport.abort()
        ends_at = ssl.cert_time_to_seconds(certificate["notAfter"])
        return (ends_at - time.time()) / DAY_S


def _trouble(exc: Exception) -> str:
    """Say in a few words why there was no answer; nothing of the address."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"certificate: {exc.verify_message}"
    return type(exc).__name__
