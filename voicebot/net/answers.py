"""StepFun's HTTP answers: whole or as a stream of events, and what failed if none."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from io import BytesIO
from typing import Final

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.stepfun.sse import SseReader
from voicebot.stepfun.upstream import SERVICE, loggable_id, read_error

# What support asks for.
TRACE_HEADER: Final = "X-Trace-Id"

# Of all of a stream: an answer of thousands of words has some hundred thousand.
MAX_BYTES: Final = 16 * 2**20

PAUSE_S = 0.2
"""Before something is tried again."""


def headers(api_key: str) -> dict[str, str]:
    """Return what each request says of who asks, and of its body."""
    return {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}


def trace_id(answer: ClientResponse) -> str | None:
    """Return the id by which StepFun finds a request, if it has the form of one."""
    return loggable_id(answer.headers.get(TRACE_HEADER))


def failed(detail: str, answer: ClientResponse) -> UpstreamError:
    """Make the error of an answer whose status was a success."""
    error = UpstreamError(SERVICE, detail, answer.status)
    error.trace_id = trace_id(answer)
    return error


def unanswered(exc: Exception) -> UpstreamError:
    """Make the error of a request that got no answer, or only a part of one."""
    word = "timeout" if isinstance(exc, TimeoutError) else type(exc).__name__
    return UpstreamError(SERVICE, word)


async def post(
    http: ClientSession,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    limits: ClientTimeout,
    tries: int = 1,
) -> ClientResponse:
    """
    Post, again if that can help; whoever calls closes the answer, and reads it.

    What took too long isn't tried again: whoever waits would only wait longer.

    Raises:
        UpstreamError: StepFun refused, failed, can't be reached or took too long.
    """
    for _ in range(tries - 1):
        try:
            return await _post(http, url, body, headers, limits)
        except UpstreamError as exc:
            if not exc.retryable or exc.detail == "timeout":
                raise
            await asyncio.sleep(PAUSE_S)
    return await _post(http, url, body, headers, limits)


async def events(answer: ClientResponse) -> AsyncGenerator[bytes, None]:
    """
    Yield the data of a stream's events, up to its `[DONE]` or its end.

    Raises:
        UpstreamError: it broke off, took too long, or is no stream of events.
    """
    reader, left = SseReader(), MAX_BYTES
    try:
        async for chunk in answer.content.iter_any():
            left -= len(chunk)
            if left < 0:
                raise failed("bad_answer", answer)
            for data in reader.feed(chunk):
                yield data
            if reader.ended:
                return
    except (ClientError, TimeoutError, OSError) as exc:
        error = unanswered(exc)
        error.trace_id = trace_id(answer)
        raise error from exc
    except RemoteProtocolError as exc:
        raise failed("bad_answer", answer) from exc
    for data in reader.finish():
        yield data


async def _post(
    http: ClientSession,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    limits: ClientTimeout,
) -> ClientResponse:
    try:
        # As a file: of a large body that is bytes, aiohttp warns.
        answer = await http.post(
            url, data=BytesIO(body), headers=headers, timeout=limits
        )
        if answer.status == 200:
            return answer
        async with answer:
            error = read_error(answer.status, await answer.content.read(2**16))
    except (ClientError, TimeoutError, OSError) as exc:
        raise unanswered(exc) from exc
    error.trace_id = trace_id(answer)
    raise error
