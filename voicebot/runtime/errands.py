"""What calls ask other servers for: requests with their secrets, and answers."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from voicebot.config import read_secret
from voicebot.dialplan.address import Errand, Secret, resolved
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.variables import values_of
from voicebot.errors import ConfigError, UpstreamError
from voicebot.flow.lookup import values_in
from voicebot.flow.model import Fetch, Fetched, Input, LookedUp, Trouble
from voicebot.flow.requests import lookup_errand, readable, trouble_of
from voicebot.net.errands import Answer, ErrandClient, Request

log = structlog.get_logger()

# A greeting for a caller who is known waits so long, to learn whether they are.
GREETING_S: Final = 0.3


async def ask(client: ErrandClient, errand: Errand, key: str) -> Answer | Trouble:
    """Make a request; say what is wrong if there is no answer of use."""
    try:
        url, headers = resolved(errand, _read)
    except (ConfigError, ValueError) as exc:
        log.error("request not made", why=str(exc))
        return Trouble.MISCONFIGURED
    request = Request(errand.method, url, headers, errand.body, errand.timeout_s, key)
    try:
        answer = await client.fetch(request)
    except UpstreamError as exc:
        return Trouble(exc.detail)
    return answer


def _read(secret: Secret) -> str:
    return read_secret(secret.kind, secret.name)


class Errands:
    """
    Makes the requests of one call, each in a task of its own.

    Args:
        call_id: of the phone call, by which servers tell POSTs apart.
        lookup: what is being found out about the caller, if anything is.
    """

    def __init__(
        self,
        client: ErrandClient,
        call_id: str,
        lookup: asyncio.Task[LookedUp] | None = None,
    ) -> None:
        self._client = client
        self._call_id = call_id
        self._lookup = lookup
        self._asked: asyncio.Queue[Fetch] = asyncio.Queue()  # bounded by max_calls
        self._running: dict[int, asyncio.Task[None]] = {}

    def fetch(self, order: Fetch) -> None:
        """Make a request."""
        self._asked.put_nowait(order)

    def abandon(self, id: int) -> None:
        """Drop a GET that is being made; what comes of it is ignored anyway."""
        if task := self._running.pop(id, None):
            task.cancel()

    async def run(self, deliver: Callable[[Input], None]) -> None:
        """
        Make all requests that are asked for. Runs until it is cancelled.

        Args:
            deliver: takes what came of each, at once.
        """
        async with asyncio.TaskGroup() as tasks:
            if self._lookup:
                tasks.create_task(self._tell(self._lookup, deliver), name="lookup")
            while True:
                order = await self._asked.get()
                task = tasks.create_task(self._make(order, deliver), name="errand")
                if order.errand.method == "GET":  # a POST is better done than half done
                    self._running[order.id] = task

    async def _tell(
        self, lookup: asyncio.Task[LookedUp], deliver: Callable[[Input], None]
    ) -> None:
        await asyncio.wait([lookup])  # it isn't ours to cancel
        if (found := _found(lookup)) is not None:
            deliver(found)

    async def _make(self, order: Fetch, deliver: Callable[[Input], None]) -> None:
        key = f"{self._call_id}-{order.key}"
        answer = await ask(self._client, order.errand, key)
        self._running.pop(order.id, None)
        deliver(fetched(order.id, answer))


def fetched(id: int, answer: Answer | Trouble) -> Fetched:
    """Say what came of a request."""
    if isinstance(answer, Trouble):
        return Fetched(id, trouble=answer)
    if trouble := trouble_of(answer.status):
        return Fetched(id, trouble=trouble, status=answer.status)
    text = readable(answer.body)
    if text is None:
        return Fetched(id, trouble=Trouble.UNREADABLE, status=answer.status)
    return Fetched(id, text, status=answer.status)


class Lookups:
    """
    What is being found out about the callers of all calls that were admitted.

    Owns one task for each call, which ends by its timeout, and with its call at the
    latest.
    """

    def __init__(self, client: ErrandClient) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[str, asyncio.Task[LookedUp]] = {}  # by call_id

    def begin(self, call_id: str, persona: Persona, known: Mapping[str, str]) -> None:
        """Ask about the caller of a call that was admitted, if its persona wants to."""
        if persona.lookup is None:
            return
        # All that the task logs is about this call.
        with structlog.contextvars.bound_contextvars(call_id=call_id):
            task = self._loop.create_task(self._look_up(persona, known), name="lookup")
        self._tasks[call_id] = task

    def of(self, call_id: str) -> asyncio.Task[LookedUp] | None:
        """What is being found out about a caller."""
        return self._tasks.get(call_id)

    async def greets(self, call_id: str, persona: Persona) -> Mapping[str, str]:
        """
        Return what is known of a caller before the greeting.

        Waits a moment, if there is a greeting for those who are known; else not at all.
        """
        task = self._tasks.get(call_id)
        if task is None or persona.greeting.when.returning_caller is None:
            return {}
        await asyncio.wait([task], timeout=GREETING_S)
        found = _found(task)
        return found.values if found else {}

    def drop(self, call_id: str) -> None:
        """Forget a call that is over."""
        if task := self._tasks.pop(call_id, None):
            task.cancel()

    async def close(self) -> None:
        """Drop what is left."""
        tasks = list(self._tasks.values())
        for call_id in list(self._tasks):
            self.drop(call_id)
        if tasks:
            await asyncio.wait(tasks)

    async def _look_up(self, persona: Persona, known: Mapping[str, str]) -> LookedUp:
        assert persona.lookup
        began_at = self._loop.time()
        errand = lookup_errand(persona.lookup, values_of(persona, known))
        answer = await ask(self._client, errand, "") if errand else Trouble.NOT_FOUND
        took_ms = round((self._loop.time() - began_at) * 1000)
        return looked_up(persona, answer, took_ms)


def _found(task: asyncio.Task[LookedUp]) -> LookedUp | None:
    """What a lookup has come to; None: to nothing yet, or to a bug of ours."""
    if not task.done() or task.cancelled():
        return None
    if error := task.exception():
        log.error("lookup broke", exc_info=error)  # no call is to end because of it
        return None
    return task.result()


def looked_up(persona: Persona, answer: Answer | Trouble, took_ms: int) -> LookedUp:
    """Say what came of a lookup."""
    if isinstance(answer, Trouble):
        return LookedUp({}, answer, took_ms)
    if trouble := trouble_of(answer.status):
        return LookedUp({}, trouble, took_ms)
    values = values_in(persona, answer.body)
    if values is None:
        return LookedUp({}, Trouble.UNREADABLE, took_ms)
    return LookedUp(values, None, took_ms)
