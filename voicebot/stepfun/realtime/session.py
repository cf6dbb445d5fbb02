"""The state of one realtime session, between its frames and its events."""

from collections import Counter, deque
from typing import Final

from voicebot.errors import RemoteProtocolError
from voicebot.fields import Fields
from voicebot.stepfun.realtime import commands
from voicebot.stepfun.realtime.commands import SessionConfig
from voicebot.stepfun.realtime.decode import read_event
from voicebot.stepfun.realtime.delta import DeltaShape
from voicebot.stepfun.realtime.events import (
    AudioDelta,
    AudioDone,
    ErrorKind,
    FunctionArgumentsDelta,
    ResponseCancelled,
    ResponseCreated,
    ResponseDone,
    ServerError,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
    TextDelta,
    ThinkingDelta,
    TranscriptDelta,
)

# A peer decides how many there are, so there is an end to what is remembered.
UNKNOWN_TYPES: Final = 32
UNKNOWN_TYPE_CHARACTERS: Final = 64
FINISHED_RESPONSES: Final = 32
CARRIES: Final = 8


class RealtimeSession:
    """
    One connection to StepFun's realtime API, without the connection.

    Attributes:
        session_id: what StepFun's support asks for; None until it has come.
        active_response: id of the response that is running on the server. Its
            audio may be heard long after it is over.
        voice_accepted: whether the session has the voice that was asked for; None
            until that is known. Another voice has been seen to be set silently.
        unknown: types of frames that we don't know, and how often each came.
        bad_frames: how many frames `receive` has refused.
    """

    def __init__(self) -> None:
        self.session_id: str | None = None
        self.active_response: str | None = None
        self.voice_accepted: bool | None = None
        self.unknown: Counter[str] = Counter()
        self.bad_frames = 0
        self._voice: str | None = None  # as asked for
        self._finished: deque[str] = deque(maxlen=FINISHED_RESPONSES)
        self._carries: dict[str, bytes] = {}  # response id -> half a sample
        self._shape: tuple[DeltaShape, str, str] | None = None  # and its two ids

    def configure(self, config: SessionConfig) -> bytes:
        """
        Set the session up: the first command, to be sent once it is created.

        Raises:
            LocalProtocolError: a tool's schema or a text can't be written as JSON.
        """
        frame = commands.session_update(config)
        self._voice = config.voice
        self.voice_accepted = None
        return frame

    def cancel(self) -> bytes | None:
        """Stop the running response; None if there is nothing to stop."""
        return None if self.active_response is None else commands.cancel_response()

    def receive(self, frame: bytes | str) -> ServerEvent | None:
        """
        Read one frame. Bytes are quicker than text.

        Returns:
            The event, or None for a type that we don't know, which is counted.

        Raises:
            RemoteProtocolError: the frame isn't what StepFun documents or was
                seen to send. It changed nothing but `bad_frames`.
        """
        # surrogatepass: half a character is the JSON parser's to refuse.
        data = frame.encode(errors="surrogatepass") if isinstance(frame, str) else frame
        try:
            event = self._quick_delta(data) or self._parse(data)
        except RemoteProtocolError:
            self.bad_frames += 1
            raise
        if isinstance(event, AudioDelta):
            event = self._aligned(event)
        if event is not None:
            self._track(event)
        return event

    def _quick_delta(self, data: bytes) -> AudioDelta | None:
        if self._shape is None:
            return None
        shape, response_id, item_id = self._shape
        audio = shape.read(data)
        return None if audio is None else AudioDelta(response_id, item_id, audio)

    def _parse(self, data: bytes) -> ServerEvent | None:
        message = Fields.parse(data)
        event = read_event(message, self.active_response or "")
        # Without its own response id, the same bytes may mean another response
        # tomorrow.
        if isinstance(event, AudioDelta) and "response_id" in message:
            shape = DeltaShape.learn(data)
            ids = event.response_id, event.item_id
            self._shape = None if shape is None else (shape, *ids)
        if event is None:
            self._count_unknown(message.text("type"))
        return event

    def _count_unknown(self, kind: str) -> None:
        kind = kind[:UNKNOWN_TYPE_CHARACTERS]
        if kind in self.unknown or len(self.unknown) < UNKNOWN_TYPES:
            self.unknown[kind] += 1

    def _aligned(self, delta: AudioDelta) -> AudioDelta:
        """Move half a sample at the end of a delta to the start of the next one."""
        if not self._carries and len(delta.pcm16) % 2 == 0:
            return delta
        response_id = delta.response_id
        pcm16 = self._carries.pop(response_id, b"") + delta.pcm16
        whole = len(pcm16) & ~1
        if whole < len(pcm16):
            self._carries[response_id] = pcm16[whole:]
            if len(self._carries) > CARRIES:
                del self._carries[next(iter(self._carries))]
        return AudioDelta(response_id, delta.item_id, pcm16[:whole])

    def _track(self, event: ServerEvent) -> None:
        """Change what the session knows: all that an event can do stands here."""
        match event:
            case (
                AudioDelta(response_id)
                | TranscriptDelta(response_id)
                | TextDelta(response_id)
                | ThinkingDelta(response_id)
                | FunctionArgumentsDelta(response_id)
                | ResponseCreated(response_id)
            ):
                self._begin(response_id)
            case AudioDone(response_id):
                self._carries.pop(response_id, None)
            case ResponseDone(response_id):
                self._finish(response_id)
            case ResponseCancelled(response_id):
                self._finish(response_id or self.active_response)
            case ServerError(ErrorKind.NO_ONGOING_RESPONSE):
                self._finish(self.active_response)  # its end didn't reach us
            case ServerError(ErrorKind.BAD_VOICE):
                self.voice_accepted = False
            case SessionCreated(session_id):
                self.session_id = session_id
            case SessionUpdated(session_id, voice):
                self.session_id = session_id
                if self._voice is not None and voice is not None:
                    self.voice_accepted = voice == self._voice
            case _:
                pass

    def _begin(self, response_id: str) -> None:
        """Note that a response runs, unless it is over and this is a late frame."""
        if response_id == self.active_response or response_id in self._finished:
            return
        self._finish(self.active_response)  # the server runs one at a time
        self.active_response = response_id or None

    def _finish(self, response_id: str | None) -> None:
        if response_id is None:
            return
        if response_id not in self._finished:
            self._finished.append(response_id)
        self._carries.pop(response_id, None)
        if response_id == self.active_response:
            self.active_response = None
