"""StepFun's speech to text over HTTP."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from aiohttp import ClientSession, ClientTimeout

from voicebot.errors import UpstreamError
from voicebot.net.stepfun import StepFunHttp, events, take_rest, trace_id_of
from voicebot.stepfun.asr import PATH, AsrDelta, AsrReader, AsrRequest, Transcript
from voicebot.stepfun.upstream import SERVICE

PAUSES_S = (0.2, 0.5)
"""Before a clip is sent again."""

# An answer that isn't whole, of a success: the same clip may well get a better one.
BROKEN: Final = ("bad_answer", "incomplete_answer")


class Asr:
    """Transcribes clips."""

    def __init__(self, http: ClientSession, base_url: str, api_key: str) -> None:
        self._stepfun = StepFunHttp(http, base_url, api_key)

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
                for pause_s in PAUSES_S:
                    try:
                        return await self._transcribe(request, timeout_s)
                    except UpstreamError as error:
                        if not error.retryable and error.detail not in BROKEN:
                            raise
                    await asyncio.sleep(pause_s)
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
        limits, reader = ClientTimeout(total=timeout_s), AsrReader()
        # Megabytes of base64 are no work for the loop of other calls.
        body = await asyncio.to_thread(request.body)
        async with self._stepfun.asked("POST", PATH, limits, body=body) as answer:
            async with aclosing(events(answer)) as stream:
                async for data in stream:
                    match reader.receive(data):
                        case Transcript() as whole:
                            await take_rest(answer)
                            yield replace(whole, trace_id=trace_id_of(answer.headers))
                            return
                        case AsrDelta() as delta:
                            yield delta
                        case None:  # tomorrow's
                            pass
            raise UpstreamError(SERVICE, "incomplete_answer", answer.status)

    async def _transcribe(self, request: AsrRequest, timeout_s: float) -> Transcript:
        last: AsrDelta | Transcript | None = None
        async with aclosing(self.stream(request, timeout_s)) as pieces:
            async for piece in pieces:
                last = piece
        assert isinstance(last, Transcript)  # or the stream raises
        return last
