"""The life of one call, from its first frame to `HangUp`."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf
from typing import assert_never

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME, ULAW_SILENCE, ulaw_ms
from voicebot.audio.timbre import Sound
from voicebot.bridge import model as do
from voicebot.bridge.caller import BATCH_FRAMES, NEURAL_SPEECH, CallerVoice
from voicebot.bridge.endpointing import Endpointing
from voicebot.bridge.evidence import SHORT_SPEECH_MS, SHORTER_MS
from voicebot.bridge.interruption import (
    AGAIN_MS,
    HALF_HEARD,
    OF_WORDS,
    SERVER_VAD_S,
    SOFTER_START_DB,
    UNNOTICED_S,
    VOICE_MS,
    Attempt,
    Floor,
    Verdict,
)
from voicebot.bridge.journal import Features, Journal, answered, too_early
from voicebot.bridge.model import (
    TRANSITIONS,
    Action,
    Ending,
    Event,
    Moment,
    NoteDecision,
    Outcome,
    Phase,
    Rule,
)
from voicebot.bridge.notes import Notes
from voicebot.bridge.pending import Pending, unsaid
from voicebot.bridge.recovery import Memory, Recovery
from voicebot.bridge.replies import Replies
from voicebot.bridge.settings import Prompt, Settings
from voicebot.bridge.speech import FILLER, PROMPT, BotSpeech, Utterance
from voicebot.bridge.transcript import Transcript
from voicebot.bridge.turns import Change, Needs
from voicebot.bridge.words import Words, count_words, heard_in, repeats, says

NEVER_MS = 10**9

# The bot goes on for these reasons, and may yet learn better.
UNSETTLED = frozenset({Rule.NO_ANSWER, Rule.TOO_SHORT})

# What makes a turn while nobody speaks. More is asked for while an answer is heard or
# due: there, a click costs the caller that answer.
ONSET = Needs()
# The bot has paused for something short, and waits for its words: what follows.
AGAIN = Needs(evidence_ms=AGAIN_MS)

AGAIN_S = 2.0  # and within this, it does so even if the bot went on meanwhile

# ... and so soon after that, the first speech makes it pause anew: a second syllable.
AT_ONCE = Needs(evidence_ms=20, onset_ms=20)
AT_ONCE_S = 0.3

# Before the greeting has begun, a room full of people sounds like a caller.
UNGREETED = 3.0

# Less than this isn't worth a line in the journal: a click.
NOTED_MS = 40

DOUBT_MS = 600  # so long it may hear none at the beginning of a turn

# Closing waits for the mark behind our last word, but not for ever: marks get lost.
CLOSE_GRACE_S = 2.0

# A caller's line brings a frame every 20 ms, or so most reports say; others have seen
# lines that are silent without a word. So what is missing for this long was silence.
GAP_S = 0.2
FRAME_S = FRAME_MS / 1000
SILENT_FRAME = ULAW_SILENCE * ULAW_FRAME

# How many frames may wait for each other while nobody speaks, or only the bot does: it
# takes as many to tell that somebody else does. Of what the model is to get, a batch.
PATIENT_FRAMES = 5
PATIENT_MS = PATIENT_FRAMES * FRAME_MS
BATCH_MS = BATCH_FRAMES * FRAME_MS

# Words come within two seconds; nobody begins more often in that time.
MAX_AWAITED = 4

# Marks come back within a second; so many utterances aren't heard in that.
MAX_UNPROVED = 8

# We may speak: the caller doesn't, and the bot hasn't paused.
OURS = frozenset({Phase.LISTENING, Phase.WAITING, Phase.SPEAKING})

# Nothing has begun that is to end as it began.
BETWEEN = frozenset({Phase.LISTENING, Phase.WAITING})

# The caller hears the bot, or would if the bot hadn't paused.
HEARD = frozenset({Phase.SPEAKING, Phase.TENTATIVE})

# Owner `server`: whether its VAD finds the turns that begin in this phase. It would
# stop an answer at any sound, so while one is due or heard, ours does. Of a turn that
# it has found it must first make an item: it is left on until the answer is begun.
FINDS_TURNS = {Phase.LISTENING: True, Phase.WAITING: False, Phase.SPEAKING: False}

# Once so much of a voice was heard beyond doubt, softer sounds are the caller's, too.
HEARD_MS = 60

# So that a deadline never falls just before what it waits for.
TICK_S = 0.001

# What is due to be sent goes with the caller's next frames: a timer for each would cost
# as much as the frame. Only on a line that brings none, it is late by this; any later,
# and what was sent before may be over when the caller's marks are late, too.
CLOCKED_S = PATIENT_MS / 1000 + 0.005


class Bridge:
    """
    One call as a state machine.

    Args:
        settings: how to conduct it.
        now: when it began. All times are seconds on one clock that never goes back.
        listen: a neural VAD on the caller's line, if there is one: see `vad.Vad`.
    """

    def __init__(
        self,
        settings: Settings,
        now: float,
        listen: Callable[[bytes], float] | None = None,
    ) -> None:
        self.phase = Phase.LISTENING
        self._settings = settings
        self._retune: do.Retune | None = None  # what is to count from the next turn on
        self._server_owns = self._server_finds = settings.owner == "server"
        self._began_at = self._since = self._progress_at = now
        self._media_at = self._line_until = now  # what was heard, what was filled in
        self._out: list[Action] = []
        self._deadline: float | None = now
        self._voice = CallerVoice(
            streaming=self._server_owns,
            max_turn_ms=settings.listening.max_turn_ms,
            listen=listen,
        )
        self._endpointing = Endpointing(settings.listening)
        self._floor = Floor(settings.barge_in.min_ms)
        self._attempt: Attempt | None = None  # the last that may still be decided
        self._awaited: deque[Attempt] = deque(maxlen=MAX_AWAITED)  # for their words
        self._barged = False  # whether the turn cut the bot off
        self._unheeded = False  # what is heard was rejected, and goes on
        self._journal = Journal(now, settings)
        self._turn_end: NoteDecision | None = None  # the last, until it is answered
        self._speech = BotSpeech(settings.lead_ms, settings.start_buffer_ms)
        self._replies = Replies(self._out.append)
        self._pending = Pending(self._replies)
        self._model_optional = False
        self._recovery = Recovery(settings.resume)
        self._memory = Memory()
        self._notes = Notes(now)
        self._transcript = Transcript(self._notes)
        self._speaker: Utterance | None = None  # what became audible last
        self._spoke_until: float | None = None  # whom the next answer answers
        self._protect_s = 0.0  # of what becomes audible next
        self._protected_until = now
        self._must_hear = False  # what the model was asked to say, word for word
        self._last_words = ""  # of the bot's last utterance that is over
        self._unproved: list[Utterance] = []  # heard; the last mark is on its way
        self._fillers = _fillers(settings)
        self._filled = False  # whether one was said in place of the answer that is due
        self._retried = False
        self._amend: do.AmendReply | None = None  # as soon as its answer is over
        self._ending: Ending | None = None
        self._close_by = inf

    def start(self, now: float) -> list[Action]:
        """Begin: greet. Call it once, before any event."""
        greeting = self._settings.greeting
        if greeting.ulaw is not None or greeting.text:
            self._protect_s = self._settings.protect_s
            self._say("greeting", greeting, now)
        return self._finish(now)

    def handle(self, event: Event, now: float) -> list[Action]:
        """
        Advance the call by one event.

        Args:
            now: seconds on the clock that `next_deadline` speaks of.

        Returns:
            What to do, in order. Never raises because of what a peer did: a peer
            that fails is an event too (PeerLost).
        """
        if self.phase is Phase.ENDED:
            return []
        if isinstance(event, do.CallerAudio):
            self._caller_audio(event.ulaw, now)
        else:
            self._handle_other(event, now)
            self._deadline = None
        return self._finish(now)

    def next_deadline(self) -> float | None:
        """When to send DeadlineReached, unless an event comes first."""
        return self._deadline

    @property
    def patience(self) -> int:
        """
        How many of the caller's frames may come at once without making anything late.

        Nobody speaks, or the caller does and won't have ended by then. The first
        frames of what may interrupt the bot decide nothing by themselves.
        """
        voice = self._voice
        if self.phase is Phase.CALLER:
            left_ms = self._endpointing.silence_ms - voice.detector.silent_ms
            waits = not self._server_finds and left_ms > BATCH_MS
            return voice.missing if waits else 1
        if not voice.quiet:
            return 1
        if self.phase is Phase.SPEAKING:
            # The first mark is to be known to the millisecond.
            known = self._speech.ledger.knows_way and not self._tried(self._media_at)
            needed_ms = self._floor.needed_ms(self._media_at) if known else 0
            return max(1, min(PATIENT_FRAMES, int(needed_ms) // FRAME_MS))
        if self.phase in BETWEEN:
            return voice.missing if self._server_finds else PATIENT_FRAMES
        return 1

    def idle_since(self) -> float | None:
        """
        Since when nobody speaks, or is due to speak; None while somebody is.

        It may lie ahead, while the caller's side plays late. Whoever presses a key is
        there, too.
        """
        due = self._pending or self._speech.utterances or self._replies.expected
        if self.phase is not Phase.LISTENING or due:
            return None
        return max(self._since, self._speech.ledger.ends_at(-inf))

    def _handle_other(self, event: Event, now: float) -> None:
        match event:
            case do.BotAudio(response_id, pcm16):
                self._bot_audio(response_id, pcm16, now)
            case do.BotText(response_id, text):
                if spoken := self._utterance(response_id, now):
                    spoken.text += text
            case do.MarkReturned(name, waited_s):
                at, about = now - waited_s, waited_s > 0
                if self._speech.ledger.returned(name, at, about=about):
                    self._prove()
            case do.ReplyStarted(response_id):
                self._reply_started(response_id, now)
            case do.ReplyDone(response_id):
                self._reply_done(response_id, now)
            case do.CallerText(item_id, text):
                self._caller_text(item_id, text, now)
            case do.TurnCommitted(item_id):
                self._committed(item_id, now)
            case do.ServerSpeechStarted():
                if self._server_finds and self._may_interrupt(now):
                    self._caller_started(now, now)
            case do.ServerSpeechStopped():
                if self._server_finds:
                    if self.phase is Phase.CALLER:
                        self._turn_ended(Rule.SERVER, now)
                    self._caller_stopped(now)
            case do.SessionReady():
                self._session_ready(now)
            case do.ModelRefused(kind):
                self._refused(kind, now)
            case do.PeerLost(do.Ending.CALLER_HANGUP | do.Ending.TWILIO_LOST as ending):
                self._end(ending, now)
            case do.PeerLost(ending, heals):
                self._model_lost(ending, now, heals=heals)
            case do.EndRequested(ending, words):
                goodbye = self._settings.goodbye
                self._close(ending, goodbye if words is None else words, now)
            case do.CallerKey():
                self._key_pressed(now)
            case do.Speak():
                self._speak(event, now)
            case do.StopSpeaking():
                self._fall_silent(now)
            case do.Answering(on):
                self._answer_caller(on, now)
            case do.ReplyWanted():
                self._reply_wanted(now)
            case do.ModelOptional(on):
                self._model_optional = on
            case do.Reword(goodbye, apology, fillers, farewells):
                self._settings = self._journal.settings = replace(
                    self._settings,
                    goodbye=goodbye,
                    apology=apology,
                    fillers=fillers,
                    farewells=farewells,
                )
                self._fillers = _fillers(self._settings)
            case do.Retune():
                self._retune = event
                self._retune_if_free()
            case do.DeadlineReached() | do.CallerAudio():
                pass  # the clock is looked at after every event
            case _:
                assert_never(event)

    # ---- the caller ----------------------------------------------------------

    def _caller_audio(self, ulaw: bytes, now: float) -> None:
        self._media_at = self._line_until = now
        if self.phase is not Phase.CLOSING:
            if len(ulaw) <= ULAW_FRAME:  # Twilio sends a frame at a time
                self._caller_frame(ulaw, now, now)
                return
            # They waited for each other, as long as they are.
            heard_at = now - (len(ulaw) - 1) // ULAW_FRAME * FRAME_S
            for at in range(0, len(ulaw), ULAW_FRAME):
                self._caller_frame(ulaw[at : at + ULAW_FRAME], heard_at, now)
                heard_at += FRAME_S

    def _caller_frame(self, ulaw: bytes, heard_at: float, now: float) -> None:
        voice, speech = self._voice, self._speech
        in_turn = self.phase is Phase.CALLER
        gate_dbov = speech.gate_dbov(heard_at)
        if voice.detector.evidence.ms >= HEARD_MS and self._is_certain(heard_at):
            gate_dbov -= speech.margin_db
        frame = voice.hear(ulaw, gate_dbov, in_turn=in_turn)
        if frame:
            if ulaw is not SILENT_FRAME:  # which would say that there is no echo
                speech.line_heard(frame, heard_at)
            if frame.sound is Sound.VOICE and self._was_quick(now):
                frame = replace(frame, speech=True)  # a second syllable: stop at once
            needs, end_ms = None, 0
            if frame.speech or not voice.detector.idle:
                needs, end_ms = self._needs(now), self._endpointing.silence_ms
                if self.phase is Phase.TENTATIVE:
                    end_ms = NEVER_MS  # it is no turn yet
            if change := voice.judge(frame, needs, end_ms):
                self._changed(change, now)
        if self._attempt and self.phase is Phase.TENTATIVE:
            self._deadline = None
            self._weigh(self._attempt, now)
        if batch := voice.take(self._server_finds and self.phase is Phase.CALLER):
            self._replies.send(batch)
            if self._server_finds and self.phase is Phase.LISTENING:
                self._replies.tape.idle()

    def _changed(self, change: Change, now: float) -> None:
        detector = self._voice.detector
        self._deadline = None
        match change:
            case Change.STARTED:
                self._speech_began(now)
            case Change.WENT_ON:
                self._endpointing.paused(detector.pause_ms)
            case Change.FADED:
                self._faded(now)
                detector.reset()
            case Change.STOPPED if self._server_finds:
                detector.reset()
            case _:
                long = detector.silent_ms < self._endpointing.silence_ms
                self._turn_ended(Rule.MAX_TURN if long else Rule.SILENCE, now)
                self._commit()
                self._caller_stopped(now)
                self._replies.ask(do.AskForReply())

    def _commit(self) -> None:
        """Let the model make an item of what the caller said."""
        self._replies.send(self._voice.end_turn())
        self._replies.send(do.CommitAudio())

    def _fill_gap(self, now: float) -> None:
        """Hear silence where nothing comes: else the caller's turn would never end."""
        while self._line_until + FRAME_S <= now:
            self._line_until += FRAME_S
            self._caller_frame(SILENT_FRAME, now, now)

    def _key_pressed(self, now: float) -> None:
        self._since = now  # the caller is there: the idle clock starts anew
        if not self._settings.barge_in.keys or self._speech.must_hear:
            return
        # A key is no accident, so no span that must not be talked over is safe from it.
        if self.phase not in HEARD:
            return
        attempt = self._attempt if self.phase is Phase.TENTATIVE else None
        self._cut(now)
        self._amend_reply()
        if attempt:
            attempt.resumed_at = now
            self._note_verdict(attempt, Rule.KEY, Outcome.CONFIRMED, now)
        else:
            self._note_at_once(Rule.KEY, Outcome.CONFIRMED, now)
        self._voice.detector.reset()
        self._move(Moment.RESUMED, now)  # and there is nothing left to say

    def _needs(self, now: float) -> Needs | None:
        """What makes a turn now; None if none may begin."""
        if self._unheeded and self.phase is Phase.SPEAKING:
            if self._voice.detector.silent_ms < SHORTER_MS:
                return None
            self._unheeded = False
            self._voice.detector.reset()
        if self.phase is Phase.LISTENING:
            return ONSET
        if self.phase is Phase.TENTATIVE:
            return AGAIN
        if not self._may_interrupt(now):
            return None
        if self._tried(now):
            return AT_ONCE if self._was_quick(now) else AGAIN
        needed_ms = self._floor.needed_ms(now)
        if self.phase is Phase.WAITING and self._spoke_until is None:
            needed_ms *= UNGREETED  # what the line sounds like isn't known yet
        may_be_softer = self.phase is Phase.SPEAKING and self._voice.is_sure
        softer_db = SOFTER_START_DB if may_be_softer else 0.0
        level_dbov = self._floor.level_dbov
        if self.phase is not Phase.SPEAKING or self._settings.barge_in.mode != "pause":
            return Needs(needed_ms, level_dbov, softer_db)
        if not self._is_certain(now):
            return Needs(needed_ms, level_dbov, softer_db, needed_ms)
        least_ms = max(HALF_HEARD * needed_ms, NOTED_MS)
        late = self._voice.begins_late
        return Needs(needed_ms, level_dbov, softer_db, least_ms, late, NOTED_MS)

    def _is_certain(self, now: float) -> bool:
        """Whether there is a voice on the line that isn't the bot's."""
        return self._voice.is_certain and self._speech.knows_echo(now)

    def _tried(self, now: float, within_s: float = AGAIN_S) -> bool:
        """Whether the caller said something into the bot's words a moment ago."""
        at = self._attempt.resumed_at if self._attempt else None
        return at is not None and now - at < within_s

    def _was_quick(self, now: float) -> bool:
        """Whether the bot went on just now, with the caller's next syllable to come."""
        pauses = self._settings.barge_in.mode == "pause"
        return pauses and self.phase is Phase.SPEAKING and self._tried(now, AT_ONCE_S)

    def _may_interrupt(self, now: float) -> bool:
        if self.phase is Phase.SPEAKING:
            free = now >= self._protected_until and not self._speech.must_hear
            return free and self._settings.barge_in.mode != "never"
        if self.phase is Phase.WAITING and self._must_hear:
            return False
        return self.phase is not Phase.CLOSING

    def _speech_began(self, now: float) -> None:
        started_at = self._onset_at(now)
        detector = self._voice.detector
        if (doubted := self._is_no_voice()) and detector.turn_ms < DOUBT_MS:
            detector.speaking = False  # a voice may come yet: soft onsets, music
        elif doubted:
            if self.phase is Phase.SPEAKING:
                self._note_at_once(Rule.NOT_VOICE, Outcome.IGNORED, now)
            detector.reset()
        elif self.phase is Phase.TENTATIVE and self._attempt:
            self._decide(self._attempt, Verdict(Rule.SPOKE_AGAIN, yields=True), now)
        elif self.phase is not Phase.SPEAKING:
            self._caller_started(started_at, now)
        elif self._settings.barge_in.mode == "pause":
            self._pause(started_at, now)
        else:
            self._floor.gained()
            self._caller_started(started_at, now)
            self._note_at_once(Rule.CLEAR_SPEECH, Outcome.CONFIRMED, now)

    def _onset_at(self, now: float) -> float:
        """When what the caller is saying began."""
        return now - self._voice.detector.turn_ms / 1000

    def _is_no_voice(self) -> bool:
        """Whether a neural VAD listens, and says so."""
        likely = self._voice.frame.voice
        return likely is not None and likely < NEURAL_SPEECH

    def _faded(self, now: float) -> None:
        """The caller's line brought something that wasn't enough to interrupt."""
        detector = self._voice.detector
        if self.phase is not Phase.SPEAKING or detector.evidence.ms < NOTED_MS:
            return
        rule = Rule.TOO_SHORT
        if not self._may_interrupt(now):
            rule = Rule.PROTECTED
        elif detector.peak_dbov < self._floor.level_dbov:
            rule = Rule.TOO_SOFT
        note = self._note_at_once(rule, Outcome.IGNORED, now)
        reversible = self._settings.barge_in.mode == "pause"
        if rule is Rule.TOO_SHORT and reversible and detector.evidence.ms >= VOICE_MS:
            self._overhear(note, now)

    def _overhear(self, note: NoteDecision, now: float) -> None:
        """Something short was said into the bot's words: find out what, meanwhile."""
        attempt = Attempt(self._onset_at(now), now, dict(note.features), resumed_at=now)
        attempt.hear(self._voice.detector)
        attempt.note = note
        self._attempt = attempt
        self._ask_for_words(attempt, now)

    def _caller_started(self, started_at: float, now: float) -> None:
        went_on = self._went_on(started_at)
        self._unheeded = False
        self._attempt = None
        self._awaited.clear()  # what those words would have told is known
        self._cut(now)
        self._barged = self.phase in HEARD
        if self._move(Moment.CALLER_STARTED, now):
            self._replies.withdraw()
            self._amend_reply()
            self._voice.begin_turn()
            self._transcript.begin(started_at)
            self._ending = None  # whoever speaks after "goodbye" has more to say
            self._protect_s = 0.0
            self._out += went_on

    def _caller_stopped(self, now: float) -> None:
        if self._move(Moment.CALLER_STOPPED, now):
            self._spoke_until = self._last_word_at(now)
            self._transcript.end(self._spoke_until)
            self._floor.heard(self._voice.detector.peak_dbov)
            self._voice.detector.reset()
            self._endpointing.turn_over()
            self._progress_at = now
            self._retried = self._filled = False
            if self._replies.gone:
                self._out += self._transcript.flush()  # nobody makes an item of it
            self._listen_unless_due(now)

    def _turn_ended(self, rule: Rule, now: float) -> None:
        detector, seq = self._voice.detector, self._transcript.seq
        note = self._journal.turn_ended(rule, detector, self._endpointing, seq, now)
        self._turn_end = note
        self._out.append(note)

    def _went_on(self, started_at: float) -> list[NoteDecision]:
        """The caller speaks: if an answer was due already, the turn wasn't over."""
        ended, self._turn_end = self._turn_end, None
        if not ended or self.phase is not Phase.WAITING or self._spoke_until is None:
            return []
        pause_ms = round((started_at - self._spoke_until) * 1000)
        self._endpointing.too_early(pause_ms)
        return [too_early(ended, pause_ms, self._voice.detector)]

    # ---- barge-in: does the caller mean it? -----------------------------------

    def _pause(self, started_at: float, now: float) -> None:
        """Fall silent, and find out."""
        again = self._tried(now)
        attempt = Attempt(started_at, now, self._features(now), again=again)
        attempt.hear(self._voice.detector)
        needed_ms = self._floor.needed_ms(now)
        attempt.half_heard = not again and attempt.evidence_ms < needed_ms
        self._attempt = attempt
        stop = "immediate" if again else self._settings.barge_in.stop
        self._out += self._speech.pause(now, stop)
        self._move(Moment.PAUSED, now)

    def _weigh(self, attempt: Attempt, now: float) -> None:
        """The bot has paused, and a frame of the caller's line has come."""
        detector = self._voice.detector
        attempt.hear(detector)
        wants = self._settings.barge_in
        verdict = attempt.while_heard(wants, detector.silent_ms)
        silent_ms = min(detector.silent_ms, detector.evidence.gap_ms)
        over = attempt.can_be_asked and silent_ms >= SHORT_SPEECH_MS
        asks = verdict.rule is Rule.TOO_SHORT if verdict else over
        if asks and attempt.asked_at is None:
            self._ask_for_words(attempt, now)
        if verdict:
            self._decide(attempt, verdict, now)

    def _fall_due(self, attempt: Attempt, now: float) -> None:
        """If the bot pauses any longer, it will be noticed."""
        attempt.due = True
        self._weigh(attempt, now)

    def _ask_for_words(self, attempt: Attempt, now: float) -> None:
        """It was short: what was it? The model's transcript tells."""
        attempt.asked_at = now
        attempt.last_word_at = max(attempt.began_at, self._voice_heard_at)
        self._voice.begin_turn()
        self._commit()
        self._awaited.append(attempt)
        # What the caller said stands in the call log, whatever comes of it.
        self._transcript.begin(attempt.began_at)
        attempt.caller_seq = self._transcript.seq
        self._transcript.end(attempt.last_word_at)
        self._voice.detector.reset()

    def _words_came(self, attempt: Attempt, text: str, now: float) -> None:
        self._awaited.remove(attempt)
        wants = self._settings.barge_in
        attempt.features["words"] = count_words(text)
        if repeats(text, self._bot_said()):
            self._decide(attempt, Verdict(Rule.ECHO, yields=False), now)
            return
        words = heard_in(
            text,
            backchannel=wants.backchannel,
            stop_words=wants.stop_words,
            min_words=wants.min_words,
        )
        self._decide(attempt, OF_WORDS[words], now)

    def _bot_said(self) -> str:
        """What the caller hears, or heard last: its echo may come back."""
        now = "".join(spoken.text for spoken in self._speech.utterances)
        return f"{self._last_words} {now}"

    def _decide(self, attempt: Attempt, verdict: Verdict, now: float) -> None:
        """Yield to the caller, or go on: after a pause, or when words come late."""
        if verdict.yields:
            if attempt in self._awaited:
                self._awaited.remove(attempt)
            self._floor.gained()
            self._yield_to(attempt, verdict.rule, now)
            self._note_verdict(attempt, verdict.rule, Outcome.CONFIRMED, now)
            return
        if attempt.resumed_at is None:
            self._resume(attempt, verdict.rule, now)
        if verdict.rule not in UNSETTLED and self._attempt is attempt:
            self._attempt = None
        if attempt.item_id and attempt not in self._awaited:
            self._memory.forget(attempt.item_id)
            self._replies.send(do.ForgetTurn(attempt.item_id))

    def _yield_to(self, attempt: Attempt, rule: Rule, now: float) -> None:
        """The caller has the floor; if the turn is over already, it is answered."""
        if attempt.caller_seq is not None:
            self._replies.unanswered = self._replies.answers
        if self._attempt is attempt:
            self._attempt = None
        if attempt.asked_at is None or rule is Rule.SPOKE_AGAIN:
            self._caller_started(self._onset_at(now), now)
        elif self._speech.must_hear:
            self._reply_wanted(now)  # behind it
        elif self.phase in HEARD or self.phase is Phase.LISTENING:
            self._barged = True
            self._turn_end = None
            self._cut(now)
            self._move(Moment.CALLER_STARTED, now)
            self._amend_reply()
            self._ending = None
            self._protect_s = 0.0
            self._caller_stopped(now)
            if self.phase is Phase.WAITING:
                self._spoke_until = attempt.last_word_at
            self._replies.ask(do.AskForReply())
        elif self.phase is Phase.WAITING and self._replies.answers:
            self._progress_at = now  # what is due is to answer this, too
            self._replies.withdraw()
            self._replies.ask(do.AskForReply())

    def _resume(self, attempt: Attempt, rule: Rule, now: float) -> None:
        """It was nothing: go on where we were."""
        attempt.resumed_at = now
        pause_s = now - attempt.paused_at
        self._note_verdict(attempt, rule, Outcome.RESUMED, now)
        self._floor.rejected(now)
        self._unheeded = self._voice.detector.silent_ms < SHORTER_MS
        self._voice.reject()
        self._speech.resume(pause_s)
        self._move(Moment.RESUMED, now)

    def _features(self, now: float) -> Features:
        voice, gate_dbov = self._voice, self._speech.gate_dbov(now)
        factor = self._floor.factor(now)
        return self._journal.features(voice.detector, voice.frame, gate_dbov, factor)

    def _note_at_once(self, rule: Rule, outcome: Outcome, now: float) -> NoteDecision:
        seq = self._transcript.seq  # of the turn that it has become, if the bot yielded
        features, detector = self._features(now), self._voice.detector
        note = self._journal.at_once(rule, outcome, detector, features, seq, now)
        self._out.append(note)
        return note

    def _note_verdict(
        self, attempt: Attempt, rule: Rule, outcome: Outcome, now: float
    ) -> None:
        seq = self._transcript.seq or attempt.caller_seq
        self._out.append(self._journal.after_pause(attempt, rule, outcome, seq, now))

    def _drop_turn(self, now: float) -> None:
        """No item will be made of what the caller is saying, or seemed to say."""
        if self._attempt and self.phase is Phase.TENTATIVE:
            self._note_verdict(self._attempt, Rule.CALL_ENDED, Outcome.CONFIRMED, now)
        self._attempt = None
        self._awaited.clear()
        if self._transcript.turn:
            self._out += self._transcript.drop(self._last_word_at(now))
            self._voice.detector.reset()

    def _last_word_at(self, now: float) -> float:
        """When the caller's turn ended; `now` if only the model's VAD heard it."""
        turn, heard_at = self._transcript.turn, self._voice_heard_at
        return heard_at if turn and heard_at > turn.started_at else now

    @property
    def _voice_heard_at(self) -> float:
        """When our VAD last heard the caller speak."""
        return self._line_until - self._voice.detector.silent_ms / 1000

    def _committed(self, item_id: str, now: float) -> None:
        attempt = self._next_awaited()
        if attempt:
            attempt.item_id = item_id
        else:
            if self._server_owns and not self._transcript.unnamed:
                self._caller_stopped(now)
            self._replies.unanswered = self._replies.answers
        self._replies.tape.named(item_id)
        self._out.append(self._transcript.named(item_id, now))

    def _next_awaited(self) -> Attempt | None:
        """The attempt of which the next item is made, if it is one's."""
        turn = self._transcript.next_unnamed
        return next((each for each in self._awaited if each.caller_seq == turn), None)

    def _caller_text(self, item_id: str, text: str, now: float) -> None:
        self._replies.tape.understood(item_id)
        self._out += self._transcript.understood(item_id, text)
        attempt = next((a for a in self._awaited if a.item_id == item_id), None)
        if attempt:
            self._words_came(attempt, text, now)
            if attempt.note and attempt.note.rule is Rule.ECHO:
                return
        undecided = {each.caller_seq for each in self._awaited}
        last = self._transcript.is_last(item_id, undecided)
        ends = last and self._replies.answers
        if ends and says(text, self._settings.farewells):
            if self.phase in HEARD:  # the answer to it is the goodbye
                self._ending = Ending.BOT_GOODBYE
            else:
                self._close(Ending.BOT_GOODBYE, self._settings.goodbye, now)

    # ---- the bot -------------------------------------------------------------

    def _reply_started(self, response_id: str, now: float) -> bool:
        """Whether pieces of this answer are to be heard. Notes it if it is new."""
        if self._replies.is_dead(response_id):
            return False
        if response_id == self._replies.active:
            return True
        self._speech.complete()  # the model gives one answer at a time
        # Its own VAD lets it answer unasked; but not while we say goodbye.
        unasked = self._server_owns and self._replies.answers
        welcome = unasked and self.phase is not Phase.CLOSING
        if not self._replies.started(response_id, welcome=welcome):
            return False
        self._out += self._pending.started(response_id)
        self._progress_at = now
        self._caller_stopped(now)
        self._move(Moment.REPLY_DUE, now)
        self._choose_vad()
        return True

    def _utterance(self, response_id: str, now: float) -> Utterance | None:
        """Find what this piece belongs to; None for an answer that was given up."""
        if not self._reply_started(response_id, now):
            return None
        for spoken in self._speech.utterances:
            if spoken.response_id == response_id:
                return spoken
        spoken = self._speech.begin(response_id, self._notes.next_seq(), now)
        spoken.must_hear, self._must_hear = self._must_hear, False
        spoken.name = self._pending.begun(response_id)
        return spoken

    def _bot_audio(self, response_id: str, pcm16: bytes, now: float) -> None:
        if spoken := self._utterance(response_id, now):
            self._progress_at = now
            self._speech.add(spoken, spoken.downsampler.push(pcm16))

    def _reply_done(self, response_id: str, now: float) -> None:
        if self._amend and self._amend.response_id == response_id:
            self._replies.send(self._amend)  # before the next answer is asked for
            self._amend = None
        wanted = self._replies.done(response_id)
        if not wanted:
            return
        self._speech.complete()
        self._out += self._pending.done(response_id)
        if self.phase is Phase.WAITING and not self._speech.waiting:
            self._nothing_said(now)

    def _nothing_said(self, now: float) -> None:
        """An answer was over before there was any audio of it."""
        if self._retried:
            self._listen(now)
        else:
            self._ask_again(now)

    def _say(self, name: str, prompt: Prompt, now: float) -> None:
        """Say words of ours, or let the model say them if they weren't rendered."""
        if prompt.ulaw is None:
            self._must_hear, self._retried = prompt.must_hear, False
            self._progress_at = now
            self._out += self._pending.given_up()
            self._pending.ask(PROMPT + name, prompt.text)
            self._move(Moment.REPLY_DUE, now)
            return
        spoken = self._speech.begin(PROMPT + name, self._notes.next_seq(), now)
        spoken.must_hear = prompt.must_hear
        spoken.text = prompt.text
        self._speech.add(spoken, prompt.ulaw)
        self._speech.complete()

    # ---- what somebody on our side wants ---------------------------------------

    def _speak(self, speak: do.Speak, now: float) -> None:
        if self.phase is Phase.CLOSING:
            self._out.append(unsaid(speak))
            return
        if speak.cut:
            self._fall_silent(now)
        self._pending.add(speak)

    def _say_next(self, now: float) -> bool:
        """Say the next of our words that wait, if it is their time; whether it was."""
        if not self._pending:
            return False
        spoken = self._speech.utterances
        whole = all(each.complete for each in spoken) and not self._speech.waiting
        listening = self.phase is Phase.LISTENING
        speak = self._pending.take(
            free=whole and self.phase in OURS,
            silent=listening and not spoken and not self._replies.expected,
        )
        if speak and self._pending.can_say(speak.prompt):
            self._say(speak.id, speak.prompt, now)
        elif speak:
            self._out.append(unsaid(speak))
        return speak is not None

    def _fall_silent(self, now: float) -> None:
        """Nothing is said or due any more, but what the caller says."""
        if self.phase is Phase.CLOSING:
            return
        self._out += self._pending.drop()
        self._cut(now)
        self._amend_reply()
        self._replies.withdraw()
        self._replies.unanswered = False
        self._ending = None
        self._protected_until = now
        # A pause goes on: whether the caller means to speak is still to be found out.
        self._speech.held = self.phase is Phase.TENTATIVE
        self._spoke_until = None
        if self.phase is Phase.WAITING:
            self._listen(now)

    def _answer_caller(self, on: bool, now: float) -> None:
        self._replies.hush(not on)
        if not on and self.phase is not Phase.CLOSING:
            self._ending = None
            if not self._replies.expected:
                self._spoke_until = None
            if self.phase is Phase.WAITING:
                self._listen_unless_due(now)
        self._choose_vad()

    def _reply_wanted(self, now: float) -> None:
        if not self._replies.answers or self.phase in (Phase.CALLER, Phase.CLOSING):
            return
        self._retried = False
        self._progress_at = now
        if self.phase is Phase.WAITING:
            # It doesn't know yet what the next one will, and too little came of it.
            self._cut(now)
            self._replies.withdraw()
        self._move(Moment.REPLY_DUE, now)
        self._replies.ask(do.AskForReply())

    # ---- what was heard of the bot ---------------------------------------------

    def _cut(self, now: float) -> None:
        """Silence the bot, if it has something to say; note how far it came."""
        self._speech.held = False
        if not self._speech.utterances:
            return
        self._unproved.clear()  # the marks of before come back, and prove nothing
        unheard = self._speech.ledger.ends_at(now) > now
        cut, clear = self._speech.cut(now)
        # After a pause, there may be nothing to clear; before the first byte, too.
        if self.phase is Phase.SPEAKING or (self.phase is Phase.TENTATIVE and unheard):
            self._out.append(clear)
        self._replies.withdraw()
        for spoken, heard_ms in cut:
            note = self._note_bot(spoken, heard_ms)
            if not spoken.is_prompt and not spoken.other_session:
                self._amend = do.AmendReply(spoken.response_id, note.heard_text)

    def _note_bot(self, spoken: Utterance, heard_ms: float) -> do.NoteTurn:
        note = self._notes.bot(spoken, heard_ms, self._speech.proved_ms(spoken))
        self._out.append(note)
        name = spoken.name or spoken.response_id
        self._out.append(do.NoteHeard(name, note.heard_ms, not note.interrupted))
        self._last_words = note.generated_text
        if spoken.other_session and self._replies.ready and note.heard_text:
            self._replies.send(do.Recall("bot", note.heard_text))
        if not spoken.is_filler:
            self._endpointing.asked(note.heard_text)
        return note

    def _prove(self) -> None:
        """A mark has come back: of what was heard, more is proved now."""
        for spoken in list(self._unproved):
            if self._speech.proved_ms(spoken) >= ulaw_ms(spoken.sent):
                self._unproved.remove(spoken)
                sent_ms = ulaw_ms(spoken.sent)
                self._out.append(self._notes.bot(spoken, sent_ms, sent_ms))

    def _amend_reply(self) -> None:
        """
        The model believes that it said all of an answer: tell it what was heard.

        As soon as that answer is over: what isn't there yet can't be taken back.
        """
        if self._amend and self._amend.response_id != self._replies.active:
            self._replies.send(self._amend)
            self._amend = None

    def _refused(self, kind: str, now: float) -> None:
        if kind == "ongoing_response":
            self._replies.collided()
            return
        attempt = self._next_awaited()
        self._replies.tape.refused()
        self._out += self._transcript.refused()
        if attempt:
            self._awaited.remove(attempt)
            self._decide(attempt, OF_WORDS[Words.NOTHING], now)
            return
        if self._transcript.unnamed:
            return  # what was asked for since then is the answer to another turn
        if self._barged:
            self._floor.stopped_for_nothing()
        self._replies.no_speech()
        if self.phase is Phase.WAITING and not self._replies.expected:
            self._no_turn(now)

    def _no_turn(self, now: float) -> None:
        """It was noise. If it cut off the answer to a turn, that is asked for again."""
        self._drop_turn(now)
        if self._replies.unanswered:
            self._progress_at = now
            self._move(Moment.REPLY_DUE, now)
            self._replies.ask(do.AskForReply())
        else:
            self._listen(now)

    def _listen(self, now: float) -> None:
        """No answer comes: the caller has the floor."""
        self._spoke_until = None
        self._must_hear = False
        self._move(Moment.TURN_DROPPED, now)

    def _listen_unless_due(self, now: float) -> None:
        """The model isn't to answer: nothing comes, unless it does already."""
        if not self._replies.answers and not self._replies.expected:
            self._listen(now)

    # ---- the end -------------------------------------------------------------

    def _model_lost(self, ending: Ending, now: float, *, heals: bool = True) -> None:
        """Another session takes its place; if none does, the model is lost for good."""
        if self._replies.gone:
            return
        redial = None
        if self.phase is not Phase.CLOSING:
            redial = self._recovery.lost(ending, now, heals=heals)
        if redial:
            self._out.append(redial)
            if self._replies.ready:
                self._lapse(now)
        else:
            self._without_model(self._recovery.ending, now)

    def _lapse(self, now: float) -> None:
        """Keep for another session what this one was asked for and hasn't done."""
        replies, tape = self._replies, self._replies.tape
        active, waiting = replies.active, self.phase is Phase.WAITING
        if self._server_finds and waiting:
            self._server_finds = False  # the turn is over: nobody need find it anew
            self._voice.stream(False)
            if self._transcript.unnamed:
                tape.committed()
            tape.forget()
        over = tape.over()
        heard: list[Action] = [do.FindTurns(False)] if self._server_owns else []
        for turn in over:
            heard += turn
        if self._server_finds:
            heard.append(do.FindTurns(True))
        heard += tape.open()
        begun = any(s.response_id == active and s.size for s in self._speech.utterances)
        replies.lapse(heard, begun=begun)
        self._pending.asked_anew(replies.request)
        self._speech.complete(broke_off=True)
        self._amend = None
        self._out += self._transcript.flush(len(over))
        named_anew = self._transcript.unnamed_seqs
        for attempt in list(self._awaited):
            attempt.item_id = None
            if attempt.caller_seq not in named_anew:
                self._awaited.remove(attempt)
        self._filled = False
        if waiting and not replies.expected and not replies.broke_off:
            replies.ask(do.AskForReply())
            self._listen_unless_due(now)

    def _session_ready(self, now: float) -> None:
        if back := self._recovery.back(now):
            self._out += [back, *self._memory.recalled()]
            for spoken in self._speech.utterances:
                spoken.other_session = not spoken.is_prompt
        self._progress_at = now
        self._replies.open()

    def _without_model(self, ending: Ending, now: float) -> None:
        """The model is lost for good."""
        self._replies.lose()
        self._speech.complete(broke_off=True)
        if not self._model_optional:
            self._close(ending, self._settings.apology, now)
        elif self.phase is not Phase.CLOSING:
            self._out.append(do.ModelGone(ending))
            self._spoke_until = None
            if self.phase is Phase.WAITING:
                self._listen(now)
            self._choose_vad()

    def _close(self, ending: Ending, last_words: Prompt, now: float) -> None:
        """Say the last words, if there are any; hang up when they were heard."""
        if self.phase is Phase.CLOSING:
            return
        self._out += self._pending.drop()
        self._cut(now)
        self._amend = None
        self._drop_turn(now)
        self._replies.withdraw()
        self._move(Moment.CLOSE, now)
        self._ending = ending
        self._close_by = now + self._settings.stall_s + CLOSE_GRACE_S
        if last_words.ulaw is not None or last_words.text:
            self._say(ending.value, last_words, now)
            self._close_by += last_words.length_ms / 1000

    def _end(self, ending: Ending, now: float) -> None:
        for spoken, heard_ms in self._speech.cut(now)[0]:
            self._note_bot(spoken, heard_ms)
        self._out += [*self._pending.drop(), *self._pending.given_up(over=True)]
        self._drop_turn(now)
        self._out += self._transcript.flush()
        self._move(Moment.END, now)
        self._deadline = None
        self._out.append(do.HangUp(ending))

    # ---- after every event ---------------------------------------------------

    def _finish(self, now: float) -> list[Action]:
        """Send what is due; look at the clock if anything changed, or is due."""
        if self.phase is not Phase.ENDED:
            self._pump(now)
            if self._deadline is None or now >= self._deadline:
                while self._look_at_clock(now):
                    pass  # what was done may have made something else due
                self._out += self._pending.given_up()
        if not self._out:
            return []
        out = self._out.copy()
        self._out.clear()  # it stays the same: who appends to it needn't know us
        for action in out:
            if isinstance(action, do.NoteTurn):
                self._memory.note(action)
        return out

    def _pump(self, now: float) -> None:
        due_at = self._speech.due_at(now)
        if not self._speech.waiting or (due_at is not None and due_at > now):
            return
        for action in self._speech.pump(now):
            self._out.append(action)
            spoken = self._speech.speaker
            if spoken and spoken is not self._speaker:
                self._audible(spoken, now)
        if self._speech.due_at(now) is None:
            self._deadline = None  # what comes next is its end, or a hole

    def _audible(self, spoken: Utterance, now: float) -> None:
        """The first audio of this was sent."""
        self._deadline = None
        self._speaker = spoken
        # Words of ours answer nothing: what is due is so behind them.
        if not spoken.is_prompt:
            self._recovery.answered()
            self._replies.tape.answered()
        if not spoken.is_prompt or self.phase is Phase.CLOSING:
            self._replies.unanswered = False
            if self._spoke_until is not None:
                spoken.reply_ms = round((now - self._spoke_until) * 1000)
                self._spoke_until = None
                ended, self._turn_end = self._turn_end, None
                if ended:
                    self._out.append(answered(ended, spoken.reply_ms))
        if self._move(Moment.BOT_AUDIBLE, now):
            self._protected_until = now + self._protect_s
            self._protect_s = 0.0

    def _look_at_clock(self, now: float) -> bool:
        """Do what is due, one thing at a time; whether there was something."""
        for spoken, heard_ms in self._speech.take_heard(now):
            if self._note_bot(spoken, heard_ms).proved_ms < round(heard_ms):
                self._unproved.append(spoken)
                del self._unproved[:-MAX_UNPROVED]
        while self._say_next(now):
            pass
        silent = not self._speech.utterances
        if silent and self._move(Moment.BOT_HEARD, now):
            self._bot_heard(now)
            while self._say_next(now):
                pass
        if self.phase is Phase.CLOSING and silent and not self._replies.expected:
            proved = self._speech.ledger.all_proved
            grace_s = 0.0 if proved else CLOSE_GRACE_S
            self._close_by = min(self._close_by, now + grace_s)
        self._pump(now)
        soonest = inf
        for due, act in self._timers(now):
            if now >= due:
                act()
                return self.phase is not Phase.ENDED
            soonest = min(soonest, due)
        if (due_at := self._speech.due_at(now)) is not None:
            soonest = min(soonest, due_at + CLOCKED_S)
        if (heard_at := self._speech.heard_at(now)) is not None:
            soonest = min(soonest, heard_at + TICK_S)
        self._deadline = soonest
        return False

    def _bot_heard(self, now: float) -> None:
        """The bot has said what it had to say."""
        if self._ending:
            self._close(self._ending, Prompt(""), now)
        elif self._replies.broke_off:
            self._move(Moment.REPLY_DUE, now)
            self._progress_at = now
            self._replies.go_on()
        elif self._spoke_until is not None or self._replies.expected:
            # That was a filler, or words of ours: the answer is due.
            self._move(Moment.REPLY_DUE, now)
            if not self._server_owns and not self._replies.expected:
                self._nothing_said(now)  # it came, and was empty

    def _timers(self, now: float) -> Iterator[tuple[float, Callable[[], None]]]:
        """What happens when, in this phase, unless something happens before."""
        wants = self._settings
        yield (
            self._media_at + wants.no_media_s,
            lambda: self._end(Ending.NO_MEDIA, now),
        )
        if self.phase is Phase.CLOSING:
            why = self._ending or Ending.BOT_GOODBYE
            yield self._close_by, lambda: self._end(why, now)
            return
        yield (
            self._began_at + wants.duration_s,
            lambda: self._close(Ending.MAX_DURATION, wants.goodbye, now),
        )
        if not self._replies.ready and not self._replies.gone:
            ready_by = self._began_at + wants.ready_s
            if self._recovery.away:
                ready_by = self._recovery.give_up_at
            yield ready_by, lambda: self._model_lost(Ending.STEPFUN_REFUSED, now)
        elif self.phase is Phase.WAITING:
            yield self._progress_at + wants.stall_s, lambda: self._nothing_came(now)
        if self.phase is Phase.WAITING:
            away = self._recovery.away
            late = self._spoke_until is not None or away  # not so a greeting
            begun = self._filled or self._speech.utterances
            if self._fillers and late and not begun:
                yield self._since + wants.filler_after_s, lambda: self._fill(now)
        elif (dry_at := self._speech.dry_at(now)) is not None:
            dry_at = max(self._progress_at, dry_at)
            yield dry_at + wants.stall_s, lambda: self._no_more_came(now)
        if self.phase is Phase.LISTENING:
            yield (
                self._since + wants.idle_s,
                lambda: self._close(Ending.IDLE, wants.goodbye, now),
            )
        elif self.phase is Phase.TENTATIVE and (attempt := self._attempt):
            yield self._line_until + GAP_S, lambda: self._fill_gap(now)
            if not attempt.due:
                due_at = attempt.paused_at + UNNOTICED_S
                yield due_at, lambda: self._fall_due(attempt, now)
            decide_by = attempt.decide_by(wants.barge_in)
            yield decide_by, lambda: self._time_is_up(attempt, now)
        elif self.phase is Phase.CALLER:
            yield self._line_until + GAP_S, lambda: self._fill_gap(now)
            if self._server_finds:
                heard_at = max(self._since, self._voice_heard_at)
                yield heard_at + SERVER_VAD_S, lambda: self._no_turn(now)

    def _time_is_up(self, attempt: Attempt, now: float) -> None:
        """Nothing has told whether the caller means it."""
        self._decide(attempt, attempt.when_time_is_up(), now)

    def _fill(self, now: float) -> None:
        """An answer is due and late: say so, once."""
        self._filled = True
        self._say(FILLER, self._fillers[0], now)
        self._fillers.rotate(-1)

    def _nothing_came(self, now: float) -> None:
        """An answer is due and nothing comes: ask again, then give up."""
        if self._retried:
            self._model_lost(Ending.STEPFUN_STALLED, now)
        else:
            self._ask_again(now)

    def _ask_again(self, now: float) -> None:
        self._cut(now)  # too little of it came to be sent
        self._retried = True
        self._progress_at = now
        self._replies.retry()
        self._listen_unless_due(now)

    def _no_more_came(self, now: float) -> None:
        """An answer broke off: what was heard of it was all of it."""
        self._replies.withdraw()
        self._speech.complete(broke_off=True)

    def _move(self, moment: Moment, now: float) -> bool:
        """Change phase as the table says; whether it says so."""
        after = TRANSITIONS.get((self.phase, moment))
        if after is None:
            return False
        self.phase = after
        self._since = now
        self._retune_if_free()
        if moment is not Moment.CALLER_STOPPED:
            self._choose_vad()
        return True

    def _retune_if_free(self) -> None:
        """Take over other settings, if nothing is decided by those of before."""
        if self._retune is None or self.phase not in BETWEEN:
            return
        barge_in, listening = self._retune.barge_in, self._retune.listening
        self._retune = None
        wants = replace(self._settings, barge_in=barge_in, listening=listening)
        self._settings = self._journal.settings = wants
        self._floor.min_ms = barge_in.min_ms
        self._endpointing.retune(listening)
        self._voice.limit(listening.max_turn_ms)

    def _choose_vad(self) -> None:
        """Let the model's own VAD find the caller's turns, or do it ourselves."""
        if not self._server_owns or self.phase not in FINDS_TURNS:
            return
        by_server = FINDS_TURNS[self.phase] and self._replies.answers
        if self._server_finds is not by_server:
            self._server_finds = by_server
            self._replies.send(do.FindTurns(by_server))
            self._voice.stream(by_server)


def _fillers(settings: Settings) -> deque[Prompt]:
    """Those that can be said while the model is busy."""
    return deque(each for each in settings.fillers if each.ulaw)
