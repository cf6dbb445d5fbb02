"""Sends the text messages of calls, to callers and to targets, and says how it went."""

import asyncio
from collections.abc import Callable

import structlog

from voicebot.errors import UpstreamError
from voicebot.flow.model import SendSms, SmsOver
from voicebot.net.twilio import TwilioRest
from voicebot.runtime.forward import Origin
from voicebot.twilio.rest import why_not_sent

log = structlog.get_logger()


class Texting:
    """
    Owns the tasks that send text messages: a call may be over before one is sent.

    Args:
        rest: None if there is no account to send from.
        service: a messaging service to send from; None: from the number called.
    """

    def __init__(self, rest: TwilioRest | None, service: str | None) -> None:
        self._rest, self._service = rest, service
        self._tasks: set[asyncio.Task[None]] = set()

    def send(
        self, origin: Origin, order: SendSms, done: Callable[[SmsOver], None]
    ) -> None:
        """Send one, and tell what became of it, once."""
        task = asyncio.create_task(self._send(origin, order, done), name="text message")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait until all are sent that were ordered."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _send(
        self, origin: Origin, order: SendSms, done: Callable[[SmsOver], None]
    ) -> None:
        status = await self._sent(origin, order)
        log.info("text message", call_id=origin.call_id, name=order.name, status=status)
        done(SmsOver(order.number, order.name, status))

    async def _sent(self, origin: Origin, order: SendSms) -> str:
        to = number_of(origin, order.to)
        if to is None:
            return "hidden"
        if self._rest is None:
            return "failed"
        sender = self._service or origin.called
        try:
            await self._rest.send_text(origin.account_sid, sender, to, order.text)
        except UpstreamError as exc:
            log.warning("text message failed", detail=exc.detail, status=exc.status)
            return why_not_sent(exc)
        return "sent"


def number_of(origin: Origin, to: str) -> str | None:
    """Return the number of a caller, or of a target; None if there is none to see."""
    if to in origin.targets:
        return origin.targets[to].number
    return origin.caller if has_number(origin) else None


def has_number(origin: Origin) -> bool:
    """Whether the caller's number is known."""
    digits = origin.caller.removeprefix("+")
    return digits != origin.caller and digits.isdecimal()
