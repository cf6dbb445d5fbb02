"""One measured call: the real bridge between two models, under a virtual clock."""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

import numpy as np

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME, ULAW_HZ, ulaw_bytes
from voicebot.audio.level import dbov
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import (
    BotAudio,
    CallerKey,
    Event,
    HangUp,
    NoteDecision,
    NoteTurn,
    PlayToCaller,
)
from voicebot.bridge.settings import Settings
from voicebot.flow.model import Input
from voicebot.measure.answers import Answer, answer
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
from voicebot.measure.stream import Told, ToTwilio, VirtualStream
from voicebot.sim.stepfun.mind import Answered, Hear, Heard, Question, Reply, Thought
from voicebot.sim.stepfun.mood import Mood
from voicebot.stepfun.realtime.commands import ServerVad, SessionConfig

AUDIBLE_DBOV: Final = -50.0
# Softer speech isn't understood.
FAINT_DBOV: Final = -46.0

ANSWER_S: Final = 12.0  # the bot must have begun by then
PATIENCE_S: Final = 6.5  # how long a call goes on after its stimulus
AFTERWARDS_S: Final = 0.6  # ... once the next answer is heard

# Begins to listen to one line: see `NeuralVad.listen`.
Neural = Callable[[], Callable[[bytes], float]]


class MeasuredCall(VirtualStream):
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
        self._scenario = scenario
        self._arrived: Counter[int] = Counter()
        random = Random(f"{scenario.name} {settings.owner}")
        bridge = Bridge(settings, 0.0, neural() if neural else None)
        mood = Mood.real() if scenario.real_mood else Mood.kind()
        vad = ServerVad() if settings.owner == "server" else None
        config = SessionConfig("", "jingdiannvsheng", vad)
        model = Model(mood, config, random, self._think)
        super().__init__(bridge, model, network, random, marks=scenario.marks)
        echo = scenario.echo
        self._echo = EchoPath(echo, network.carrier_ms) if echo else None
        self._line = bytearray()  # all that it carried
        self._echoes: list[Samples] = []
        self._audible_ms = 0
        self._next_audible_at: float | None = None

    def run(self) -> Record:
        """Play the scenario to its end."""
        self._obey(self._conductor.start(0.0))
        while not self._is_over():
            self._step()
        self.record.heard = self._playout.heard(self._now)
        self.record.ended_at = self._now
        self.record.responses = self._model.responses
        self.record.thinking = self._model.thinking
        return self.record

    # ---- what we are told ------------------------------------------------------

    def _look_on(self, told: Told) -> None:
        match told:
            case NoteTurn():
                self.record.notes.append((self._now, told))
            case NoteDecision(seq):
                self.record.decisions[seq] = told
            case HangUp():
                self.record.hung_up = True
            case _:
                pass  # for whoever decides about the call

    def _to_twilio(self, order: ToTwilio) -> None:
        if isinstance(order, PlayToCaller):
            self.record.sent.append((self._now, order.ulaw))
        super()._to_twilio(order)

    def _from_model(self, event: Input) -> None:
        if isinstance(event, BotAudio):
            number = self._model.responses[event.response_id]
            self._arrived[number] += len(event.pcm16) // 6  # in bytes at 8 kHz
            self.record.arrived.append((self._now, number, self._arrived[number]))
        if isinstance(event, Event):  # else a tool: whom we measure has none
            self._give(event)

    # ---- the caller --------------------------------------------------------------

    def _frame(self, ear: bytes) -> bytes:
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
        return ulaw

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
