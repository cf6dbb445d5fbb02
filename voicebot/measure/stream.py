"""One stream of a call, on a virtual clock: ours between models of both vendors."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from math import inf
from random import Random
from typing import Final, Protocol

from voicebot.audio.framing import FRAME_MS
from voicebot.bridge.arrivals import arrivals
from voicebot.bridge.model import (
    CallerAudio,
    ClearCaller,
    DeadlineReached,
    Event,
    HangUp,
    MarkCaller,
    MarkReturned,
    ModelBack,
    ModelGone,
    NoteDecision,
    NoteHeard,
    NoteTurn,
    PeerLost,
    PlayToCaller,
    Redial,
)
from voicebot.flow.model import (
    Abandon,
    AskDirector,
    Fetch,
    Input,
    Leave,
    NoteEvent,
    Order,
    PauseRecording,
    RecordCall,
    SendSms,
    UpdateSession,
)
from voicebot.measure.clock import Posts
from voicebot.measure.model import Model
from voicebot.measure.record import Network
from voicebot.sim.twilio.playout import Playout

FRAME_S: Final = FRAME_MS / 1000

ToTwilio = PlayToCaller | MarkCaller | ClearCaller
# What nobody but whoever looks on is told.
Told = (
    NoteTurn
    | NoteDecision
    | NoteHeard
    | NoteEvent
    | ModelBack
    | ModelGone
    | Redial
    | HangUp
    | Leave
    | PauseRecording
    | RecordCall
    | UpdateSession
    | AskDirector
    | SendSms
    | Fetch
    | Abandon
)
# What is on its way: to Twilio, to us, to the model (bytes), from it (str); or what
# happens then.
Post = ToTwilio | Event | bytes | str | Callable[[], None]


class Conductor(Protocol):
    """Who conducts the call: a `Bridge`, or a `Flow` around one."""

    def start(self, now: float) -> Sequence[Order]: ...

    def handle(self, event: Event, now: float) -> Sequence[Order]: ...

    def next_deadline(self) -> float | None: ...

    @property
    def patience(self) -> int: ...


class VirtualStream(ABC):
    """
    Goes from one thing that happens to the next.

    What a caller does in a frame, and what becomes of what we are told, a subclass
    says: `_frame`, `_look_on`.

    Args:
        random: everybody's delays.
        now: seconds on the call's clock, when the stream begins.
        marks: whether Twilio sends them back.
    """

    def __init__(
        self,
        conductor: Conductor,
        model: Model,
        network: Network,
        random: Random,
        now: float = 0.0,
        *,
        marks: bool = True,
    ) -> None:
        self._conductor, self._model = conductor, model
        self._network, self._random = network, random
        self._now = now
        self._has_marks = marks
        self._began_at, self._frames = now, 0
        self._playout = Playout(carrier_delay_s=network.carrier_ms / 1000)
        self._playout.take(now)
        self._posts: Posts[Post] = Posts()
        self._to_twilio_at = self._to_us_at = now  # nothing overtakes
        self._gathered: list[Event] = []  # frames that wait, and what came with them
        self._patience = 1  # so many do
        self._is_deaf = False
        """Nothing reaches the model any more, nor us of it."""

    # ---- a subclass says ---------------------------------------------------------

    @abstractmethod
    def _frame(self, ear: bytes) -> bytes:
        """20 ms are over, in which the ear got this: what the caller's side sends."""

    @abstractmethod
    def _look_on(self, told: Told) -> None:
        """Take note."""

    @abstractmethod
    def _from_model(self, event: Input) -> None:
        """What the model sent has reached us."""

    # ---- the clock ---------------------------------------------------------------

    def _step(self) -> None:
        """Let the next thing happen."""
        frame_at = self._began_at + (self._frames + 1) * FRAME_S
        post_at = self._posts.next_at()
        deadline = self._conductor.next_deadline()
        due_at = inf if deadline is None else deadline
        mark_at = self._playout.next_deadline() if self._has_marks else None
        model_at = inf if self._is_deaf else self._model.next_deadline()
        next_at = min(frame_at, post_at, due_at, mark_at or inf, model_at)
        self._now = max(self._now, next_at)
        if mark_at is not None and mark_at <= self._now:
            self._marks_back(self._playout.advance(self._now))
        if post_at <= self._now:
            self._deliver(self._posts.take())
        elif model_at <= self._now:
            self._model_sends()
        elif due_at <= self._now:
            self._give(DeadlineReached())
        elif frame_at <= self._now:
            ulaw = self._frame(self._playout.take(self._now))
            self._frames += 1
            self._to_us(CallerAudio(ulaw))

    def _deliver(self, what: Post) -> None:
        match what:
            case PlayToCaller(ulaw):
                self._playout.media(ulaw, self._now)
            case MarkCaller(name):
                self._playout.mark(name, self._now)
            case ClearCaller():
                self._marks_back(self._playout.clear(self._now))
            case bytes(frame):
                self._model.receive(frame, self._now)
                self._model_sends()
            case str(frame):
                self._hear_model(frame)
            case _ if callable(what):
                what()
            case _:
                self._gather(what)

    # ---- who conducts it -----------------------------------------------------------

    def _gather(self, event: Event) -> None:
        """Hand over what came from Twilio, once as many frames are there as may be."""
        self._gathered.append(event)
        frames = sum(isinstance(each, CallerAudio) for each in self._gathered)
        if frames < self._patience and not isinstance(event, PeerLost):
            return
        events, self._gathered = self._gathered, []
        for each in arrivals(events):
            self._give(each)
        self._patience = self._conductor.patience

    def _give(self, event: Event) -> None:
        self._obey(self._conductor.handle(event, self._now))

    def _obey(self, orders: Sequence[Order]) -> None:
        for order in orders:
            if isinstance(order, ToTwilio):
                self._to_twilio(order)
            elif isinstance(order, Told):
                self._look_on(order)
            else:
                for frame in self._model.orders(order):
                    self._to_model(frame)

    def _to_twilio(self, order: ToTwilio) -> None:
        self._to_twilio_at = max(self._to_twilio_at, self._now + self._lag_s())
        self._posts.send(self._to_twilio_at, order)

    def _to_us(self, event: Event) -> None:
        self._to_us_at = max(self._to_us_at, self._now + self._lag_s())
        self._posts.send(self._to_us_at, event)

    def _lag_s(self) -> float:
        network = self._network
        return (network.twilio_ms + self._random.random() * network.jitter_ms) / 1000

    def _marks_back(self, names: Sequence[str]) -> None:
        if self._has_marks:
            for name in names:
                self._to_us(MarkReturned(name))

    # ---- the model -----------------------------------------------------------------

    def _to_model(self, frame: bytes) -> None:
        if not self._is_deaf:
            self._posts.send(self._now + self._network.model_ms / 1000, frame)

    def _model_sends(self) -> None:
        for frame in self._model.take(self._now):
            self._posts.send(self._now + self._network.model_ms / 1000, frame)

    def _hear_model(self, frame: str) -> None:
        if self._is_deaf:
            return
        orders, event = self._model.read(frame)
        for order in orders:
            self._to_model(order)
        if event is not None:
            self._from_model(event)
