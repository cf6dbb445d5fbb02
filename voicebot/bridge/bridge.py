"""The life of one call, from its first frame to `HangUp`."""

from collections.abc import Callable, Iterator
from math import inf
from typing import assert_never

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME, ULAW_SILENCE
from voicebot.bridge import model as do
from voicebot.bridge.caller import CallerVoice
from voicebot.bridge.model import TRANSITIONS, Action, Ending, Event, Moment, Phase
from voicebot.bridge.notes import Notes, says_farewell
from voicebot.bridge.replies import Replies
from voicebot.bridge.settings import Prompt, Settings
from voicebot.bridge.speech import PROMPT, BotSpeech, Utterance
from voicebot.bridge.transcript import Transcript
from voicebot.bridge.turns import Change

# Speech that makes a turn while nobody speaks. More is asked for while an answer is
# heard or due: there, a click costs the caller that answer.
ONSET_MIN_MS = 100

# The model's own VAD finds speech up to a second after it began, and its end later
# still. It has heard nothing if it is silent for so long after our VAD's last word.
SERVER_VAD_S = 3.0

# Closing waits for the mark behind our last word, but not for ever: marks get lost.
CLOSE_GRACE_S = 2.0

# A caller's line brings a frame every 20 ms, or so most reports say; others have seen
# lines that are silent without a word. So what is missing for this long was silence.
GAP_S = 0.2
FRAME_S = FRAME_MS / 1000
SILENT_FRAME = ULAW_SILENCE * ULAW_FRAME

# So that a deadline never falls just before what it waits for.
TICK_S = 0.001


