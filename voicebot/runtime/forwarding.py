"""Leads calls on that are outside a stream: rings, comes back, takes messages."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from voicebot.dialplan.variables import fill
from voicebot.errors import StoreError
from voicebot.runtime.answers import Dial, Hold, TakeMessage
from voicebot.runtime.forward import (
    Answer,
    Forward,
    Forwards,
    Mailbox,
    Origin,
    Target,
    caller_id,
    joined,
)
from voicebot.runtime.live import Earlier
from voicebot.runtime.next_step import (
    ComeBack,
    HangUp,
    Record,
    Ring,
    Step,
    after_dial,
    first_step,
)
from voicebot.runtime.scribe import Scribe, ending, now
from voicebot.store.faults import Fault
from voicebot.store.records import Call, CallEnded, EndReason, Message
from voicebot.twilio.webhooks import Dialed, Recorded, Transcribed

log = structlog.get_logger()

RESUMED: Final = Fault.SPECIALS_FAILURE
"""A call's fault if its stream broke and `specials.failure` took it on: once."""


class Forwarding:
    """
    Keeps the calls that left their stream, or never had one, and their records open.

    A call's record is closed here when the call is over, with what its streams said
    of themselves: `stream_over`.
    """

    def __init__(
        self,
        scribe: Scribe,
        *,
        clock: Callable[[], float],
        takes_back: Callable[[], bool],
        connect: Callable[[Origin, Earlier], Answer],
        booked: Callable[[str], Awaitable[None]],
        apology: Callable[[str], Awaitable[Answer | None]],
    ) -> None:
        """
        Args:
            clock: seconds that never go back.
            takes_back: whether a call may have a new stream: it is one of those that
                are here already, so that capacity doesn't matter.
            connect: opens one.
            booked: waits until a call's stream, if it is just ending, is written down.
            apology: what a caller hears of whose call, by its SID, we know nothing.
        """
        self._scribe = scribe
        self._clock = clock
        self._takes_back = takes_back
        self._connect = connect
        self._booked = booked
        self._apology = apology
        self._forwards = Forwards()
        self._ends: dict[str, CallEnded] = {}  # what is over of calls that go on
        self._began: dict[str, datetime] = {}

    def __len__(self) -> int:
        return len(self._forwards)

    # ---- a call goes elsewhere -----------------------------------------------

    def step(self, origin: Origin, wanted: str) -> Step:
        """
        Say what would become of a call that is to go somewhere, and change nothing.

        Args:
            wanted: a target's name, `persona`, `voicemail` or `hangup`.
        """
        return first_step(origin, wanted, room=self._takes_back())

    def send(self, origin: Origin, step: Step) -> Answer | None:
        """
        Do what `step` said: the call's record stays open until it is over.

        Returns:
            What Twilio is to be told; None to hang up.
        """
        return self._take(origin, (), step, Earlier())

    def again(self, call_sid: str) -> Answer | None:
        """Return what Twilio was told, for a webhook that it repeats."""
        forward = self._forwards.of_call(call_sid)
        return forward.answer if forward else self._forwards.told_at_once(call_sid)

    def tell(self, call_sid: str, answer: Answer) -> None:
        """Keep what was all that a call was told: its webhook may be repeated."""
        self._forwards.tell(call_sid, answer, self._clock())

    def reopen(self, call: Call) -> None:
        """
        Go on with a call whose record was closed, because its stream broke.

        What it broke of is a fault from now on; how it ends is told later.
        """
        self._scribe.reopened(call.call_id)
        self._ends[call.call_sid] = so_far(call, now())

    def _take(
        self, origin: Origin, tried: tuple[str, ...], step: Step, earlier: Earlier
    ) -> Answer | None:
        rung = step.target.name if isinstance(step, Ring) else None
        name = type(step).__name__
        log.info("call goes on", call_id=origin.call_id, step=name, target=rung)
        self._scribe.forwarded(origin.call_id, name, rung)
        token = secrets.token_urlsafe(24)
        match step:
            case Ring(target):
                dial = dial_to(target, origin, token)
                return self._open(origin, (*tried, target.name), dial)
            case Record(box):
                return self._open(origin, tried, message_to(box, token))
            case ComeBack():
                self._forwards.drop(origin.call_sid)
                return self._connect(replace(origin, came_back=True), earlier)
            case HangUp(reason):
                self._close(origin, reason)
                return None

    def _open(
        self, origin: Origin, tried: tuple[str, ...], answer: Dial | TakeMessage | Hold
    ) -> Answer:
        self._forwards.open(origin, tried, answer, self._clock())
        self._began.setdefault(origin.call_sid, now())
        return answer

    # ---- a call waits for room -----------------------------------------------

    def hold(self, origin: Origin, hold: Hold) -> Answer:
        """Keep a call on the line: its record stays open."""
        return self._open(origin, (), hold)

    def held(self, token: str, call_sid: str) -> Hold | None:
        """Return what a call was told that waits; None if it doesn't."""
        forward = self._forwards.find(token)
        if forward is None or forward.origin.call_sid != call_sid:
            return None
        return forward.answer if isinstance(forward.answer, Hold) else None

    def held_until_now(self, origin: Origin) -> int:
        """Note that a call has waited, for so many milliseconds, and goes on."""
        self._forwards.drop(origin.call_sid)
        end = self._end_of(origin, EndReason.CALLER_HANGUP, waited=True)
        self._ends[origin.call_sid] = end
        return end.duration_ms

    def settled(self, token: str) -> tuple[Answer | None] | None:
        """Return what was answered to a token, in a tuple; None if it is open."""
        return self._forwards.settled(token)

    def settle(self, token: str, answer: Answer | None) -> None:
        """Keep an answer for who asks again."""
        self._forwards.settle(token, answer, self._clock())

    def ended(self, origin: Origin, reason: EndReason) -> None:
        """Note that a call is over after all that was told of it."""
        self._close(origin, reason)

    # ---- Twilio tells how it went --------------------------------------------

    async def dialed(self, token: str, news: Dialed) -> Answer | None:
        """
        Say what comes after a transfer; None hangs up.

        A call log that can't be read loses no caller: they get another stream all the
        same, or, of a call of which nothing is known, are hung up.
        """
        await self._booked(news.call_sid)
        if again := self._forwards.settled(token):
            return again[0]
        forward = self._forwards.find(token)
        if forward is None or forward.origin.call_sid != news.call_sid:
            return await self._unknown(news)
        news = replace(news, caller_left=news.caller_left or forward.over)
        room = self._takes_back()
        step = after_dial(news, forward.origin, forward.tried, room=room)
        log.info("transfer over", call_id=forward.origin.call_id, status=news.status)
        self._scribe.forward_over(forward.origin.call_id, news.status)
        back = isinstance(step, ComeBack)
        earlier = self.earlier(forward.origin) if back else Earlier()
        answer = self._take(forward.origin, forward.tried, step, earlier)
        self._forwards.settle(token, answer, self._clock())
        return answer

    async def _unknown(self, news: Dialed) -> Answer | None:
        """A transfer that another process began, or one that was given up."""
        log.warning("news of an unknown transfer", call_sid=news.call_sid)
        spoke = news.status == "completed" and news.bridged
        if spoke or news.caller_left:
            return None
        return await self.unknown(news.call_sid)

    async def unknown(self, call_sid: str) -> Answer | None:
        """Say what becomes of a caller who was left on the line by another process."""
        try:
            return await self._apology(call_sid)
        except StoreError as exc:
            log.error("call log fails", error=str(exc))
            return None

    def earlier(self, origin: Origin) -> Earlier:
        """What the call's log holds already: a new stream must not write over it."""
        turns, decisions = self._scribe.extent(origin.call_id)
        end = self._ends.get(origin.call_sid)
        # If it began nowhere, it begins now.
        since = end.ended_at if end else self._began.get(origin.call_sid, now())
        elsewhere_ms = round((now() - since).total_seconds() * 1000)
        return Earlier(
            turns=turns,
            decisions=decisions,
            ms=(end.duration_ms if end else 0) + elsewhere_ms,
        )

    async def recorded(self, token: str, news: Recorded) -> None:
        """
        Note a message, and that the call is over if it isn't news only.

        Raises:
            StoreError: the call log can't be read or written.
        """
        if news.recording_sid:
            await self._note(
                news.call_sid,
                news.recording_sid,
                url=news.url or None,
                duration_s=news.duration_s,
            )
        forward = self._forwards.find(token)
        if forward and not news.is_callback:
            await self._booked(news.call_sid)
            self._close(forward.origin, EndReason.VOICEMAIL)

    async def transcribed(self, news: Transcribed) -> None:
        """
        Note the words of a message.

        Raises:
            StoreError: the call log can't be read or written.
        """
        if news.text is None:
            log.warning("a message wasn't transcribed", call_sid=news.call_sid)
            return
        await self._note(news.call_sid, news.recording_sid, transcription=news.text)

    async def _note(
        self,
        call_sid: str,
        recording_sid: str,
        *,
        url: str | None = None,
        duration_s: int | None = None,
        transcription: str | None = None,
    ) -> None:
        call = await self._scribe.call_by_sid(call_sid)
        if call is None:
            log.warning("a message of an unknown call", call_sid=call_sid)
            return
        await self._scribe.message(
            Message(recording_sid, call.call_id, url, duration_s, transcription, now())
        )

    def whisper(self, token: str) -> tuple[str, str]:
        """Return what who answers hears first, and in which language; maybe nothing."""
        forward = self._forwards.find(token)
        if forward is None or not isinstance(forward.answer, Dial):
            return "", ""
        return forward.answer.whisper, forward.answer.whisper_language

    # ---- the books -----------------------------------------------------------

    def stream_over(self, call_sid: str, end: CallEnded) -> CallEnded | None:
        """
        Return how a call ended whose stream has; None if it goes on elsewhere.
        """
        end = joined(self._ends.pop(call_sid, None), end)
        if self._forwards.of_call(call_sid):
            self._ends[call_sid] = end
            return None
        self._began.pop(call_sid, None)
        return end

    async def call_over(self, call_sid: str) -> None:
        """Note that a call is over at Twilio, wherever it was."""
        if self._forwards.of_call(call_sid) is None:
            return
        await self._booked(call_sid)
        if forward := self._forwards.of_call(call_sid):
            if isinstance(forward.answer, Dial):
                # How it went is known to news that may come behind these.
                self._forwards.over(call_sid, self._clock())
            elif isinstance(forward.answer, Hold):
                self._close(forward.origin, EndReason.CALLER_HANGUP, waited=True)
            else:
                self._close(forward.origin, EndReason.VOICEMAIL)

    def untold(self, call_sid: str, twiml: str) -> None:
        """Keep what Twilio couldn't be told: it asks for it when the stream is over."""
        self._forwards.untold(call_sid, twiml, self._clock())

    def after_stream(self, call_sid: str) -> str | None:
        """Return what Twilio couldn't be told of a call; None if there is no such."""
        return self._forwards.told(call_sid, self._clock())

    def cancel(self, call_sid: str) -> None:
        """Forget where a call was to go: it was over before it went there."""
        self._forwards.drop(call_sid)
        if end := self._ends.pop(call_sid, None):
            self._scribe.ended(end)
        self._began.pop(call_sid, None)

    def reap(self) -> None:
        """Close the records of calls of which Twilio has said nothing any more."""
        for forward in self._forwards.expired(self._clock()):
            if not forward.over:
                log.warning("a transfer was lost", call_id=forward.origin.call_id)
            self._close(forward.origin, _so_far(forward))

    def close(self) -> None:
        """Close all records, as this process ends; the calls go on at Twilio."""
        for forward in self._forwards.all():
            waits = isinstance(forward.answer, Hold)
            self._close(forward.origin, _so_far(forward), waited=waits)

    def _close(
        self, origin: Origin, reason: EndReason, *, waited: bool = False
    ) -> None:
        self._forwards.drop(origin.call_sid)
        first = self._ends.pop(origin.call_sid, None)
        last = self._end_of(origin, reason, waited=waited)
        self._scribe.ended(joined(first, last))
        log.info("call ended", call_id=origin.call_id, reason=reason.value)

    def _end_of(self, origin: Origin, reason: EndReason, *, waited: bool) -> CallEnded:
        """What is to be said of a call that was outside of any stream until now."""
        began = self._began.pop(origin.call_sid, None) or now()
        lasted_ms = round((now() - began).total_seconds() * 1000)
        end = ending(origin.call_id, reason, lasted_ms, origin.faults)
        return replace(end, waited_ms=lasted_ms) if waited else end


