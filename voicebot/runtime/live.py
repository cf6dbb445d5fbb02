"""Which calls are there: admission, one-time tokens, drain. Pure, with `now` given."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from voicebot.dialplan.persona import Persona

# Twilio opens the stream within a second or two of our TwiML.
TOKEN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call that was admitted, with all that its stream will need."""

    call_id: str
    call_sid: str
    account_sid: str
    persona: Persona
    expires_at: float


class LiveCalls:
    """
    The calls that were admitted and aren't over, at most `limit` of them.

    A token admits one stream, once, within 30 seconds. Only its hash is kept.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.draining = False
        self._waiting: dict[str, Ticket] = {}  # token's hash -> call
        self._running: dict[str, Ticket] = {}  # call_sid -> call

    def __len__(self) -> int:
        waiting = {ticket.call_sid for ticket in self._waiting.values()}
        return len(waiting) + len(self._running)

    @property
    def has_room(self) -> bool:
        return not self.draining and len(self) < self.limit

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
