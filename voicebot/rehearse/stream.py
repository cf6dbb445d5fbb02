"""One stream of a rehearsed call: the real flow, the offline StepFun, the caller."""

from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Final

import structlog

from voicebot.audio.framing import ULAW_FRAME, ULAW_HZ, ULAW_SILENCE
from voicebot.audio.level import dbov
from voicebot.bridge.model import (
    CallerKey,
    Ending,
    HangUp,
    ModelBack,
    NoteDecision,
    NoteTurn,
    PeerLost,
    Phase,
    Redial,
)
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.testing import CallTest, Fault
from voicebot.flow.model import (
    AskDirector,
    DirectorAnswered,
    Fetch,
    Input,
    Leave,
    NoteEvent,
    SendSms,
    SmsOver,
    UpdateSession,
)
from voicebot.measure.model import Model
from voicebot.measure.record import Network
from voicebot.measure.stream import FRAME_S, Told, VirtualStream
from voicebot.rehearse.answers import Answers
from voicebot.rehearse.caller import Caller, Line
from voicebot.rehearse.mind import Lines
from voicebot.rehearse.record import Record
from voicebot.rehearse.voice import Spoken, answered, prompted
from voicebot.runtime.conduct import flow_of, session_config
from voicebot.runtime.forward import Origin
from voicebot.sim.stepfun.chat import Chooser, Said
from voicebot.sim.stepfun.mind import Answered, Hear, Heard, Question, Reply, Thought
from voicebot.sim.stepfun.mood import Mood
from voicebot.stepfun.realtime.commands import instruct

log = structlog.get_logger()

SILENCE: Final = ULAW_SILENCE * ULAW_FRAME
AUDIBLE_DBOV: Final = -50.0

PING_S: Final = 20.0  # as our WebSocket client does
REFUSED_S: Final = 1.0  # two dials that come to nothing
SLOW_MS: Final = 4000
DIRECTOR_S: Final = 0.4  # to pick something

# While in these, whoever is silent has nothing to say.
BOT_SPEAKS: Final = frozenset({Phase.SPEAKING, Phase.TENTATIVE, Phase.CLOSING})


class OwnWords:
    """Our own words, rendered; and all that were asked for."""

    def __init__(self, said: list[Spoken]) -> None:
        self._said = said

    def get(self, voice: str, text: str) -> bytes:
        said = prompted(text)
        if said not in self._said:
            self._said.append(said)
        return said.ulaw


@dataclass(frozen=True, slots=True)
class Scene:
    """What all streams of a call have in common."""

    test: CallTest
    persona: Persona
    origin: Origin
    words: OwnWords
    lines: Lines
    answers: Answers
    caller: Caller
    random: Random
    record: Record


