"""Tells others of calls that are over, for as long as it takes, up to a day."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from statistics import median_low
from typing import Any, Final

import orjson
import structlog

from voicebot.dialplan.after_call import Webhook
from voicebot.dialplan.model import Dialplan
from voicebot.errors import StoreError, UpstreamError
from voicebot.net.webhooks import GONE, Webhooks, pause_s
from voicebot.runtime.reviews import Reviewer
from voicebot.runtime.transcripts import Transcriber, personas_to_transcribe
from voicebot.store.calls import CallStore
from voicebot.store.deliveries import REVIEW, TELL_FOR, TRANSCRIBE, Delivery
from voicebot.store.records import Call, Latency, Reviewed, Turn
from voicebot.store.retention import forget
from voicebot.store.usage import yuan

log = structlog.get_logger()

POLL_S: Final = 5.0
"""How often to look for what is due: calls of others' end, too."""


async def _at_once() -> None:
    pass


class Messenger:
    """
    Args:
        plan: the one that is in force: it says who is told.
        webhooks: None: there is no secret to sign with, and nobody is told.
        reviewer: reviews calls, where a persona wants that.
        now: the time.
        transcriber: transcribes what has no words yet, where the plan wants that; None:
            nobody does.
        stored: waits until all that was noted can be read from the call log.
    """

    def __init__(
        self,
        store: CallStore,
        plan: Callable[[], Dialplan],
        webhooks: Webhooks | None,
        reviewer: Reviewer,
        now: Callable[[], datetime],
        transcriber: Transcriber | None = None,
        stored: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        self._stored = stored
        self._reviewer, self._transcriber = reviewer, transcriber
        self._store, self._plan = store, plan
        self._webhooks, self._now = webhooks, now
        self._news = asyncio.Event()
        self._warned = False

    def nudge(self) -> None:
        """A call is over."""
        self._news.set()

    async def tell_others(self) -> None:
        """Tell of every call, for ever."""
        while True:
            self._news.clear()
            try:
                while await self.round():
                    pass
            except StoreError as exc:
                log.warning("nobody is told of calls", error=str(exc))
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._news.wait()
                    await self._stored()  # else its end isn't there yet

    async def round(self) -> int:
        """
        Tell of what is due, all at once.

        Returns:
            Of how much.

        Raises:
            StoreError: the call log can't be read or written.
        """
        plan = self._plan()
        personas = plan.personas
        reviewed = [name for name, x in personas.items() if x.after_call.is_reviewed]
        hooks: dict[int, list[str]] = {REVIEW: reviewed} if reviewed else {}
        if self._transcriber and (names := personas_to_transcribe(plan)):
            hooks[TRANSCRIBE] = names
        for name, persona in personas.items():
            if persona.after_call.deliver and self._can_sign():
                for number in range(len(persona.after_call.deliver)):
                    hooks.setdefault(number, []).append(name)
        due = await self._store.deliveries.claim(hooks, self._now())
        await asyncio.gather(*(self._do(plan, x) for x in due))
        return len(due)

    def _can_sign(self) -> bool:
        """Whether others can be told; else their calls wait."""
        if self._webhooks is None and not self._warned:
            self._warned = True
            log.error("webhooks wait: VOICEBOT_WEBHOOK_SECRET is not set")
        return self._webhooks is not None

    async def _do(self, plan: Dialplan, delivery: Delivery) -> None:
        call = await self._store.get_call(delivery.call_id)
        if call is None:  # erased meanwhile
            return
        await self._do_with(call, plan, delivery)
        await forget(self._store.database, call.call_id)  # if it was erased only now

    async def _do_with(self, call: Call, plan: Dialplan, delivery: Delivery) -> None:
        last = "delivered"
        try:
            if self._transcriber and delivery.hook == TRANSCRIBE:
                last = await self._transcriber.transcribe(call, plan)
            elif delivery.hook == REVIEW:
                last = await self._reviewer.review(call, plan.personas[call.persona])
            elif self._webhooks:
                after = plan.personas[call.persona].after_call
                hook = after.deliver[delivery.hook]
                await self._tell(self._webhooks, hook, call, delivery)
        except UpstreamError as exc:
            await self._failed(call, delivery, exc)
            return
        log.info("after call", call_id=call.call_id, hook=delivery.hook, done=last)
        await self._store.deliveries.settle(delivery, last, self._now(), None)

    async def _tell(
        self, webhooks: Webhooks, hook: Webhook, call: Call, delivery: Delivery
    ) -> None:
        body = await self._body(call, hook)
        at = self._now()
        key = f"{call.call_id}.{delivery.hook}"
        await webhooks.send(hook.webhook, body, key=key, timestamp=int(at.timestamp()))

    async def _failed(self, call: Call, delivery: Delivery, exc: UpstreamError) -> None:
        now = self._now()
        next_at = now + timedelta(seconds=pause_s(delivery.tries))
        told = log.bind(call_id=delivery.call_id, hook=delivery.hook, error=str(exc))
        if exc.status == GONE or next_at >= delivery.ended_at + TELL_FOR:
            told.error("after call: given up")
            if self._transcriber and delivery.hook == TRANSCRIBE:
                self._transcriber.failed(call)
            await self._store.deliveries.settle(delivery, str(exc), now, None)
        else:
            told.warning("after call: failed", tries=delivery.tries + 1)
            await self._store.deliveries.settle(delivery, str(exc), now, next_at)

    async def _body(self, call: Call, hook: Webhook) -> bytes:
        turns = await self._store.turns(call.call_id)
        latencies = await self._store.latencies(call.call_id)
        review = await self._store.review(call.call_id)
        return orjson.dumps(told_of(call, turns, latencies, hook.include, review))


def told_of(
    call: Call,
    turns: Sequence[Turn],
    latencies: Sequence[Latency],
    include: Collection[str] = (),
    review: Reviewed | None = None,
) -> dict[str, Any]:
    """
    Return what others are told of a call: nothing that is private, unless asked for.

    Args:
        include: `numbers` of both sides, `words`, and the `review`.
    """
    replies = [each.sent_ms - each.spoken_ms for each in latencies]
    speakers = Counter(turn.who for turn in turns)
    told: dict[str, Any] = {
        "event": "call.ended",
        "call_id": call.call_id,
        "call_sid": call.call_sid,
        "direction": call.direction,
        "persona": call.persona,
        "route": call.route,
        "dialplan_revision": call.dialplan_revision,
        "started_at": call.started_at,
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
        "duration_ms": call.duration_ms,
        "end_reason": call.end_reason,
        "ended_by": call.ended_by,
        "faults": call.faults,
        "recording_ms": call.recording_ms,
        "turns": {
            "caller": speakers["caller"],
            "bot": speakers["bot"],
            "interrupted": sum(turn.interrupted for turn in turns),
        },
        "reply_ms": {"median": median_low(replies), "worst": max(replies)}
        if replies
        else None,
        "usage": call.usage,
        "cost_cny": f"{yuan(call.cost_ucny):f}",
    }
    if "numbers" in include:
        told |= {"from_number": call.from_number, "to_number": call.to_number}
    if "review" in include:
        told["review"] = review and {
            "summary": review.summary,
            "disposition": review.disposition,
            "extracted": review.extracted,
        }
    if "words" in include:
        told["words"] = [
            {
                "who": turn.who,
                "started_ms": turn.started_ms,
                "generated": turn.generated_text,
                "heard": turn.heard_text,
            }
            for turn in turns
        ]
    return told