class Bridge:
    """
    One call as a state machine.

    Args:
        settings: how to conduct it.
        now: when it began. All times are seconds on one clock that never goes back.
    """

    def __init__(self, settings: Settings, now: float) -> None:
        self.phase = Phase.LISTENING
        self._settings = settings
        self._server_owns = settings.owner == "server"
        self._began_at = self._since = self._progress_at = now
        self._media_at = self._line_until = now  # what was heard, what was filled in
        self._out: list[Action] = []
        self._deadline: float | None = now
        self._voice = CallerVoice(
            streaming=self._server_owns,
            end_silence_ms=settings.end_silence_ms,
            max_turn_ms=settings.max_turn_ms,
        )
        self._speech = BotSpeech(settings.lead_ms, settings.start_buffer_ms)
        self._replies = Replies(lambda action: self._out.append(action))
        self._notes = Notes(now)
        self._transcript = Transcript(self._notes)
        self._speaker: Utterance | None = None  # what became audible last
        self._spoke_until: float | None = None  # whom the next answer answers
        self._protect_s = 0.0  # of what becomes audible next
        self._protected_until = now
        self._retried = False
        self._amend: do.AmendReply | None = None  # as soon as its answer is over
        self._ending: Ending | None = None
        self._close_by = inf

    def start(self, now: float) -> list[Action]:
        """Begin: greet. Call it once, before any event."""
        greeting = self._settings.greeting
        if greeting.ulaw is not None or greeting.text:
            self._protect_s = self._settings.protect_s
            self._say(f"{PROMPT}greeting", greeting, now)
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

    def _handle_other(self, event: Event, now: float) -> None:
        match event:
            case do.BotAudio(response_id, pcm16):
                self._bot_audio(response_id, pcm16, now)
            case do.BotText(response_id, text):
                if spoken := self._utterance(response_id, now):
                    spoken.text += text
            case do.MarkReturned(name):
                self._speech.ledger.returned(name, now)
            case do.ReplyStarted(response_id):
                self._reply_started(response_id, now)
            case do.ReplyDone(response_id):
                self._reply_done(response_id, now)
            case do.CallerText(item_id, text):
                self._caller_text(item_id, text, now)
            case do.TurnCommitted(item_id):
                self._committed(item_id, now)
            case do.ServerSpeechStarted():
                if self._server_owns and self._may_interrupt(now):
                    self._caller_started(now, now)
            case do.ServerSpeechStopped():
                if self._server_owns:
                    self._caller_stopped(now)
            case do.SessionReady():
                self._replies.open()
                self._progress_at = now
            case do.ModelRefused(kind):
                self._refused(kind, now)
            case do.PeerLost(ending):
                self._peer_lost(ending, now)
            case do.EndRequested(ending):
                self._close(ending, self._settings.goodbye, now)
            case do.CallerKey():
                self._key_pressed(now)
            case do.DeadlineReached() | do.CallerAudio():
                pass  # the clock is looked at after every event
            case _:
                assert_never(event)

    # ---- the caller ----------------------------------------------------------

    def _caller_audio(self, ulaw: bytes, now: float) -> None:
        self._media_at = self._line_until = now
        if self.phase is not Phase.CLOSING:
            for at in range(0, len(ulaw), ULAW_FRAME):
                self._caller_frame(ulaw[at : at + ULAW_FRAME], now)

    def _caller_frame(self, ulaw: bytes, now: float) -> None:
        change = self._voice.push(ulaw, self._speech.gate_dbov(now), self._min_ms(now))
        if change is Change.STARTED:
            self._caller_started(now - self._voice.detector.turn_ms / 1000, now)
        elif change is Change.STOPPED and not self._server_owns:
            self._replies.send(self._voice.end_turn())
            self._replies.send(do.CommitAudio())
            self._caller_stopped(now)
            self._replies.ask(do.AskForReply())
        live = self._server_owns and self.phase is Phase.CALLER
        if batch := self._voice.take(live):
            self._replies.send(batch)

    def _fill_gap(self, now: float) -> None:
        """Hear silence where nothing comes: else the caller's turn would never end."""
        while self._line_until + FRAME_S <= now:
            self._line_until += FRAME_S
            self._caller_frame(SILENT_FRAME, now)

    def _key_pressed(self, now: float) -> None:
        self._since = now  # the caller is there: the idle clock starts anew
        if self._settings.keys_barge_in and self.phase is Phase.SPEAKING:
            self._cut(now)  # a key is no accident, so no span is protected from it
            self._amend_reply()

    def _min_ms(self, now: float) -> int | None:
        """How much speech makes a turn now; None if none may begin."""
        if not self._may_interrupt(now):
            return None
        if self.phase is Phase.LISTENING:
            return ONSET_MIN_MS
        return self._settings.barge_in_min_ms

    def _may_interrupt(self, now: float) -> bool:
        if self.phase is Phase.SPEAKING:
            return self._settings.barge_in and now >= self._protected_until
        return self.phase is not Phase.CLOSING

    def _caller_started(self, started_at: float, now: float) -> None:
        self._cut(now)
        if self._move(Moment.CALLER_STARTED, now):
            self._replies.withdraw()
            self._amend_reply()
            self._voice.begin_turn()
            self._transcript.begin(started_at)
            self._ending = None  # whoever speaks after "goodbye" has more to say
            self._protect_s = 0.0

    def _caller_stopped(self, now: float) -> None:
        if self._move(Moment.CALLER_STOPPED, now):
            self._amend = None
            self._spoke_until = self._last_word_at(now)
            self._transcript.end(self._spoke_until)
            self._voice.detector.reset()
            self._progress_at = now
            self._retried = False

    def _drop_turn(self, now: float) -> None:
        """No item will be made of what the caller is saying, or seemed to say."""
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
        if self._server_owns and not self._transcript.unnamed:
            self._caller_stopped(now)
        self._replies.unanswered = True
        self._out.append(self._transcript.named(item_id, now))

    def _caller_text(self, item_id: str, text: str, now: float) -> None:
        self._out += self._transcript.understood(item_id, text)
        if self._transcript.is_last(item_id) and says_farewell(
            text, self._settings.farewells
        ):
            if self.phase is Phase.SPEAKING:  # the answer to it is the goodbye
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
        welcome = self._server_owns and self.phase is not Phase.CLOSING
        if not self._replies.started(response_id, welcome=welcome):
            return False
        self._progress_at = now
        self._caller_stopped(now)
        self._move(Moment.REPLY_DUE, now)
        return True

    def _utterance(self, response_id: str, now: float) -> Utterance | None:
        """Find what this piece belongs to; None for an answer that was given up."""
        if not self._reply_started(response_id, now):
            return None
        for spoken in self._speech.utterances:
            if spoken.response_id == response_id:
                return spoken
        return self._speech.begin(response_id, self._notes.next_seq(), now)

    def _bot_audio(self, response_id: str, pcm16: bytes, now: float) -> None:
        if spoken := self._utterance(response_id, now):
            self._progress_at = now
            self._speech.add(spoken, spoken.downsampler.push(pcm16))

    def _reply_done(self, response_id: str, now: float) -> None:
        wanted = self._replies.done(response_id)
        self._amend_reply()
        if not wanted:
            return
        self._speech.complete()
        if self.phase is Phase.WAITING and not self._speech.waiting:
            if self._retried:
                self._listen(now)  # it has nothing to say
            else:
                self._ask_again(now)

    def _say(self, name: str, prompt: Prompt, now: float) -> None:
        """Say words of ours, or let the model say them if they weren't rendered."""
        if prompt.ulaw is None:
            self._replies.ask(do.AskToSay(prompt.text))
            self._move(Moment.REPLY_DUE, now)
            return
        spoken = self._speech.begin(name, self._notes.next_seq(), now)
        spoken.text = prompt.text
        self._speech.add(spoken, prompt.ulaw)
        self._speech.complete()

    def _cut(self, now: float) -> None:
        """Silence the bot, if it has something to say; note how far it came."""
        if not self._speech.utterances:
            return
        cut, clear = self._speech.cut(now)
        if self.phase is Phase.SPEAKING:  # else nothing of it was sent yet
            self._out.append(clear)
        self._replies.withdraw()
        for spoken, heard_ms in cut:
            note = self._notes.bot(spoken, heard_ms)
            self._out.append(note)
            if not spoken.is_prompt:
                self._amend = do.AmendReply(spoken.response_id, note.heard_text)

    def _amend_reply(self) -> None:
        """
        The model believes that it said all of an answer: tell it what was heard.

        As soon as that answer is over, but not once a turn of the caller's stands
        behind it: what is told would stand in the wrong place.
        """
        if self._amend and self._amend.response_id != self._replies.active:
            self._replies.send(self._amend)
            self._amend = None

    def _refused(self, kind: str, now: float) -> None:
        if kind == "ongoing_response":
            self._replies.collided()
            return
        self._out += self._transcript.refused()
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
        self._move(Moment.TURN_DROPPED, now)

    # ---- the end -------------------------------------------------------------

    def _peer_lost(self, ending: Ending, now: float) -> None:
        if ending in (Ending.CALLER_HANGUP, Ending.TWILIO_LOST):
            self._end(ending, now)
        else:
            self._replies.lose()
            self._speech.complete()
            self._close(ending, self._settings.apology, now)

    def _close(self, ending: Ending, last_words: Prompt, now: float) -> None:
        """Say the last words, if there are any; hang up when they were heard."""
        if self.phase is Phase.CLOSING:
            return
        self._cut(now)
        self._amend = None
        self._drop_turn(now)
        self._replies.withdraw()
        self._move(Moment.CLOSE, now)
        self._ending = ending
        self._close_by = now + self._settings.stall_s + CLOSE_GRACE_S
        if last_words.ulaw is not None or last_words.text:
            self._say(f"{PROMPT}{ending.value}", last_words, now)
            self._close_by += last_words.length_ms / 1000

    def _end(self, ending: Ending, now: float) -> None:
        for spoken, heard_ms in self._speech.cut(now)[0]:
            self._out.append(self._notes.bot(spoken, heard_ms))
        self._drop_turn(now)
        self._out += self._transcript.flush()
        self._move(Moment.END, now)
        self._out.append(do.HangUp(ending))

    # ---- after every event ---------------------------------------------------

    def _finish(self, now: float) -> list[Action]:
        """Send what is due; look at the clock if something happened, or is due."""
        if self.phase is not Phase.ENDED:
            self._pump(now)
            if self._out or self._deadline is None or now >= self._deadline:
                while self._look_at_clock(now):
                    pass  # what was done may have made something else due
                self._pump(now)
                self._deadline = min(self._deadlines(now), default=None)
        out, self._out = self._out, []
        return out

    def _pump(self, now: float) -> None:
        for action in self._speech.pump(now):
            self._out.append(action)
            spoken = self._speech.speaker
            if spoken and spoken is not self._speaker:
                self._audible(spoken, now)

    def _audible(self, spoken: Utterance, now: float) -> None:
        """The first audio of this was sent."""
        self._speaker = spoken
        self._replies.unanswered = False
        if self._spoke_until is not None:
            spoken.reply_ms = round((now - self._spoke_until) * 1000)
            self._spoke_until = None
        if self._move(Moment.BOT_AUDIBLE, now):
            self._protected_until = now + self._protect_s
            self._protect_s = 0.0

    def _look_at_clock(self, now: float) -> bool:
        """Do what is due, one thing at a time; whether there was something."""
        for spoken, heard_ms in self._speech.take_heard(now):
            self._out.append(self._notes.bot(spoken, heard_ms))
        silent = not self._speech.utterances
        if silent and self._move(Moment.BOT_HEARD, now) and self._ending:
            self._close(self._ending, Prompt(""), now)
        if self.phase is Phase.CLOSING and silent and not self._replies.expected:
            proved = self._speech.ledger.all_proved
            grace_s = 0.0 if proved else CLOSE_GRACE_S
            self._close_by = min(self._close_by, now + grace_s)
        for due, act in self._timers(now):
            if now >= due:
                act()
                return self.phase is not Phase.ENDED
        return False

    def _deadlines(self, now: float) -> Iterator[float]:
        if self.phase is Phase.ENDED:
            return
        if (due_at := self._speech.due_at(now)) is not None:
            yield due_at
        if (heard_at := self._speech.heard_at(now)) is not None:
            yield heard_at + TICK_S
        yield from (due for due, _ in self._timers(now))

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
        if not self._replies.ready:
            yield (
                self._began_at + wants.ready_s,
                lambda: self._peer_lost(Ending.STEPFUN_REFUSED, now),
            )
        elif self.phase is Phase.WAITING:
            yield self._progress_at + wants.stall_s, lambda: self._nothing_came(now)
        elif (dry_at := self._speech.dry_at(now)) is not None:
            dry_at = max(self._progress_at, dry_at)
            yield dry_at + wants.stall_s, lambda: self._no_more_came(now)
        if self.phase is Phase.LISTENING:
            yield (
                self._since + wants.idle_s,
                lambda: self._close(Ending.IDLE, wants.goodbye, now),
            )
        elif self.phase is Phase.CALLER:
            yield self._line_until + GAP_S, lambda: self._fill_gap(now)
            if self._server_owns:
                heard_at = max(self._since, self._voice_heard_at)
                yield heard_at + SERVER_VAD_S, lambda: self._no_turn(now)

    def _nothing_came(self, now: float) -> None:
        """An answer is due and nothing comes: ask again, then give up."""
        if self._retried:
            self._peer_lost(Ending.STEPFUN_STALLED, now)
        else:
            self._ask_again(now)

    def _ask_again(self, now: float) -> None:
        self._cut(now)  # too little of it came to be sent
        self._retried = True
        self._progress_at = now
        self._replies.retry()

    def _no_more_came(self, now: float) -> None:
        """An answer broke off: what was heard of it was all of it."""
        self._replies.withdraw()
        self._speech.complete()

    def _move(self, moment: Moment, now: float) -> bool:
        """Change phase as the table says; whether it says so."""
        after = TRANSITIONS.get((self.phase, moment))
        if after is None:
            return False
        self.phase = after
        self._since = now
        return True
