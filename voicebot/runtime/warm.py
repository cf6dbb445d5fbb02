"""Model sessions that are opened while Twilio still connects their calls."""

import asyncio
from dataclasses import dataclass

import structlog

from voicebot.runtime.model_leg import ModelLeg

log = structlog.get_logger()


@dataclass(slots=True)
class _Admitted:
    """A call on its way, or that has come."""

    leg: ModelLeg
    dialled_at: float
    taken: bool = False


class WarmLegs:
    """
    The models' legs of all calls that were admitted and aren't over.

    Owns the tasks of the sessions that were opened ahead: each ends with its call, at
    the latest, and all of them with `close`.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._admitted: dict[str, _Admitted] = {}  # by call_id
        self._tasks: set[asyncio.Task[None]] = set()

    def dial(self, call_id: str, leg: ModelLeg) -> None:
        """Open the session of a call that was admitted. Once a call."""
        assert call_id not in self._admitted
        self._admitted[call_id] = _Admitted(leg, self._loop.time())
        # All that the task logs is about this call.
        with structlog.contextvars.bound_contextvars(call_id=call_id):
            task = leg.dial_ahead()
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._ended(call_id, task))

    def take(self, call_id: str) -> ModelLeg:
        """Hand the leg to its call, whatever became of its session."""
        call = self._admitted[call_id]
        call.taken = True
        if call.leg.ahead in self._tasks:
            log.info(
                "warm session taken over",
                call_id=call_id,
                age_ms=self._age_ms(call),
                ready=call.leg.ready.is_set(),
            )
        return call.leg

    def drop(self, call_id: str) -> None:
        """Forget a call that is over; close its session if the call never came."""
        call = self._admitted.pop(call_id, None)
        if call and call.leg.ahead in self._tasks:
            if not call.taken:
                log.info(
                    "warm session expired", call_id=call_id, age_ms=self._age_ms(call)
                )
            call.leg.ahead.cancel()

    async def close(self) -> None:
        """Close what is left."""
        for call_id in list(self._admitted):
            self.drop(call_id)
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _ended(self, call_id: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        call = self._admitted.get(call_id)
        if call and not call.taken:
            # A fault of the model's was told by the leg; anything else is ours.
            log.warning(
                "warm session failed",
                call_id=call_id,
                age_ms=self._age_ms(call),
                exc_info=error,
            )

    def _age_ms(self, call: _Admitted) -> int:
        return round((self._loop.time() - call.dialled_at) * 1000)
