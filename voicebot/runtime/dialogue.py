"""What a call and its model say to each other, in one session."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Final

import structlog

from voicebot.bridge.model import AppendAudio, PeerLost, SessionReady
from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.flow.model import Input
from voicebot.runtime.legs import ModelAction, from_stepfun, to_stepfun
from voicebot.runtime.model_socket import ModelSocket
from voicebot.stepfun.realtime import events
from voicebot.stepfun.realtime.commands import SessionConfig, instruct
from voicebot.stepfun.realtime.history import History, Means, Refusal
from voicebot.stepfun.realtime.session import RealtimeSession
from voicebot.stepfun.upstream import SERVICE
from voicebot.store.faults import Fault

log = structlog.get_logger()

# What waits for a session: about 15 s of the caller's voice, in appends of 60 ms.
WAITING_FRAMES: Final = 256

# Answers to a command that came a moment too late, or to a click on the line.
HARMLESS: Final = frozenset(
    {
        events.ErrorKind.NO_ONGOING_RESPONSE,
        events.ErrorKind.ONGOING_RESPONSE,
        events.ErrorKind.NO_SPEECH,
    }
)

# What the server speaks in when none is asked for (stepfun reference, 3.3).
DEFAULT_VOICE: Final = "jingdiannvsheng"

# A peer that sends so much garbage, and nothing in between, isn't one.
MAX_BAD_FRAMES: Final = 50


class Dialogue:
    """
    What is said and heard in one session. What is said before it is open waits for it.

    Args:
        refused: what this server refuses of repairs, shared by all its sessions.
        faults: of the call; what goes wrong is counted there.
        usage: of the call, likewise.

    Attributes:
        is_ready: the session is open and configured.
        is_told: the call knows that it was.
        failed: set when the session is to end, because of `failure`.
    """

    def __init__(
        self,
        config: SessionConfig,
        refused: set[Means],
        faults: Counter[Fault],
        usage: Counter[str],
    ) -> None:
        self._config = config
        self._faults = faults
        self._usage = usage
        self._session = RealtimeSession()
        self._history = History(refused)
        self._socket: ModelSocket | None = None
        self._waiting: deque[bytes] = deque()  # for the session to be ready
        self._deliver: Callable[[Input], None] | None = None  # None: no call yet
        self._is_over = False  # another took its place
        self._bad_in_a_row = 0
        self.is_ready = False
        self.is_told = False
        self.failed = asyncio.Event()
        self.failure: Exception | None = None

    @property
    def session_id(self) -> str | None:
        """What StepFun's support asks for; None until it has come."""
        return self._session.session_id

    # ---- its session, and its call -------------------------------------------

    def begin(self, socket: ModelSocket) -> None:
        """A session is open, and to be configured."""
        self._session = RealtimeSession()
        self._bad_in_a_row = 0
        self._socket = socket

    def end(self) -> None:
        """The session is over. Another may follow, if the call never knew of it."""
        self._socket = None
        self.is_ready = False
        self.failure = None
        self.failed.clear()

    def join(self, deliver: Callable[[Input], None]) -> None:
        """The call is there: it is told what is heard, and first that it can be."""
        self._deliver = deliver
        if self.is_ready:
            self._tell_ready()

    def leave(self) -> None:
        """The call is over: nobody is told any more."""
        self._deliver = None

    def anew(self, refused: set[Means]) -> "Dialogue":
        """
        Give up the session, if there still is one: the call hears no more of it.

        Returns:
            What the call is in from now on. Nothing was said in it yet.
        """
        other = Dialogue(self._config, refused, self._faults, self._usage)
        other._deliver = self._deliver
        self._is_over = True
        return other

    # ---- what is said --------------------------------------------------------

    def send(self, action: ModelAction) -> None:
        """Give the model an order. Audio that it has no time for is dropped."""
        is_audio = isinstance(action, AppendAudio)
        for frame in to_stepfun(action, self._history, self._config.turn_detection):
            self._put(frame, is_audio)

    def instruct(self, config: SessionConfig) -> None:
        """Give the model other instructions and tools, from its next answer on."""
        self._config = replace(config, voice=self._config.voice)
        self._put(instruct(config))

    def _put(self, frame: bytes, is_audio: bool = False) -> None:
        if self._socket is not None and self.is_ready:
            is_taken = self._socket.write(frame)
        elif is_taken := len(self._waiting) < WAITING_FRAMES:
            self._waiting.append(frame)
        if not is_taken:
            self._fault(Fault.STEPFUN_WRITE_BLOCKED)
            if not is_audio:
                self._fail(ConnectionError("it doesn't read"))

    # ---- what is heard -------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        """Take what the transport brings: an exception there would end nothing."""
        if self.failure is None:
            try:
                self.take(frame)
            except Exception as exc:  # noqa: BLE001 - the session's end, or a bug
                self._fail(exc)

    def take(self, frame: bytes) -> None:
        """
        Take a frame of the session.

        Raises:
            ConnectionError, RemoteProtocolError: it is to end.
            UpstreamError: it is, and so would be another.
        """
        match event := self._read(frame):
            case None:
                pass
            case events.SessionCreated(session_id):
                log.info("model session", session_id=session_id)
                self._configure()
            case events.ServerError(kind=events.ErrorKind.BAD_VOICE):
                self._take_other_voice()
                self._configure()
            case events.SessionUpdated() as now if not self.is_ready:
                self._check_echo(now.turn_detection_on)
                self._now_ready()
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

    def _configure(self) -> None:
        assert self._socket is not None  # or nothing would have come
        self._socket.write(self._session.configure(self._config))

    def _take_other_voice(self) -> None:
        """A call in another voice is better than none."""
        self._fault(Fault.STEPFUN_BAD_VOICE)
        if self._config.voice == DEFAULT_VOICE:
            raise UpstreamError(SERVICE, "bad_voice")
        log.error("voice refused", voice=self._config.voice, instead=DEFAULT_VOICE)
        self._config = replace(self._config, voice=DEFAULT_VOICE)

    def _check_echo(self, turn_detection_on: bool | None) -> None:
        """Compare the session with what was asked for: both were seen to differ."""
        asked_on = self._config.turn_detection is not None
        if turn_detection_on is not None and turn_detection_on is not asked_on:
            self._fault(Fault.STEPFUN_OTHER_TURN_DETECTION)
            log.error("the model has another turn detection", asked_on=asked_on)
        if self._session.voice_accepted is False:
            self._fault(Fault.STEPFUN_OTHER_VOICE)
            log.warning("the model speaks in another voice", asked=self._config.voice)

    def _now_ready(self) -> None:
        self.is_ready = True
        while self._waiting:
            self._put(self._waiting.popleft())
        self._tell_ready()

    def _tell_ready(self) -> None:
        if self._deliver and not self._is_over:
            self.is_told = True
            self._deliver(SessionReady())

    def _pass_on(self, event: events.ServerEvent) -> None:
        if self._is_over:
            return
        self._history.saw(event)
        match event:
            case events.ServerError() if refusal := self._history.refused(event):
                self._repair_refused(refusal, event.code)
            case events.ServerError(kind, code) if kind not in HARMLESS:
                self._fault(Fault(f"stepfun.{kind.value}"))
                log.info("model error", kind=kind.value, code=code)
            case events.ResponseDone(usage=events.Usage() as usage):
                self._usage.update(asdict(usage))
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

    def _fail(self, why: Exception) -> None:
        self.failure = self.failure or why
        self.failed.set()

    def _fault(self, code: Fault) -> None:
        self._faults[code] += 1
