"""One measured call: the real bridge between two models, under a virtual clock."""

from collections import Counter
from collections.abc import Callable
from math import inf
from random import Random
from typing import Final

import numpy as np

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME, ULAW_HZ, ulaw_bytes
from voicebot.audio.level import dbov
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import (
    Action,
    BotAudio,
    CallerAudio,
    CallerKey,
    ClearCaller,
    DeadlineReached,
    Event,
    HangUp,
    MarkCaller,
    MarkReturned,
    ModelGone,
    NoteDecision,
    NoteHeard,
    NoteTurn,
    PlayToCaller,
)
from voicebot.bridge.settings import Settings
from voicebot.flow.model import BudgetReached, ModelCalled
from voicebot.measure.answers import Answer, answer
from voicebot.measure.clock import Posts
from voicebot.measure.hearing import Span, spans, thinned, understood
from voicebot.measure.model import Model
from voicebot.measure.record import Network, Record
from voicebot.measure.scenario import Kind, Scenario
from voicebot.measure.sound import (
    EchoPath,
    Samples,
    from_ulaw,
    to_ulaw,
    windows_dbov,
)
from voicebot.sim.stepfun.mind import Answered, Hear, Heard, Question, Reply, Thought
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.twilio.playout import Playout
from voicebot.stepfun.realtime.commands import ServerVad, SessionConfig

FRAME_S: Final = FRAME_MS / 1000

AUDIBLE_DBOV: Final = -50.0
# Softer speech isn't understood.
FAINT_DBOV: Final = -46.0

ANSWER_S: Final = 12.0  # the bot must have begun by then
PATIENCE_S: Final = 6.5  # how long a call goes on after its stimulus
AFTERWARDS_S: Final = 0.6  # ... once the next answer is heard

# Begins to listen to one line: see `NeuralVad.listen`.
Neural = Callable[[], Callable[[bytes], float]]

# What is on its way: to Twilio, to us, to the model (bytes), from it (str).
Post = PlayToCaller | MarkCaller | ClearCaller | Event | bytes | str


