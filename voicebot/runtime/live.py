"""Which calls are there: admission, one-time tokens, drain. Pure, with `now` given."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from math import inf
from typing import Final, Literal

from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.values import ANONYMOUS
from voicebot.runtime.forward import Origin

# Twilio opens the stream within a second or two of our TwiML.
TOKEN_S: Final = 30.0

Full = Literal["draining", "full", "number_full", "caller_full", "over_budget"]


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a call was before this stream: its log goes on behind it."""

    turns: int = 0
    """The number of its next turn."""

    decisions: int = 0
    """The number of its next decision."""

    ms: int = 0
    """Milliseconds from the call's beginning to this stream."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call that was admitted, with all that its stream will need."""

    call_id: str
    call_sid: str
    account_sid: str
    persona: Persona
    expires_at: float
    earlier: Earlier = Earlier()

    origin: Origin = field(repr=False, kw_only=True)
    """Who called whom, and all that can become of it outside the stream."""


class LiveCalls:
    """
    The calls that were admitted and aren't over, at most `limit` with a model.

    A token admits one stream, once, within 30 seconds. Only its hash is kept.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.draining = False
        self._waiting: dict[str, Ticket] = {}  # token's hash -> call
        self._running: dict[str, Ticket] = {}  # call_sid -> call

    def __len__(self) -> int:
        return sum(1 for _ in self._all())

    def load(self, plan: Dialplan) -> float:
        """How full we are: 0 to 1, of what the plan and this process allow."""
        most = min(self.limit, plan.capacity.max_calls or inf)
        return min(1.0, len(self._talking()) / most)

    def refusal(
        self, plan: Dialplan, *, caller: str, number: str, menu: bool = False
    ) -> Full | None:
        """
        Why one more call, from a caller to a number, has no room; None if it has.

        Args:
            menu: whether it needs no model. Such calls take no room of those that do:
                there may be `limit` of them besides.
        """
        capacity = plan.capacity
        talking = self._talking()
        if self.draining:
            return "draining"
        if menu:
            return "full" if len(self) - len(talking) >= self.limit else None
        if len(talking) >= min(self.limit, capacity.max_calls or inf):
            return "full"
        for label, most in capacity.per_number.items():
            if plan.numbers[label].e164 == number and most <= sum(
                ticket.origin.called == number for ticket in talking
            ):
                return "number_full"
        if capacity.per_caller and caller != ANONYMOUS:
            theirs = sum(ticket.origin.caller == caller for ticket in talking)
            if theirs >= capacity.per_caller:
                return "caller_full"
        return None

    def _all(self) -> Iterator[Ticket]:
        """Every call once, however many tokens it has."""
        waiting = {ticket.call_sid: ticket for ticket in self._waiting.values()}
        yield from (waiting | self._running).values()

    def _talking(self) -> list[Ticket]:
        """The calls that have a model."""
        return [ticket for ticket in self._all() if ticket.origin.opening is None]

    def waiting(self, call_sid: str) -> Ticket | None:
        """The admitted call whose stream hasn't come: its webhook was repeated."""
        for ticket in self._waiting.values():
            if ticket.call_sid == call_sid:
                return ticket
        return None

    def admit(self, ticket: Ticket, token: str) -> None:
        """Let a call in. It may have several tokens: Twilio repeats webhooks."""
        self._waiting[_digest(token)] = ticket

    def redeem(self, token: str, now: float) -> Ticket | None:
        """Burn a token; None if it isn't one, isn't one any more, or came too late."""
        ticket = self._waiting.get(_digest(token))
        if ticket is None or now > ticket.expires_at:
            return None
        self._forget(ticket)
        self._running[ticket.call_sid] = ticket
        return ticket

    def over(self, ticket: Ticket) -> None:
        self._running.pop(ticket.call_sid, None)

    def expired(self, now: float) -> list[Ticket]:
        """Take out the calls whose stream never came."""
        tickets = {ticket.call_sid: ticket for ticket in self._waiting.values()}
        gone = [ticket for ticket in tickets.values() if now > ticket.expires_at]
        for ticket in gone:
            self._forget(ticket)
        return gone

    def _forget(self, ticket: Ticket) -> None:
        """Void all tokens of a call."""
        for digest, other in list(self._waiting.items()):
            if other.call_sid == ticket.call_sid:
                del self._waiting[digest]


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
