"""Calls that wait for room: kept on the line at Twilio, and let in one by one."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from voicebot.dialplan.model import Queue
from voicebot.runtime.answers import Hold, Refuse
from voicebot.runtime.forward import Answer, Origin
from voicebot.runtime.forwarding import Forwarding
from voicebot.runtime.live import Earlier, Full
from voicebot.runtime.reception import refusal, wanted
from voicebot.runtime.waiting import ASK_S, LetIn, Rules, Wait, WaitingLine
from voicebot.store.records import EndReason

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Waiter:
    """A call that waits."""

    queue: Queue
    origin: Origin
    """The call as its persona will take it."""

    otherwise: Origin
    """The call as it goes on if it waits in vain."""

    full: Callable[[], Full | None]
    """Why there is no room for it at this moment."""


class Queueing:
    """
    Keeps callers in line until there is room for them.

    Their records stay open meanwhile, as those of calls that are put through.
    """

    def __init__(
        self,
        forwarding: Forwarding,
        *,
        clock: Callable[[], float],
        connect: Callable[[Origin, Earlier], Answer],
    ) -> None:
        """
        Args:
            clock: seconds that never go back.
            connect: opens a stream for a call.
        """
        self._forwarding = forwarding
        self._clock = clock
        self._connect = connect
        self._line = WaitingLine()
        self._waiters: dict[str, Waiter] = {}  # by call_sid

    def __len__(self) -> int:
        return len(self._line)

    def is_awaited(self) -> bool:
        """Whether somebody goes before a call that comes now."""
        return self._line.is_awaited(self._clock(), self._has_room)

    def enter(self, waiter: Waiter) -> Answer | None:
        """
        Let a call wait.

        Returns:
            What Twilio is told; None if the line is full: then the call goes on as
            the queue's `then` says.
        """
        queue, origin = waiter.queue, waiter.origin
        rules = Rules(queue.text, queue.max, queue.announce_every_s, queue.longest_s)
        if waiter.full() == "draining":
            return None
        if not self._line.join(origin.call_sid, rules, self._clock()):
            return None
        self._waiters[origin.call_sid] = waiter
        log.info("call waits", call_id=origin.call_id, waiting=len(self._line))
        token = secrets.token_urlsafe(24)
        hold = Hold(token, queue.text, queue.language, ASK_S)
        return self._forwarding.hold(origin, hold)

    async def asked(self, token: str, call_sid: str) -> Answer | None:
        """Say what becomes of a caller who waits; None hangs up."""
        if again := self._forwarding.settled(token):
            return again[0]
        hold = self._forwarding.held(token, call_sid)
        waiter = self._waiters.get(call_sid)
        if hold is None or waiter is None:
            return await self._forwarding.unknown(call_sid)
        verdict = self._line.ask(call_sid, self._clock(), self._has_room)
        if isinstance(verdict, Wait) and waiter.full() != "draining":
            return replace(hold, text=waiter.queue.text if verdict.announce else "")
        self.left(call_sid)
        answer: Answer | None
        if isinstance(verdict, LetIn):
            answer = self._let_in(waiter)
        else:
            answer = self._give_up(waiter)
        self._forwarding.settle(token, answer)
        return answer

    def _let_in(self, waiter: Waiter) -> Answer:
        origin = waiter.origin
        waited_ms = self._forwarding.held_until_now(origin)
        log.info("call waited", call_id=origin.call_id, waited_ms=waited_ms)
        return self._connect(origin, Earlier(ms=waited_ms))

    def _give_up(self, waiter: Waiter) -> Answer | None:
        origin, do = waiter.otherwise, waiter.queue.then
        waited_ms = self._forwarding.held_until_now(origin)
        log.info("call waited in vain", call_id=origin.call_id, waited_ms=waited_ms)
        if said := refusal(do):
            self._forwarding.ended(origin, EndReason.REJECTED)
            # It was answered long ago: it can't be refused any more.
            return None if isinstance(said, Refuse) else said
        step = self._forwarding.step(origin, wanted(do))
        return self._forwarding.send(origin, step)

    def _has_room(self, call_sid: str) -> bool:
        return self._waiters[call_sid].full() is None

    def left(self, call_sid: str) -> None:
        """Forget a call that is over."""
        self._line.leave(call_sid)
        self._waiters.pop(call_sid, None)

    async def reap(self) -> None:
        """Close the records of callers who hung up without anybody's telling us."""
        for call_sid in self._line.gone(self._clock()):
            self._waiters.pop(call_sid, None)
            await self._forwarding.call_over(call_sid)
