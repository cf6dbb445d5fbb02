"""What becomes of each call: admitted, connected, run, written down."""

import asyncio
import fcntl
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path

import structlog
from aiohttp import ClientSession, TCPConnector

from voicebot.bridge.bridge import Bridge
from voicebot.bridge.flight import RecordedBridge
from voicebot.bridge.model import Ending
from voicebot.config import Settings
from voicebot.dialplan.calls import CallFacts
from voicebot.dialplan.keypads import keypads
from voicebot.dialplan.model import Action, Dialplan, Do, Queued
from voicebot.dialplan.routing import Decision, choose, settled, spoken_in
from voicebot.errors import ConfigError, StoreError, UpstreamError
from voicebot.flow.budget import Amounts
from voicebot.flow.model import BudgetReached
from voicebot.net.asr import Asr
from voicebot.net.chat import Chat
from voicebot.net.errands import ErrandClient, open_errands
from voicebot.net.media_socket import MediaSocket
from voicebot.net.tts import Tts
from voicebot.net.twilio import TwilioRest
from voicebot.net.webhooks import Webhooks
from voicebot.runtime.after_call import Messenger
from voicebot.runtime.alarms import Alarms
from voicebot.runtime.answers import Connect, Refuse, Tell
from voicebot.runtime.call import Call
from voicebot.runtime.conduct import (
    apology_of,
    can_be_said,
    flow_of,
    session_config,
)
from voicebot.runtime.crew import Crew, Handover
from voicebot.runtime.director import DirectorLeg
from voicebot.runtime.discretion import policy_of, private_names, private_values
from voicebot.runtime.engines import Engines
from voicebot.runtime.errands import Errands, Lookups
from voicebot.runtime.flights import FlightFile, flight_path
from voicebot.runtime.forward import Answer, Origin
from voicebot.runtime.forwarding import RESUMED, Forwarding
from voicebot.runtime.garbage import Sweeper
from voicebot.runtime.housekeeping import Housekeeping, archive_of
from voicebot.runtime.learnt import what_models_refuse
from voicebot.runtime.live import TOKEN_S, Earlier, Full, LiveCalls, Ticket
from voicebot.runtime.metrics import Load, Metrics, StreamBegan, watch_loop
from voicebot.runtime.model_leg import ModelLeg
from voicebot.runtime.neural import load_neural
from voicebot.runtime.next_step import Record, Ring, twiml_for
from voicebot.runtime.no_model import NoModel
from voicebot.runtime.plans import Plans
from voicebot.runtime.prompts import Prompts
from voicebot.runtime.queueing import Queueing, Waiter
from voicebot.runtime.reception import (
    facts_of,
    known,
    origin_of,
    received,
    refusal,
    returning,
    wanted,
)
from voicebot.runtime.recorder import Recorder, Recordings
from voicebot.runtime.reviews import Reviewer
from voicebot.runtime.scribe import NOTHING_EARLIER, Diary, Scribe, ending, now
from voicebot.runtime.texting import Texting
from voicebot.runtime.till import Till, load_prices
from voicebot.runtime.transcripts import Transcriber
from voicebot.runtime.warm import WarmLegs
from voicebot.store.archive import name_of
from voicebot.store.faults import Fault
from voicebot.store.instance import Instance
from voicebot.store.orphans import HEARTBEAT_S
from voicebot.store.records import Call as LoggedCall
from voicebot.store.records import CallEnded, CallStarted, EndReason, Recording
from voicebot.store.writer import Writer, open_writer
from voicebot.twilio.stream import MediaStream
from voicebot.twilio.webhooks import IncomingCall

log = structlog.get_logger()

REAP_S = 1.0
CLOSE_BOOKS_S = 15.0
BOOK_S = 5.0  # a stream that is ending has ended by then; Twilio waits 15 s
RENDER_AGAIN_S = 60.0
CHORE_AGAIN_S = 5.0