class MeasuredCall:
    """
    Runs one scenario.

    Args:
        neural: makes what listens to the line: see `NeuralVad.listen`.
    """

    def __init__(
        self,
        scenario: Scenario,
        settings: Settings,
        network: Network,
        neural: Neural | None = None,
    ) -> None:
        has_neural = neural is not None
        self.record = Record(scenario, network.carrier_ms / 1000, has_neural)
        self._scenario, self._network = scenario, network
        self._random = Random(f"{scenario.name} {settings.owner}")
        self._now = 0.0
        self._posts: Posts[Post] = Posts()
        self._arrived: Counter[int] = Counter()
        self._to_twilio_at = self._to_us_at = 0.0  # nothing overtakes
        self._bridge = Bridge(settings, 0.0, neural() if neural else None)
        mood = Mood.real() if scenario.real_mood else Mood.kind()
        vad = ServerVad() if settings.owner == "server" else None
        config = SessionConfig("", "jingdiannvsheng", vad)
        self._model = Model(mood, config, self._random, self._think)
        self._playout = Playout(carrier_delay_s=network.carrier_ms / 1000)
        self._playout.take(0.0)
        echo = scenario.echo
        self._echo = EchoPath(echo, network.carrier_ms) if echo else None
        self._frames = 0
        self._line = bytearray()  # all that it carried
        self._echoes: list[Samples] = []
        self._audible_ms = 0
        self._next_audible_at: float | None = None

    def run(self) -> Record:
        """Play the scenario to its end."""
        self._obey(self._bridge.start(0.0))
        while not self._is_over():
            self._step()
        self.record.heard = self._playout.heard(self._now)
        self.record.ended_at = self._now
        self.record.responses = self._model.responses
        self.record.thinking = self._model.thinking
        return self.record

    # ---- the clock -------------------------------------------------------------

    def _step(self) -> None:
        """Let the next thing happen."""
        frame_at = (self._frames + 1) * FRAME_S
        post_at = self._posts.next_at()
        deadline = self._bridge.next_deadline()
        bridge_at = inf if deadline is None else deadline
        mark_at = self._playout.next_deadline() if self._scenario.marks else None
        model_at = self._model.next_deadline()
        next_at = min(frame_at, post_at, bridge_at, mark_at or inf, model_at)
        self._now = max(self._now, next_at)
        if mark_at is not None and mark_at <= self._now:
            self._marks_back(self._playout.advance(self._now))
        if post_at <= self._now:
            self._deliver(self._posts.take())
        elif model_at <= self._now:
            self._from_model()
        elif bridge_at <= self._now:
            self._give(DeadlineReached())
        elif frame_at <= self._now:
            self._frame()

    def _deliver(self, what: "Post") -> None:
        match what:
            case PlayToCaller(ulaw):
                self._playout.media(ulaw, self._now)
            case MarkCaller(name):
                self._playout.mark(name, self._now)
            case ClearCaller():
                self._marks_back(self._playout.clear(self._now))
            case bytes(frame):
                self._model.receive(frame, self._now)
                self._from_model()
            case str(frame):
                self._hear_model(frame)
            case _:
                self._give(what)

    def _from_model(self) -> None:
        for frame in self._model.take(self._now):
            self._posts.send(self._now + self._network.model_ms / 1000, frame)

    # ---- the bridge ------------------------------------------------------------

    def _give(self, event: Event) -> None:
        self._obey(self._bridge.handle(event, self._now))

    def _hear_model(self, frame: str) -> None:
        orders, event = self._model.read(frame)
        for order in orders:
            self._to_model(order)
        if isinstance(event, BotAudio):
            number = self._model.responses[event.response_id]
            self._arrived[number] += len(event.pcm16) // 6  # in bytes at 8 kHz
            self.record.arrived.append((self._now, number, self._arrived[number]))
        # Whom we measure has no tools, and no budgets.
        if event is not None and not isinstance(event, ModelCalled | BudgetReached):
            self._give(event)

    def _obey(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case PlayToCaller(ulaw):
                    self.record.sent.append((self._now, ulaw))
                    self._to_twilio(action)
                case MarkCaller() | ClearCaller():
                    self._to_twilio(action)
                case NoteTurn():
                    self.record.notes.append((self._now, action))
                case NoteDecision(seq):
                    self.record.decisions[seq] = action
                case HangUp():
                    self.record.hung_up = True
                case NoteHeard() | ModelGone():
                    pass  # for whoever decides about the call
                case _:
                    for frame in self._model.orders(action):
                        self._to_model(frame)

    def _to_model(self, frame: bytes) -> None:
        self._posts.send(self._now + self._network.model_ms / 1000, frame)

    def _to_twilio(self, action: PlayToCaller | MarkCaller | ClearCaller) -> None:
        self._to_twilio_at = max(self._to_twilio_at, self._now + self._lag_s())
        self._posts.send(self._to_twilio_at, action)

    def _to_us(self, event: Event) -> None:
        self._to_us_at = max(self._to_us_at, self._now + self._lag_s())
        self._posts.send(self._to_us_at, event)

    def _lag_s(self) -> float:
        network = self._network
        return (network.twilio_ms + self._random.random() * network.jitter_ms) / 1000

    def _marks_back(self, names: list[str]) -> None:
        if self._scenario.marks:
            for name in names:
                self._to_us(MarkReturned(name))

    # ---- the caller --------------------------------------------------------------

    def _frame(self) -> None:
        """20 ms of the line are over: what the caller's side said in them is sent."""
        ear = self._playout.take(self._now)
        if dbov(ear) > AUDIBLE_DBOV:
            self._audible_ms += FRAME_MS
        self._begin_stimulus()
        line = self._background() + self._voice()
        if self._echo is not None:
            echo = self._echo.push(from_ulaw(ear))
            self._echoes.append(echo)
            line += echo
        ulaw = to_ulaw(line)
        self._line += ulaw
        self._frames += 1
        self._to_us(CallerAudio(ulaw))

    def _begin_stimulus(self) -> None:
        if self.record.stimulus_at is not None:
            return
        scenario = self._scenario
        begun_ms = self._frames * FRAME_MS
        waited = begun_ms if scenario.kind is Kind.TURN else self._audible_ms
        if waited >= scenario.after_ms:
            self.record.stimulus_at = begun_ms / 1000
            if scenario.stimulus.key is not None:
                self._to_us(CallerKey(scenario.stimulus.key))

    def _background(self) -> Samples:
        background = self._scenario.background
        if background is None:
            return np.zeros(ULAW_FRAME)
        at = self._frames * ULAW_FRAME % len(background)  # whole frames, all of them
        return background[at : at + ULAW_FRAME]

    def _voice(self) -> Samples:
        frame = np.zeros(ULAW_FRAME)
        if self.record.stimulus_at is not None:
            at = self._frames * ULAW_FRAME - round(self.record.stimulus_at * ULAW_HZ)
            piece = self._scenario.stimulus.samples[at : at + ULAW_FRAME]
            frame[: len(piece)] = piece
        return frame

    # ---- the model's mind ----------------------------------------------------------

    def _think(self, question: Question) -> Thought:
        if isinstance(question, Hear):
            return Heard(question.item_id, self._hear(question.pcm16))
        spoken = self._say()
        return Answered(question.response_id, Reply(spoken.text), spoken.pcm16)

    def _hear(self, pcm16: bytes) -> str:
        """Understand what the caller, or somebody else, said; or the echo."""
        parts = spans(thinned(pcm16), from_ulaw(bytes(self._line)))
        self.record.given += parts
        scenario, said = self._scenario, self.record.said
        words = scenario.stimulus.words
        if said is not None and (heard := understood(words, said, parts)):
            return heard
        if self._echo and _loudest(np.concatenate(self._echoes), parts) > FAINT_DBOV:
            return " ".join(word.text for word in self.record.answers[0].words[:3])
        return ""

    def _say(self) -> Answer:
        scenario, number = self._scenario, len(self.record.answers)
        first = number == 0 and scenario.kind is not Kind.TURN
        spoken = (
            answer(scenario.bot_seed, scenario.bot_words)
            if first
            else answer(10 + number % 30, 4)
        )
        self.record.answers.append(spoken)
        return spoken

    # ---- the end -------------------------------------------------------------------

    def _is_over(self) -> bool:
        if self.record.hung_up:
            return True
        done_at = self.record.done_at
        if done_at is None:
            return self._now > ANSWER_S
        if self._now > done_at + PATIENCE_S:
            return True
        if self._scenario.kind is Kind.DISTRACTOR:
            return self._now > done_at and self._all_was_heard()
        return self._next_was_heard(done_at)

    def _all_was_heard(self) -> bool:
        """The first answer came to its end, and nothing came after it."""
        answers = self.record.answers
        played = self._playout
        whole = sum(len(each.ulaw) for each in answers)
        return not played.pending and played.position_bytes(self._now) >= whole

    def _next_was_heard(self, done_at: float) -> bool:
        """The answer to what the caller said is being heard."""
        wanted = 1 if self._scenario.kind is Kind.TURN else 2
        if len(self.record.answers) < wanted or self._now < done_at:
            return False
        if not self._playout.pending:
            return False
        self._next_audible_at = self._next_audible_at or self._now
        return self._now > self._next_audible_at + AFTERWARDS_S


def _loudest(samples: Samples, parts: list[Span]) -> float:
    """The level of the loudest 100 ms of some pieces."""
    pieces = [samples[first:last] for first, last in parts]
    joined = np.concatenate([np.zeros(ulaw_bytes(100)), *pieces])
    return float(windows_dbov(joined, 100).max())
