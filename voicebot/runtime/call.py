"""One call, from the media stream's start to its end."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from math import inf
from typing import Final, assert_never

import structlog
from aiohttp import WSMsgType

from voicebot.bridge import model as do
from voicebot.bridge.arrivals import arrivals
from voicebot.bridge.model import Ending
from voicebot.bridge.vitals import Vital, Vitals
from voicebot.bridge.waterfall import NoteLatency, Waterfall
from voicebot.dialplan.persona import Persona
from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.flow import model as flow
from voicebot.flow.flow import Flow
from voicebot.flow.model import Input, Order
from voicebot.net.media_socket import MediaSocket
from voicebot.net.twilio import TwilioRest
from voicebot.runtime.alarms import Alarms
from voicebot.runtime.director import DirectorLeg
from voicebot.runtime.errands import Errands
from voicebot.runtime.flights import FlightFile
from voicebot.runtime.garbage import tidily
from voicebot.runtime.legs import from_twilio
from voicebot.runtime.metrics import ModelResumed, See, unseen
from voicebot.runtime.model_leg import ModelLeg
from voicebot.runtime.next_step import VOICEMAIL
from voicebot.runtime.no_model import NoModel
from voicebot.runtime.recorder import Recorder
from voicebot.runtime.scribe import Diary
from voicebot.runtime.till import Spender
from voicebot.stepfun.realtime.commands import SessionConfig
from voicebot.store.faults import Fault
from voicebot.store.usage import tokens_of
from voicebot.twilio.messages import Media
from voicebot.twilio.stream import MediaStream

log = structlog.get_logger()

# After we have ended the call at Twilio: its `stop` should come at once.
STOP_S = 2.0

# Twilio's frames have 400 bytes; a larger one than this is dropped unread.
MAX_FRAME_BYTES = 64 * 1024

# A caller who hangs up is told by `stop`, but not always before the close.
PROPER_CLOSE: Final = frozenset({1000, 1001})

# The line is dead already, or was the one to end the call: nothing to hang up.
GONE: Final = frozenset({Ending.CALLER_HANGUP, Ending.TWILIO_LOST})

# The call goes on elsewhere, out of its stream.
LEFT: Final = frozenset({Ending.TRANSFERRED, Ending.VOICEMAIL})

# The caller is owed an apology.
MODEL_FAILED: Final = frozenset(
    {Ending.STEPFUN_LOST, Ending.STEPFUN_REFUSED, Ending.STEPFUN_STALLED}
)


class Call:
    """
    Runs one call.

    Args:
        socket: the media stream, open.
        stream: its protocol, after `start`.
        conduct: makes what runs the conversation; takes the time at which it begins.
        apologises: whether an apology is rendered, for a model that is lost.
        model: its side towards the model, maybe dialled already.
        director: its side towards the director; None if it has none.
        errands: its side towards the operator's own servers.
        stage: what the model is told in a language and in a stage, with what is known
            by then.
        diary: takes what is for the call log, at once.
        spend: takes what an answer cost, and how long the call was on since the one
            before; says which budgets are used up by it.
        leave: sends the call to a target, or to `voicemail`, with what is known of its
            variables, and whether the caller consented; False: nobody is there.
        private: variables whose values are kept out of the call log.
        text: sends a text message, and delivers what became of it.
        recorder: None if the call isn't recorded.
        rest: None if calls can't be ended at Twilio; then its stream is closed, and
            Twilio asks `/twilio/after`.
        alarms: wake it; those of the running loop.
        flight: None if the call leaves no flight record.
        see: takes what is counted.

    Attributes:
        faults: what went wrong, by code.
    """

    def __init__(
        self,
        *,
        call_sid: str,
        account_sid: str,
        socket: MediaSocket,
        stream: MediaStream,
        conduct: Callable[[float], Flow],
        apologises: bool,
        model: ModelLeg | NoModel,
        director: DirectorLeg | None,
        errands: Errands,
        stage: Callable[[Persona, str | None, Mapping[str, str]], SessionConfig],
        diary: Diary,
        spend: Spender,
        leave: Callable[[str, Mapping[str, str], bool], Awaitable[bool]],
        private: frozenset[str],
        text: Callable[[flow.SendSms, Callable[[Input], None]], None],
        recorder: Recorder | None,
        rest: TwilioRest | None,
        alarms: Alarms,
        flight: FlightFile | None = None,
        see: See = unseen,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()
        self._call_sid = call_sid
        self._account_sid = account_sid
        self._socket = socket
        self._stream = stream
        self._now = self._began_at  # of the event that is handled
        self._flow = conduct(self._began_at)
        self._apologises = apologises
        self._model = model
        self._director = director
        self._errands = errands
        self._stage = stage
        self._diary = diary
        self._spend = spend
        self._leave = leave
        self._private = private
        self._text = text
        self._leaves_for: str | None = None
        self._recorder = recorder
        self._flight = flight
        self._rest = rest
        self._over: asyncio.Future[Ending] = self._loop.create_future()
        self._alarms = alarms
        self._alarm: int | None = None
        self._alarm_at = inf
        self.usage = model.usage
        self.faults = model.faults
        self._faults_noted = 0
        self._counted: Counter[str] = Counter()  # of the usage
        self._talked_until_ms = 0
        self._waterfall = Waterfall(self._began_at)
        self._see = see
        self._vitals = Vitals(self._began_at)

    @property
    def known(self) -> Mapping[str, str]:
        """What the variables are worth by now, but for the sensitive ones."""
        return self._flow.values.shown()

    @property
    def consented(self) -> bool:
        """Whether the caller knows of the recording, or agreed to it, by now."""
        return self._flow.consented

    def now_ms(self) -> float:
        """Milliseconds since the call began."""
        return (self._loop.time() - self._began_at) * 1000

    def end(self, ending: Ending) -> None:
        """Ask for a polite end, as a drain does."""
        self.deliver(do.EndRequested(ending))

    async def close_stream(self) -> None:
        """Close the stream, so that Twilio asks `/twilio/after` what comes next."""
        try:
            async with asyncio.timeout(STOP_S):
                await self._socket.library.close()
        except TimeoutError:
            self.faults[Fault.TWILIO_NO_CLOSE] += 1  # web aborts the connection

    async def run(self) -> Ending:
        """
        Run the call until it ends.

        Owns all tasks of the call and leaves none behind: on return, on error and
        on cancellation alike, all have finished.

        Raises:
            ExceptionGroup: a bug of ours. A failing peer is an event, not an exception.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                if self._recorder:
                    tasks.create_task(self._recorder.run(self.now_ms))
                await self._converse()
                self._spend({"minutes": self._talked_ms()})
                if self._recorder:
                    self._recorder.stop()
        finally:
            self._disarm()
        return self._over.result()

    async def _converse(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read(), name="from caller")
            self._perform(self._flow.start(self._began_at))
            talking = [self._model.run, self._errands.run]
            if self._director:
                talking.append(self._director.run)
            started = [tasks.create_task(tidily(run, self.deliver)) for run in talking]
            ending = await self._over
            for each in started:
                each.cancel()
            await self._hang_up(ending, reading)
            reading.cancel()

    # ---- the flow: every event, at once --------------------------------------

    def deliver(self, event: Input) -> None:
        """Hand an event to the flow, and do what it says."""
        self._now = self._loop.time()
        self._note_latency(self._waterfall.happened(event, self._now))
        self._perform(self._flow.handle(event, self._now))
        if isinstance(event, do.ReplyDone):
            self._count_usage()
        elif isinstance(event, flow.LookedUp):
            self._keep_out(*event.values)

    def deliver_late(self, event: Input) -> None:
        """Hand over what may come when the call is over, or out of nobody's turn."""
        if not self._over.done():
            self._guarded(self.deliver, event)

    def _perform(self, orders: list[Order]) -> None:
        try:
            for order in orders:
                self._act(order)
                self._note_latency(self._waterfall.did(order, self._now))
        finally:
            self._socket.flush()
        self._note_faults()
        self._arm()

    def _act(self, action: Order) -> None:
        match action:
            case do.PlayToCaller(ulaw, at):
                self._send(self._stream.play(ulaw))
                self._note_vital(self._vitals.played(len(ulaw), at))
                if self._recorder:
                    self._recorder.bot(ulaw, self._ms(at))
            case do.MarkCaller(name):
                self._send(self._stream.mark(name))
            case do.ClearCaller(at):
                self._send(self._stream.clear())
                self._vitals.cleared(at)
                if self._recorder:
                    self._recorder.cut(self._ms(at))
            case do.NoteTurn():
                self._diary.turn(action)
            case do.NoteDecision():
                self._diary.decision(action)
                self._note_vital(self._vitals.decided(action))
            case do.NoteHeard():
                pass  # for the flow, which has seen it
            case do.ModelGone():
                self._diary.model_lost(self._ms(self._now))
            case do.Redial():
                self._redial(action)
            case do.ModelBack(away_ms, attempts):
                log.info("model back", away_ms=away_ms, attempts=attempts)
                self._see(ModelResumed(away_ms))
            case do.HangUp(ending) if not self._over.done():  # else a bug ended it
                self._over.set_result(ending)
            case do.HangUp():
                pass
            case (
                do.AppendAudio()
                | do.CommitAudio()
                | do.AskForReply()
                | do.AskToSay()
                | do.CancelReply()
                | do.AmendReply()
                | do.ForgetTurn()
                | do.FindTurns()
                | do.Recall()
                | do.GoOn()
                | flow.ToolOutput()
                | flow.TellModel()
            ):
                self._model.send(action)
            case flow.UpdateSession(stage):
                shown = self._flow.values.shown()
                self._model.instruct(self._stage(self._flow.persona, stage, shown))
            case flow.AskDirector():
                assert self._director  # the persona has one
                self._director.ask(action)
            case flow.PauseRecording(on):
                if on and self._flight:
                    self._flight.stop()  # it holds what is said, and can't leave it out
                if self._recorder:
                    self._recorder.pause(on, self._ms(self._now))
            case flow.RecordCall(on):
                if self._recorder:
                    self._recorder.allow(on, self._ms(self._now))
            case flow.NoteEvent(kind, name, detail):
                log.info("call event", kind=kind, name=name, detail=detail or None)
                self._diary.flow(action, self._ms(self._now))
                self._keep_out(name)
            case flow.SendSms():
                self._text(action, self.deliver_late)
            case flow.Fetch():
                self._errands.fetch(action)
            case flow.Abandon(id):
                self._errands.abandon(id)
            case flow.Leave(_, target):
                self._leaves_for = target or VOICEMAIL
            case _:
                assert_never(action)

    def _keep_out(self, *names: str) -> None:
        """Keep values out of the call log that are private, if these are any."""
        for name in self._private.intersection(names):
            self._diary.know(name, self._flow.values.known(name))

    def _redial(self, order: do.Redial) -> None:
        if order.ending is Ending.STEPFUN_STALLED:  # else the leg has noted why
            self.faults[Fault.STEPFUN_STALLED] += 1
        log.warning(
            "model dialled anew",
            why=order.ending.value,
            within_ms=round((order.give_up_at - self._now) * 1000),
            engine="cascade" if order.spare else None,
        )
        assert isinstance(self._model, ModelLeg)  # none: nothing that could heal
        self._model.redial(order.give_up_at, spare=order.spare)

    def _note_faults(self) -> None:
        """Put new faults into the record: each code once, when it is first seen."""
        if len(self.faults) > self._faults_noted:
            for code in list(self.faults)[self._faults_noted :]:
                self._diary.fault(code, self._ms(self._now))
            self._faults_noted = len(self.faults)

    def _note_latency(self, note: NoteLatency | None) -> None:
        if note:
            self._diary.latency(note)
            self._note_vital(self._vitals.answered(note))

    def _note_vital(self, vital: Vital | None) -> None:
        if vital:
            self._see(vital)

    def _count_usage(self) -> None:
        """Put into the record what an answer cost; budgets may be used up by it."""
        if news := self.usage - self._counted:
            self._counted = Counter(self.usage)
            ucny = self._diary.usage(news, self._ms(self._now))
            talked_ms, tokens = self._talked_ms(), tokens_of(news)
            reached = self._spend({"cny": ucny, "tokens": tokens, "minutes": talked_ms})
            for each in reached:
                self.deliver(each)

    def _talked_ms(self) -> int:
        """How long the call has been on since this was asked last."""
        before, self._talked_until_ms = self._talked_until_ms, round(self.now_ms())
        return self._talked_until_ms - before

    def _send(self, frame: bytes) -> None:
        if not self._socket.send(frame):
            self.faults[Fault.TWILIO_WRITE_BLOCKED] += 1
            # Not at once: we are in the middle of the flow's orders.
            lost = do.PeerLost(Ending.TWILIO_LOST)
            self._loop.call_soon(self._guarded, self.deliver, lost)

    def _ms(self, at: float) -> float:
        return (at - self._began_at) * 1000

    # ---- the clock -----------------------------------------------------------

    def _arm(self) -> None:
        """Set the alarm, unless it rings early enough: most deadlines only move on."""
        deadline = self._flow.next_deadline()
        if deadline is None or deadline >= self._alarm_at:
            return
        self._disarm()
        self._alarm_at = deadline
        self._alarm = self._alarms.set(self, deadline)

    def ring(self) -> None:
        """Take the alarm that was set."""
        self._alarm, self._alarm_at = None, inf
        self._guarded(self._look_at_clock)

    def _look_at_clock(self) -> None:
        deadline = self._flow.next_deadline()
        if deadline is not None and self._loop.time() >= deadline:
            self.deliver(do.DeadlineReached())
        else:
            self._arm()

    def _guarded(self, act: Callable[..., None], *args: Input | list[bytes]) -> None:
        """Do what the loop calls: an exception there would end nothing."""
        try:
            act(*args)
        except Exception as exc:  # noqa: BLE001 - a bug of ours: it ends the call
            if not self._over.done():
                self._over.set_exception(exc)

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarms.stop(self, self._alarm)
        self._alarm, self._alarm_at = None, inf

    # ---- the caller's side ---------------------------------------------------

    async def _read(self) -> None:
        try:
            await self._read_frames()
        except ConnectionError:  # of a pong that couldn't be written, say
            self.faults[Fault.TWILIO_RESET] += 1
        proper = self._socket.library.close_code in PROPER_CLOSE
        ending = Ending.CALLER_HANGUP if proper else Ending.TWILIO_LOST
        self.deliver(do.PeerLost(ending))

    async def _read_frames(self) -> None:
        self._socket.listen(self._hear)
        try:
            async for frame in self._socket.library:
                if frame.type is WSMsgType.ERROR:
                    return
                if frame.type is WSMsgType.TEXT:
                    self._read_texts([frame.data])
                else:
                    self._bad_frame("expected text, got a binary frame")
        finally:
            self._socket.listen(None)

    def _hear(self, texts: list[bytes]) -> None:
        self._guarded(self._read_texts, texts)
        self._socket.gather(self._flow.patience)

    def _read_texts(self, texts: list[bytes]) -> None:
        """Handle what was read at once."""
        now = self._loop.time()
        events = [event for text in texts if (event := self._parsed(text, now))]
        for event in arrivals(events):
            if isinstance(event, do.CallerAudio):
                self._now = now
                self._perform(self._flow.handle(event, now))
            else:
                self.deliver(event)

    def _parsed(self, data: bytes, now: float) -> do.Event | None:
        """What a text means to the flow, if anything."""
        if len(data) > MAX_FRAME_BYTES:
            self._bad_frame(f"expected a frame, got {len(data)} bytes")
            return None
        try:
            message = self._stream.receive(data)
        except RemoteProtocolError as exc:
            self._bad_frame(str(exc))
            return None
        if isinstance(message, Media):
            if self._recorder:
                self._recorder.caller(message.ulaw, message.timestamp_ms, self._ms(now))
            return do.CallerAudio(message.ulaw)
        event = from_twilio(message) if message else None
        if isinstance(event, do.CallerKey):
            digit = event.digit if self._flow.is_choice(event.digit) else ""
            self._diary.key(self._ms(now), digit)
        return event

    def _bad_frame(self, error: str) -> None:
        """Drop it. One that sends nothing else is found by its missing audio."""
        self.faults[Fault.TWILIO_BAD_FRAME] += 1
        if self.faults[Fault.TWILIO_BAD_FRAME] == 1:
            log.warning("bad frame from Twilio", error=error)

    async def _hang_up(self, ending: Ending, reading: Awaitable[None]) -> None:
        """
        End the call at Twilio, then the stream.

        Unless the caller was to hear an apology and we have none: then the stream
        ends first, and Twilio asks `/twilio/after`, which speaks it.
        """
        silent = ending in MODEL_FAILED and not self._apologises
        if ending in LEFT and self._leaves_for:
            await self._go_to(self._leaves_for, reading)
        elif ending not in GONE and self._rest and not silent:
            try:
                await self._rest.hang_up(self._account_sid, self._call_sid)
                async with asyncio.timeout(STOP_S):
                    await asyncio.shield(reading)
            except UpstreamError as exc:
                self.faults[Fault.TWILIO_HANGUP_FAILED] += 1
                log.error("hang-up failed", detail=exc.detail, status=exc.status)
            except TimeoutError:
                self.faults[Fault.TWILIO_NO_STOP] += 1
        await self.close_stream()

    async def _go_to(self, wanted: str, reading: Awaitable[None]) -> None:
        """Send the call elsewhere; Twilio ends its stream then."""
        try:
            if await self._leave(wanted, self.known, self.consented):
                async with asyncio.timeout(STOP_S):
                    await asyncio.shield(reading)
            else:  # it closed meanwhile; Twilio asks `/twilio/after`
                self.faults[Fault.TRANSFER_NOWHERE] += 1
        except TimeoutError:
            self.faults[Fault.TWILIO_NO_STOP] += 1
