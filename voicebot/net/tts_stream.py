"""The WebSocket on which StepFun speaks a text that is still being written."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.net.realtime import realtime_socket
from voicebot.net.stepfun import retried
from voicebot.stepfun.tts_stream import (
    Connected,
    Created,
    Failed,
    Finished,
    Flushed,
    Phase,
    Spoken,
    StreamEvent,
    TtsStream,
    VoiceSettings,
)
from voicebot.stepfun.upstream import SERVICE

T = TypeVar("T")

GREET_S: Final = 3.0  # from the upgrade until a text is taken; 0.2 s was measured
SPEAK_S: Final = 10.0  # between two events while something is due
IDLE_S: Final = 75.0  # while nothing is: StepFun closes after 60 s (reference, 4)
MAX_AGE_S: Final = 45.0  # of a socket that was opened ahead
# An upgrade fails now and then, and not twice (reference, 2.2).
RETRIES_S: Final = (0.0,)


class SpeechSocket:
    """
    One utterance. Text is written by one task, and events are read by one.

    Every failure is one `UpstreamError`, of whichever is asked first; its trace id is
    StepFun's session id.
    """

    def __init__(self, socket: ClientConnection, stream: TtsStream) -> None:
        self._socket = socket
        self._stream = stream
        self._limit: asyncio.Timeout | None = None
        self._is_due = False

    @property
    def session_id(self) -> str | None:
        """What StepFun's support asks for."""
        return self._stream.session_id

    @property
    def spoken(self) -> bool:
        """Whether any sample has come: what was heard in part isn't said twice."""
        return self._stream.spoken

    @property
    def is_open(self) -> bool:
        """Whether text may be written, as far as is known."""
        return self._socket.state is State.OPEN and self._stream.phase is Phase.WRITING

    async def send_text(self, text: str) -> None:
        """
        Write on: a piece of any length, such as a chat model's delta.

        Raises:
            UpstreamError: the socket is closed.
        """
        self._check_alive()
        for frame in self._stream.write(text):
            await self._send(frame)

    async def flush(self) -> None:
        """
        Have spoken what was written, though no sentence ends there.

        Raises:
            UpstreamError: the socket is closed.
        """
        self._check_alive()
        await self._send(self._stream.flush())
        self._expect_soon()

    async def finish(self) -> None:
        """
        Tell that the text is whole.

        Raises:
            UpstreamError: the socket is closed.
        """
        self._check_alive()
        await self._send(self._stream.finish())
        self._expect_soon()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the samples: signed 16-bit little-endian, mono; as `events`."""
        async for event in self.events():
            if isinstance(event, Spoken):
                yield event.pcm16

    async def events(self) -> AsyncIterator[StreamEvent]:
        """
        Iterate over what StepFun tells until all is spoken.

        Raises:
            UpstreamError: StepFun failed, closed too early, sent what isn't
                documented, or told nothing for `SPEAK_S` while something was due.
        """
        while True:
            match event := await self._receive():
                case Finished():
                    return
                case _:
                    yield event

    async def begin(self) -> None:
        """
        Say how to speak, and wait until a text is taken. Done by who opens it.

        Raises:
            UpstreamError: StepFun refused, or took longer than `GREET_S`.
        """
        try:
            async with asyncio.timeout(GREET_S):
                await self._wait_for(Connected)
                await self._send(self._stream.create())
                await self._wait_for(Created)
        except TimeoutError as exc:
            raise self._error("timeout") from exc

    async def _wait_for(self, kind: type[StreamEvent]) -> None:
        while not isinstance(await self._receive(), kind):
            pass

    async def _receive(self) -> StreamEvent:
        """Wait for the next event that means something; a failure is raised."""
        while True:
            try:
                async with asyncio.timeout(self._patience_s()) as self._limit:
                    frame = await self._socket.recv(decode=False)
                event = self._stream.receive(frame)
            except TimeoutError as exc:
                raise self._error("timeout") from exc
            except ConnectionClosed as exc:
                raise self._error("closed") from exc
            except RemoteProtocolError as exc:
                raise self._error("bad_answer", 101) from exc
            finally:
                self._limit = None
            if isinstance(event, Failed):
                event.error.trace_id = self.session_id
                raise event.error
            if isinstance(event, Flushed):
                # Text may now take its time again, as while a model calls a tool.
                self._is_due = self._stream.phase is Phase.FINISHING
            if event is not None:
                return event

    async def _send(self, frame: bytes) -> None:
        try:
            await self._socket.send(frame, text=True)
        except ConnectionClosed as exc:
            raise self._error("closed") from exc

    def _check_alive(self) -> None:
        """Writing into what StepFun has ended is nobody's bug: it has just happened."""
        is_over = self._stream.phase is Phase.ENDED
        if is_over or self._socket.state is not State.OPEN:
            raise self._error("closed")

    def _expect_soon(self) -> None:
        """Speech is due: whoever waits already doesn't wait as long."""
        self._is_due = True
        if self._limit is not None and not self._limit.expired():
            now = asyncio.get_running_loop().time()
            self._limit.reschedule(now + SPEAK_S)

    def _patience_s(self) -> float:
        return SPEAK_S if self._is_due else IDLE_S

    def _error(self, word: str, status: int | None = None) -> UpstreamError:
        error = UpstreamError(SERVICE, word, status)
        error.trace_id = self.session_id
        return error