# Ends of which the caller, if still there, has heard nothing yet.
UNEXPLAINED = frozenset(
    {
        None,  # still open: the stream ended, and nobody here saw it
        EndReason.INTERNAL_ERROR,
        EndReason.NEVER_CONNECTED,
        EndReason.NODE_CRASH,
        EndReason.NO_MEDIA,
        EndReason.PROTOCOL,
        EndReason.STEPFUN_LOST,  # these three if we had no apology to play
        EndReason.STEPFUN_REFUSED,
        EndReason.STEPFUN_STALLED,
        EndReason.TRANSFERRED,  # by a process that has ended, to who didn't answer
        EndReason.TWILIO_LOST,
    }
)


class Switchboard:
    """Owns all calls of this process. Made by `open_switchboard`."""

    def __init__(
        self,
        settings: Settings,
        plans: Plans,
        writer: Writer,
        instance: Instance,
        http: ClientSession,
        client: ErrandClient,
        disk: ThreadPoolExecutor,
        till: Till | None = None,
    ) -> None:
        assert settings.stepfun_api_key
        self._settings = settings
        api_key = settings.stepfun_api_key.get_secret_value()
        self.plans = plans
        self.store = writer.store
        self.metrics = Metrics()
        writer.seen = self.metrics.note
        self._backlog = writer.backlog
        self.till = till or Till(lambda: plans.current, now)
        prices = load_prices(settings.prices)
        self.scribe = Scribe(writer, prices, self._told_over)
        base_url = settings.stepfun_base_url
        self._chat = Chat(http, base_url, api_key)
        self._engines = Engines(http, self._chat, base_url, api_key)
        self._rest = _rest(settings, http)
        archive = archive_of(settings)
        self.keeper = Housekeeping(settings, archive, self.scribe, self.store.database)
        asr = Asr(http, base_url, api_key)
        self.messenger = Messenger(
            writer.store,
            lambda: plans.current,
            _webhooks(settings, http),
            Reviewer(writer.store, self._chat, self.scribe),
            now,
            Transcriber(
                writer.store,
                asr,
                self._rest,
                archive,
                self.scribe,
                self.keeper.silence,
            ),
            self.scribe.stored,
        )
        self._instance = instance
        self._disk = disk
        self._recordings = Recordings(disk)
        self._loop = asyncio.get_running_loop()
        self._alarms = Alarms()
        tts = Tts(http, base_url, api_key)
        self.prompts = Prompts(settings.data / "prompts", tts)
        self.texting = Texting(self._rest, settings.twilio_messaging_service_sid)
        self._calls: dict[str, Call] = {}
        self._sweeper = Sweeper(self._loop.call_soon)
        self._arriving: dict[str, asyncio.Lock] = {}
        self._booked: dict[str, asyncio.Event] = {}
        self._over_now = False  # time is up: no stream is let in any more
        self._plan_changed = asyncio.Event()
        self._quiet = asyncio.Event()  # no call is there
        self._quiet.set()
        self.live = LiveCalls(settings.max_calls)
        self.warm = WarmLegs()
        self._client = client
        self.lookups = Lookups(client)
        self._neural = load_neural()
        self.forwarding = Forwarding(
            self.scribe,
            clock=self._loop.time,
            takes_back=lambda: not self.live.draining,
            connect=self._let_in,
            booked=self._until_booked,
            apology=self.apology_for,
        )
        self.queueing = Queueing(
            self.forwarding, clock=self._loop.time, connect=self._let_in
        )
        self.crew: Crew | None = None
        """Who conducts the calls; None: this process does it itself."""
        self._refused = what_models_refuse(settings, now())  # of repairs, by model

    # ---- a call arrives ------------------------------------------------------

    async def incoming(self, call: IncomingCall) -> Answer | None:
        """
        Decide what becomes of a call, and write it down before anyone is told.

        Returns:
            What Twilio is to do; None: hang up.

        Raises:
            StoreError: the call log can't be written.
        """
        lock = self._arriving.setdefault(call.call_sid, asyncio.Lock())
        try:
            async with lock:
                ticket = self.live.waiting(call.call_sid)
                if ticket:  # Twilio repeats a webhook whose answer it didn't get
                    return self._connect(ticket)
                return await self._arrive(call)
        finally:
            if not lock.locked():
                self._arriving.pop(call.call_sid, None)

    async def _arrive(self, call: IncomingCall) -> Answer | None:
        plan = self.plans.current
        facts = facts_of(call, now(), self.live.load(plan))
        decision = choose(plan, facts)
        call_id = uuid.uuid4().hex
        started = CallStarted(
            call_id=call_id,
            call_sid=call.call_sid,
            account_sid=call.account_sid,
            from_number=call.from_number,
            to_number=call.to_number,
            direction=call.direction,
            persona=decision.persona or "",
            route=decision.route,
            dialplan_revision=plan.revision,
            started_at=now(),
            instance_id=self._instance.id,
        )
        if not await self.scribe.started(started):
            # Once more the same, which costs nobody anything.
            told = self.forwarding.again(call.call_sid) or refusal(decision.action)
            if told:
                return told
            log.warning("webhook replayed")  # of a call that ran, or is running
            return Refuse("rejected")
        # Asked as late as this: while the log was written, others were let in.
        meant = decision
        decision, full = received(plan, facts, decision, self._full(plan, facts))
        _tell(decision, call_id)
        do = decision.action
        if isinstance(do, Queued):
            held = self._held(plan, do, started, facts, meant, full)
            if held:
                return held
            do = do.queue.then
        if said := refusal(do):
            self._turned_away(call_id, admission(full))
            self.forwarding.tell(call.call_sid, said)
            return said
        origin = self._origin(plan, do, started, facts, decision.persona)
        origin = replace(origin, faults=admission(full))
        persona = origin.persona
        if persona is None:
            return self._elsewhere(origin, wanted(do))
        origin = known(origin, persona, facts, decision)
        if origin.opening and not can_be_said(origin, self.prompts):
            log.error("a menu isn't rendered", call_id=call_id, menu=decision.menu)
            self._turned_away(call_id, (Fault.MENU_UNRENDERED,))
            said = Tell(persona.apology.text, persona.language)
            self.forwarding.tell(call.call_sid, said)
            return said
        return self._let_in(origin)

    def _let_in(self, origin: Origin, earlier: Earlier = NOTHING_EARLIER) -> Connect:
        """Open a stream for a call, and a model's session if it is to have one."""
        assert origin.persona
        ticket = Ticket(
            origin.call_id,
            origin.call_sid,
            origin.account_sid,
            origin.persona,
            self._loop.time() + TOKEN_S,
            earlier,
            origin=origin,
        )
        if origin.opening is None:
            self._prepare(ticket)
        return self._connect(ticket)

    def _prepare(self, ticket: Ticket) -> None:
        """Do what takes time while Twilio still connects the call."""
        if self.crew:
            self.crew.prepare(ticket)
            return
        self.warm.dial(ticket.call_id, self._leg(ticket))
        self.lookups.begin(ticket.call_id, ticket.persona, ticket.origin.values)

    def _full(self, plan: Dialplan, facts: CallFacts) -> Callable[[bool], Full | None]:
        """Return what says why a call that comes now has no room."""

        def full(menu: bool) -> Full | None:
            why = self._crowded(plan, facts, menu)
            if why or menu:
                return why
            if self.till.refusal(plan, facts):
                return "over_budget"
            return "full" if self.queueing.is_awaited() else None

        return full

    def _crowded(
        self, plan: Dialplan, facts: CallFacts, menu: bool = False
    ) -> Full | None:
        caller, number = facts.caller, facts.to
        return self.live.refusal(plan, caller=caller, number=number, menu=menu)

    def _held(
        self,
        plan: Dialplan,
        do: Queued,
        call: CallStarted,
        facts: CallFacts,
        meant: Decision,
        full: Full | None,
    ) -> Answer | None:
        """Let a call wait for its persona; None if it can't."""
        if meant.menu or full == "over_budget":  # there is nothing to wait for
            return None
        origin = self._origin(plan, meant.action, call, facts, meant.persona)
        otherwise = self._origin(plan, do.queue.then, call, facts, None)
        assert origin.persona
        faults = admission(full)
        waiter = Waiter(
            do.queue,
            replace(known(origin, origin.persona, facts, meant), faults=faults),
            replace(otherwise, faults=faults),
            full=lambda: self._crowded(plan, facts),
        )
        return self.queueing.enter(waiter)

    def _elsewhere(self, origin: Origin, wanted: str) -> Answer | None:
        step = self.forwarding.step(origin, wanted)
        return self.forwarding.send(origin, step)

    def _leg(self, ticket: Ticket) -> ModelLeg:
        persona = ticket.persona
        refused = self._refused[persona.model.name]
        return ModelLeg(
            self._engines.dial(persona),
            session_config(persona, ticket.origin.values),
            # Of repairs a cascade refuses none: what it learns is of no use to others.
            refused if persona.model.engine == "realtime" else set(),
            self._engines.spare(persona),
            self.metrics.see,
        )

    def _connect(self, ticket: Ticket) -> Connect:
        # A proxy brings the stream to us by what it begins with: see deploy/haproxy.
        token = f"{ticket.call_sid}-{secrets.token_urlsafe(24)}"
        self.live.admit(ticket, token)
        self._quiet.clear()
        return Connect(token)

    def _turned_away(self, call_id: str, faults: tuple[Fault, ...]) -> None:
        log.info("call refused", call_id=call_id, why="".join(faults) or "dialplan")
        self.scribe.ended(ending(call_id, EndReason.REJECTED, 0, faults))

    async def apology_for(self, call_sid: str) -> Answer | None:
        """What a caller gets whose stream broke; None if the call ended as it should.

        Asked when the stream is over and the call isn't, so it may be of a call of
        which this process knows nothing.
        """
        await self._until_booked(call_sid)
        call = await self.scribe.call_by_sid(call_sid)
        if call is None or call.end_reason not in UNEXPLAINED:
            return None
        if ticket := self.live.waiting(call_sid):  # this webhook is repeated
            return self._connect(ticket)
        if again := self.forwarding.again(call_sid):
            return again
        plan = self.plans.current
        if plan.specials.failure and RESUMED not in call.faults:
            return await self._resume(plan, plan.specials.failure, call)
        persona = plan.personas.get(call.persona)
        return Tell(persona.apology.text, persona.language) if persona else None

    async def _resume(self, plan: Dialplan, do: Do, call: LoggedCall) -> Answer | None:
        """Do what is to be done with a call whose stream broke."""
        ours, theirs = call.to_number, call.from_number
        if call.direction == "outbound-api":  # we rang them
            ours, theirs = theirs, ours
        facts = CallFacts(ours, theirs, now())
        decision = settled(plan, facts, "specials.failure", do, ())
        if said := refusal(decision.action):
            return said
        origin = self._origin(plan, decision.action, call, facts, decision.persona)
        if persona := origin.persona:
            origin = known(origin, persona, facts, decision)
            if self.live.draining or not can_be_said(origin, self.prompts):
                return Tell(persona.apology.text, persona.language)
        self.forwarding.reopen(call)
        if persona:
            return self._let_in(origin, self.forwarding.earlier(origin))
        return self._elsewhere(origin, wanted(decision.action))

    def _origin(
        self,
        plan: Dialplan,
        do: Action,
        call: CallStarted | LoggedCall,
        facts: CallFacts,
        persona: str | None,
    ) -> Origin:
        return origin_of(
            plan,
            do,
            call_id=call.call_id,
            call_sid=call.call_sid,
            account_sid=call.account_sid,
            caller=facts.from_,
            called=facts.to,
            persona=persona,
            language=spoken_in(plan, facts),
            now=now,
        )

    async def _until_booked(self, call_sid: str) -> None:
        """Wait for a call's stream that is just ending; what it was is written then."""
        if booked := self._booked.get(call_sid):
            with suppress(TimeoutError):
                async with asyncio.timeout(BOOK_S):
                    await booked.wait()

    # ---- it leaves its stream, and comes back -----------------------------------

    async def leave_stream(self, origin: Origin, wanted: str) -> bool:
        """
        Send a call elsewhere, out of its live stream.

        If Twilio can't be told, the stream is closed: then it asks `/twilio/after`.

        Args:
            wanted: a target's name, or `voicemail`.

        Returns:
            False if there is nobody to send it to, and it stays where it is.
        """
        call = self._calls.get(origin.call_sid)
        told = await self.lead_on(origin, wanted) if call else None
        if call is None or told is None:
            return False
        if not told:
            if self._rest:
                call.faults[Fault.TWILIO_REDIRECT_FAILED] += 1
            await call.close_stream()
        return True

    async def lead_on(self, origin: Origin, wanted: str) -> bool | None:
        """
        Note where a call goes, and tell Twilio.

        Returns:
            Whether Twilio knows: if not, it asks when the stream is over. None if
            there is nobody to send it to.
        """
        step = self.forwarding.step(origin, wanted)
        if not isinstance(step, Ring | Record):
            return None
        answer = self.forwarding.send(origin, step)
        twiml = twiml_for(answer, self._settings.public_url or "")
        told = await self._redirected(origin, twiml)
        if not told:
            self.forwarding.untold(origin.call_sid, twiml)
        return told

    async def _redirected(self, origin: Origin, twiml: str) -> bool:
        """Whether Twilio knows what becomes of a call; no need if the call is over."""
        if self._rest is None:
            return False
        account_sid, call_sid = origin.account_sid, origin.call_sid
        try:
            if not await self._rest.redirect(account_sid, call_sid, twiml):
                self.forwarding.cancel(call_sid)
        except UpstreamError as exc:
            log.error("redirect failed", detail=exc.detail, status=exc.status)
            return False
        return True

    # ---- its stream arrives --------------------------------------------------

    def redeem(self, token: str) -> Ticket | None:
        """Burn the token of a stream; None if it admits nobody."""
        return self.live.redeem(token, self._loop.time())

    async def run(
        self, ticket: Ticket, socket: MediaSocket, stream: MediaStream
    ) -> None:
        """Run a call whose stream has been checked, to its end."""
        assert stream.start
        # Before the question: while it waits, the call is in nobody's list.
        known = await self.lookups.greets(ticket.call_id, ticket.persona)
        if self._over_now:
            self.never_started(ticket, EndReason.DRAIN)
            return
        admitted_at = ticket.expires_at - TOKEN_S
        self.metrics.see(StreamBegan(self._loop.time() - admitted_at))
        structlog.contextvars.bind_contextvars(call_id=ticket.call_id)
        self.scribe.answered(ticket.call_id, stream.start.stream_sid)
        self.scribe.private(ticket.call_id, policy_of(ticket.persona))
        for name, value in private_values(ticket.persona, ticket.origin.values).items():
            self.scribe.know(ticket.call_id, name, value)
        log.info("call started", persona=ticket.persona.id)
        booked = self._booked[ticket.call_sid] = asyncio.Event()
        end = ending(ticket.call_id, EndReason.INTERNAL_ERROR, 0, ())
        try:
            end = await self._run(
                ticket, socket, stream, returning(ticket.origin, known)
            )
        except Exception:  # noqa: BLE001 - a bug of ours: this call ends, the rest go on
            log.exception("call broke")
        finally:
            self._over(ticket, end)
            booked.set()
            del self._booked[ticket.call_sid]
            log.info(
                "call ended", reason=end.end_reason.value, duration_ms=end.duration_ms
            )

    async def hand_over(self, ticket: Ticket, request: Handover) -> None:
        """Have a call conducted by a worker, to its end."""
        assert self.crew
        if self._over_now:
            request.close()
            self.never_started(ticket, EndReason.DRAIN)
            return
        booked = self._booked[ticket.call_sid] = asyncio.Event()
        end = ending(ticket.call_id, EndReason.INTERNAL_ERROR, 0, ())
        try:
            end = await self.crew.conduct(ticket, request)
        finally:
            self._over(ticket, end)
            booked.set()
            del self._booked[ticket.call_sid]

    async def _run(
        self,
        ticket: Ticket,
        socket: MediaSocket,
        stream: MediaStream,
        origin: Origin,
    ) -> CallEnded:
        recorder = self._recorder(ticket)
        listen = self._neural.listen()
        apology = apology_of(ticket.origin, self.prompts)
        model: ModelLeg | NoModel = NoModel()
        if not ticket.origin.opening:
            model = self.warm.take(ticket.call_id)
        wants = ticket.persona.director
        flight = self._flight(ticket)
        bridge = partial(RecordedBridge, tell=flight.tell) if flight else Bridge
        call = Call(
            call_sid=ticket.call_sid,
            account_sid=ticket.account_sid,
            socket=socket,
            stream=stream,
            conduct=lambda now: flow_of(origin, self.prompts, now, listen, bridge),
            apologises=apology.ulaw is not None,
            model=model,
            director=DirectorLeg(self._chat, wants, model.faults, model.usage)
            if wants
            else None,
            errands=Errands(
                self._client, ticket.call_id, self.lookups.of(ticket.call_id)
            ),
            stage=lambda who, stage, values: session_config(who, values, stage),
            diary=Diary(self.scribe, ticket.call_id, ticket.earlier),
            spend=self.till.spender(ticket.origin),
            leave=lambda wanted, known, consented: self.leave_stream(
                replace(ticket.origin, values=known, consented=consented), wanted
            ),
            private=private_names(ticket.persona),
            text=lambda order, done: self.texting.send(ticket.origin, order, done),
            recorder=recorder,
            rest=self._rest,
            alarms=self._alarms,
            flight=flight,
            see=self.metrics.see,
        )
        self._calls[ticket.call_sid] = call
        try:
            async with self.keeper.recording(recorder.path if recorder else None):
                reason = EndReason((await call.run()).value)
        finally:
            del self._calls[ticket.call_sid]
            self._sweeper.call_over(len(self._calls))
            if flight:
                flight.stop()
        recording = recorder.path if recorder else None
        if recorder and recorder.lost:
            call.faults[Fault.RECORDING_LOST] += 1
        return ending(
            ticket.call_id,
            reason,
            round(call.now_ms()),
            tuple(call.faults),
            recording=str(recording) if recording else None,
            recording_ms=recorder.milliseconds if recorder and recording else None,
            usage=dict(call.usage),
        )

    def _told_over(self, call_id: str) -> None:
        self.till.over(call_id)
        self.messenger.nudge()
        self.keeper.nudge()

    def never_started(self, ticket: Ticket, reason: EndReason) -> None:
        """Close the books on a call whose stream came to nothing."""
        log.warning("stream came to nothing", call_id=ticket.call_id, why=reason.value)
        self._over(ticket, ending(ticket.call_id, reason, 0, ()))

    def _over(self, ticket: Ticket, end: CallEnded) -> None:
        faults = tuple(dict.fromkeys(ticket.origin.faults + end.faults))
        end = replace(end, faults=faults)
        if whole := self.forwarding.stream_over(ticket.call_sid, end):
            self.scribe.ended(whole)
        else:
            log.info("stream left", call_id=ticket.call_id)
        self.live.over(ticket)
        if self.crew:
            self.crew.forget(ticket.call_id)
        self.warm.drop(ticket.call_id)
        self.lookups.drop(ticket.call_id)
        if not self.live:
            self._quiet.set()

    def _recorder(self, ticket: Ticket) -> Recorder | None:
        wanted, began_ms = ticket.persona.recording, ticket.earlier.ms
        if wanted.mode == "never":
            return None
        # What is promised to this caller, whatever the persona says tomorrow.
        promise = Recording(ticket.call_id, began_ms, keep_days=wanted.keep_days)
        self.scribe.recording(promise)
        folder = self._settings.recordings_folder / now().strftime("%Y/%m/%d")
        path = folder / f"{name_of(ticket.call_id, began_ms)}.wav"
        return Recorder(path, self._recordings, allowed=wanted.mode == "always")

    def _flight(self, ticket: Ticket) -> FlightFile | None:
        always = ticket.persona.recording.mode == "always"
        if not (always and self._settings.flight_records):
            return None
        data, earlier_ms = self._settings.data, ticket.earlier.ms
        path = flight_path(data, ticket.call_id, now(), earlier_ms)
        return FlightFile(path, self._disk)

    # ---- for the life of the process -----------------------------------------

    async def quiet(self) -> None:
        """Wait until no call is there, and the call log has all that was noted."""
        await self._quiet.wait()
        await self.keeper.archive()
        await self.scribe.stored()

    async def reap(self) -> None:
        """Close the books, for ever, on calls whose stream never came."""
        while True:
            await asyncio.sleep(REAP_S)
            for ticket in self.live.expired(self._loop.time()):
                self.never_started(ticket, EndReason.NEVER_CONNECTED)
            self.forwarding.reap()
            await self.queueing.reap()

    def spend(self, origin: Origin, amounts: Amounts) -> list[BudgetReached]:
        """Count what a worker's call has spent; return what is used up."""
        return self.till.spender(origin)(amounts)

    def load(self) -> Load:
        """How much is going on."""
        return Load(
            live=len(self.live),
            waiting=len(self.queueing),
            elsewhere=len(self.forwarding),
            limit=self.live.limit,
            draining=self.live.draining,
            backlog=self._backlog(),
        )

    async def watch_loop(self) -> None:
        """Count, for ever, how late the event loop is."""
        await watch_loop(self.metrics.see)

    async def be_alive(self) -> None:
        """Say, for ever, that this process is alive; end calls of those that aren't."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            try:
                self.tell_orphans(await self._instance.beat(now()))
            except StoreError as exc:
                log.warning("no heartbeat", error=str(exc))

    def tell_orphans(self, closed: int) -> None:
        """Say how many calls of a process that died were closed."""
        if closed:
            log.warning("closed calls of a process that died", calls=closed)
            self.metrics.orphans(closed)

    async def count_others(self) -> None:
        """Know, for ever, what other processes spend of today's budgets."""
        await self.till.keep_counting(self.store, self._instance.id)

    async def close_books(self) -> None:
        """Wait until all is written, unless nothing takes it."""
        try:
            async with asyncio.timeout(CLOSE_BOOKS_S):
                await self.scribe.written()
        except TimeoutError:
            log.error("records lost: neither database nor disk takes them")

    async def prepare_prompts(self) -> bool:
        """Render what the personas say by themselves; whether nothing is missing."""
        plan = self.plans.current
        return await self.prompts.prepare(
            list(plan.personas.values()),
            plan.clips,
            [(plan.personas[each.persona], each.vars) for each in keypads(plan)],
        )

    async def render_prompts(self) -> None:
        """Render what is new in each good save, and what failed again, for ever."""
        while True:
            self._plan_changed.clear()
            complete = await self.prepare_prompts()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if complete else RENDER_AGAIN_S):
                    await self._plan_changed.wait()

    async def follow_plans(self) -> None:
        """Put each good save of the dialplan in force, for ever."""
        await self.plans.watch(self._plan_changed.set)

    async def drain(self, timeout_s: float) -> None:
        """Let in nobody new, and wait for the last call to end; then end the rest."""
        self.live.draining = True
        try:
            async with asyncio.timeout(timeout_s):
                await self._quiet.wait()
        except TimeoutError:
            log.warning("drain: time is up", calls=len(self._calls))
            self.end_all()
            await self._quiet.wait()

    def end_all(self) -> None:
        """Ask every call to say goodbye, and give up those that never began."""
        self._over_now = True
        if self.crew:
            self.crew.end_all()
        for call in list(self._calls.values()):
            call.end(Ending.DRAIN)
        for ticket in self.live.expired(inf):
            self.never_started(ticket, EndReason.DRAIN)


