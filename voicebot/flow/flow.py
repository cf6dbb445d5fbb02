"""One call with all that an operator has arranged: a Bridge, and what decides."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import inf
from typing import Final

from voicebot.bridge import model as do
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.flight import Listen
from voicebot.bridge.model import Ending, Phase
from voicebot.bridge.settings import Prompt, Settings
from voicebot.dialplan.actions import Action, Sms
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.recording import Recording
from voicebot.dialplan.silence import Silence
from voicebot.dialplan.transfer import abort_words, announcement
from voicebot.dialplan.variables import fill, sensitive_in, values_of
from voicebot.flow.asks import TALKING, Asks
from voicebot.flow.budget import SHORTER
from voicebot.flow.calls import PendingCall
from voicebot.flow.come_back import TOLD, ComeBack
from voicebot.flow.consent import YES_KEY, Consent
from voicebot.flow.director import Directing, ask_of, judge_choice
from voicebot.flow.errands import Errands
from voicebot.flow.history import History
from voicebot.flow.languages import Languages, reworded
from voicebot.flow.menus import (
    Chosen,
    Collected,
    MenuOut,
    MenuRun,
    Say,
    StopSaying,
)
from voicebot.flow.model import (
    BudgetReached,
    DirectorAnswered,
    Fetched,
    Input,
    Leave,
    LookedUp,
    ModelCalled,
    NoteEvent,
    Order,
    PauseRecording,
    SmsOver,
    TellModel,
    ToolOutput,
    UpdateSession,
)
from voicebot.flow.policy import (
    Allowed,
    Ask,
    CallOut,
    CallState,
    Collect,
    Effect,
    EndCall,
    EnterStage,
    PutThrough,
    Refused,
    Rule,
    SendText,
    SetVar,
    Source,
    TakeMessage,
    judge,
    judge_own_call,
    read_arguments,
)
from voicebot.flow.recovery import Facts
from voicebot.flow.requests import NOT_KNOWN, errand
from voicebot.flow.silence import Ladder
from voicebot.flow.sms import Texts, told
from voicebot.flow.stages import Stages
from voicebot.flow.triggers import find
from voicebot.flow.values import Values
from voicebot.flow.words import means_it

# After the caller's turn, its words come within this, or not at all.
TEXT_S: Final = 2.0

# The last digit's tone is still on the line.
UNPAUSE_S: Final = 0.5

# So long after a number, a terminator that it didn't need belongs to it.
LATE_S: Final = 2.0

# How often a call without a model begins again with its menu.
MAX_ROUNDS: Final = 3

# A call is near its end.
NEAR_END_S: Final = 60.0

# Without an item there is nothing to answer (stepfun reference, 3.6.7).
GREET: Final = "The caller was put through to you just now: greet them."

CLOSED: Final = frozenset({Phase.CLOSING, Phase.ENDED})
SILENT: Final = Prompt("")
GOODBYE: Final = Action.model_validate("goodbye")

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
    6. Triggers act on a caller's turn as soon as its words are known. If none does, the
       director is asked; what it picks in time is judged, then done as a trigger's is.
    7. What another server is asked for is told when it is there and the caller doesn't
       speak; until then the model is silent, and asks for nothing else.

    Args:
        settings: the bridge's.
        words: finds our own text, filled in with values, rendered if it can be.
        now: when the call began.
        listen: a neural VAD on the caller's line, if there is one: see `Bridge`.
        open_targets: names of the dialplan's targets that can be called now.
        values: variables that are known from the start.
        opening: what is done at once in a call that has no model; None: it has one.
        has_number: whether text messages can be sent to the caller.
        came_back: whether the call is back from a transfer that nobody took.
        consented: whether the caller then knew of the recording, or agreed to it.
        family: the persona in all of its languages, if it has several.
        bridge: makes the bridge; one that records what it does, say.
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
        has_number: bool = True,
        came_back: bool = False,
        consented: bool = False,
        family: Mapping[str, Persona] | None = None,
        bridge: Callable[[Settings, float, Listen | None], Bridge] = Bridge,
    ) -> None:
        self.values = Values(values or {}, sensitive_in(persona))
        self._persona, self._words = persona, words
        self._open_targets = open_targets
        self._apology = settings.apology
        self._model_greets = persona.greeting.model and not settings.greeting.text
        self._ends_at = now + settings.duration_s
        warn_at_s = persona.limits.warn_at_s
        self._warn_at = inf if warn_at_s is None else now + warn_at_s
        self._languages = Languages(persona, family or {})
        self._ladder: Ladder | None = None
        if persona.silence or persona.menus:
            last = Silence(after="2s", do="goodbye").model_copy(
                update={"after_s": settings.idle_s}
            )
            self._ladder = Ladder(persona.silence or (last,))
            settings = replace(settings, idle_s=inf)
        self._greeting = settings.greeting
        # Whoever has come back isn't asked again, and who presses keys only not at all.
        asks = opening is None and not came_back
        recording = persona.recording if asks or consented else Recording()
        self._consent = Consent(recording, "prompt:greeting", held=consented)
        self._asks_consent = self._consent.is_open  # until the caller is greeted
        if self._asks_consent:
            told = words(persona.recording.consent or "", self.values.shown())
            self._consent.words_are(told.text)
            settings = replace(settings, greeting=replace(told, must_hear=True))
        self._bridge = bridge(settings, now, listen)
        self._out: list[Order] = []
        self._hangup: do.HangUp | None = None
        self._said_ids = 0
        self._active_at = self._now = now
        self._due_at = now  # what is due next of the flow's own, the bridge's left out
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
        self._late_key, self._late_until = "", now
        # calls that leave us
        self._pending: PendingCall | None = None
        self._announce_id = ""
        # the caller's turns
        self._was_talking = False
        self._text_by = now
        self._fired: set[str] = set()
        self._saves = False  # the model was told to be short
        self._bot_seq = -1
        self._directing = Directing(persona.director) if persona.director else None
        # the model's calls
        self._asks = Asks()
        self._facts = Facts()
        self._history = History()
        self._texts = Texts()
        self._errands = Errands(persona.filler.say, persona.filler.after_s)
        on_fail = persona.transfer.on_fail if came_back else None
        self._came_back = came_back and opening is None
        self._only_back = came_back  # and nothing was heard of the caller since
        self._back = ComeBack(
            on_fail.do if on_fail and self._came_back else None,
            speaks=bool(settings.greeting.text),
        )
        self._has_number = has_number
        # stages
        self._stages = Stages(persona)
        self._update = False  # the model isn't told of its stage, or the caller, yet
        self._model_busy = False

    @property
    def phase(self) -> Phase:
        return self._bridge.phase

    @property
    def persona(self) -> Persona:
        """Who talks, in the language of now."""
        return self._persona

    @property
    def consented(self) -> bool:
        """Whether the caller knows of the recording, or agreed to it, by now."""
        return self._consent.holds

    def is_choice(self, digit: str) -> bool:
        """
        Whether a key chooses something now, so that it may be written down.

        Digits of numbers never may: whatever they are asked for, or pressed unasked.
        """
        if self._asks_consent:
            return digit == YES_KEY
        if self._run:
            return self._run.offers(digit)
        return any(menu.key == digit for menu in self._persona.menus.values())

    def start(self, now: float) -> list[Order]:
        """Begin. Call it once, before any event."""
        self._observe(self._bridge.start(now), now)
        if self._asks_consent:
            self._give(do.Answering(False), now)
        if self._opening or self._persona.fallback.do:
            self._give(do.ModelOptional(True), now)
        if self._opening:
            self._give(do.PeerLost(Ending.STEPFUN_LOST, heals=False), now)
        if self._came_back:
            self._out.append(TellModel(TOLD))
        if self._back:
            self._give(do.Answering(False), now)
            self._come_back_does(self._back.begun(), now)
        elif not (self._opening or self._asks_consent):
            self._set_out(now)
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
            case do.CallerAudio() | do.BotAudio() | do.BotText():
                return self._let_pass(event, now)
            case do.MarkReturned() if self.phase is Phase.SPEAKING:  # and none idle
                return self._let_pass(event, now)
            case ModelCalled():
                self._asks.called(event, now)
                self._facts.called(event)
                self._give(do.Answering(False), now)
            case DirectorAnswered(seq, text):
                self._direct(seq, text, now)
            case SmsOver():
                self._text_over(event, now)
            case do.CallerKey(digit):
                self._key(event, digit, now)
            case BudgetReached():
                self._budget(event, now)
            case do.CallerText(_, text):
                echo = self._give(event, now)
                if not echo and text.strip():
                    self._caller_said(text, now)
            case Fetched():
                done, noted = self._errands.fetched(event, now)
                self._out += noted
                if done:
                    self._history.done(done)
                    self._go_on(now, tool=done)
            case LookedUp():
                self._looked_up(event, now)
            case do.ReplyDone(response_id):
                self._asks.done(response_id, now)
                self._model_busy = False
                if self._update:  # before the next answer is asked for
                    self._tell_stage()
                self._give(event, now)
            case do.ModelRefused():
                self._model_busy = False
                self._give(event, now)
            case _:
                self._give(event, now)
        return self._settle(now)

    def next_deadline(self) -> float | None:
        """When to send DeadlineReached, unless an event comes first."""
        deadline = self._bridge.next_deadline()
        if deadline is None or deadline > self._due_at:
            return self._due_at if self._due_at < inf else None
        return deadline

    @property
    def patience(self) -> int:
        """How many of the caller's frames may come at once: see `Bridge.patience`."""
        return self._bridge.patience

    # ---- the bridge ----------------------------------------------------------

    def _let_pass(self, event: do.Event, now: float) -> list[Order]:
        """
        Hand what concerns the bridge alone to it, and look at what comes of that.

        With most frames, fifty a second, it is sound or nothing: then nothing of the
        flow's has changed, and what it waits for is as far away as it was.
        """
        phase = self._bridge.phase
        actions = self._bridge.handle(event, now)
        changed = now >= self._due_at or self._bridge.phase is not phase
        if changed or not all(_is_sound(each) for each in actions):
            self._observe(actions, now)
            return self._settle(now)
        if self._was_talking:
            self._active_at = now
        return [*actions]

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
                case do.NoteHeard() | do.ModelGone() | do.Redial():
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
                self._come_back_does(self._back.heard(response_id), now)
                self._consent.heard(response_id, whole, now)
                if self._run and response_id == self._prompt_id:
                    self._menu_does(self._run.heard(now), now)
                if self._pending and response_id == self._announce_id:
                    self._pending.heard(now)
            case do.Redial():
                self._model_away(now)
            case do.ModelGone(ending):
                # Who never had one misses nothing.
                self._gone = Ending.IDLE if self._opening else ending
                self._asks.clear()
                self._texts.clear()
                self._back.drop()
                self._out += self._errands.close(now)
                if not (self._run or self._pending or self._asks_consent):
                    self._without_model(now)
            case do.NoteTurn(seq, heard_text=text) if seq > self._bot_seq:
                self._bot_seq = seq
                if self._directing:
                    self._directing.heard("bot", text)
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
            self._out += self._errands.close(now)
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
        self._due_at = min(self._deadlines(), default=inf)
        out, self._out = self._out, []
        return self._facts.pass_on(out) if out else out

    def _act_on_clock(self, now: float) -> bool:
        """Do the first thing that is due; whether there was one."""
        if self._update and not self._model_busy and self._gone is None:
            self._tell_stage()
            return True
        if now >= self._warn_at:
            self._warn_at = inf
            self._warn(now)
            return True
        if self._asks_consent:
            return self._ask_consent(now)
        if self._run and (outs := self._run.tick(now)):
            self._menu_does(outs, now)
            return True
        if self._pending:
            return self._commit(self._pending, now)
        if self._errands:
            return self._mind_errands(now)
        if now >= self._asks.due_at(self.phase, self._text_by):
            self._answer_calls(now)
            return True
        if not self._ladder:
            return False
        step = self._ladder.take(self._idle_since(), now)
        if step:
            self._climb(step, now)
        return step is not None

    def _deadlines(self) -> Iterator[float]:
        """When something of the flow's own is due, if nothing happens before."""
        if self.phase is Phase.ENDED:
            return
        if self._unpause_at is not None:
            yield self._unpause_at
        if self.phase is Phase.CLOSING:
            return
        if self._warn_at < inf:
            yield self._warn_at
        consent_at = self._consent.due_at(self._words_by())
        if self._asks_consent and consent_at < inf:
            yield consent_at
        if self._run and (due_at := self._run.next_deadline()) is not None:
            yield due_at
        if self._pending:
            yield self._pending.due_at(True)
            if self.phase is Phase.LISTENING:
                yield max(self._text_by, self._pending.due_at(False))
        elif self._errands and self._run:
            yield self._errands.overdue_at()
        elif self._errands:
            quiet_since = self._quiet_since()
            yield self._errands.next_at(self.phase, self._text_by, quiet_since)
        elif (asked_at := self._asks.due_at(self.phase, self._text_by)) < inf:
            yield asked_at
        if self._ladder:
            since = self._idle_since()
            if (due_at := self._ladder.next_at(since)) is not None:
                yield due_at

    # ---- what the caller does ------------------------------------------------

    def _key(self, event: do.CallerKey, digit: str, now: float) -> None:
        self._active_at, self._only_back = now, False
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
        if name is None and digit == self._late_key and now < self._late_until:
            return
        if name is None or self._pending or self.phase is Phase.CLOSING:
            self._give(event, now)
            return
        self._back.drop()
        self._give(do.StopSpeaking(), now)
        self._open_menu(name, now)

    def _caller_said(self, text: str, now: float) -> None:
        self._text_by = self._active_at = now
        self._only_back = False
        self._history.caller_said(text)
        if self._ladder:
            self._ladder.reset()
        if self._directing:
            self._directing.heard("caller", text)
        if self.phase in CLOSED:
            return
        if self._consent.caller_said(text):
            self._tell(None, "The caller doesn't want to be recorded: it has ended.")
        if self._asks_consent:
            return
        if self._errands and means_it(text, self._persona.barge_in):
            self._out += self._errands.caller_spoke(now)
        if other := self._languages.said(text):
            self._speak_as(other, now)
        decided = True
        if not self._pending:
            decided = self._trigger("caller", text, now) or self._go_on(now, said=text)
        elif self._pending.caller_said(text):
            self._abort(self._pending, now)
        self._ask_director(now, decided=decided)

    def _speak_as(self, persona: Persona, now: float) -> None:
        """Go on in another language: its words, ours and the caller's."""
        self._persona, self._update = persona, True
        self._out.append(NoteEvent("language", persona.language))
        known = self.values.shown()
        goodbye = self._words(persona.goodbye.text, known)
        self._apology = self._words(persona.apology.text, known)
        fillers = [self._words(text, known) for text in persona.filler.say]
        self._errands.speak(persona.filler.say, persona.filler.after_s)
        self._give(reworded(goodbye, self._apology, fillers, persona), now)
        if retune := self._stages.speak_as(persona):
            self._give(retune, now)
        if self._ladder and persona.silence:
            self._ladder = Ladder(persona.silence)

    def _trigger(self, who: str, text: str, now: float) -> bool:
        """Do what a turn sets off; whether it does."""
        if self._pending or self.phase in CLOSED:
            return False
        by: Final = "caller" if who == "caller" else "bot"
        trigger = find(self._persona.triggers, by, text, self._fired)
        if trigger:
            self._fired.add(trigger.name)
            self._out.append(NoteEvent("trigger", trigger.name))
            self._perform(trigger.do, Source.TRIGGER, now)
        return trigger is not None

    def _idle_since(self) -> float | None:
        """Since when the caller could have said something, and nothing else is on."""
        if self._occupied or self.phase in CLOSED:
            return None
        return self._quiet_since()

    def _quiet_since(self) -> float | None:
        since = self._bridge.idle_since()
        return None if since is None else max(since, self._active_at)

    def _climb(self, step: Silence, now: float) -> None:
        self._out.append(NoteEvent("silence", step.do.name if step.do else "say"))
        self._active_at = now
        if step.do:
            self._perform(step.do, Source.SILENCE, now)
        else:
            self._say(step.say or "", now)

    def _budget(self, reached: BudgetReached, now: float) -> None:
        level = "hard" if reached.hard else "soft"
        self._out.append(NoteEvent("budget", reached.scope, level))
        if reached.hard:
            if not self._pending and self.phase not in CLOSED:
                self._perform(self._persona.on_budget or GOODBYE, Source.TRIGGER, now)
        elif not self._saves:
            self._saves = True
            self._tell(None, SHORTER)

    def _warn(self, now: float) -> None:
        """Say that the call will end soon, unless it is leaving anyway."""
        if not self._pending:
            self._out.append(NoteEvent("limit", "warning"))
            self._say(self._persona.limits.warning or "", now)

    def _ask_consent(self, now: float) -> bool:
        """Go on as soon as it is known whether the call may be recorded: greet."""
        self._consent.tick(now, self._words_by())
        if self._consent.is_open:
            return False
        self._asks_consent = False
        if self._greeting.text:
            self._give(do.Speak("welcome", self._greeting), now)
        self._resume(now, reply=False)
        self._set_out(now)
        return True

    def _set_out(self, now: float) -> None:
        """Begin what the persona has to begin with."""
        if self._gone is None and self._model_greets:
            self._out.append(TellModel(GREET))
            self._give(do.ReplyWanted(), now)
        self._arrive(now)

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
            case Action(must_hear=str(text)):
                self._say(text, now, must_hear=True)
                self._next(source, now)
            case Action(menu=str(name)) | Action(gather=str(name)):
                self._open_menu(name, now)
            case Action(transfer=str(target)):
                verdict = self._may_transfer(target, source)
                if isinstance(verdict, Refused):
                    self._out.append(NoteEvent("refused", target, verdict.rule))
                    self._next(source, now)
                else:
                    self._leave(Leave("transfer", target), now)
            case Action(set_=dict(values)):
                for name, value in values.items():
                    self._set(name, value)
                self._go_on(now)
                self._next(source, now)
            case Action(send_sms=Sms(text=text, to=to)):
                if self._texts.is_new(text, to):
                    self._send_text(to, text, to, None)
                self._next(source, now)
            case Action(tool=dict(used)):
                ((name, given),) = used.items()
                self._ask_own(name, given, source, now)
            case Action(goto=str(stage)):
                self._enter(stage, now)
                self._next(source, now)
            case Action(goodbye=True) | Action(hangup=True):
                ending = Ending.BOT_GOODBYE
                if self._gone and not self._opening:
                    ending = self._gone
                if source is Source.SILENCE:
                    ending = Ending.IDLE
                last_words = SILENT if action.hangup else None
                self._give(do.EndRequested(ending, last_words), now)
            case _:
                self._leave(Leave("voicemail", ""), now)

    def _may_transfer(self, target: str, source: Source) -> Allowed | Refused:
        if self._only_back:  # else it would be rung again and again
            return Refused(Rule.LOOP, "Nobody took the call.")
        ask = Ask(source, "transfer", {"target": target})
        return judge(ask, CallState(), self._persona, self._open_targets())

    def _come_back_does(self, action: Action | None, now: float) -> None:
        """Do what is arranged for a caller who has come back, if it is due."""
        if action and self.phase not in CLOSED:
            self._out.append(NoteEvent("call", "back", action.name))
            self._perform(action, Source.MENU, now)

    def _next(self, source: Source, now: float) -> None:
        """A menu is over, and what was chosen is done: the conversation goes on."""
        if source is Source.MENU:
            self._resume(now, reply=False)

    def _resume(self, now: float, *, reply: bool) -> None:
        """Let the model answer again, if nothing hinders it."""
        if self._occupied or self.phase in CLOSED:
            return
        if self._gone is not None:
            self._without_model(now)
            return
        if self._update and not self._model_busy:
            self._tell_stage()
        self._give(do.Answering(True), now)
        if reply:
            self._give(do.ReplyWanted(), now)

    def _model_away(self, now: float) -> None:
        """Another session is dialled: it knows nothing of what this one asked for."""
        self._model_busy = False
        if given_up := self._asks.clear():
            for call in given_up:
                self._facts.given_up(call)
            self._resume(now, reply=True)

    def _without_model(self, now: float) -> None:
        """Nobody but us is left to talk with the caller."""
        action = self._opening or self._persona.fallback.do
        assert action  # without one, the bridge ends the call
        assert self._gone
        self._rounds += 1
        if self._rounds > MAX_ROUNDS:
            words = None if self._opening else self._apology
            self._give(do.EndRequested(self._gone, words), now)
        else:
            self._perform(action, Source.MENU, now)

    def _say(
        self, text: str, now: float, awaited: str = "", *, must_hear: bool = False
    ) -> None:
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
        self._give(do.Speak(name, replace(prompt, must_hear=must_hear)), now)

    @property
    def _occupied(self) -> bool:
        """Whether the model has to wait for something."""
        asked = self._asks or self._texts or self._errands
        busy = self._run or self._pending or self._asks_consent
        return bool(busy or asked or self._back)

    def _send_text(
        self, name: str, text: str, to: str, call: ModelCalled | None
    ) -> None:
        said = self._words(text, self.values.shown()).text
        self._out.append(self._texts.send(name, said, to, call))

    def _text_over(self, event: SmsOver, now: float) -> None:
        """Let the model know what became of a text message."""
        self._out.append(NoteEvent("sms", event.name, event.status))
        call = self._texts.over(event.number)
        if call and event.status == "sent":
            self._history.done(call.name)
        self._tell(call.call_id if call else None, told(event.status))
        if call:
            if event.status == "sent":
                self._go_on(now, tool=call.name)
            self._resume(now, reply=True)

    def _set(self, name: str, value: str) -> None:
        self.values.set(name, value)
        self._out.append(NoteEvent("var", name))

    def _enter(self, stage: str, now: float, why: str = "") -> None:
        retune, self._update = self._stages.enter(stage), True
        self._out.append(NoteEvent("stage", stage, why))
        if retune:
            self._give(retune, now)
        if why == "when" and self.phase is Phase.WAITING:
            # What was asked for would be answered as the stage before has it.
            if not self._model_busy:
                self._tell_stage()
            self._give(do.ReplyWanted(), now)
        self._arrive(now)

    def _arrive(self, now: float) -> None:
        """Do what a stage has done on entering it, unless it is left at once."""
        if not self._go_on(now) and (action := self._stages.on_enter):
            self._perform(action, Source.STAGE, now)

    def _go_on(
        self, now: float, *, said: str = "", tool: str = "", typed: str = ""
    ) -> bool:
        """Go to the next stage, if what has happened leads there; whether it does."""
        if self._pending or self.phase in CLOSED:
            return False
        known = self.values.known
        way = self._stages.way_out(known, said=said, tool=tool, typed=typed)
        if way:
            self._enter(way.to, now, way.reason)
        return way is not None

    def _tell_stage(self) -> None:
        self._update = False
        self._out.append(UpdateSession(self._stages.name))

    def _looked_up(self, found: LookedUp, now: float) -> None:
        """Know what was found out about the caller; the model is told in time."""
        for name, value in found.values.items():
            self.values.set(name, value)
            self._update = True
        detail = f"{len(found.values)} values, {found.duration_ms} ms"
        self._out.append(NoteEvent("lookup", found.trouble or "ok", detail))
        if self._gone is None:
            self._go_on(now)

    # ---- menus ---------------------------------------------------------------

    def _open_menu(
        self, name: str, now: float, call: ModelCalled | None = None
    ) -> None:
        menu = self._persona.menus[name]
        self._back.drop()
        self._drop_menu(now)
        self._out.append(NoteEvent("menu", name))
        self._give(do.Answering(False), now)
        if menu.gather and menu.gather.sensitive:
            self._unpause_at = None
            self._out.append(PauseRecording(True))
            self._paused = True
        self._late_key = menu.gather.terminator if menu.gather else ""
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
        if self._run and (call := self._close_menu(now)) and call.call_id:
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
                        self._tell(call.call_id, f"The caller chose {action.name}.")
                    self._perform(action, Source.MENU, now)
                case Collected(variable, digits, sensitive):
                    # A full number needs no terminator: it would cut what is said next.
                    self._late_until = now + LATE_S
                    self.values.set(variable, digits, sensitive=sensitive)
                    self._out.append(NoteEvent("collected", variable))
                    shown = "not shown to you" if sensitive else digits
                    text = f"The caller typed {variable}: {shown}."
                    self._menu_over(text, now, variable)
                case _:
                    self._menu_over("The caller typed nothing that is of use.", now)

    def _menu_over(self, text: str, now: float, typed: str = "") -> None:
        """Let the model know what came of it, and answer."""
        call = self._close_menu(now)
        if call:
            self._history.done(call.name)
        self._tell(call.call_id if call else None, text)
        if typed:
            self._go_on(now, tool=call.name if call else "", typed=typed)
        self._resume(now, reply=True)

    def _tell(self, call_id: str | None, text: str) -> None:
        if self._gone is None and self._errands:
            self._errands.tell(call_id, text)  # in the order of the asks
        elif self._gone is None:
            self._out.append(ToolOutput(call_id, text) if call_id else TellModel(text))

    # ---- calls that leave us ---------------------------------------------------

    def _leave(self, leave: Leave, now: float, call: ModelCalled | None = None) -> None:
        """Announce that the call goes elsewhere."""
        self._back.drop()
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
            state = self._state(ask, now)
            verdict = judge(ask, state, self._persona, self._open_targets())
        self._history.judged(ask, verdict)
        known = call.name if call.name in self._persona.tools else ""
        if isinstance(verdict, Refused):
            self._out.append(NoteEvent("refused", known, verdict.rule))
            self._tell(call.call_id, verdict.told)
        else:
            self._out.append(NoteEvent("tool", known))
            self._carry_out(verdict.effect, call, now)

    def _state(self, ask: Ask, now: float) -> CallState:
        return self._history.state(
            ask,
            stage=self._stages.name,
            busy=bool(self._run or self._pending) or self.phase in CLOSED,
            silent=self._ladder is not None and self._ladder.climbed,
            near_end=now >= self._ends_at - NEAR_END_S,
            has_number=self._has_number,
        )

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
            case SendText(text, to):
                self._send_text(call.name, text, to, call)
            case CallOut():
                self._send(effect, call.call_id, now)
            case SetVar(name, value):
                self._set(name, value)
                self._did(call, "Done.")
                self._go_on(now, tool=call.name)
            case EnterStage(stage):
                self._did(call, "Done; follow your new instructions.")
                self._enter(stage, now)
            case _:
                self._perform(effect.action, Source.TRIGGER, now)

    def _did(self, call: ModelCalled, text: str) -> None:
        self._history.done(call.name)
        if call.call_id:  # else it was the director who asked
            self._tell(call.call_id, text)

    # ---- what the director decides ---------------------------------------------

    def _ask_director(self, now: float, *, decided: bool) -> None:
        """Let it read the caller's turn, unless it is known what is done about it."""
        if self._directing is None:
            return
        if decided or self._run:
            self._directing.forget()
        elif question := self._directing.ask(now):
            self._out.append(question)

    def _direct(self, seq: int, text: str, now: float) -> None:
        """Do what the director picks, if that may be done."""
        picked = self._directing.answered(seq, text, now) if self._directing else None
        if picked is None or self.phase in CLOSED:
            return
        name, choice = picked
        ask = ask_of(name, choice)
        state, targets = self._state(ask, now), self._open_targets()
        verdict = judge_choice(ask, choice, state, self._persona, targets)
        self._history.judged(ask, verdict)
        if isinstance(verdict, Refused):
            self._out.append(NoteEvent("refused", name, verdict.rule))
            if verdict.rule is Rule.UNCONFIRMED:  # it can't ask them itself
                self._say(self._persona.tools[ask.tool].confirm or "", now)
            return
        self._out.append(NoteEvent("director", name))
        if isinstance(verdict.effect, CallOut):
            self._call_out(verdict.effect, now)
        else:
            self._carry_out(verdict.effect, ModelCalled("", "", ask.tool, ""), now)

    # ---- other servers ---------------------------------------------------------

    def _send(self, call_out: CallOut, call_id: str | None, now: float) -> None:
        """Ask another server for something."""
        tool = self._persona.tools[call_out.tool]
        made = errand(tool, call_out.args, self._known())
        if made is None:
            self._tell(call_id, NOT_KNOWN)
            return
        self._out.append(self._errands.send(call_out.tool, tool, made, call_id, now))

    def _known(self) -> dict[str, str]:
        """What the variables are worth, for those who are told the sensitive ones."""
        return values_of(self._persona, self.values.all())

    def _ask_own(
        self, name: str, given: Mapping[str, str], source: Source, now: float
    ) -> None:
        """Ask for what the operator wants asked; the model tells what comes of it."""
        known = self._known()
        args = {key: fill(text, known) for key, text in given.items()}
        ask = Ask(source, name, args)
        state = self._history.state(
            ask, stage=None, busy=False, silent=False, near_end=False
        )
        verdict = judge_own_call(ask, state, self._persona)
        if isinstance(verdict, Refused) or self._gone is not None:
            rule = verdict.rule if isinstance(verdict, Refused) else "model_gone"
            self._out.append(NoteEvent("refused", name, rule))
            self._next(source, now)
            return
        self._history.judged(ask, verdict)
        self._out.append(NoteEvent("tool", name))
        assert isinstance(verdict.effect, CallOut)
        self._call_out(verdict.effect, now)

    def _call_out(self, effect: CallOut, now: float) -> None:
        """Ask of our own accord; the model is silent until it can tell the answer."""
        self._give(do.Answering(False), now)
        self._send(effect, None, now)
        if not self._errands:
            self._resume(now, reply=True)

    def _mind_errands(self, now: float) -> bool:
        """Tell what came of requests, or cover the wait; whether anything was due."""
        if late := self._errands.overdue(now):
            self._out += late
            return True
        if self._run:
            return False
        if now >= self._errands.told_at(self.phase, self._text_by):
            for call_id, told in self._errands.take():
                self._tell(call_id, told)
            self._resume(now, reply=not self._history.refused_enough)
            return True
        text = self._errands.filler(self._quiet_since(), now)
        if text is None:
            return False
        # To ask the model for the words would only make its answer later.
        if self._words(text, self.values.shown()).ulaw is not None:
            self._say(text, now)
        return True


def _is_sound(action: do.Action) -> bool:
    """Whether it is what most events come to, and tells nothing."""
    match action:
        case do.AppendAudio() | do.PlayToCaller() | do.MarkCaller():
            return True
        case _:
            return False
