"""StepFun's chat models over HTTP."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout

from voicebot.errors import RemoteProtocolError
from voicebot.net.answers import events, failed, headers, post, trace_id, unanswered
from voicebot.stepfun.address import http_url
from voicebot.stepfun.chat import PATH, ChatAnswer, ChatRequest, read_answer
from voicebot.stepfun.chat_stream import ChatDelta, ChatFailed, ChatReader

# An answer of a few words has 500; more than this is none.
MAX_BYTES = 2**20

# Of a streamed answer, from the request on: nobody listens for longer.
STREAM_S: Final = 120.0
STREAM_TRIES: Final = 2


class Chat:
    """Asks chat models."""

    def __init__(self, http: ClientSession, base_url: str, api_key: str) -> None:
        self._http = http
        self._base_url = base_url
        self._headers = headers(api_key)

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
        url = http_url(self._base_url, PATH)
        timeout = ClientTimeout(total=timeout_s)
        async with await post(
            self._http, url, request.body(), self._headers, timeout
        ) as answer:
            try:
                body = await answer.content.read(MAX_BYTES)
                while not answer.content.at_eof() and len(body) < MAX_BYTES:
                    body += await answer.content.read(MAX_BYTES)
                return read_answer(body, trace_id(answer))
            except (ClientError, TimeoutError, OSError) as exc:
                raise unanswered(exc) from exc
            except RemoteProtocolError as exc:
                raise failed("bad_answer", answer) from exc

    async def stream(
        self, request: ChatRequest, timeout_s: float
    ) -> AsyncGenerator[ChatDelta, None]:
        """
        Have a conversation continued, and hear each piece as it comes.

        The last piece has the whole answer. Closing the iterator (`aclosing`) closes
        the request, and what isn't written yet isn't. A request that fails before
        anything of an answer has come is made once more.

        Args:
            timeout_s: for the first piece to come, and for each after it.

        Raises:
            UpstreamError: StepFun refused, failed, can't be reached, took too long, or
                broke off: `incomplete_answer`. What came before stands.
            LocalProtocolError: the request can't be written.
        """
        url = http_url(self._base_url, PATH)
        timeout = ClientTimeout(total=STREAM_S, connect=timeout_s, sock_read=timeout_s)
        body = request.body(stream=True)
        async with await post(
            self._http, url, body, self._headers, timeout, STREAM_TRIES
        ) as answer:
            reader = ChatReader()
            try:
                async with aclosing(events(answer)) as stream:
                    async for data in stream:
                        match reader.receive(data):
                            case ChatFailed(code):
                                raise failed(code, answer)
                            case delta:
                                yield delta
                whole = reader.answer(trace_id(answer))
            except RemoteProtocolError as exc:
                raise failed("bad_answer", answer) from exc
            if not reader.complete:
                raise failed("incomplete_answer", answer)
            yield ChatDelta("", whole.usage, whole)
