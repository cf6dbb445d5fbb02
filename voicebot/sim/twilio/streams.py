"""Connects the streams of one call, one after the other, and tells the bot of them."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from voicebot.sim.twilio.addresses import Addresses
from voicebot.sim.twilio.connection import Connection, HandshakeError, connect
from voicebot.sim.twilio.ear import Ear
from voicebot.sim.twilio.forms import Identity, stream_form
from voicebot.sim.twilio.leg import Leg
from voicebot.sim.twilio.misbehaviour import Misbehaviour
from voicebot.sim.twilio.report import HttpAnswer, Tally, Underrun
from voicebot.sim.twilio.script import Script
from voicebot.sim.twilio.socket import CallerHungUp, Closed, Inbox, Order, run_leg
from voicebot.sim.twilio.stream import StreamWarning, TwilioStream
from voicebot.sim.twilio.tape import Tape
from voicebot.sim.twilio.twiml import Stream, stream_problem
from voicebot.sim.twilio.watch import Watch
from voicebot.sim.twilio.webhooks import Webhooks, host_of, signature_header

CONNECT_S = 10.0
NORMAL_CLOSES = frozenset({1000, 1001})


@dataclass(frozen=True, slots=True)
class Line:
    """What stays the same throughout a call."""

    who: Identity
    auth_token: str
    carrier_delay_s: float
    misbehaviour: Misbehaviour
    watch: Watch | None = None


class Streams:
    """
    Runs streams; the script goes on in the next where it was in the last.

    Attributes:
        tape: both sides of all streams, in real time.
    """

    def __init__(
        self,
        hooks: Webhooks,
        addresses: Addresses,
        line: Line,
        script: Script,
        tally: Tally,
        note: Callable[[str, float, str], None],
    ) -> None:
        self.tape = Tape()
        self._hooks, self._addresses = hooks, addresses
        self._line, self._script, self._ear = line, script, Ear()
        self._tally, self._note = tally, note
        self._telling: set[asyncio.Task[tuple[int, str]]] = set()

    async def run(
        self, noun: Stream, inbox: Inbox
    ) -> Closed | CallerHungUp | Order | None:
        """
        Connect to a stream and stay until it ends.

        Returns:
            Why it ended; None if it never came to be.

        Raises:
            ConfigError: one of its URLs is not on this machine.
        """
        stream_sid = f"MZ{secrets.token_hex(16)}"
        self._tally.stream_sids.append(stream_sid)
        self._tally.stream_urls.append(noun.url)
        if problem := stream_problem(noun):
            self._failed(noun, stream_sid, *problem)
            return None
        connection = await self._open(noun, stream_sid)
        if connection is None:
            return None
        return await self._talk(connection, noun, stream_sid, inbox)

    async def told(self) -> None:
        """Wait until all stream status callbacks were answered."""
        if self._telling:
            await asyncio.wait(self._telling)

    async def _open(self, noun: Stream, stream_sid: str) -> Connection | None:
        wrong = self._line.misbehaviour
        url = self._addresses.signed(wrong.stream_url or noun.url)
        signature = signature_header(wrong.upgrade, self._line.auth_token, url)
        try:
            async with asyncio.timeout(CONNECT_S):
                connection = await connect(
                    self._addresses.dial(url),
                    {
                        "Host": host_of(url),
                        "User-Agent": "Twilio.TmeWs/1.0",
                        "Accept-Encoding": "gzip",
                        **{name.lower(): value for name, value in signature.items()},
                    },
                )
        except HandshakeError as exc:
            status, code, text = exc.status, 31920, "Handshake Error"
        except TimeoutError:
            status, code, text = 0, 31901, "Connection Timeout"
        except OSError:
            status, code, text = 0, 31902, "Connection Refused"
        else:
            self._tally.http.append(HttpAnswer("upgrade", 101))
            return connection
        self._tally.http.append(HttpAnswer("upgrade", status))
        self._failed(noun, stream_sid, code, f"Stream - WebSocket - {text}")
        return None

    async def _talk(
        self, connection: Connection, noun: Stream, stream_sid: str, inbox: Inbox
    ) -> Closed | CallerHungUp | Order:
        self._note("stream_started", asyncio.get_running_loop().time(), "")
        self._tell(noun, stream_sid, "stream-started")
        wrong, who = self._line.misbehaviour, self._line.who
        stream = TwilioStream(
            account_sid=who.account_sid,
            call_sid=wrong.start_call_sid or who.call_sid,
            stream_sid=stream_sid,
            parameters=noun.parameters or {},
        )
        leg = Leg(
            stream,
            self._script,
            self._ear,
            self.tape,
            self._note,
            carrier_delay_s=self._line.carrier_delay_s,
            misbehaviour=wrong,
            watch=self._line.watch,
        )
        try:
            end = await run_leg(
                connection, leg, inbox, closes=not wrong.stops_without_close
            )
        finally:
            self._count(leg)
        if isinstance(end, Closed) and end.code not in NORMAL_CLOSES:
            text = f"Stream - WebSocket - Close, code {end.code}"
            self._failed(noun, stream_sid, 31921, text)
        else:
            self._tell(noun, stream_sid, "stream-stopped")
        return end

    def _count(self, leg: Leg) -> None:
        tally, begins_s = self._tally, self.tape.begins_s or 0.0
        tally.marks_sent += leg.marks_sent
        tally.marks_played += leg.marks_played
        tally.marks_cleared += leg.marks_cleared
        tally.warnings += leg.stream.reported
        tally.underruns += [
            Underrun(start - begins_s, 1000 * (end - start))
            for start, end in leg.playout.underruns(asyncio.get_running_loop().time())
        ]

    def _failed(self, noun: Stream, stream_sid: str, code: int, text: str) -> None:
        self._tally.warnings.append(StreamWarning(code, text))
        self._tell(noun, stream_sid, "stream-error", f"{code} - {text}")

    def _tell(self, noun: Stream, stream_sid: str, event: str, error: str = "") -> None:
        """Post a status callback, without keeping the call waiting for it."""
        if noun.status is None:
            return
        self._addresses.dial(noun.status.url)  # may raise: here, not in the task
        timestamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"
        who = self._line.who
        form = stream_form(who, stream_sid, noun.name, event, error, timestamp)
        task = asyncio.create_task(self._hooks.ask(event, noun.status, form))
        self._telling.add(task)  # awaited by told()