def admission(full: Full | None) -> tuple[Fault, ...]:
    """What the record of a call says that found no room."""
    return (Fault(f"admission.{full}"),) if full else ()


@asynccontextmanager
async def open_switchboard(
    settings: Settings, plans: Plans
) -> AsyncIterator[Switchboard]:
    """
    Open all that calls need, and close it when they are over.

    Raises:
        ConfigError: another process has the folder.
        StoreError: the call log can't be opened.
    """
    with _sole_owner(settings.data), ThreadPoolExecutor(1, "recordings") as disk:
        # limit=0: aiohttp's default of 100 makes the 101st wait for ever, silently.
        async with (
            ClientSession(connector=TCPConnector(limit=0)) as http,
            open_errands() as client,
            open_writer(settings.call_log, settings.data) as writer,
        ):
            instance = Instance(writer.store, settings.data)
            orphans = await instance.begin(now())
            board = Switchboard(settings, plans, writer, instance, http, client, disk)
            board.tell_orphans(orphans)
            await board.till.recall(writer.store, instance.id)
            async with asyncio.TaskGroup() as tasks:
                chores = [
                    tasks.create_task(_for_ever(chore), name=chore.__name__)
                    for chore in (
                        writer.run,
                        board.be_alive,
                        board.watch_loop,
                        board.count_others,
                        board.reap,
                        board.follow_plans,
                        board.render_prompts,
                        board.messenger.tell_others,
                        board.keeper.run,
                    )
                ]
                try:
                    yield board
                finally:
                    await board.warm.close()
                    await board.texting.close()
                    await board.lookups.close()
                    board.forwarding.close()
                    await board.close_books()
                    for chore in chores:
                        chore.cancel()
                    await asyncio.to_thread(board.keeper.close)


