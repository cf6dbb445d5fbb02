"""One realtime session on its WebSocket: callbacks of the loop, and the clock."""

import asyncio

from aiohttp import WSMsgType, web

from voicebot.sim.clock import Alarm
from voicebot.sim.stepfun.frames import text_frame
from voicebot.sim.stepfun.mind import Mind, Question, think
from voicebot.sim.stepfun.session import Drop, OfflineSession
from voicebot.sim.stepfun.tap import Tap


class _Ended(Exception):
    """Closes the task group from inside. Never leaves this module."""


async def serve_session(
    session: OfflineSession,
    mind: Mind,
    websocket: web.WebSocketResponse,
    request: web.Request,
) -> Drop | None:
    """
    Run a session until either side ends it.

    Returns:
        Why the server ended it, or None if the client did.

    Raises:
        ExceptionGroup: a bug of ours, or a mind that failed.
    """
    transport = request.transport
    if transport is None:
        return None  # gone before it began
    drop: Drop | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            served = _Served(session, mind, websocket, transport, tasks)
            tap = Tap(transport, served.go_on)
            try:
                tasks.create_task(served.listen())
                served.go_on()
                drop = await served.over
                raise _Ended
            finally:
                served.stop()
                tap.leave()
    except* (_Ended, ConnectionError):
        pass
    if drop is not None and drop.code is not None:
        await websocket.close(code=drop.code)
    elif request.transport is not None:
        request.transport.abort()
    return drop


class _Served:
    """
    Feeds a session with what the client says and with the time.

    What is sent isn't held back if the client doesn't read: it is no more than is said
    in a session.

    Attributes:
        over: why the server ends the session; a bug of ours is raised by it.
    """

    def __init__(
        self,
        session: OfflineSession,
        mind: Mind,
        websocket: web.WebSocketResponse,
        transport: asyncio.Transport,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._session, self._mind, self._websocket = session, mind, websocket
        self._transport = transport
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self.over: asyncio.Future[Drop] = self._loop.create_future()
        self._alarm = Alarm(self.go_on)

    def go_on(self, said: str | bytes | None = None) -> None:
        """Take in what the client says, if it does; then do what is due."""
        if self.over.done():
            return
        session, now = self._session, self._loop.time()
        try:
            if said is not None:
                session.receive(said, now)
            drop = session.close_due(now)
            self._send(session.take(now))
        except Exception as exc:  # noqa: BLE001 - a bug: raised to who serves it
            self.over.set_exception(exc)
            return
        for question in session.questions():
            self._tasks.create_task(self._ponder(question))
        if drop is None:
            self._alarm.set(self._session.next_deadline())
        else:
            self.over.set_result(drop)

    def stop(self) -> None:
        """Leave the session alone."""
        self._alarm.stop()
        self.over.cancel()

    async def listen(self) -> None:
        """Take in what comes the long way, until the client leaves."""
        async for message in self._websocket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self.go_on(message.data)
            elif message.type is WSMsgType.PING:
                self._session.touch(self._loop.time())
                await self._websocket.pong(message.data)
        raise _Ended

    def _send(self, texts: list[str]) -> None:
        if not texts or self._websocket.closed or self._transport.is_closing():
            return
        if self._session.watch:
            for text in texts:
                self._session.watch.sends(text)
        self._transport.write(b"".join(map(text_frame, texts)))

    async def _ponder(self, question: Question) -> None:
        thought = await asyncio.to_thread(think, self._mind, question)
        self._session.thought(thought, self._loop.time())
        self.go_on()
