"""Who is at the other end of a transfer: scripted, and rung in real time."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Literal

from voicebot.sim.twilio.forms import Identity, whisper_form
from voicebot.sim.twilio.report import Tally
from voicebot.sim.twilio.socket import Complete, Inbox, Order, Update
from voicebot.sim.twilio.stream import StreamWarning
from voicebot.sim.twilio.twiml import (
    SCHEMA,
    Callback,
    Dial,
    Hangup,
    Pause,
    Say,
    TwimlError,
    Verb,
    parse,
)
from voicebot.sim.twilio.webhooks import Webhooks

BAD_CALLER_ID = 13214


@dataclass(frozen=True, slots=True)
class FarEnd:
    """
    What happens at a number that is rung.

    Whoever rings for longer than the <Dial> waits, doesn't answer.
    """

    does: Literal["answers", "busy", "no-answer", "failed", "caller leaves"] = "answers"
    """The last one: the caller hangs up while it rings."""

    rings_s: float = 0.05
    talks_s: float = 0.1
    """And hangs up."""


@dataclass(frozen=True, slots=True)
class Rung:
    """What came of it; `status` as in DialCallStatus."""

    status: Literal["completed", "busy", "no-answer", "failed", "canceled"]
    dial_sid: str
    duration_s: int | None = None
    bridged: bool = False


class Agents:
    """
    Rings far ends, one at a time.

    Attributes:
        far_ends: by number or SIP address; all others answer.
    """

    def __init__(
        self,
        far_ends: dict[str, FarEnd],
        who: Identity,
        hooks: Webhooks,
        tally: Tally,
    ) -> None:
        self.far_ends = far_ends
        self._who, self._hooks, self._tally = who, hooks, tally

    async def ring(self, dial: Dial, inbox: Inbox) -> Rung | Order:
        """
        Ring until it is over, or REST orders otherwise.

        Raises:
            TwimlError: what the callee is to hear is no TwiML, or not allowed there.
        """
        dial_sid = f"CA{secrets.token_hex(16)}"
        if not self._may_show(dial):
            text = "Dial: Invalid callerId value"
            self._tally.warnings.append(StreamWarning(BAD_CALLER_ID, text))
            return Rung("failed", dial_sid)
        far = self.far_ends.get(dial.number, FarEnd())
        rings_s = min(far.rings_s, float(dial.timeout_s))
        if order := await elapse(rings_s, inbox):
            return order
        if far.does == "caller leaves":
            return Rung("canceled", dial_sid)
        if far.rings_s > dial.timeout_s or far.does == "no-answer":
            return Rung("no-answer", dial_sid)
        if far.does != "answers":
            return Rung(far.does, dial_sid)
        if dial.whisper and not await self._connects(dial, dial.whisper, dial_sid):
            return Rung("completed", dial_sid, 0)
        if order := await elapse(far.talks_s, inbox):
            return order
        return Rung("completed", dial_sid, round(far.talks_s), bridged=True)

    def _may_show(self, dial: Dial) -> bool:
        ours = (self._who.from_number, self._who.to_number)
        return not dial.caller_id or dial.caller_id in ours

    async def _connects(self, dial: Dial, to: Callback, dial_sid: str) -> bool:
        """Whether the callee is still there after what was said to them alone."""
        form = whisper_form(self._who, dial_sid, dial.number)
        status, text = await self._hooks.ask("whisper", to, form)
        if not 200 <= status < 300:
            return False
        return all(self._heard(verb) for verb in parse(text, to.url))

    def _heard(self, verb: Verb) -> bool:
        match verb:
            case Say(text):
                self._tally.whispered.append(text)
            case Pause():
                pass
            case Hangup():
                return False
            case _:
                raise TwimlError(SCHEMA, "expected only <Say>, <Pause> and <Hangup>")
        return True


async def elapse(seconds: float, inbox: Inbox) -> Order | None:
    """Let time pass without a stream; return what REST orders meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            order = await inbox.get()
    except TimeoutError:
        return None
    assert isinstance(order, Complete | Update)  # no stream, so nothing else
    return order
