"""Places one simulated call: webhooks, TwiML, the media stream, callbacks, a report."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from aiohttp import ClientSession

from voicebot.errors import ConfigError
from voicebot.sim.twilio.addresses import Addresses
from voicebot.sim.twilio.agents import Agents, FarEnd, elapse
from voicebot.sim.twilio.forms import (
    Form,
    Identity,
    dialled_form,
    status_form,
    voice_form,
)
from voicebot.sim.twilio.mailbox import Mailbox, Message
from voicebot.sim.twilio.misbehaviour import NONE, Misbehaviour
from voicebot.sim.twilio.report import CallReport, Outcome, Tally
from voicebot.sim.twilio.rest import TwilioRest
from voicebot.sim.twilio.script import AS_PLANNED, Script
from voicebot.sim.twilio.socket import (
    CallerHungUp,
    Closed,
    Complete,
    Inbox,
    Order,
    Update,
)
from voicebot.sim.twilio.streams import Line, Streams
from voicebot.sim.twilio.twiml import (
    Callback,
    Connect,
    Dial,
    Hangup,
    Pause,
    Record,
    Redirect,
    Reject,
    Say,
    TwimlError,
    Verb,
    parse,
)
from voicebot.sim.twilio.watch import Watch
from voicebot.sim.twilio.webhooks import Webhooks

OnEvent = Callable[[str, float, str], None]
"""Called with (kind, seconds since dialling, detail)."""

DOCUMENTS = 50
"""A call that fetched so much TwiML without a pause is going round in circles."""

INBOX_ORDERS = 100


async def place_call(
    *,
    voice_url: str,
    auth_token: str,
    account_sid: str,
    from_number: str,
    to_number: str,
    script: Script,
    on_event: OnEvent | None = None,
    public_url: str | None = None,
    misbehave: Misbehaviour | None = None,
    status_url: str | None = None,
    rest: TwilioRest | None = None,
    i_own_this: bool = False,
    carrier_delay_s: float = 0.0,
    far_ends: Mapping[str, FarEnd] | None = None,
    message: Message | None = None,
    patience_s: float | None = None,
    max_call_s: float = 600.0,
    watch: Watch | None = None,
) -> CallReport:
    """
    Call a bot as Twilio would, and behave as the script says.

    Args:
        voice_url: the bot's voice webhook, at the address where it listens.
        public_url: scheme and host under which the bot is known, if another: these
            are signed, and found in its TwiML, while `voice_url`'s are dialled.
        on_event: told of dialled, answered, rejected, stream_started, caller_speaks,
            caller_stops, bot_audible, bot_silent, twilio_says, cleared, dtmf, ended.
            bot_silent comes 300 ms late, with the time at which the silence began.
        status_url: gets the call status callback at the end.
        rest: where the bot's REST requests arrive; the call is registered there.
        i_own_this: allows a host that isn't this machine.
        carrier_delay_s: from Twilio's buffer to the ear, out of reach of `clear`.
        far_ends: who is at the other end of a transfer, by number or SIP address; all
            others answer, and hang up soon.
        message: what the caller says on a voicemail; nothing by default.
        patience_s: the caller hangs up after so long with no stream, while they are
            to wait; by default they don't.
        max_call_s: when to give up.
        watch: told of each 20 ms of the line.

    Raises:
        ConfigError: a URL is not on this machine, or the bot uses a verb of TwiML
            that the simulator hasn't.
    """
    addresses = Addresses(voice_url, public_url, i_own_this=i_own_this)
    if status_url is not None:
        try:
            addresses.check_webhook(status_url)
        except ConfigError as exc:
            raise ConfigError(f"status URL: {exc}") from None
    who = Identity(account_sid, f"CA{secrets.token_hex(16)}", from_number, to_number)
    misbehave = misbehave or NONE
    async with ClientSession(skip_auto_headers={"Accept"}) as http:
        hooks = Webhooks(http, addresses, auth_token, misbehave.webhook)
        caller = SimulatedCaller(
            hooks,
            addresses,
            Line(who, auth_token, carrier_delay_s, misbehave, watch),
            script,
            on_event,
            dict(far_ends or {}),
            message or Message(says_s=0),
            patience_s,
            rest.recordings if rest else {},
        )
        if rest is None:
            return await caller.call(voice_url, status_url, max_call_s)
        with rest.registered(who.call_sid, caller):
            return await caller.call(voice_url, status_url, max_call_s)


@dataclass(frozen=True, slots=True)
class _Over:
    """The call is over."""

    outcome: Outcome
    ended_by: str
    ending: str
    status: str = "completed"


class SimulatedCaller:
    """One call. Use `place_call`, which also registers it for REST."""

    def __init__(
        self,
        hooks: Webhooks,
        addresses: Addresses,
        line: Line,
        script: Script,
        on_event: OnEvent | None,
        far_ends: dict[str, FarEnd],
        message: Message,
        patience_s: float | None,
        recordings: dict[str, bytes],
    ) -> None:
        self._patience_s = patience_s
        self._documents = 0  # since the caller had to wait, or heard somebody
        self.in_progress = True
        self._hooks, self._addresses, self._line = hooks, addresses, line
        self._on_event = on_event
        self._inbox: Inbox = asyncio.Queue(INBOX_ORDERS)
        self._tally = Tally(hooks.answers, [], [], [], [], [], [])
        self._streams = Streams(hooks, addresses, line, script, self._tally, self._note)
        self._agents = Agents(far_ends, line.who, hooks, self._tally)
        self._mailbox = Mailbox(
            message, line.who, hooks, self._tally, line.misbehaviour, recordings
        )
        self._dialled_s = 0.0
        self._answered = False

    async def obey(self, order: Order) -> None:
        """Do what a REST request asked for."""
        if isinstance(order, Complete):
            self.in_progress = False
        await self._inbox.put(order)

    async def call(
        self, voice_url: str, status_url: str | None, max_call_s: float
    ) -> CallReport:
        """Run the call to its end; see `place_call`."""
        loop = asyncio.get_running_loop()
        self._dialled_s = loop.time()
        self._note("dialled", self._dialled_s, "")
        try:
            async with asyncio.timeout(max_call_s):
                over = await self._dialogue(Callback(voice_url))
        except TimeoutError:
            why = f"not over after {max_call_s:g} s"
            over = _Over(Outcome.TOO_LONG, "twilio", why)
        finally:
            self.in_progress = False
            await self._streams.told()
            await self._mailbox.told()
        duration_s = loop.time() - self._dialled_s
        self._note("ended", loop.time(), over.ended_by)
        if status_url is not None:
            await self._tell_status(Callback(status_url), over, round(duration_s))
        return CallReport(
            over.outcome,
            over.ended_by,
            over.ending,
            self._line.who.call_sid,
            duration_s,
            self._streams.tape,
            self._tally,
        )

    async def _tell_status(self, to: Callback, over: _Over, duration_s: int) -> None:
        wrong, who = self._line.misbehaviour, self._line.who
        timestamp = format_datetime(datetime.now(UTC))
        end = status_form(who, over.status, duration_s, timestamp, 2)
        earlier = [
            status_form(who, status, None, timestamp, number)
            for number, status in enumerate(("ringing", "in-progress"))
        ]
        forms = [end] * (2 if wrong.callbacks_twice else 1)
        for form in [*forms, *(earlier if wrong.callbacks_reversed else [])]:
            await self._hooks.ask("status", to, form)

    async def _dialogue(self, first: Callback) -> _Over:
        verbs: list[Verb] | _Over = await self._fetch("voice", first)
        while self._documents < DOCUMENTS:
            self._documents += 1
            if isinstance(verbs, _Over):
                return verbs
            next_verbs: list[Verb] | _Over | None = None
            for verb in verbs:
                next_verbs = await self._run(verb)
                if next_verbs is not None:
                    break
            if next_verbs is None:
                return _Over(Outcome.COMPLETED, "twilio", "no TwiML was left to run")
            verbs = next_verbs
        return _Over(Outcome.BROKEN, "twilio", f"{DOCUMENTS} documents of TwiML")

    async def _fetch(
        self, what: str, to: Callback, form: Form | None = None
    ) -> list[Verb] | _Over:
        status = "in-progress" if self._answered else "ringing"
        form = form or voice_form(self._line.who, status)
        answer, text = await self._hooks.ask(what, to, form)
        if not 200 <= answer < 300:
            code = 11200 if answer else 11205
            came = f"HTTP {answer}" if answer else "no answer"
            why = f"{code}: {what} webhook: {came}"
            return self._failed(why)
        return self._parse(what, text, self._addresses.signed(to.url))

    def _parse(self, what: str, text: str, base_url: str | None) -> list[Verb] | _Over:
        try:
            return parse(text, base_url)
        except TwimlError as exc:
            return self._failed(f"{what}: {exc}")

    def _failed(self, why: str) -> _Over:
        outcome = Outcome.BROKEN if self._answered else Outcome.REFUSED
        return _Over(outcome, "twilio", why, "failed")

    async def _run(self, verb: Verb) -> list[Verb] | _Over | None:
        """Run one verb; return what comes instead of the next one, if anything."""
        if not self._answered and not isinstance(verb, Reject | Redirect):
            self._answered = True
            self._note("answered", asyncio.get_running_loop().time(), "")
        match verb:
            case Reject(reason):
                self._note("rejected", asyncio.get_running_loop().time(), reason)
                status = "busy" if reason == "busy" else "no-answer"
                return _Over(Outcome.REJECTED, "bot", f"<Reject {reason}>", status)
            case Hangup():
                return _Over(Outcome.COMPLETED, "bot", "<Hangup>")
            case Say(text):
                self._tally.said.append(text)
                self._note("twilio_says", asyncio.get_running_loop().time(), text)
                return None
            case Pause(length_s):
                return await self._pause(length_s)
            case Redirect(to):
                return await self._fetch("redirect", to)
            case Dial():
                return await self._dial(verb)
            case Record():
                return await self._record(verb)
            case Connect(stream, action):
                end = await self._streams.run(stream, self._inbox)
                return await self._after(end, action)

    async def _dial(self, dial: Dial) -> list[Verb] | _Over | None:
        self._tally.dialled.append(dial.number)
        self._note("dialling", asyncio.get_running_loop().time(), "")
        try:
            rung = await self._agents.ring(dial, self._inbox)
        except TwimlError as exc:
            return self._failed(f"whisper: {exc}")
        if isinstance(rung, Complete | Update):
            return await self._after(rung, None)
        verbs: list[Verb] | _Over | None = None
        if dial.action:
            form = dialled_form(
                self._line.who,
                rung.status,
                rung.dial_sid,
                rung.duration_s,
                bridged=rung.bridged,
            )
            verbs = await self._fetch("dial", dial.action, form)
        if rung.status == "canceled":
            return _Over(Outcome.COMPLETED, "caller", "hung up while it rang")
        return verbs

    async def _record(self, record: Record) -> list[Verb] | _Over | None:
        self._note("beep", asyncio.get_running_loop().time(), "")
        left = await self._mailbox.take(record, self._inbox)
        match left:
            case Complete() | Update():
                return await self._after(left, None)
            case None:
                return None
            case _:
                verbs = await self._fetch("record", record.action, left.form)
        if left.hung_up:
            return _Over(Outcome.COMPLETED, "caller", "hung up after a message")
        return verbs

    async def _pause(self, length_s: float) -> list[Verb] | _Over | None:
        self._documents = 0  # it takes its time: this is no circle
        leaves = self._patience_s is not None and length_s >= self._patience_s
        if self._patience_s is not None:
            length_s = min(length_s, self._patience_s)
            self._patience_s -= length_s
        order = await elapse(length_s, self._inbox)
        if order is None:
            return await self._after(CallerHungUp(AS_PLANNED), None) if leaves else None
        return await self._after(order, None)

    async def _after(
        self, end: Closed | CallerHungUp | Order | None, action: Callback | None
    ) -> list[Verb] | _Over | None:
        match end:
            case CallerHungUp(why):
                planned = why == AS_PLANNED
                outcome = Outcome.COMPLETED if planned else Outcome.GAVE_UP
                return _Over(outcome, "caller", why)
            case Complete():
                return _Over(Outcome.COMPLETED, "rest", "Status=completed")
            case Update(to):
                if isinstance(to, str):
                    return self._parse("update", to, None)
                return await self._fetch("update", to)
            case Closed() | None:
                if action is None:
                    return None
                return await self._fetch("action", action)

    def _note(self, kind: str, now: float, detail: str) -> None:
        if self._on_event is not None:
            self._on_event(kind, now - self._dialled_s, detail)
