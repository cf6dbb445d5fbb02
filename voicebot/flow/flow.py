"""One call with all that an operator has arranged: a Bridge, and what decides."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import inf
from typing import Final

from voicebot.bridge import model as do
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import Ending, Phase
from voicebot.bridge.settings import Prompt, Settings
from voicebot.dialplan.actions import Action
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.silence import Silence
from voicebot.dialplan.transfer import abort_words, announcement
from voicebot.flow.asks import TALKING, Asks
from voicebot.flow.calls import PendingCall
from voicebot.flow.consent import Consent
from voicebot.flow.history import History
from voicebot.flow.menus import (
    Chosen,
    Collected,
    MenuOut,
    MenuRun,
    Say,
    StopSaying,
)
from voicebot.flow.model import (
    Input,
    Leave,
    ModelCalled,
    NoteEvent,
    Order,
    PauseRecording,
    TellModel,
    ToolOutput,
    UpdateSession,
)
from voicebot.flow.policy import (
    Allowed,
    Ask,
    CallState,
    Collect,
    Effect,
    EndCall,
    PutThrough,
    Refused,
    Rule,
    SetVar,
    Source,
    TakeMessage,
    judge,
    read_arguments,
)
from voicebot.flow.silence import Ladder
from voicebot.flow.triggers import find
from voicebot.flow.values import Values

# After the caller's turn, its words come within this, or not at all.
TEXT_S: Final = 2.0

# The last digit's tone is still on the line.
UNPAUSE_S: Final = 0.5

# How often a call without a model begins again with its menu.
MAX_ROUNDS: Final = 3

# A call is near its end.
NEAR_END_S: Final = 60.0

CLOSED: Final = frozenset({Phase.CLOSING, Phase.ENDED})
SILENT: Final = Prompt("")

INTERRUPTED = Refused(
    Rule.INTERRUPTED,
    "The caller spoke before that was done, and it wasn't; hear them out first.",
)


class Flow:
    """
    A Bridge with menus, tools, triggers, transfers and a silence ladder around it.

    It has the bridge's shape, and adds to its actions; it takes none away and changes
    no order. With a persona that arranges nothing it does what the bridge does.

    1. A key goes to the menu that is open, else to a menu that it opens, else to the
       bridge. Digits that are sensitive stand in no order.
    2. While a menu is open or a call is being put through, the model doesn't answer.
    3. What the model asks for is judged when its response is over and was heard.
    4. A call is announced, then committed; only abort words stop it, and only before.
    5. The silence ladder stands still while anything of that is going on.
    6. Triggers act on a caller's turn as soon as its words are known.

    Args:
        settings: the bridge's.
        words: finds our own text, filled in with values, rendered if it can be.
        now: when the call began.
        listen: a neural VAD on the caller's line, if there is one: see `Bridge`.
        open_targets: names of the dialplan's targets that can be called now.
        values: variables that are known from the start.
        opening: what is done at once in a call that has no model; None: it has one.
    """

    def __init__(
        self,
        persona: Persona,
        settings: Settings,
        words: Callable[[str, Mapping[str, str]], Prompt],
        now: float,
        *,
        listen: Callable[[bytes], float] | None = None,
        open_targets: Callable[[], frozenset[str]] = frozenset,
        values: Mapping[str, str] | None = None,
        opening: Action | None = None,
    ) -> None:
        self.values = Values(values or {})
        self._persona, self._words = persona, words
        self._open_targets = open_targets
        self._apology = settings.apology
        self._ends_at = now + settings.duration_s
        self._ladder: Ladder | None = None
        if persona.silence or persona.menus:
            last = Silence(after="2s", do="goodbye").model_copy(
                update={"after_s": settings.idle_s}
            )
            self._ladder = Ladder(persona.silence or (last,))
            settings = replace(settings, idle_s=inf)
        self._greeting = settings.greeting
        self._consent = Consent(persona.recording, "prompt:greeting")
        self._asks_consent = self._consent.is_open  # until the caller is greeted
        if self._asks_consent:
            told = words(persona.recording.consent or "", self.values.shown())
            self._consent.words_are(told.text)
            settings = replace(settings, greeting=replace(told, must_hear=True))
        self._bridge = Bridge(settings, now, listen)
        self._out: list[Order] = []
        self._hangup: do.HangUp | None = None
        self._said_ids = 0
        self._active_at = self._now = now
        # without a model
        self._opening = opening
        self._gone: Ending | None = None
        self._rounds = 0
        # menus
        self._run: MenuRun | None = None
        self._menu_call: ModelCalled | None = None
        self._prompt_id = ""
        self._paused = False
        self._unpause_at: float | None = None
        # calls that leave us
        self._pending: PendingCall | None = None
        self._announce_id = ""
        # the caller's turns
        self._was_talking = False
        self._text_by = now
        self._fired: set[str] = set()
        self._bot_seq = -1
        # the model's calls
        self._asks = Asks()
        self._history = History()
        # stages
        self._stage = persona.start_stage
        self._update: str | None = None  # the stage that the model isn't told of
        self._model_busy = False

    @property
    def phase(self) -> Phase:
        return self._bridge.phase

    def start(self, now: float) -> list[Order]:
        """Begin. Call it once, before any event."""
        self._observe(self._bridge.start(now), now)
        if self._asks_consent:
            self._give(do.Answering(False), now)
        if self._opening or self._persona.on_model_lost:
            self._give(do.ModelOptional(True), now)
        if self._opening:
            self._give(do.PeerLost(Ending.STEPFUN_LOST), now)
        return self._settle(now)

    def handle(self, event: Input, now: float) -> list[Order]:
        """
        Advance the call by one event.

        Args:
            now: seconds on the clock that `next_deadline` speaks of.
        """
        if self.phase is Phase.ENDED:
            return []
        self._now = now
        match event:
            case ModelCalled():
                self._asks.called(event, now)
                self._give(do.Answering(False), now)
            case do.CallerKey(digit):
                self._key(event, digit, now)
            case do.CallerText(_, text):
                echo = self._give(event, now)
                if not echo and text.strip():
                    self._caller_said(text, now)
            case do.ReplyDone(response_id):
                self._asks.done(response_id, now)
                self._model_busy = False
                self._give(event, now)
            case do.ModelRefused():
                self._model_busy = False
                self._give(event, now)
            case _:
                self._give(event, now)
        return self._settle(now)

    def next_deadline(self) -> float | None:
        """When to send DeadlineReached, unless an event comes first."""
        return min(self._deadlines(), default=None)

    # ---- the bridge ----------------------------------------------------------

    def _give(self, event: do.Event, now: float) -> bool:
        """Hand an event to the bridge; whether it took it for an echo of its own."""
        return self._observe(self._bridge.handle(event, now), now)

    def _observe(self, actions: list[do.Action], now: float) -> bool:
        """Pass on what the bridge does, and note what it tells."""
        echo = False
        notes: list[do.Action] = []
        for action in actions:
            match action:
                case do.HangUp():
                    self._hangup = action
                    continue
                case do.NoteDecision():
                    echo = echo or action.rule is do.Rule.ECHO
                case do.AskForReply() | do.AskToSay():
                    self._model_busy = True
                case do.NoteHeard() | do.ModelGone():
                    notes.append(action)
                case do.NoteTurn(who="bot"):
                    notes.append(action)
                case _:
                    pass
            self._out.append(action)
        talking = self.phase in TALKING
        if self._was_talking and not talking:
            self._text_by = now + TEXT_S
        if talking:
            self._active_at = now
            if self._ladder:
                self._ladder.reset()
        self._was_talking = talking
        for note in notes:
            self._noted(note, now)
        return echo

    def _noted(self, note: do.Action, now: float) -> None:
        if isinstance(note, do.NoteTurn):
            self._consent.noted(note)
        match note:
            case do.NoteHeard(response_id, _, whole):
                self._asks.heard(response_id, whole)
                self._consent.heard(response_id, whole, now)
                if self._run and response_id == self._prompt_id:
                    self._menu_does(self._run.heard(now), now)
                if self._pending and response_id == self._announce_id:
                    self._pending.heard(now)
            case do.ModelGone(ending):
                self._gone = ending
                self._asks.clear()
                if not (self._run or self._pending or self._asks_consent):
                    self._without_model(now)
            case do.NoteTurn(seq, heard_text=text) if seq > self._bot_seq:
                self._bot_seq = seq
                self._trigger("bot", text, now)
            case _:
                pass

    def _settle(self, now: float) -> list[Order]:
        """Do what is due, one thing at a time."""
        while self.phase not in CLOSED and self._act_on_clock(now):
            pass
        if self.phase in CLOSED:
            if self._run:
                self._close_menu(now)
            self._asks.clear()
            self._consent.close()
        self._out += self._consent.take()
        if self._unpause_at is not None and now >= self._unpause_at:
            self._unpause_at = None
            self._out.append(PauseRecording(False))
        if self._hangup:
            if self._pending:
                self._pending.ended(self._hangup.ending)
                self._note_call(self._pending)
            self._out.append(self._hangup)
        out, self._out = self._out, []
        return out

    def _act_on_clock(self, now: float) -> bool:
        """Do the first thing that is due; whether there was one."""
        if self._update and not self._model_busy and self._gone is None:
            self._tell_stage(self._update)
            return True
        if self._asks_consent:
            return self._ask_consent(now)
        if self._run and (outs := self._run.tick(now)):
            self._menu_does(outs, now)
            return True
        if self._pending:
            return self._commit(self._pending, now)
        if now >= self._asks.due_at(self.phase, self._text_by):
            self._answer_calls(now)
            return True
        if not self._ladder:
            return False
        step = self._ladder.take(self._idle_since(now), now)
        if step:
            self._climb(step, now)
        return step is not None

    def _deadlines(self) -> Iterator[float]:
        if (due_at := self._bridge.next_deadline()) is not None:
            yield due_at
        if self.phase is Phase.ENDED:
            return
        if self._unpause_at is not None:
            yield self._unpause_at
        if self.phase is Phase.CLOSING:
            return
        due_at = self._consent.due_at(self._words_by())
        if self._asks_consent and due_at < inf:
            yield due_at
        if self._run and (due_at := self._run.next_deadline()) is not None:
            yield due_at
        if self._pending:
            yield self._pending.due_at(True)
            if self.phase is Phase.LISTENING:
                yield max(self._text_by, self._pending.due_at(False))
        elif (asked_at := self._asks.due_at(self.phase, self._text_by)) < inf:
            yield asked_at
        if self._ladder:
            since = self._idle_since(self._now)
            if (due_at := self._ladder.next_at(since)) is not None:
                yield due_at

    # ---- what the caller does ------------------------------------------------

    def _key(self, event: do.CallerKey, digit: str, now: float) -> None:
        self._active_at = now
        if self._ladder:
            self._ladder.reset()
        if self._asks_consent:
            self._consent.key(digit)
            return
        if self._run:
            self._menu_does(self._run.key(digit, now), now)
            return
        menus = self._persona.menus.items()
        name = next((name for name, menu in menus if menu.key == digit), None)
        if name is None or self._pending or self.phase is Phase.CLOSING:
            self._give(event, now)
            return
        self._give(do.StopSpeaking(), now)
        self._open_menu(name, now)

    def _caller_said(self, text: str, now: float) -> None:
        self._text_by = self._active_at = now
        self._history.caller_said(text)
        if self._ladder:
            self._ladder.reset()
        if self.phase in CLOSED:
            return
        if self._consent.caller_said(text):
            self._tell(None, "The caller doesn't want to be recorded: it has ended.")
        if self._asks_consent:
            return
        if not self._pending:
            self._trigger("caller", text, now)
        elif self._pending.caller_said(text):
            self._abort(self._pending, now)

    def _trigger(self, who: str, text: str, now: float) -> None:
        if self._pending or self.phase in CLOSED:
            return
        by: Final = "caller" if who == "caller" else "bot"
        if trigger := find(self._persona.triggers, by, text, self._fired):
            self._fired.add(trigger.name)
            self._out.append(NoteEvent("trigger", trigger.name))
            self._perform(trigger.do, Source.TRIGGER, now)

    def _idle_since(self, now: float) -> float | None:
        """Since when the caller could have said something, and nothing else is on."""
        if self._run or self._pending or self._asks or self.phase in CLOSED:
            return None
        if self._asks_consent:
            return None
        since = self._bridge.idle_since(now)
        return None if since is None else max(since, self._active_at)

    def _climb(self, step: Silence, now: float) -> None:
        self._out.append(NoteEvent("silence", step.do.name if step.do else "say"))
        self._active_at = now
        if step.do:
            self._perform(step.do, Source.SILENCE, now)
        else:
            self._say(step.say or "", now)

    def _ask_consent(self, now: float) -> bool:
        """Go on as soon as it is known whether the call may be recorded: greet."""
        self._consent.tick(now, self._words_by())
        if self._consent.is_open:
            return False
        self._asks_consent = False
        self._give(do.Speak("welcome", self._greeting), now)
        self._resume(now, reply=False)
        return True

    def _words_by(self) -> float:
        """When all that the caller said has its words, or won't."""
        return inf if self.phase in TALKING else self._text_by

    # ---- what is done --------------------------------------------------------

    def _perform(self, action: Action, source: Source, now: float) -> None:
        """Do what the operator wrote."""
        match action:
            case Action(say=str(text)):
                self._say(text, now)
                self._next(source, now)
            case Action(menu=str(name)) | Action(gather=str(name)):
                self._open_menu(name, now)
            case Action(transfer=str(target)):
                ask = Ask(source, "transfer", {"target": target})
                verdict = judge(ask, CallState(), self._persona, self._open_targets())
                if isinstance(verdict, Refused):
                    self._out.append(NoteEvent("refused", target, verdict.rule))
                    self._next(source, now)
                else:
                    self._leave(Leave("transfer", target), now)
            case Action(set_=dict(values)):
                for name, value in values.items():
                    self._set(name, value)
                self._next(source, now)
            case Action(goto=str(stage)):
                self._enter(stage)
                self._next(source, now)
            case Action(goodbye=True) | Action(hangup=True):
                ending = Ending.BOT_GOODBYE if self._gone is None else self._gone
                if source is Source.SILENCE:
                    ending = Ending.IDLE
                last_words = SILENT if action.hangup else None
                self._give(do.EndRequested(ending, last_words), now)
            case _:
                self._leave(Leave("voicemail", ""), now)

    def _next(self, source: Source, now: float) -> None:
        """A menu is over, and what was chosen is done: the conversation goes on."""
        if source is Source.MENU:
            self._resume(now, reply=False)

    def _resume(self, now: float, *, reply: bool) -> None:
        """Let the model answer again, if nothing hinders it."""
        if self._run or self._pending or self._asks or self.phase in CLOSED:
            return
        if self._gone is not None:
            self._without_model(now)
            return
        if self._update and not self._model_busy:
            self._tell_stage(self._update)
        self._give(do.Answering(True), now)
        if reply:
            self._give(do.ReplyWanted(), now)

    def _without_model(self, now: float) -> None:
        """Nobody but us is left to talk with the caller."""
        action = self._opening or self._persona.on_model_lost
        assert action  # without one, the bridge ends the call
        assert self._gone
        self._rounds += 1
        if self._rounds > MAX_ROUNDS:
            self._give(do.EndRequested(self._gone, self._apology), now)
        else:
            self._perform(action, Source.MENU, now)

    def _say(self, text: str, now: float, awaited: str = "") -> None:
        """
        Say words of ours.

        Args:
            awaited: who waits until they were heard: `menu` or `call`.
        """
        self._said_ids += 1
        name = f"flow-{self._said_ids}"
        # Before they are said: nobody may be there to say them.
        if awaited == "menu":
            self._prompt_id = f"prompt:{name}"
        elif awaited == "call":
            self._announce_id = f"prompt:{name}"
        prompt = self._words(text, self.values.shown())
        self._give(do.Speak(name, prompt), now)

    def _set(self, name: str, value: str) -> None:
        self.values.set(name, value)
        self._out.append(NoteEvent("var", name))

    def _enter(self, stage: str) -> None:
        self._stage = self._update = stage
        self._out.append(NoteEvent("stage", stage))

    def _tell_stage(self, stage: str) -> None:
        self._update = None
        self._out.append(UpdateSession(stage))

    # ---- menus ---------------------------------------------------------------

    def _open_menu(
        self, name: str, now: float, call: ModelCalled | None = None
    ) -> None:
        menu = self._persona.menus[name]
        self._drop_menu(now)
        self._out.append(NoteEvent("menu", name))
        self._give(do.Answering(False), now)
        if menu.gather and menu.gather.sensitive:
            self._unpause_at = None
            self._out.append(PauseRecording(True))
            self._paused = True
        self._run, self._menu_call = MenuRun(menu), call
        self._menu_does(self._run.start(now), now)

    def _close_menu(self, now: float) -> ModelCalled | None:
        """Nothing more comes of the menu; returns the model's call that opened it."""
        call, self._menu_call = self._menu_call, None
        self._run = None
        self._active_at = now
        if self._paused:
            self._paused, self._unpause_at = False, now + UNPAUSE_S
        return call

    def _drop_menu(self, now: float) -> None:
        """Something else takes the menu's place."""
        if self._run and (call := self._close_menu(now)):
            self._tell(call.call_id, "The caller wanted something else instead.")

    def _menu_does(self, outs: list[MenuOut], now: float) -> None:
        for out in outs:
            match out:
                case Say(text, is_prompt):
                    self._say(text, now, "menu" if is_prompt else "")
                case StopSaying():
                    self._give(do.StopSpeaking(), now)
                case Chosen(action):
                    if call := self._close_menu(now):
                        text = f"The caller chose {action.name}."
                        self._out.append(ToolOutput(call.call_id, text))
                    self._perform(action, Source.MENU, now)
                case Collected(variable, digits, sensitive):
                    self.values.set(variable, digits, sensitive=sensitive)
                    self._out.append(NoteEvent("collected", variable))
                    shown = "not shown to you" if sensitive else digits
                    self._menu_over(f"The caller typed {variable}: {shown}.", now)
                case _:
                    self._menu_over("The caller typed nothing that is of use.", now)

    def _menu_over(self, text: str, now: float) -> None:
        """Let the model know what came of it, and answer."""
        call = self._close_menu(now)
        if call:
            self._history.done(call.name)
        self._tell(call.call_id if call else None, text)
        self._resume(now, reply=True)

    def _tell(self, call_id: str | None, text: str) -> None:
        if self._gone is None:
            self._out.append(ToolOutput(call_id, text) if call_id else TellModel(text))

    # ---- calls that leave us ---------------------------------------------------

    def _leave(self, leave: Leave, now: float, call: ModelCalled | None = None) -> None:
        """Announce that the call goes elsewhere."""
        self._drop_menu(now)
        persona = self._persona
        words = abort_words(persona.transfer, persona.language)
        call_id = call.call_id if call else None
        pending = self._pending = PendingCall(leave, words, call_id, now)
        self._note_call(pending)
        self._give(do.Answering(False), now)
        if leave.kind == "voicemail":
            pending.heard(now)  # the greeting of the mailbox says it
        else:
            self._say(announcement(persona.transfer, persona.language), now, "call")

    def _commit(self, pending: PendingCall, now: float) -> bool:
        waits = self.phase is not Phase.LISTENING or now < self._text_by
        if not pending.commit(now, caller_open=waits):
            return False
        self._note_call(pending)
        self._out.append(pending.leave)
        self._give(do.EndRequested(pending.ending, SILENT), now)
        return True

    def _abort(self, pending: PendingCall, now: float) -> None:
        self._note_call(pending)
        self._pending = None
        self._give(do.StopSpeaking(), now)
        text = "The caller does not want that any more: the call was not put through."
        self._tell(pending.call_id, text)
        self._resume(now, reply=True)

    def _note_call(self, pending: PendingCall) -> None:
        name = pending.leave.target or pending.leave.kind
        self._out.append(NoteEvent("call", name, pending.state))

    # ---- what the model asks for ---------------------------------------------

    def _answer_calls(self, now: float) -> None:
        """All calls of a response, then let the model go on."""
        for call, whole in self._asks.take():
            self._answer_call(call, whole, now)
        self._resume(now, reply=not self._history.refused_enough)

    def _answer_call(self, call: ModelCalled, whole: bool, now: float) -> None:
        ask = Ask(Source.MODEL, call.name, read_arguments(call.arguments))
        verdict: Allowed | Refused = INTERRUPTED
        if whole:
            state = self._history.state(
                ask,
                stage=self._stage,
                busy=bool(self._run or self._pending) or self.phase in CLOSED,
                silent=self._ladder is not None and self._ladder.climbed,
                near_end=now >= self._ends_at - NEAR_END_S,
            )
            verdict = judge(ask, state, self._persona, self._open_targets())
        self._history.judged(ask, verdict)
        known = call.name if call.name in self._persona.tools else ""
        if isinstance(verdict, Refused):
            self._out.append(NoteEvent("refused", known, verdict.rule))
            self._tell(call.call_id, verdict.told)
        else:
            self._out.append(NoteEvent("tool", known))
            self._carry_out(verdict.effect, call, now)

    def _carry_out(self, effect: Effect, call: ModelCalled, now: float) -> None:
        match effect:
            case PutThrough(target):
                self._leave(Leave("transfer", target), now, call)
            case TakeMessage():
                self._leave(Leave("voicemail", ""), now, call)
            case EndCall():
                self._give(do.EndRequested(Ending.BOT_GOODBYE), now)
            case Collect(menu):
                self._open_menu(menu, now, call)
            case SetVar(name, value):
                self._set(name, value)
                self._history.done(call.name)
                self._tell(call.call_id, "Done.")
            case _:
                self._enter(effect.stage)
                self._history.done(call.name)
                self._tell(call.call_id, "Done; follow your new instructions.")
