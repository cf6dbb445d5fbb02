"""One rehearsed call: the real flow, the offline StepFun, and a virtual clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from random import Random
from typing import Final

import structlog
from structlog.testing import capture_logs

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME, ULAW_HZ, ULAW_SILENCE
from voicebot.audio.level import dbov
from voicebot.bridge.model import (
    CallerAudio,
    CallerKey,
    ClearCaller,
    DeadlineReached,
    Ending,
    Event,
    HangUp,
    MarkCaller,
    MarkReturned,
    ModelGone,
    NoteDecision,
    NoteHeard,
    NoteTurn,
    PeerLost,
    Phase,
    PlayToCaller,
)
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.testing import CallTest, Fault
from voicebot.flow.flow import Flow
from voicebot.flow.model import (
    Input,
    Leave,
    NoteEvent,
    Order,
    PauseRecording,
    RecordCall,
    UpdateSession,
)
from voicebot.flow.survey import named_targets
from voicebot.measure.clock import Posts
from voicebot.measure.model import Model
from voicebot.measure.record import Network
from voicebot.rehearse.caller import Caller, Line
from voicebot.rehearse.mind import Lines
from voicebot.rehearse.record import Record
from voicebot.rehearse.voice import Spoken, answered, spoken
from voicebot.runtime.conduct import bridge_settings, session_config, words_of
from voicebot.sim.stepfun.mind import Answered, Hear, Heard, Question, Reply, Thought
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.twilio.playout import Playout
from voicebot.stepfun.realtime.commands import instruct

log = structlog.get_logger()

FRAME_S: Final = FRAME_MS / 1000
SILENCE: Final = ULAW_SILENCE * ULAW_FRAME
AUDIBLE_DBOV: Final = -50.0

PING_S: Final = 20.0  # as our WebSocket client does
REFUSED_S: Final = 1.0  # two dials that come to nothing
SLOW_MS: Final = 4000
# No call is longer: its limit, and time for the last words.
LONGEST_S: Final = 29 * 60.0

# While in these, whoever is silent has nothing to say.
BOT_SPEAKS: Final = frozenset({Phase.SPEAKING, Phase.TENTATIVE, Phase.CLOSING})

# What is on its way: to Twilio, to us, to the model (bytes), from it (str).
Post = PlayToCaller | MarkCaller | ClearCaller | Event | bytes | str | Fault


class OwnWords:
    """Our own words, rendered; and all that were asked for."""

    def __init__(self) -> None:
        self.said: list[Spoken] = []

    def get(self, voice: str, text: str) -> bytes:
        said = spoken(text)
        if said not in self.said:
            self.said.append(said)
        return said.ulaw


def conductor(persona: Persona, words: OwnWords, now: float) -> Flow:
    """Who conducts the calls of a persona. All its targets can be called."""
    targets = named_targets(persona)
    return Flow(
        persona,
        bridge_settings(persona, words),
        words_of(persona, words),
        now,
        open_targets=lambda: targets,
    )


class RehearsedCall:
    """Makes one call of a test."""

    def __init__(self, persona: Persona, test: CallTest) -> None:
        self.record = Record(test.caller)
        self._persona = persona
        self._now = 0.0
        self._random = Random(f"{persona.id} {test.name}")
        self._network = Network()
        words = OwnWords()
        self._conductor = conductor(persona, words, 0.0)
        self.record.said = words.said
        self._lines = Lines(test.model, persona.language)
        config = session_config(persona)
        self._model = Model(Mood.kind(), config, self._random, self._think)
        self._caller = Caller(test.caller)
        self.record.deeds = self._caller.deeds
        self._line = Line()
        self._silent_s = 0.0  # of the bot, at the ear
        self._playout = Playout(carrier_delay_s=self._network.carrier_ms / 1000)
        self._playout.take(0.0)
        self._posts: Posts[Post] = Posts()
        self._to_twilio_at = self._to_us_at = 0.0  # nothing overtakes
        self._frames = 0
        self._ping_at = PING_S
        self._is_deaf = False  # the model: what it says doesn't come
        self._slow_ms = 0
        for fault in test.faults:
            self._posts.send(fault.at_s, fault)

    def run(self) -> Record:
        """Make the call."""
        with _logged(self.record.lines):
            log.info("call started", persona=self._persona.id)
            self._obey(self._conductor.start(0.0))
            while self.record.ending is None and self._now < LONGEST_S:
                self._step()
            ending = self.record.ending
            log.info("call ended", ending=ending and ending.value)
        self.record.ended_at = self._now
        self.record.heard = self._playout.heard(self._now)
        self.record.history = self._model.history
        return self.record

    # ---- the clock -------------------------------------------------------------

    def _step(self) -> None:
        """Let the next thing happen."""
        frame_at = (self._frames + 1) * FRAME_S
        post_at = self._posts.next_at()
        deadline = self._conductor.next_deadline()
        due_at = inf if deadline is None else deadline
        mark_at = self._playout.next_deadline() or inf
        model_at = inf if self._is_deaf else self._model.next_deadline()
        self._now = max(self._now, min(frame_at, post_at, due_at, mark_at, model_at))
        if mark_at <= self._now:
            self._marks_back(self._playout.advance(self._now))
        if post_at <= self._now:
            self._deliver(self._posts.take())
        elif model_at <= self._now:
            self._from_model()
        elif due_at <= self._now:
            self._give(DeadlineReached())
        elif frame_at <= self._now:
            self._frame()

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
                self._from_model()
            case str(frame):
                self._hear_model(frame)
            case Fault():
                self._fail(what)
            case _:
                self._give(what)

    def _fail(self, fault: Fault) -> None:
        self.record.happened.append((self._now, fault))
        log.warning("fault of the test", model=fault.model)
        match fault.model:
            case "refuse_connect":
                lost: Event = PeerLost(Ending.STEPFUN_REFUSED)
                self._posts.send(self._now + REFUSED_S, lost)
            case "lose":
                self._posts.send(self._now, PeerLost(Ending.STEPFUN_LOST))
            case "slow":
                self._slow_ms = SLOW_MS
                return
            case "mute":
                pass
        self._is_deaf = True

    # ---- the flow --------------------------------------------------------------

    def _give(self, event: Input) -> None:
        self._obey(self._conductor.handle(event, self._now))

    def _obey(self, orders: list[Order]) -> None:
        for action in orders:
            match action:
                case PlayToCaller() | MarkCaller() | ClearCaller():
                    lagged_at = self._now + self._lag_s()
                    self._to_twilio_at = max(self._to_twilio_at, lagged_at)
                    self._posts.send(self._to_twilio_at, action)
                case NoteTurn(seq):
                    self.record.turns[seq] = action
                case NoteDecision(seq):
                    self.record.decisions[seq] = action
                case HangUp(ending):
                    self.record.ending = ending
                case NoteHeard() | ModelGone() | Leave():
                    pass  # what was heard is found at the ear
                case PauseRecording() | RecordCall():
                    pass  # a rehearsal has its own
                case NoteEvent(kind, name, detail):
                    log.info("call event", kind=kind, name=name, detail=detail)
                case UpdateSession(stage):
                    values = self._conductor.values.shown()
                    config = session_config(self._persona, values, stage)
                    self._to_model(instruct(config))
                case _:
                    for frame in self._model.orders(action):
                        self._to_model(frame)

    def _to_us(self, event: Event) -> None:
        self._to_us_at = max(self._to_us_at, self._now + self._lag_s())
        self._posts.send(self._to_us_at, event)

    def _lag_s(self) -> float:
        network = self._network
        return (network.twilio_ms + self._random.random() * network.jitter_ms) / 1000

    def _marks_back(self, names: list[str]) -> None:
        for name in names:
            self._to_us(MarkReturned(name))

    # ---- the model -------------------------------------------------------------

    def _to_model(self, frame: bytes) -> None:
        if not self._is_deaf:
            self._posts.send(self._now + self._network.model_ms / 1000, frame)

    def _from_model(self) -> None:
        for frame in self._model.take(self._now):
            self._posts.send(self._now + self._network.model_ms / 1000, frame)

    def _hear_model(self, frame: str) -> None:
        if self._is_deaf:
            return
        orders, event = self._model.read(frame)
        for order in orders:
            self._to_model(order)
        if event is not None:
            self._give(event)

    def _think(self, question: Question) -> Thought:
        if isinstance(question, Hear):
            sent_at = self._now - self._network.model_ms / 1000
            return Heard(question.item_id, self._caller.understood(sent_at))
        said = answered(self._lines.answer(question.history), len(self.record.said))
        self.record.said.append(said)
        reply = Reply(said.text, after_ms=self._slow_ms)
        return Answered(question.response_id, reply, said.pcm16)

    # ---- the caller ------------------------------------------------------------

    def _frame(self) -> None:
        """20 ms of the line are over: what the caller's side said in them is sent."""
        self._listen(self._playout.take(self._now))
        ulaw = self._caller.frame(self._frames * FRAME_S, self._line)
        self._frames += 1
        self._to_us(CallerAudio(ulaw))
        for key in self._caller.keys:
            self._to_us(CallerKey(key))
        if self._caller.has_hung_up:
            self._to_us(PeerLost(Ending.CALLER_HANGUP))
        if self._now >= self._ping_at:
            self._ping_at += PING_S
            self._model.touch(self._now)

    def _listen(self, ear: bytes) -> None:
        """Note what the caller knows of the bot."""
        line, phase = self._line, self._conductor.phase
        if ear != SILENCE and dbov(ear) > AUDIBLE_DBOV:
            self._silent_s = 0.0
            if line.speaks_since is None:
                line.speaks_since = self._now - FRAME_S
        else:
            self._silent_s += len(ear) / ULAW_HZ
        if self._silent_s and line.speaks_since is not None and phase not in BOT_SPEAKS:
            line.speaks_since = None
            line.has_greeted = True
        is_quiet = phase is Phase.LISTENING and line.speaks_since is None
        line.quiet_s = min(self._silent_s, line.quiet_s + FRAME_S) if is_quiet else 0.0


@contextmanager
def _logged(lines: list[str]) -> Iterator[None]:
    """Collect what is logged meanwhile, a text for each line."""
    with capture_logs() as captured:
        try:
            yield
        finally:
            lines += [
                " ".join(f"{k}={v}" for k, v in each.items()) for each in captured
            ]
