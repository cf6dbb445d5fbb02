"""Requests to StepFun's APIs over HTTP, and what becomes of those that fail."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from typing import Final, TypeVar

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    FormData,
)

from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.stepfun.address import http_url
from voicebot.stepfun.sse import SseReader
from voicebot.stepfun.upstream import SERVICE, loggable_id, read_error

T = TypeVar("T")

CHUNK_BYTES: Final = 2**16
REST_S: Final = 0.05
MAX_ERROR_BYTES: Final = 2**16
MAX_STREAM_BYTES = 16 * 2**20
"""Of events of text: an answer of thousands of words has some hundred thousand."""

# What support asks for.
TRACE_HEADER: Final = "X-Trace-Id"


class StepFunHttp:
    """Asks one account's APIs, under one base URL."""

    def __init__(self, http: ClientSession, base_url: str, api_key: str) -> None:
        self._http = http
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {api_key}"}

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
        headers = dict(self._headers)
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/json"
        trace_id = None
        try:
            async with self._http.request(
                method,
                http_url(self._base_url, path),
                # As a file: aiohttp warns of a large body that is bytes.
                data=BytesIO(body) if isinstance(body, bytes) else body,
                params=query,
                headers=headers,
                timeout=limits,
            ) as answer:
                trace_id = trace_id_of(answer.headers)
                if answer.status != 200:
                    told = await read_whole(answer, MAX_ERROR_BYTES)
                    raise read_error(answer.status, told)
                yield answer
        except UpstreamError as error:
            error.trace_id = error.trace_id or trace_id
            raise
        except RemoteProtocolError as exc:
            raise _traced(UpstreamError(SERVICE, "bad_answer", 200), trace_id) from exc
        except (ClientError, TimeoutError, OSError) as exc:
            raise _traced(UpstreamError(SERVICE, _word(exc)), trace_id) from exc

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


async def events(answer: ClientResponse) -> AsyncGenerator[bytes, None]:
    """
    Yield the data of a stream's events, up to its `[DONE]` or its end.

    Raises:
        RemoteProtocolError: it is no stream of events, or one without an end.
    """
    reader, left = SseReader(), MAX_STREAM_BYTES
    async for chunk in answer.content.iter_any():
        left -= len(chunk)
        if left < 0:
            raise RemoteProtocolError(
                f"stream: expected up to {MAX_STREAM_BYTES} bytes, got more"
            )
        for data in reader.feed(chunk):
            yield data
        if reader.ended:
            await take_rest(answer)
            return
    for data in reader.finish():
        yield data


async def take_rest(answer: ClientResponse) -> None:
    """
    Take the end of an answer that has said all: its connection serves again then.

    A caller waits for what was said. So what isn't there at once isn't waited for.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(REST_S):
            while await answer.content.readany():
                pass


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


def trace_id_of(headers: Mapping[str, str]) -> str | None:
    """Read by which id StepFun finds a request; None if it told none."""
    return loggable_id(headers.get(TRACE_HEADER))


def _traced(error: UpstreamError, trace_id: str | None) -> UpstreamError:
    error.trace_id = trace_id
    return error


def _word(exc: Exception) -> str:
    return "timeout" if isinstance(exc, TimeoutError) else type(exc).__name__