async def _for_ever(chore: Callable[[], Awaitable[None]]) -> None:
    """Run a chore; begin it anew if it breaks: no call is to end because of it."""
    while True:
        try:
            await chore()
        except Exception:  # noqa: BLE001 - whatever it is, calls go on
            log.exception("chore broke", chore=getattr(chore, "__name__", ""))
            await asyncio.sleep(CHORE_AGAIN_S)


@contextmanager
def _sole_owner(data: Path) -> Iterator[None]:
    """Keep other processes from the call log: they would close our live calls."""
    if data.exists() and not data.is_dir():
        raise ConfigError(f"{data}: expected a folder, got a file; see VOICEBOT_DATA")
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = open(data / "lock", "w")  # noqa: SIM115 - closed below
    except OSError as exc:
        raise ConfigError(f"{data}: {exc.strerror}") from exc
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"{data}: another voicebot uses it; stop that one, or set VOICEBOT_DATA"
            ) from None
        yield


def _tell(decision: Decision, call_id: str) -> None:
    """Log why a call is where it is, without a word of who calls."""
    log.info(
        "call routed",
        call_id=call_id,
        route=decision.route,
        via=decision.via or None,
        persona=decision.persona,
        rollout=decision.rollout,
        hours=[f"{x.calendar}: {x.why}" for x in decision.hours] or None,
    )


def _webhooks(settings: Settings, http: ClientSession) -> Webhooks | None:
    secret = settings.webhook_secret
    return Webhooks(http, secret.get_secret_value()) if secret else None


def _rest(settings: Settings, http: ClientSession) -> TwilioRest | None:
    sid, token = settings.twilio_account_sid, settings.twilio_auth_token
    if sid is None or token is None:
        return None
    return TwilioRest(http, settings.twilio_api_url, sid, token.get_secret_value())
