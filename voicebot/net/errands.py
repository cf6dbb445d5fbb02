"""Requests to servers of the operator's: bounded, and never redirected."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from yarl import URL

from voicebot.errors import UpstreamError

SERVICE: Final = "errand"

MAX_BYTES: Final = 64 * 1024

# Of one server of the operator's, for all calls; more wait within their timeout.
PER_HOST: Final = 20
IN_ALL: Final = 200

CONNECT_S: Final = 2.0

HEADERS: Final = {
    "Accept": "application/json, text/plain;q=0.9, */*;q=0.1",
    "User-Agent": "voicebot",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request, complete: it holds secrets."""

    method: Literal["GET", "POST"]
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    body: str | None = field(repr=False)
    """JSON."""
    timeout_s: float
    key: str
    """By which the server knows a POST that it gets twice."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    body: bytes = field(repr=False)
    """Empty unless the status is 2xx."""


class ErrandClient:
    """Makes requests over connections of its own. Made by `open_errands`."""

    def __init__(self, http: ClientSession) -> None:
        self._http = http

    async def fetch(self, request: Request) -> Answer:
        """
        Make a request; a GET once more if nobody could be reached.

        Raises:
            UpstreamError: `timeout`, `unreachable`, or `too_large`; nothing else of
                the request is in it.
        """
        try:
            async with asyncio.timeout(request.timeout_s):
                try:
                    return await self._fetch(request)
                except ClientConnectorError:
                    if request.method == "POST":
                        raise
                    return await self._fetch(request)
        except TimeoutError:
            raise UpstreamError(SERVICE, "timeout") from None
        except (ClientError, OSError, ValueError):
            # Not its text: it has the address, and that may have a key.
            raise UpstreamError(SERVICE, "unreachable") from None

    async def _fetch(self, request: Request) -> Answer:
        headers = HEADERS | request.headers
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        if request.method == "POST":
            headers["Idempotency-Key"] = request.key
        async with self._http.request(
            request.method,
            URL(request.url, encoded=True),  # as it was checked, letter by letter
            data=request.body.encode() if request.body is not None else None,
            headers=headers,
            allow_redirects=False,
        ) as answer:
            if not 200 <= answer.status < 300:
                return Answer(answer.status, b"")
            body = bytearray()
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > MAX_BYTES:
                    raise UpstreamError(SERVICE, "too_large", answer.status)
            return Answer(answer.status, bytes(body))


@asynccontextmanager
async def open_errands() -> AsyncIterator[ErrandClient]:
    """Open what makes requests; close it on the way out."""
    async with ClientSession(
        connector=TCPConnector(limit=IN_ALL, limit_per_host=PER_HOST),
        cookie_jar=DummyCookieJar(),  # what one caller's answer sets is no other's
        timeout=ClientTimeout(total=None, sock_connect=CONNECT_S),
        trust_env=False,
    ) as http:
        yield ErrandClient(http)
