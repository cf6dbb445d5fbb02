"""
One call's side towards StepFun: dial, configure, read, write.

It may be dialled ahead of the call. What becomes of that is nobody's fault: a session
that fails before the call has it is a session that was never opened.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

import structlog
from websockets.exceptions import ConnectionClosed

from voicebot.bridge.model import (
    AppendAudio,
    Ending,
    PeerLost,
    SessionReady,
)
from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.flow.model import Input
from voicebot.runtime.legs import ModelAction, from_stepfun, to_stepfun
from voicebot.runtime.metrics import (
    ModelDialled,
    ModelLost,
    ModelOpened,
    ModelRefused,
    See,
    unseen,
)
from voicebot.runtime.model_socket import Dial, ModelSocket
from voicebot.stepfun.realtime import events
from voicebot.stepfun.realtime.commands import SessionConfig, instruct
from voicebot.stepfun.realtime.history import History, Means, Refusal
from voicebot.stepfun.realtime.session import RealtimeSession
from voicebot.stepfun.upstream import SERVICE
from voicebot.store.faults import Fault

log = structlog.get_logger()

# What waits for a session: about 15 s of the caller's voice, in appends of 60 ms.
WAITING_FRAMES = 256

# Non-101 answers to the upgrade happen now and then (stepfun reference, 2.2).
DIALS = 2
REDIAL_S = 0.4
HOPELESS = frozenset({400, 401, 402, 403, 404, 451})

# ... and of the key and its balance, which all engines share.
OF_ACCOUNT = frozenset({401, 402, 403})

# Answers to a command that came a moment too late, or to a click on the line.
REFUSALS: Mapping[int, Fault] = {
    400: Fault.STEPFUN_BAD_REQUEST,
    401: Fault.STEPFUN_INVALID_API_KEY,
    402: Fault.STEPFUN_QUOTA_EXCEEDED,
    403: Fault.STEPFUN_INVALID_API_KEY,
    404: Fault.STEPFUN_NOT_FOUND,
    429: Fault.STEPFUN_TOO_MANY,
    451: Fault.STEPFUN_MODERATED,
}

HARMLESS = frozenset(
    {
        events.ErrorKind.NO_ONGOING_RESPONSE,
        events.ErrorKind.ONGOING_RESPONSE,
        events.ErrorKind.NO_SPEECH,
    }
)

# What the server speaks in when none is asked for (stepfun reference, 3.3).
DEFAULT_VOICE = "jingdiannvsheng"

# A peer that sends so much garbage, and nothing in between, isn't one.
MAX_BAD_FRAMES = 50


class ModelLeg:
    """
    Owns the model's socket for one call.

    Args:
        dial: opens a session.
        refused: what this server refuses of repairs, shared by all legs.
        spare: opens one of another engine, when `redial` asks for it.
        see: takes what is counted.

    Attributes:
        ahead: the task of a session that was opened ahead of the call, if one was.
        ready: set while a session is open and configured.
        faults: what went wrong, by code, in order of first appearance.
        usage: tokens by kind, as the model counts them.
    """

    def __init__(
        self,
        dial: Dial,
        config: SessionConfig,
        refused: set[Means],
        spare: Dial | None = None,
        see: See = unseen,
    ) -> None:
        self._dial = dial
        self._spare = spare
        self._config = config
        self._refused = refused
        self._see = see
        self._dialled_at = 0.0
        self._deliver: Callable[[Input], None] | None = None  # None: no call yet
        self._is_told = False  # the call was told that its session is ready
        self._ending = Ending.STEPFUN_REFUSED
        self._heals = True
        self._is_denied = False  # by a refusal that any engine would meet
        self._redial_by: float | None = None  # the call wants another session
        self._replaced = asyncio.Event()
        self._socket: ModelSocket | None = None  # of a session that is ready
        self._waiting: deque[bytes] = deque()  # for one
        self._session = RealtimeSession()
        self._history = History(refused)
        self._failure: Exception | None = None  # what the session is to end of
        self._failed = asyncio.Event()
        self._bad_in_a_row = 0
        self.ahead: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()
        self.faults: Counter[Fault] = Counter()
        self.usage: Counter[str] = Counter()

    def send(self, action: ModelAction) -> None:
        """Give the model an order. Audio that it has no time for is dropped."""
        for frame in to_stepfun(action, self._history, self._config.turn_detection):
            self._put(frame, is_audio=isinstance(action, AppendAudio))

    def instruct(self, config: SessionConfig) -> None:
        """Give the model other instructions and tools, from its next answer on."""
        self._config = replace(config, voice=self._config.voice)
        self._put(instruct(config))

    def redial(self, give_up_at: float, *, spare: bool = False) -> None:
        """
        Give up the session, if there still is one, and open another.

        What is sent from now on is for that one.

        Args:
            give_up_at: when it is of no use any more, on the clock of the loop.
            spare: of the other engine, now and from now on; if that can be of use.
        """
        if spare and not self._is_denied:
            assert self._spare  # or the call wouldn't know of one
            self._dial = self._spare
            self._refused = set()  # it is another server
        self._redial_by = give_up_at
        self._socket = None
        self._waiting.clear()
        self._history = History(self._refused)
        self._forget_failure()
        self._replaced.set()

    def _put(self, frame: bytes, *, is_audio: bool = False) -> None:
        if self._socket:
            is_taken = self._socket.write(frame)
        elif is_taken := len(self._waiting) < WAITING_FRAMES:
            self._waiting.append(frame)
        if not is_taken:
            self._fault(Fault.STEPFUN_WRITE_BLOCKED)
            if not is_audio:
                self._fail(ConnectionError("it doesn't read"))

    def dial_ahead(self) -> asyncio.Task[None]:
        """Open the session now, for the `run` to come. The task is the caller's."""
        self.ahead = asyncio.create_task(self._serve(), name="model ahead")
        return self.ahead

    async def run(self, deliver: Callable[[Input], None]) -> None:
        """
        Run until cancelled, or until the model is lost: then that is an event.

        Takes over the session that was opened ahead, or opens one if that came to
        nothing. Opens another whenever `redial` was called, which may be while the
        loss of the one before is delivered.

        Args:
            deliver: takes each event of the model, at once.
        """
        self._deliver = deliver
        try:
            await self._run(deliver)
        finally:  # the call and we would keep each other
            self._deliver = None

    async def _run(self, deliver: Callable[[Input], None]) -> None:
        if self.ahead:
            if self.ready.is_set():
                self._tell_ready()
            await self._until_over(self.ahead)
        if not self._is_told and self._redial_by is None:
            await self._until_over(asyncio.create_task(self._serve(), name="model"))
        while True:
            if self._redial_by is None:
                deliver(PeerLost(self._ending, self._heals))
            if (give_up_at := self._redial_by) is None:
                return
            self._redial_by = None
            self._replaced.clear()
            again = self._serve(give_up_at)
            await self._until_over(asyncio.create_task(again, name="model again"))

    async def _until_over(self, serving: asyncio.Task[None]) -> None:
        """Wait until a session is over, or is to be replaced; then it is closed."""
        replaced = asyncio.create_task(self._replaced.wait())
        tasks = {serving, replaced}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if not serving.cancelled():
            serving.result()  # raises what is a bug of ours

    async def _serve(self, give_up_at: float | None = None) -> None:
        """Run one session, from its dial to its loss."""
        self._ending, self._heals = Ending.STEPFUN_REFUSED, True
        try:
            for left in reversed(range(DIALS)):
                self._see(ModelDialled())
                self._dialled_at = asyncio.get_running_loop().time()
                try:
                    async with (
                        asyncio.timeout_at(give_up_at) as until_ready,
                        self._dial(self.faults, self.usage) as socket,
                    ):
                        self._ending = Ending.STEPFUN_LOST
                        await self._converse(socket, until_ready)
                except UpstreamError as exc:
                    self._fault(why := _refusal(exc))
                    self._see(ModelRefused(why))
                    log.warning("model refused", detail=exc.detail, status=exc.status)
                    self._heals = exc.status not in HOPELESS
                    self._is_denied = exc.status in OF_ACCOUNT
                    if not left or not self._heals:
                        break
                    await asyncio.sleep(REDIAL_S)
        except* (
            ConnectionError,
            ConnectionClosed,
            RemoteProtocolError,
            TimeoutError,
            UpstreamError,
        ):
            self._fault(Fault.STEPFUN_LOST)
            self._see(ModelLost())
            log.warning("model lost", session_id=self._session.session_id)

    async def _converse(
        self, socket: ModelSocket, until_ready: asyncio.Timeout
    ) -> None:
        self._session = RealtimeSession()
        self._history = History(self._refused)
        self._bad_in_a_row = 0

        def hear(frame: bytes) -> None:
            """The transport calls it: an exception there would end nothing."""
            if self._failure is None:
                try:
                    self._take(frame, socket)
                except Exception as exc:  # noqa: BLE001 - the session's end, or a bug
                    self._fail(exc)

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._give_up_when_failed(), name="model failed")
                while not self.ready.is_set():
                    self._take(await self._next(socket), socket)
                until_ready.reschedule(None)
                socket.listen(hear)
                while True:
                    self._take(await self._next(socket), socket)
        finally:
            socket.listen(_ignore)
            self.ready.clear()
            self._socket = None
            self._forget_failure()

    async def _next(self, socket: ModelSocket) -> bytes:
        try:
            return await socket.read()
        except UpstreamError:  # all that it could try, it has
            self._heals = False
            raise

    def _take(self, frame: bytes, socket: ModelSocket) -> None:
        match event := self._read(frame):
            case None:
                pass
            case events.SessionCreated(session_id):
                log.info("model session", session_id=session_id)
                socket.write(self._session.configure(self._config))
            case events.ServerError(kind=events.ErrorKind.BAD_VOICE):
                socket.write(self._session.configure(self._other_voice()))
            case events.SessionUpdated() as now if not self.ready.is_set():
                self._check_echo(now.turn_detection_on)
                self._now_ready(socket)
            case _:
                self._pass_on(event)

    def _read(self, frame: bytes) -> events.ServerEvent | None:
        try:
            event = self._session.receive(frame)
        except RemoteProtocolError as exc:
            self._fault(Fault.STEPFUN_BAD_FRAME)
            self._bad_in_a_row += 1
            if self._session.bad_frames == 1:
                log.warning("bad frame from the model", error=str(exc))
            if self._bad_in_a_row > MAX_BAD_FRAMES:
                raise
            return None
        self._bad_in_a_row = 0
        return event

    def _fail(self, why: Exception) -> None:
        self._failure = self._failure or why
        self._failed.set()

    async def _give_up_when_failed(self) -> None:
        while self._failure is None:
            await self._failed.wait()
        raise self._failure

    def _forget_failure(self) -> None:
        self._failure = None
        self._failed.clear()

    def _now_ready(self, socket: ModelSocket) -> None:
        took_s = asyncio.get_running_loop().time() - self._dialled_at
        self._see(ModelOpened(took_s))
        self._socket = socket
        while self._waiting:
            self._put(self._waiting.popleft())
        self.ready.set()
        self._tell_ready()

    def _tell_ready(self) -> None:
        if self._deliver and self._redial_by is None:
            self._is_told = True
            self._deliver(SessionReady())

    def _pass_on(self, event: events.ServerEvent) -> None:
        if self._redial_by is not None:
            return  # the call is done with this session
        self._history.saw(event)
        match event:
            case events.ServerError() if refusal := self._history.refused(event):
                self._repair_refused(refusal, event.code)
            case events.ServerError(kind, code) if kind not in HARMLESS:
                self._fault(Fault(f"stepfun.{kind.value}"))
                log.info("model error", kind=kind.value, code=code)
            case events.ResponseDone(usage=events.Usage() as usage):
                self.usage.update(asdict(usage))
            case _:
                pass
        translated = from_stepfun(event)
        if translated is None:
            return
        if self._deliver:
            self._deliver(translated)
        elif isinstance(translated, PeerLost):
            raise ConnectionError("it gave up before its call came")

    def _repair_refused(self, refusal: Refusal, code: str | None) -> None:
        self._fault(Fault.STEPFUN_REPAIR_REFUSED)
        if refusal.is_news:
            means = refusal.means.value
            log.warning("the model refuses a repair", means=means, code=code)
        for frame in refusal.instead:
            self._put(frame)

    def _other_voice(self) -> SessionConfig:
        """A call in another voice is better than none."""
        self._fault(Fault.STEPFUN_BAD_VOICE)
        if self._config.voice == DEFAULT_VOICE:
            self._heals = False
            raise UpstreamError(SERVICE, "bad_voice")
        log.error("voice refused", voice=self._config.voice, instead=DEFAULT_VOICE)
        self._config = replace(self._config, voice=DEFAULT_VOICE)
        return self._config

    def _check_echo(self, turn_detection_on: bool | None) -> None:
        """Compare the session with what was asked for: both were seen to differ."""
        asked_on = self._config.turn_detection is not None
        if turn_detection_on is not None and turn_detection_on is not asked_on:
            self._fault(Fault.STEPFUN_OTHER_TURN_DETECTION)
            log.error("the model has another turn detection", asked_on=asked_on)
        if self._session.voice_accepted is False:
            self._fault(Fault.STEPFUN_OTHER_VOICE)
            log.warning("the model speaks in another voice", asked=self._config.voice)

    def _fault(self, code: Fault) -> None:
        self.faults[code] += 1


def _ignore(frame: bytes) -> None:
    """Of a session that is over."""


def _refusal(exc: UpstreamError) -> Fault:
    """Say which fault it is that a session couldn't be opened."""
    if exc.detail == events.ErrorKind.BAD_VOICE:
        return Fault.STEPFUN_BAD_VOICE
    if exc.status is None:
        return Fault.STEPFUN_UNREACHABLE
    other = Fault.STEPFUN_SERVER_ERROR if exc.status >= 500 else Fault.STEPFUN_REFUSED
    return REFUSALS.get(exc.status, other)
