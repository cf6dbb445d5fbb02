"""A cascade's shell: its stages are carried out by StepFun's ASR, chat and speech."""

import asyncio
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import (
    AbstractAsyncContextManager,
    aclosing,
    asynccontextmanager,
)
from dataclasses import asdict, dataclass
from typing import Any, Final, assert_never

import structlog

from voicebot.audio.framing import pcm_ms
from voicebot.audio.resample import pcm24_to_16
from voicebot.cascade.engine import MODERATED, Cascade
from voicebot.cascade.orders import (
    Ask,
    GetReady,
    GiveUp,
    NotSpoken,
    NotTranscribed,
    NotWritten,
    Order,
    Result,
    Speak,
    Spoken,
    SpokenOut,
    Stop,
    Tell,
    Transcribe,
    Transcribed,
    Written,
    WrittenOut,
)
from voicebot.errors import UpstreamError
from voicebot.net.asr import Asr
from voicebot.net.chat import Chat
from voicebot.net.tts_stream import OpenSpeech, SpeechAhead, SpeechSocket
from voicebot.runtime.listening import Listening
from voicebot.runtime.model_socket import Dial
from voicebot.stepfun.chat import ChatRequest, ChatUsage
from voicebot.stepfun.prices import speech_halves
from voicebot.stepfun.upstream import SERVICE
from voicebot.store.faults import Fault

log = structlog.get_logger()

# The caller waits for all of them, and hears a filler. How long an answer may take in
# all, the bridge knows (`no_answer_after`); these are for what never comes. ASR was
# seen to take 0.4 to 0.7 s on the Step Plan, and 2.2 to 6.8 s on the open platform.
ASR_S: Final = 8.0
CHAT_S: Final = 6.0  # for the first words, and between two pieces
SPEECH_S: Final = 6.0

ASR_HZ: Final = 16_000
MAX_TOKENS: Final = 500  # two minutes of speech
TEMPERATURE: Final = 0.5  # what StepFun takes if it isn't told

# How a chat model says that it may not answer (StepFun, guides/developer/exception).
FILTERED: Final = "content_filter"

# A leg reads at once; so many frames are minutes of speech.
FRAMES: Final = 4096


@dataclass(frozen=True, slots=True)
class Stages:
    """
    Who carries out a cascade's stages, and how.

    Attributes:
        speech: returns what opens a socket of a voice.
        listening: how callers are listened to.
        chat_model: its name at StepFun.
        read_aloud: writes a text as it is to be read.
    """

    asr: Asr
    chat: Chat
    speech: Callable[[str], OpenSpeech]
    listening: Listening
    chat_model: str
    read_aloud: Callable[[str], str]


def cascade(stages: Stages) -> Dial:
    """What opens sessions over these stages."""
    return lambda faults, usage: _opened(stages, faults, usage)


@asynccontextmanager
async def _opened(
    stages: Stages, faults: Counter[Fault], usage: Counter[str]
) -> AsyncIterator["CascadeSocket"]:
    async with asyncio.TaskGroup() as tasks:
        socket = CascadeSocket(stages, tasks, faults, usage)
        try:
            yield socket
        finally:
            socket.close()


