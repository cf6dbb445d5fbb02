"""The offline StepFun with our own client in front of it, without a socket."""

from collections.abc import Callable
from random import Random

from voicebot.bridge.model import Event, SessionReady
from voicebot.flow.model import ModelCalled, Order
from voicebot.runtime.legs import from_stepfun, to_stepfun
from voicebot.sim.stepfun.mind import Hear, Question, Thought, Utterance
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.session import OfflineSession
from voicebot.stepfun.realtime import events
from voicebot.stepfun.realtime.commands import SessionConfig
from voicebot.stepfun.realtime.history import History
from voicebot.stepfun.realtime.session import RealtimeSession


class Model:
    """
    Both ends of the model's connection; what lies between them is the caller's to wait.

    Args:
        config: of the session, as the client asks for it.
        think: what the model understands of the caller's audio, and answers; it is
            asked at the time that the server's end was last told.

    Attributes:
        responses: response id -> number of its answer, counted from 0.
        begun_at: response id -> when the server began it.
        thinking: number of an answer -> seconds from there to its first audio.
    """

    def __init__(
        self,
        mood: Mood,
        config: SessionConfig,
        random: Random,
        think: Callable[[Question], Thought],
    ) -> None:
        self.responses: dict[str, int] = {}
        self.thinking: dict[int, float] = {}
        self._config = config
        self._mind = think
        self._server = OfflineSession(mood, random=random, now=0.0)
        self._client = RealtimeSession()
        self._history = History(set())
        self._ready = False
        self._begun_at: dict[str, float] = {}

    # ---- the server's end --------------------------------------------------------

    def receive(self, frame: bytes, now: float) -> None:
        """A frame of ours reaches the server."""
        self._server.receive(frame.decode(), now)
        self._think(now)

    def take(self, now: float) -> list[str]:
        """The frames that leave the server now."""
        frames = self._server.take(now)
        self._think(now)
        for frame in frames:
            self._watch(frame, now)
        return frames

    def next_deadline(self) -> float:
        """When to `take`."""
        return self._server.next_deadline()

    def touch(self, now: float) -> None:
        """A ping of ours reaches the server."""
        self._server.touch(now)

    @property
    def history(self) -> list[Utterance]:
        """The conversation as the server has it, oldest first."""
        return self._server.history

    def _think(self, now: float) -> None:
        while questions := self._server.questions():
            for question in questions:
                if not isinstance(question, Hear):
                    self.responses[question.response_id] = len(self.responses)
                self._server.thought(self._mind(question), now)

    def _watch(self, frame: str, now: float) -> None:
        """Note how long the model thinks: that is no fault of the bridge's."""
        event = RealtimeSession().receive(frame)
        if isinstance(event, events.ResponseCreated):
            self._begun_at[event.response_id] = now
        elif isinstance(event, events.AudioDelta):
            number = self.responses.get(event.response_id)
            begun_at = self._begun_at.pop(event.response_id, None)
            if number is not None and begun_at is not None:
                self.thinking[number] = now - begun_at

    # ---- our end -------------------------------------------------------------------

    def orders(self, action: Order) -> list[bytes]:
        """The frames that carry out an order to the model."""
        vad = self._config.turn_detection
        return to_stepfun(action, self._history, vad)  # type: ignore[arg-type]  # the rest

    def read(self, text: str) -> tuple[list[bytes], Event | ModelCalled | None]:
        """A frame of the server reaches us: what to send back, and what it means."""
        event = self._client.receive(text)
        if event is None:
            return [], None
        self._history.saw(event)
        match event:
            case events.SessionCreated():
                return [self._client.configure(self._config)], None
            case events.SessionUpdated() if not self._ready:
                self._ready = True
                return [], SessionReady()
            case events.ServerError() if refusal := self._history.refused(event):
                return refusal.instead, None
            case _:
                return [], from_stepfun(event)