def so_far(call: Call, at: datetime) -> CallEnded:
    """Make of the end of a call that goes on the end of its first part."""
    why = [Fault(call.end_reason.value)] if call.end_reason else []
    began = call.ended_at or at
    lasted_ms = round((began - call.started_at).total_seconds() * 1000)
    return CallEnded(
        call_id=call.call_id,
        ended_at=began,
        duration_ms=lasted_ms if call.duration_ms is None else call.duration_ms,
        end_reason=call.end_reason or EndReason.INTERNAL_ERROR,
        ended_by=call.ended_by or "us",
        faults=tuple(dict.fromkeys((*map(Fault, call.faults), *why, RESUMED))),
        recording=call.recording,
        recording_ms=call.recording_ms,
        usage=call.usage,
        waited_ms=call.waited_ms,
    )


def dial_to(target: Target, origin: Origin, token: str) -> Dial:
    return Dial(
        token=token,
        number=target.number,
        sip=target.sip,
        ring_s=target.ring_s,
        caller_id=caller_id(target, origin),
        whisper=fill(target.whisper, origin.values),
        whisper_language=target.whisper_language,
    )


def message_to(box: Mailbox, token: str) -> TakeMessage:
    return TakeMessage(
        token=token,
        greeting=box.greeting,
        language=box.language,
        max_s=box.max_s,
        transcribe=box.transcribe,
    )


def _so_far(forward: Forward) -> EndReason:
    if forward.over or forward.twiml:  # nobody asked what comes next
        return EndReason.CALLER_HANGUP
    if isinstance(forward.answer, Hold):
        return EndReason.NEVER_CONNECTED
    rings = isinstance(forward.answer, Dial)
    return EndReason.TRANSFERRED if rings else EndReason.VOICEMAIL