OpenSpeech = Callable[[], AbstractAsyncContextManager[SpeechSocket]]


@asynccontextmanager
async def speech_stream(
    url: str, api_key: str, settings: VoiceSettings
) -> AsyncIterator[SpeechSocket]:
    """
    Open a socket that takes one utterance; close it on the way out, which interrupts.

    Args:
        url: of `voicebot.stepfun.address.speech_url`.

    Raises:
        UpstreamError: it couldn't be opened, twice if that could help.
    """
    async with AsyncExitStack() as stack:
        yield await retried(
            lambda: stack.enter_async_context(_opened(url, api_key, settings)),
            RETRIES_S,
        )


@asynccontextmanager
async def _opened(
    url: str, api_key: str, settings: VoiceSettings
) -> AsyncIterator[SpeechSocket]:
    async with realtime_socket(url, api_key) as connection:
        socket = SpeechSocket(connection, TtsStream(settings))
        await socket.begin()
        yield socket


@dataclass(slots=True)
class _Offer:
    """A socket that waits to be taken."""

    socket: SpeechSocket
    stack: AsyncExitStack
    taken: asyncio.Event = field(default_factory=asyncio.Event)


class SpeechAhead:
    """
    Sockets that are opened before they are needed: that saves some 200 ms an utterance.

    As each takes one utterance, another one is opened as soon as one is taken. One
    that has waited for `max_age_s` is replaced. If none can be opened, nothing is
    tried until one is asked for, and who asks opens it and is told why not.

    Args:
        open_speech: opens one, as `speech_stream` does.
        count: how many are kept.
        max_age_s: less than the 60 s after which StepFun closes an idle one.
    """

    def __init__(
        self, open_speech: OpenSpeech, count: int = 1, max_age_s: float = MAX_AGE_S
    ) -> None:
        self._open = open_speech
        self._count = count
        self._max_age_s = max_age_s
        self._offers: deque[_Offer] = deque()
        self._asked = asyncio.Event()

    @property
    def ready(self) -> int:
        """How many can be taken now."""
        return sum(offer.socket.is_open for offer in self._offers)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["SpeechAhead"]:
        """Keep sockets open; close those that weren't taken on the way out."""
        # No TaskGroup, which would put the body's own errors into a group.
        keepers = [asyncio.create_task(self._keep()) for _ in range(self._count)]
        try:
            yield self
        finally:
            for keeper in keepers:
                keeper.cancel()
            for ended in await asyncio.gather(*keepers, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended  # a bug of ours

    @asynccontextmanager
    async def take(self) -> AsyncIterator[SpeechSocket]:
        """
        Give one that is open, or open one; close it on the way out, which interrupts.

        Raises:
            UpstreamError: none is there, and none could be opened.
        """
        self._asked.set()
        async with self._taken() as socket:
            yield socket

    def _taken(self) -> AbstractAsyncContextManager[SpeechSocket]:
        while self._offers:
            offer = self._offers.popleft()
            if offer.socket.is_open:
                owned = _owned(offer.stack.pop_all(), offer.socket)
                offer.taken.set()
                return owned
            offer.taken.set()  # its keeper closes what is left of it
        return self._open()

    async def _keep(self) -> None:
        """Keep one socket on offer until cancelled."""
        while True:
            self._asked.clear()
            try:
                async with AsyncExitStack() as stack:
                    socket = await stack.enter_async_context(self._open())
                    await self._offer(_Offer(socket, stack))
            except UpstreamError:
                await self._asked.wait()

    async def _offer(self, offer: _Offer) -> None:
        """Wait until it is taken, or too old."""
        self._offers.append(offer)
        try:
            async with asyncio.timeout(self._max_age_s):
                await offer.taken.wait()
        except TimeoutError:
            pass
        finally:
            if offer in self._offers:
                self._offers.remove(offer)


@asynccontextmanager
async def _owned(
    stack: AsyncExitStack, socket: SpeechSocket
) -> AsyncIterator[SpeechSocket]:
    async with stack:
        yield socket
