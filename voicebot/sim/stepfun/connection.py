"""One realtime session on its WebSocket: the tasks and the clock."""

import asyncio

from aiohttp import WSMsgType, web

from voicebot.sim.stepfun.mind import Mind, Question, think
from voicebot.sim.stepfun.session import Drop, OfflineSession


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
    drop: Drop | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            served = _Served(session, mind, websocket, tasks)
            tasks.create_task(served.listen())
            drop = await served.speak()
            raise _Ended
    except* (_Ended, ConnectionError):
        pass
    if drop is not None and drop.code is not None:
        await websocket.close(code=drop.code)
    elif request.transport is not None:
        request.transport.abort()
    return drop


class _Served:
    """
    What the client says is taken in where it is read; another task sends, and is
    woken only if there is something to send.
    """

    def __init__(
        self,
        session: OfflineSession,
        mind: Mind,
        websocket: web.WebSocketResponse,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._session, self._mind, self._websocket = session, mind, websocket
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._wakes_s = 0.0
        self._news = asyncio.Event()

    async def listen(self) -> None:
        """Take in what comes until the client leaves."""
        session, now = self._session, self._loop.time
        async for message in self._websocket:
            match message.type:
                case WSMsgType.TEXT | WSMsgType.BINARY:
                    session.receive(message.data, now())
                case WSMsgType.PING:
                    session.touch(now())
                    await self._websocket.pong(message.data)
                case _:
                    continue
            self._look()
        raise _Ended

    async def speak(self) -> Drop:
        """Send what is due when it is; return why the server ends the session."""
        session, now = self._session, self._loop.time
        while True:
            drop = session.close_due(now())
            for text in session.take(now()):
                if session.watch:
                    session.watch.sends(text)
                await self._websocket.send_str(text)
            if drop is not None:
                return drop
            self._news.clear()
            self._wakes_s = session.next_deadline()
            self._look()
            try:
                async with asyncio.timeout_at(self._wakes_s):
                    await self._news.wait()
            except TimeoutError:
                pass

    def _look(self) -> None:
        """Put the session's questions, and wake who sends if it is due earlier."""
        for question in self._session.questions():
            self._tasks.create_task(self._ponder(question))
        if self._session.next_deadline() < self._wakes_s:
            self._news.set()

    async def _ponder(self, question: Question) -> None:
        thought = await asyncio.to_thread(think, self._mind, question)
        self._session.thought(thought, self._loop.time())
        self._look()
