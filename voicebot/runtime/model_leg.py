"""
One call's side towards StepFun: how its session is opened, lost and replaced.

What is said and heard in it is its `Dialogue`.

It may be dialled ahead of the call. What becomes of that is nobody's fault: a session
that fails before the call has it is a session that was never opened.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

import structlog
from websockets.exceptions import ConnectionClosed

from voicebot.bridge.model import Ending, PeerLost
from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.flow.model import Input
from voicebot.runtime.dialogue import Dialogue
from voicebot.runtime.garbage import tidily
from voicebot.runtime.legs import ModelAction
from voicebot.runtime.metrics import (
    ModelDialled,
    ModelLost,
    ModelOpened,
    ModelRefused,
    See,
    unseen,
)
from voicebot.runtime.model_socket import Dial, ModelSocket
from voicebot.stepfun.realtime.commands import SessionConfig
from voicebot.stepfun.realtime.events import ErrorKind
from voicebot.stepfun.realtime.history import Means
from voicebot.store.faults import Fault

log = structlog.get_logger()

# Non-101 answers to the upgrade happen now and then (stepfun reference, 2.2).
DIALS = 2
REDIAL_S = 0.4
HOPELESS = frozenset({400, 401, 402, 403, 404, 451})

# ... and of the key and its balance, which all engines share.
OF_ACCOUNT = frozenset({401, 402, 403})

REFUSALS: Mapping[int, Fault] = {
    400: Fault.STEPFUN_BAD_REQUEST,
    401: Fault.STEPFUN_INVALID_API_KEY,
    402: Fault.STEPFUN_QUOTA_EXCEEDED,
    403: Fault.STEPFUN_INVALID_API_KEY,
    404: Fault.STEPFUN_NOT_FOUND,
    429: Fault.STEPFUN_TOO_MANY,
    451: Fault.STEPFUN_MODERATED,
}


class ModelLeg:
    """
    Owns the model's socket for one call.

    Args:
        dial: opens a session.
        refused: what this server refuses of repairs, shared by all legs.
        spare: opens one of another engine, when `redial` asks for it.
        see: takes what is counted.

    Attributes:
        ahead: the task of a session that was opened ahead of the call, if one was.
        ready: set while a session is open and configured.
        faults: what went wrong, by code, in order of first appearance.
        usage: tokens by kind, as the model counts them.
    """

    def __init__(
        self,
        dial: Dial,
        config: SessionConfig,
        refused: set[Means],
        spare: Dial | None = None,
        see: See = unseen,
    ) -> None:
        self._dial = dial
        self._spare = spare
        self._refused = refused
        self._see = see
        self._dialled_at = 0.0
        self._ending = Ending.STEPFUN_REFUSED
        self._heals = True
        self._is_denied = False  # by a refusal that any engine would meet
        self._redial_by: float | None = None  # the call wants another session
        self._replaced = asyncio.Event()
        self.ahead: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()
        self.faults: Counter[Fault] = Counter()
        self.usage: Counter[str] = Counter()
        self._dialogue = Dialogue(config, refused, self.faults, self.usage)

    def send(self, action: ModelAction) -> None:
        """Give the model an order. Audio that it has no time for is dropped."""
        self._dialogue.send(action)

    def instruct(self, config: SessionConfig) -> None:
        """Give the model other instructions and tools, from its next answer on."""
        self._dialogue.instruct(config)

    def redial(self, give_up_at: float, *, spare: bool = False) -> None:
        """
        Give up the session, if there still is one, and open another.

        What is sent from now on is for that one.

        Args:
            give_up_at: when it is of no use any more, on the clock of the loop.
            spare: of the other engine, now and from now on; if that can be of use.
        """
        if spare and not self._is_denied:
            assert self._spare  # or the call wouldn't know of one
            self._dial = self._spare
            self._refused = set()  # it is another server
        self._redial_by = give_up_at
        self._dialogue = self._dialogue.anew(self._refused)
        self._replaced.set()

    def dial_ahead(self) -> asyncio.Task[None]:
        """Open the session now, for the `run` to come. The task is the caller's."""
        self.ahead = self._serving("model ahead")
        return self.ahead

    async def run(self, deliver: Callable[[Input], None]) -> None:
        """
        Run until cancelled, or until the model is lost: then that is an event.

        Takes over the session that was opened ahead, or opens one if that came to
        nothing. Opens another whenever `redial` was called, which may be while the
        loss of the one before is delivered.

        Args:
            deliver: takes each event of the model, at once.
        """
        try:
            self._dialogue.join(deliver)
            await self._run(deliver)
        finally:  # the call and we would keep each other
            self._dialogue.leave()

    async def _run(self, deliver: Callable[[Input], None]) -> None:
        if self.ahead:
            await self._until_over(self.ahead)
        if not self._dialogue.is_told and self._redial_by is None:
            await self._until_over(self._serving("model"))
        while True:
            if self._redial_by is None:
                deliver(PeerLost(self._ending, self._heals))
            if (give_up_at := self._redial_by) is None:
                return
            self._redial_by = None
            self._replaced.clear()
            await self._until_over(self._serving("model again", give_up_at))

    async def _until_over(self, serving: asyncio.Task[None]) -> None:
        """Wait until a session is over, or is to be replaced; then it is closed."""
        replaced = asyncio.create_task(self._replaced.wait())
        tasks = {serving, replaced}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if not serving.cancelled():
            serving.result()  # raises what is a bug of ours

    def _serving(
        self, name: str, give_up_at: float | None = None
    ) -> asyncio.Task[None]:
        work = tidily(self._serve, self._dialogue, give_up_at)
        return asyncio.create_task(work, name=name)

    async def _serve(self, dialogue: Dialogue, give_up_at: float | None) -> None:
        """Run one session, from its dial to its loss."""
        self._ending, self._heals = Ending.STEPFUN_REFUSED, True
        try:
            for left in reversed(range(DIALS)):
                self._see(ModelDialled())
                self._dialled_at = asyncio.get_running_loop().time()
                try:
                    async with (
                        asyncio.timeout_at(give_up_at) as until_ready,
                        self._dial(self.faults, self.usage) as socket,
                    ):
                        self._ending = Ending.STEPFUN_LOST
                        await self._converse(dialogue, socket, until_ready)
                except UpstreamError as exc:
                    self._fault(why := _refusal(exc))
                    self._see(ModelRefused(why))
                    log.warning("model refused", detail=exc.detail, status=exc.status)
                    self._heals = exc.status not in HOPELESS
                    self._is_denied = exc.status in OF_ACCOUNT
                    if not left or not self._heals:
                        break
                    await asyncio.sleep(REDIAL_S)
        except* (
            ConnectionError,
            ConnectionClosed,
            RemoteProtocolError,
            TimeoutError,
            UpstreamError,
        ) as lost:
            if lost.subgroup(UpstreamError):  # all that it could try, it has
                self._heals = False
            self._fault(Fault.STEPFUN_LOST)
            self._see(ModelLost())
            log.warning("model lost", session_id=dialogue.session_id)

    async def _converse(
        self, dialogue: Dialogue, socket: ModelSocket, until_ready: asyncio.Timeout
    ) -> None:
        dialogue.begin(socket)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_until_failed(dialogue), name="model failed")
                while not dialogue.is_ready:
                    dialogue.take(await socket.read())
                until_ready.reschedule(None)
                self._note_ready()
                socket.listen(dialogue.hear)
                while True:
                    dialogue.take(await socket.read())
        finally:
            socket.listen(_ignore)
            self.ready.clear()
            dialogue.end()

    def _note_ready(self) -> None:
        took_s = asyncio.get_running_loop().time() - self._dialled_at
        self._see(ModelOpened(took_s))
        self.ready.set()

    def _fault(self, code: Fault) -> None:
        self.faults[code] += 1


async def _until_failed(dialogue: Dialogue) -> None:
    await dialogue.failed.wait()
    assert dialogue.failure
    raise dialogue.failure


def _ignore(frame: bytes) -> None:
    """Of a session that is over."""


def _refusal(exc: UpstreamError) -> Fault:
    """Say which fault it is that a session couldn't be opened."""
    if exc.detail == ErrorKind.BAD_VOICE:
        return Fault.STEPFUN_BAD_VOICE
    if exc.status is None:
        return Fault.STEPFUN_UNREACHABLE
    other = Fault.STEPFUN_SERVER_ERROR if exc.status >= 500 else Fault.STEPFUN_REFUSED
    return REFUSALS.get(exc.status, other)
