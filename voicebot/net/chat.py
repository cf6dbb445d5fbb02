"""StepFun's chat models over HTTP."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from aiohttp import ClientSession, ClientTimeout

from voicebot.errors import UpstreamError
from voicebot.net.stepfun import StepFunHttp, events, read_whole, trace_id_of
from voicebot.stepfun.chat import PATH, ChatAnswer, ChatRequest, read_answer
from voicebot.stepfun.chat_stream import ChatDelta, ChatReader
from voicebot.stepfun.upstream import SERVICE

# An answer of a few words has 500; more than this is none.
MAX_BYTES: Final = 2**20

# Of a streamed answer, from the request on: nobody listens for longer.
STREAM_S: Final = 120.0

PAUSE_S: Final = 0.2
"""Before a streamed answer is asked for once more."""


class Chat:
    """Asks chat models."""

    def __init__(self, http: ClientSession, base_url: str, api_key: str) -> None:
        self._stepfun = StepFunHttp(http, base_url, api_key)

    async def complete(self, request: ChatRequest, timeout_s: float) -> ChatAnswer:
        """
        Have a conversation continued. Nothing is asked twice: who is in a hurry would
        only be later.

        Args:
            timeout_s: for all of it.

        Raises:
            UpstreamError: StepFun refused, failed, can't be reached or took too long.
            LocalProtocolError: the request can't be written.
        """
        limits, body = ClientTimeout(total=timeout_s), request.body()
        async with self._stepfun.asked("POST", PATH, limits, body=body) as answer:
            whole = await read_whole(answer, MAX_BYTES)
            return read_answer(whole, trace_id_of(answer.headers))

    async def stream(
        self, request: ChatRequest, timeout_s: float
    ) -> AsyncGenerator[ChatDelta, None]:
        """
        Have a conversation continued, and hear each piece as it comes.

        The last piece has the whole answer. Closing the iterator (`aclosing`) closes
        the request, and what isn't written yet isn't. A request that fails before
        anything of an answer has come is made once more, if that can help.

        Args:
            timeout_s: for the first piece to come, and for each after it.

        Raises:
            UpstreamError: StepFun refused, failed, can't be reached, took too long, or
                broke off: `incomplete_answer`. What came before stands.
            LocalProtocolError: the request can't be written.
        """
        begun = False
        try:
            async with aclosing(self._stream(request, timeout_s)) as pieces:
                async for piece in pieces:
                    begun = True
                    yield piece
            return
        except UpstreamError as error:
            # What took too long isn't asked again: the caller would only wait longer.
            if begun or not error.retryable or error.detail == "timeout":
                raise
        await asyncio.sleep(PAUSE_S)
        async with aclosing(self._stream(request, timeout_s)) as pieces:
            async for piece in pieces:
                yield piece

    async def _stream(
        self, request: ChatRequest, timeout_s: float
    ) -> AsyncGenerator[ChatDelta, None]:
        limits = ClientTimeout(total=STREAM_S, connect=timeout_s, sock_read=timeout_s)
        body, reader = request.body(stream=True), ChatReader()
        async with self._stepfun.asked("POST", PATH, limits, body=body) as answer:
            async with aclosing(events(answer)) as stream:
                async for data in stream:
                    yield reader.receive(data)
            if not reader.complete:
                raise UpstreamError(SERVICE, "incomplete_answer", answer.status)
            whole = reader.answer(trace_id_of(answer.headers))
        yield ChatDelta("", whole.usage, whole)
