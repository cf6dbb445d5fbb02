"""StepFun's speech from text over HTTP."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from aiohttp import ClientSession, ClientTimeout

from voicebot.errors import UpstreamError
from voicebot.net.stepfun import StepFunHttp, events, read_whole, retried
from voicebot.stepfun.tts import PATH, SpeechReader, SpeechRequest, read_speech
from voicebot.stepfun.upstream import SERVICE

# A prompt of 1,000 characters is some 70 s of speech, made about as fast as it plays.
WHOLE: Final = ClientTimeout(total=120, sock_connect=5, sock_read=60)
STREAM: Final = ClientTimeout(total=300, sock_connect=5, sock_read=10)

# A tenth of a second at the lowest rate: no words are shorter. And twenty minutes.
MIN_PCM_BYTES: Final = 1600
MAX_BYTES: Final = 20 * 10**6
NO_AUDIO: Final = frozenset({"application/json", "text/html", "text/plain"})


class Tts:
    """
    Speaks texts.

    Args:
        pauses_s: before a text is tried again that couldn't be spoken for now; none
            if somebody waits for it.
    """

    def __init__(
        self,
        http: ClientSession,
        base_url: str,
        api_key: str,
        *,
        pauses_s: Sequence[float] = (),
    ) -> None:
        self._stepfun = StepFunHttp(http, base_url, api_key)
        self._pauses_s = pauses_s

    async def speak(self, request: SpeechRequest) -> bytes:
        """
        Speak a text as a whole.

        Returns:
            Signed 16-bit little-endian samples at `request.rate_hz`, mono; a file if
            the request is for another format than pcm.

        Raises:
            UpstreamError: StepFun refused, failed, can't be reached, or answered with
                something else than this audio.
        """
        return await retried(lambda: self._speak(request), self._pauses_s)

    async def stream(self, request: SpeechRequest) -> AsyncGenerator[bytes, None]:
        """
        Speak a text piece by piece, as it is made. Closing it interrupts.

        Yields:
            Whole samples: signed 16-bit little-endian at `request.rate_hz`, mono.

        Raises:
            LocalProtocolError: the request is for another format than pcm.
            UpstreamError: as for `speak`; or the stream ended too early. Tried again
                only as long as nothing has come.
        """
        for pause_s in (*self._pauses_s, None):
            begun = False
            try:
                async with aclosing(self._stream(request)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                return
            except UpstreamError as error:
                if begun or pause_s is None or not error.retryable:
                    raise
            await asyncio.sleep(pause_s)

    async def _speak(self, request: SpeechRequest) -> bytes:
        body = request.body()
        async with self._stepfun.asked("POST", PATH, WHOLE, body=body) as answer:
            whole = await read_whole(answer, MAX_BYTES + 1)
            least = MIN_PCM_BYTES if request.format == "pcm" else 1
            is_audio = answer.content_type not in NO_AUDIO
            if not (is_audio and least <= len(whole) <= MAX_BYTES):
                raise UpstreamError(SERVICE, "no_audio", answer.status)
            return read_speech(request, whole)

    async def _stream(self, request: SpeechRequest) -> AsyncGenerator[bytes, None]:
        body = request.body(as_events=True)
        reader = SpeechReader(request.rate_hz)
        async with (
            self._stepfun.asked("POST", PATH, STREAM, body=body) as answer,
            aclosing(events(answer)) as stream,
        ):
            async for data in stream:
                if piece := reader.receive(data):
                    yield piece
                if reader.ended:
                    return
            raise UpstreamError(SERVICE, "incomplete_answer", answer.status)
