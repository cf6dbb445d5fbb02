"""One call's side towards StepFun: dial, configure, read, write."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace

import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from voicebot.bridge.model import (
    AppendAudio,
    Ending,
    Event,
    PeerLost,
    SessionReady,
)
from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.net.realtime import realtime_socket
from voicebot.runtime.legs import ModelAction, from_stepfun, to_stepfun
from voicebot.runtime.outbox import Outbox
from voicebot.stepfun.realtime import events
from voicebot.stepfun.realtime.commands import SessionConfig
from voicebot.stepfun.realtime.session import RealtimeSession
from voicebot.stepfun.upstream import SERVICE

log = structlog.get_logger()

# Appends of 60 ms: about 15 s of the caller's voice, then the model isn't reading.
OUTBOX_FRAMES = 256

# Non-101 answers to the upgrade happen now and then (stepfun reference, 2.2).
DIALS = 2
REDIAL_S = 0.4
HOPELESS = frozenset({400, 401, 402, 403, 404, 451})

# Answers to a command that came a moment too late, or to a click on the line.
HARMLESS = frozenset(
    {
        events.ErrorKind.NO_ONGOING_RESPONSE,
        events.ErrorKind.ONGOING_RESPONSE,
        events.ErrorKind.NO_SPEECH,
    }
)

# Only an answer that was just cut off is ever amended.
MAX_ITEMS = 8

# What the server speaks in when none is asked for (stepfun reference, 3.3).
DEFAULT_VOICE = "jingdiannvsheng"

# A peer that sends so much garbage, and nothing in between, isn't one.
MAX_BAD_FRAMES = 50


class ModelLeg:
    """
    Owns the model's socket for one call.

    Args:
        deliver: takes each event of the model, at once.

    Attributes:
        faults: what went wrong, by code, in order of first appearance.
        usage: tokens by kind, as the model counts them.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        config: SessionConfig,
        deliver: Callable[[Event], None],
    ) -> None:
        self._url = url
        self._api_key = api_key
        self._config = config
        self._deliver = deliver
        self._outbox = Outbox(OUTBOX_FRAMES)
        self._session = RealtimeSession()
        self._items: dict[str, str] = {}  # response -> item; the newest few
        self._blocked = asyncio.Event()
        self._bad_in_a_row = 0
        self.faults: Counter[str] = Counter()
        self.usage: Counter[str] = Counter()

    def send(self, action: ModelAction) -> None:
        """Give the model an order. Audio that it has no time for is dropped."""
        for frame in to_stepfun(action, self._items):
            if not self._outbox.put(frame):
                self._fault("stepfun.write_blocked")
                if not isinstance(action, AppendAudio):
                    self._blocked.set()

    async def run(self) -> None:
        """Run until cancelled, or until the model is lost: then that is an event."""
        ending = Ending.STEPFUN_REFUSED
        try:
            for left in reversed(range(DIALS)):
                try:
                    async with realtime_socket(self._url, self._api_key) as socket:
                        ending = Ending.STEPFUN_LOST
                        await self._converse(socket)
                except UpstreamError as exc:
                    self._fault(f"stepfun.{exc.detail}")
                    log.warning("model refused", detail=exc.detail, status=exc.status)
                    if not left or exc.status in HOPELESS:
                        break
                    await asyncio.sleep(REDIAL_S)
        except* (
            ConnectionError,
            ConnectionClosed,
            RemoteProtocolError,
            UpstreamError,
        ):
            self._fault("stepfun.lost")
            log.warning("model lost", session_id=self._session.session_id)
        self._deliver(PeerLost(ending))

    async def _converse(self, socket: ClientConnection) -> None:
        async def send(frame: bytes) -> None:
            await socket.send(frame, text=True)

        ready = False
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._give_up_when_blocked(), name="model blocked")
            while True:
                event = self._read(await socket.recv(decode=False))
                match event:
                    case None:
                        continue
                    case events.SessionCreated(session_id):
                        log.info("model session", session_id=session_id)
                        await send(self._session.configure(self._config))
                    case events.ServerError(kind=events.ErrorKind.BAD_VOICE):
                        self._fault("stepfun.bad_voice")
                        if self._config.voice == DEFAULT_VOICE:
                            raise UpstreamError(SERVICE, "bad_voice")
                        await send(self._session.configure(self._other_voice()))
                    case events.SessionUpdated(turn_detection_on=on) if not ready:
                        ready = True
                        tasks.create_task(self._outbox.write(send), name="to model")
                        self._check_echo(on)
                        self._deliver(SessionReady())
                    case _:
                        self._pass_on(event)

    def _read(self, frame: bytes) -> events.ServerEvent | None:
        try:
            event = self._session.receive(frame)
        except RemoteProtocolError as exc:
            self._fault("stepfun.bad_frame")
            self._bad_in_a_row += 1
            if self._session.bad_frames == 1:
                log.warning("bad frame from the model", error=str(exc))
            if self._bad_in_a_row > MAX_BAD_FRAMES:
                raise
            return None
        self._bad_in_a_row = 0
        return event

    async def _give_up_when_blocked(self) -> None:
        await self._blocked.wait()
        raise ConnectionError("it doesn't read")

    def _pass_on(self, event: events.ServerEvent) -> None:
        match event:
            case events.ServerError(kind, code) if kind not in HARMLESS:
                self._fault(f"stepfun.{kind.value}")
                log.info("model error", kind=kind.value, code=code)
            case events.TranscriptDelta(response_id, item_id) if item_id:
                self._items[response_id] = item_id
                while len(self._items) > MAX_ITEMS:
                    del self._items[next(iter(self._items))]
            case events.ResponseDone(usage=events.Usage() as usage):
                self.usage.update(asdict(usage))
            case _:
                pass
        translated = from_stepfun(event)
        if translated is not None:
            self._deliver(translated)

    def _other_voice(self) -> SessionConfig:
        """A call in another voice is better than none."""
        log.error("voice refused", voice=self._config.voice, instead=DEFAULT_VOICE)
        self._config = replace(self._config, voice=DEFAULT_VOICE)
        return self._config

    def _check_echo(self, turn_detection_on: bool | None) -> None:
        """Compare the session with what was asked for: both were seen to differ."""
        asked_on = self._config.turn_detection is not None
        if turn_detection_on is not None and turn_detection_on is not asked_on:
            self._fault("stepfun.other_turn_detection")
            log.error("the model has another turn detection", asked_on=asked_on)
        if self._session.voice_accepted is False:
            self._fault("stepfun.other_voice")
            log.warning("the model speaks in another voice", asked=self._config.voice)

    def _fault(self, code: str) -> None:
        self.faults[code] += 1
