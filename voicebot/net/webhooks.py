"""Tells others what happened here: signed requests to addresses of the operator's."""

import hashlib
import hmac
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout

from voicebot.errors import UpstreamError

SERVICE: Final = "webhook"
TIMEOUT: Final = ClientTimeout(total=10)

# To the second try, the third…; then the last one, again and again.
PAUSES_S: Final = (10, 30, 120, 600, 1800, 3600, 7200)

GONE: Final = 410
"""Whoever was there wants to hear nothing more."""


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Sign what is sent: HMAC-SHA256 of `timestamp.body`, in hexadecimal digits."""
    signed = f"{timestamp}.".encode() + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def pause_s(tries: int) -> int:
    """How long to wait after a try that failed; `tries` counts those before it."""
    return PAUSES_S[min(tries, len(PAUSES_S) - 1)]


class Webhooks:
    """Sends, once each; trying again is for who knows what was sent."""

    def __init__(self, http: ClientSession, secret: str) -> None:
        self._http, self._secret = http, secret

    async def send(self, url: str, body: bytes, *, key: str, timestamp: int) -> None:
        """
        Send JSON; on return it was taken.

        Args:
            key: the same whenever the same is sent, so that it can be taken once.
            timestamp: now, in seconds since 1970.

        Raises:
            UpstreamError: it wasn't, or nobody knows.
        """
        signed = signature(self._secret, timestamp, body)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "voicebot",
            "Idempotency-Key": key,
            "Voicebot-Timestamp": str(timestamp),
            "Voicebot-Signature": f"v1={signed}",
        }
        try:
            async with self._http.post(
                url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False
            ) as answer:
                status = answer.status
        except (ClientError, TimeoutError, OSError) as exc:
            raise UpstreamError(SERVICE, type(exc).__name__) from exc
        if not 200 <= status < 300:
            raise UpstreamError(SERVICE, "not taken", status)