class CascadeSocket:
    """
    The client's end of a session that is served here.

    Args:
        tasks: gets a task for each order that takes time. An error there is a bug of
            ours: a stage that fails is a result.
        faults, usage: of the call.
    """

    def __init__(
        self,
        stages: Stages,
        tasks: asyncio.TaskGroup,
        faults: Counter[Fault],
        usage: Counter[str],
    ) -> None:
        self._stages = stages
        self._tasks = tasks
        self._faults = faults
        self._usage = usage
        self._loop = asyncio.get_running_loop()
        self._session = Cascade(uuid.uuid4().hex)
        self._frames: asyncio.Queue[bytes | UpstreamError] = asyncio.Queue(FRAMES)
        self._running: defaultdict[str, set[asyncio.Task[None]]] = defaultdict(set)
        self._ahead: tuple[str, SpeechAhead] | None = None
        self._times = _Times()
        self._obey(self._session.open())

    def write(self, text: bytes) -> bool:
        """Take a frame of the client's; False if the client doesn't read ours."""
        try:
            self._obey(self._session.receive(text))
        except ConnectionError:
            return False
        return True

    def listen(self, hear: Callable[[bytes], None]) -> None:
        """All is read: who writes mustn't be spoken to while it does."""

    async def read(self) -> bytes:
        """
        Wait for the next frame.

        Raises:
            UpstreamError: the session is lost, and so would be another.
        """
        frame = await self._frames.get()
        if isinstance(frame, UpstreamError):
            raise frame
        return frame

    def close(self) -> None:
        """Stop all that is going on."""
        for response_id in list(self._running):
            self._stop(response_id)

    # ---- orders --------------------------------------------------------------

    def _give(self, result: Result) -> None:
        self._obey(self._session.handle(result))

    def _obey(self, orders: list[Order]) -> None:
        for order in orders:
            match order:
                case Tell(frame):
                    self._put(frame)
                case GiveUp(error):
                    self._put(error)
                case Transcribe(item_id):
                    self._start(item_id, self._transcribe(order))
                case Ask(response_id):
                    self._times.asked_at = self._loop.time()
                    self._start(response_id, self._ask(order))
                case Speak(response_id):
                    self._times.order_speech(self._loop.time())
                    self._start(response_id, self._speak(order))
                case GetReady(voice):
                    if self._ahead is None:
                        self._start("", self._keep_ready(voice))
                case Stop(response_id):
                    self._stop(response_id)
                    self._times.tell(response_id)
                case _:
                    assert_never(order)

    def _put(self, frame: bytes | UpstreamError) -> None:
        if self._frames.full():
            raise ConnectionError("the client doesn't read")
        self._frames.put_nowait(frame)

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks.create_task(work, name=f"cascade {name}")
        self._running[name].add(task)

        def over(task: asyncio.Task[None]) -> None:
            self._running[name].discard(task)
            if not self._running[name]:
                del self._running[name]

        task.add_done_callback(over)

    def _stop(self, name: str) -> None:
        """Cancel what goes on by this name, which closes its sockets and requests."""
        current = asyncio.current_task()
        for task in self._running.get(name, ()):
            if task is not current:  # that one is at its end
                task.cancel()

    # ---- stages --------------------------------------------------------------

    async def _transcribe(self, order: Transcribe) -> None:
        stages, began_at = self._stages, self._loop.time()
        clip = pcm24_to_16(order.pcm16)
        request = stages.listening.request(clip, "pcm", ASR_HZ)
        try:
            heard = await stages.asr.transcribe(request, ASR_S)
        except UpstreamError as exc:
            self._failed(Fault.CASCADE_ASR, exc)
            self._give(NotTranscribed(order.item_id, exc))
            return
        self._usage["cascade_asr_ms"] += round(pcm_ms(len(order.pcm16)))
        self._times.asr_ms = _ms(began_at, self._loop.time())
        self._give(Transcribed(order.item_id, heard.text))

    async def _ask(self, order: Ask) -> None:
        request = ChatRequest(
            self._stages.chat_model,
            order.messages,
            MAX_TOKENS,
            TEMPERATURE,
            tools=order.tools,
        )
        counted = ChatUsage()
        try:
            async with aclosing(self._stages.chat.stream(request, CHAT_S)) as pieces:
                async for piece in pieces:
                    # It is paid for whether or not the caller hears it: so at once.
                    self._count(piece.usage, counted)
                    counted = piece.usage
                    if piece.text:
                        self._times.wrote(self._loop.time())
                        self._give(Written(order.response_id, piece.text))
                    if answer := piece.answer:
                        if answer.finish_reason == FILTERED and not answer.text:
                            raise UpstreamError(SERVICE, FILTERED, MODERATED)
                        self._give(WrittenOut(order.response_id, answer.tool_calls))
        except UpstreamError as exc:
            self._failed(Fault.CASCADE_CHAT, exc)
            self._give(NotWritten(order.response_id, exc))

    async def _speak(self, order: Speak) -> None:
        text = self._stages.read_aloud(order.text)
        try:
            async with (
                asyncio.timeout(SPEECH_S) as limit,
                self._socket(order.voice) as socket,
            ):
                self._usage["cascade_speech_halves"] += speech_halves(text)
                await socket.send_text(text)
                await socket.finish()
                async for pcm16 in socket:
                    limit.reschedule(self._loop.time() + SPEECH_S)
                    self._times.spoke(self._loop.time())
                    self._give(Spoken(order.response_id, order.piece, pcm16))
                self._give(SpokenOut(order.response_id, order.piece))
        except (UpstreamError, TimeoutError) as exc:
            error = _told(exc)
            self._failed(Fault.CASCADE_SPEECH, error)
            self._give(NotSpoken(order.response_id, order.piece, error))

    async def _keep_ready(self, voice: str) -> None:
        """Keep a socket open for the next piece."""
        ahead = SpeechAhead(self._stages.speech(voice))
        self._ahead = voice, ahead
        async with ahead.running():
            await asyncio.Event().wait()

    def _socket(self, voice: str) -> AbstractAsyncContextManager[SpeechSocket]:
        match self._ahead:
            case (known, ahead) if known == voice:
                return ahead.take()
            case _:
                return self._stages.speech(voice)()

    def _count(self, now: ChatUsage, before: ChatUsage) -> None:
        earlier = asdict(before)
        for name, tokens in asdict(now).items():
            self._usage[f"cascade_chat_{name}"] += tokens - earlier[name]

    def _failed(self, fault: Fault, exc: UpstreamError) -> None:
        self._faults[fault] += 1
        log.warning(
            "stage failed",
            stage=fault.value,
            detail=exc.detail,
            status=exc.status,
            trace_id=exc.trace_id,
        )


@dataclass(slots=True)
class _Times:
    """How long the stages of one answer took, for the log."""

    asr_ms: int | None = None
    """Of the caller's last turn."""
    asked_at: float | None = None
    chat_ms: int | None = None
    """From the question to the first words."""
    ordered_at: float | None = None
    speech_ms: int | None = None
    """From the first piece to its first audio."""

    def wrote(self, now: float) -> None:
        if self.chat_ms is None and self.asked_at is not None:
            self.chat_ms = _ms(self.asked_at, now)

    def order_speech(self, now: float) -> None:
        if self.ordered_at is None:
            self.ordered_at = now

    def spoke(self, now: float) -> None:
        if self.speech_ms is None and self.ordered_at is not None:
            self.speech_ms = _ms(self.ordered_at, now)

    def tell(self, response_id: str) -> None:
        """An answer is over, and was heard or not."""
        if self.speech_ms is not None:
            log.info(
                "cascade answered",
                response_id=response_id,
                asr_ms=self.asr_ms,
                chat_ms=self.chat_ms,
                speech_ms=self.speech_ms,
            )
        self.asr_ms = self.asked_at = self.chat_ms = None
        self.ordered_at = self.speech_ms = None


def _ms(since: float, now: float) -> int:
    return round((now - since) * 1000)


def _told(exc: UpstreamError | TimeoutError) -> UpstreamError:
    return exc if isinstance(exc, UpstreamError) else UpstreamError(SERVICE, "timeout")