class RehearsedStream(VirtualStream):
    """
    Attributes:
        leave: where the call goes when the stream is over; None: nowhere.
        ending: why it was over; None: it was cut off.
    """

    def __init__(self, scene: Scene, now: float) -> None:
        self.leave: Leave | None = None
        self.ending: Ending | None = None
        self._scene, self._record = scene, scene.record
        self._turns = max(scene.record.turns, default=0)
        self._decisions = max(scene.record.decisions, default=0)
        self._began_ms = round(now * 1000)
        self._flow = flow_of(scene.origin, scene.words, now)
        self._config = session_config(scene.persona, scene.origin.values)
        model = self._open_session(now)
        super().__init__(self._flow, model, Network(), scene.random, now)
        self._has_begun = False
        script = {line.hear: line.pick for line in scene.test.director}
        self._chooser = Chooser(script)
        self._line = Line()
        self._silent_s = 0.0  # of the bot, at the ear
        self._ping_at = now + PING_S
        self._slow_ms = 0
        self._is_gone = False  # and no other session can be had
        if found := scene.answers.to_lookup(scene.persona):
            self._later(*found)
        for fault in scene.test.faults:
            if fault.at_s >= now:
                self._posts.send(fault.at_s, partial(self._fail, fault))
            elif fault.model == "slow":
                self._slow_ms = SLOW_MS

    @property
    def consented(self) -> bool:
        """Whether the caller knows of the recording, or agreed to it, by now."""
        return self._flow.consented

    def advance(self, until: float) -> float:
        """Let happen what happens up to a moment; return when it is."""
        if not self._has_begun:
            self._has_begun = True
            self._obey(self._flow.start(self._now))
        while self.ending is None and self._now < until:
            self._step()
        return self._now

    def close(self) -> None:
        """Note what is known at the end."""
        self._record.heard += self._playout.heard(self._now)
        self._record.history += self._model.history
        shown = self._flow.values.shown()
        for name in self._scene.persona.vars:
            value = shown.get(name, self._flow.values.secret(name))
            if value is not None:
                self._record.values[name] = value

    def _fail(self, fault: Fault) -> None:
        self._record.happened.append((self._now, fault))
        log.warning("fault of the test", model=fault.model)
        match fault.model:
            case "refuse_connect":
                lost = PeerLost(Ending.STEPFUN_REFUSED)
                self._posts.send(self._now + REFUSED_S, lost)
            case "drop" | "lose":
                self._posts.send(self._now, PeerLost(Ending.STEPFUN_LOST))
            case "slow":
                self._slow_ms = SLOW_MS
                return
            case "mute":
                pass
        self._is_deaf = True
        self._is_gone = fault.model != "drop"

    # ---- what we are told ------------------------------------------------------

    def _look_on(self, told: Told) -> None:
        began_ms = self._began_ms
        match told:
            case NoteTurn():
                seq = self._turns + told.seq
                self._record.turns[seq] = replace(
                    told,
                    seq=seq,
                    started_ms=told.started_ms + began_ms,
                    ended_ms=told.ended_ms + began_ms,
                )
            case NoteDecision():
                seq = self._decisions + told.seq
                self._record.decisions[seq] = replace(
                    told,
                    seq=seq,
                    at_ms=told.at_ms + began_ms,
                    decided_ms=told.decided_ms + began_ms,
                )
            case NoteEvent(kind, name, detail):
                self._record.events.append((self._now, told))
                log.info("call event", kind=kind, name=name, detail=detail)
            case UpdateSession(stage):
                values = self._flow.values.shown()
                self._config = session_config(self._flow.persona, values, stage)
                self._to_model(instruct(self._config))
            case AskDirector(seq, instructions, transcript):
                said = Said("system", instructions), Said("user", transcript)
                self._later(DIRECTOR_S, DirectorAnswered(seq, self._chooser.chat(said)))
            case SendSms(number, name):
                self._later(0.0, SmsOver(number, name, "sent"))
            case Redial():
                self._redial()
            case ModelBack(away_ms, attempts):
                log.info("model back", away_ms=away_ms, attempts=attempts)
            case Fetch():
                self._later(*self._scene.answers.to(told))
            case Leave():
                self.leave = told
            case HangUp(ending):
                self.ending = ending
            case _:
                pass  # what was heard is found at the ear

    def _later(self, after_s: float, event: Input) -> None:
        """Somebody beside Twilio and the model answers us."""
        self._posts.send(self._now + after_s, partial(self._told, event))

    def _told(self, event: Input) -> None:
        self._obey(self._flow.handle(event, self._now))

    # ---- the model -------------------------------------------------------------

    def _open_session(self, now: float) -> Model:
        return Model(Mood.kind(), self._config, self._scene.random, self._think, now)

    def _redial(self) -> None:
        """Another session: what is on its way from and to the old one never comes."""
        self._posts.drop(lambda post: isinstance(post, str | bytes))
        if self._is_gone:
            lost = PeerLost(Ending.STEPFUN_REFUSED)
            self._posts.send(self._now + REFUSED_S, lost)
        else:
            self._is_deaf = False
            self._model = self._open_session(self._now)

    def _from_model(self, event: Input) -> None:
        self._told(event)

    def _think(self, question: Question) -> Thought:
        if isinstance(question, Hear):
            sent_at = self._now - self._network.model_ms / 1000
            text = self._scene.caller.understood(sent_at)
            return Heard(question.item_id, text)
        text, call = self._scene.lines.answer(question.history)
        reply = Reply(text, self._slow_ms, call)
        if not text:
            return Answered(question.response_id, reply, b"")
        said = answered(text, len(self._record.said))
        self._record.said.append(said)
        return Answered(question.response_id, reply, said.pcm16)

    # ---- the caller ------------------------------------------------------------

    def _frame(self, ear: bytes) -> bytes:
        self._listen(ear)
        caller = self._scene.caller
        ulaw = caller.frame(self._began_at + self._frames * FRAME_S, self._line)
        for key in caller.keys:
            self._to_us(CallerKey(key))
        if caller.has_hung_up:
            self._to_us(PeerLost(Ending.CALLER_HANGUP))
        if self._now >= self._ping_at:
            self._ping_at += PING_S
            self._model.touch(self._now)
        return ulaw

    def _listen(self, ear: bytes) -> None:
        """Note what the caller knows of the bot."""
        line, phase = self._line, self._flow.phase
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
