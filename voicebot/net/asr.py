"""StepFun's speech to text over HTTP."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from aiohttp import ClientSession, ClientTimeout

from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.net import answers
from voicebot.net.answers import events, failed, headers, post, trace_id
from voicebot.stepfun.address import http_url
from voicebot.stepfun.asr import (
    PATH,
    AsrDelta,
    AsrFailed,
    AsrReader,
    AsrRequest,
    Transcript,
)
from voicebot.stepfun.upstream import SERVICE

TRIES: Final = 3

# An answer of 200 that isn't whole: the same clip may well get a better one.
BROKEN: Final = ("bad_answer", "incomplete_answer")


class Asr:
    """Transcribes clips."""

    def __init__(self, http: ClientSession, base_url: str, api_key: str) -> None:
        self._http = http
        self._base_url = base_url
        self._headers = headers(api_key) | {"Accept": "text/event-stream"}

    async def transcribe(self, request: AsrRequest, timeout_s: float) -> Transcript:
        """
        Have a clip transcribed. What fails is tried again, up to three times in all,
        where that can help: nobody hears a transcript twice.

        Args:
            timeout_s: for all of it.

        Raises:
            UpstreamError: StepFun refused, failed, can't be reached or took too long.
            LocalProtocolError: the request can't be written.
        """
        try:
            async with asyncio.timeout(timeout_s):
                for _ in range(TRIES - 1):
                    try:
                        return await self._transcribe(request, timeout_s)
                    except UpstreamError as exc:
                        if not exc.retryable and exc.detail not in BROKEN:
                            raise
                        await asyncio.sleep(answers.PAUSE_S)
                return await self._transcribe(request, timeout_s)
        except TimeoutError:
            raise UpstreamError(SERVICE, "timeout") from None

    async def stream(
        self, request: AsrRequest, timeout_s: float
    ) -> AsyncGenerator[AsrDelta | Transcript, None]:
        """
        Have a clip transcribed, and hear each piece as it comes; the last is the
        transcript, which counts. Closing the iterator (`aclosing`) closes the request.

        Args:
            timeout_s: for all of it.

        Raises:
            UpstreamError: StepFun refused, failed, can't be reached, took too long, or
                broke off: `incomplete_answer`. Nothing is tried again.
            LocalProtocolError: the request can't be written.
        """
        url = http_url(self._base_url, PATH)
        timeout = ClientTimeout(total=timeout_s)
        # Megabytes of base64 are no work for the loop of other calls.
        body = await asyncio.to_thread(request.body)
        async with await post(self._http, url, body, self._headers, timeout) as answer:
            reader = AsrReader()
            try:
                async with aclosing(events(answer)) as stream:
                    async for data in stream:
                        match reader.receive(data):
                            case AsrDelta() as delta:
                                yield delta
                            case Transcript() as whole:
                                yield replace(whole, trace_id=trace_id(answer))
                                return
                            case AsrFailed(code):
                                raise failed(code, answer)
                            case None:  # tomorrow's
                                pass
            except RemoteProtocolError as exc:
                raise failed("bad_answer", answer) from exc
            raise failed("incomplete_answer", answer)

    async def _transcribe(self, request: AsrRequest, timeout_s: float) -> Transcript:
        last: AsrDelta | Transcript | None = None
        async with aclosing(self.stream(request, timeout_s)) as pieces:
            async for piece in pieces:
                last = piece
        assert isinstance(last, Transcript)  # or the stream raises
        return last
