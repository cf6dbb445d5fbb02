"""Requests to StepFun's APIs over HTTP: bytes, files, forms, lists."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, FormData

from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.net.answers import failed, headers, trace_id, unanswered
from voicebot.stepfun.address import http_url
from voicebot.stepfun.upstream import read_error

T = TypeVar("T")

CHUNK_BYTES: Final = 2**16
MAX_ERROR_BYTES: Final = 2**16


class StepFunHttp:
    """Asks one account's APIs, under one base URL."""

    def __init__(self, http: ClientSession, base_url: str, api_key: str) -> None:
        self._http = http
        self._base_url = base_url
        self._headers = headers(api_key)

    @asynccontextmanager
    async def asked(
        self,
        method: str,
        path: str,
        limits: ClientTimeout,
        *,
        body: bytes | FormData | None = None,
        query: Mapping[str, str] | None = None,
    ) -> AsyncIterator[ClientResponse]:
        """
        Ask, and give the answer to be read. Nothing is asked twice.

        Args:
            path: from the base URL on.
            body: JSON, or a form with a file in it.

        Raises:
            UpstreamError: StepFun refused, failed, can't be reached or took too long;
                or what was read isn't as documented. With its trace id, if it told one.
        """
        told = dict(self._headers)
        if isinstance(body, FormData):
            del told["Content-Type"]  # it says it itself, with its boundary
        trace = None
        try:
            async with self._http.request(
                method,
                http_url(self._base_url, path),
                data=body,
                params=query,
                headers=told,
                timeout=limits,
            ) as answer:
                trace = trace_id(answer)
                if answer.status != 200:
                    raise read_error(
                        answer.status, await read_whole(answer, MAX_ERROR_BYTES)
                    )
                try:
                    yield answer
                except RemoteProtocolError as exc:
                    raise failed("bad_answer", answer) from exc
        except UpstreamError as error:
            error.trace_id = error.trace_id or trace
            raise
        except (ClientError, TimeoutError, OSError) as exc:
            broken = unanswered(exc)
            broken.trace_id = trace
            raise broken from exc

    async def ask(
        self,
        method: str,
        path: str,
        limits: ClientTimeout,
        most: int,
        read: Callable[[bytes], T],
        *,
        body: bytes | FormData | None = None,
        query: Mapping[str, str] | None = None,
    ) -> T:
        """
        Ask, and read the answer as a whole.

        Args:
            most: bytes that an answer may have.
            read: what was answered; raises RemoteProtocolError if it is something else.

        Raises:
            UpstreamError: as for `asked`.
        """
        asked = self.asked(method, path, limits, body=body, query=query)
        async with asked as answer:
            whole = await read_whole(answer, most + 1)
            if len(whole) > most:
                raise RemoteProtocolError(
                    f"answer: expected up to {most} bytes, got more"
                )
            return read(whole)


async def read_whole(answer: ClientResponse, most: int) -> bytes:
    """Read an answer, or at least `most` bytes of it."""
    chunks, size = [], 0
    async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
        chunks.append(chunk)
        size += len(chunk)
        if size >= most:
            break
    return b"".join(chunks)


async def retried(attempt: Callable[[], Awaitable[T]], pauses_s: Sequence[float]) -> T:
    """
    Try, and try again as long as it may help.

    Args:
        pauses_s: before each further attempt.

    Raises:
        UpstreamError: the last attempt's, or one that no other would mend.
    """
    for pause_s in pauses_s:
        try:
            return await attempt()
        except UpstreamError as error:
            if not error.retryable:
                raise
        await asyncio.sleep(pause_s)
    return await attempt()
