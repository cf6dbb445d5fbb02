"""One realtime session on its WebSocket: the tasks and the clock."""

import asyncio
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from voicebot.sim.stepfun.mind import Mind, Question, Thought, think
from voicebot.sim.stepfun.session import Drop, OfflineSession

# About 10 s of a client's audio: one that sends faster than it is read must wait.
INBOX_FRAMES = 500


@dataclass(frozen=True, slots=True)
class _Frame:
    text: str | bytes


class _Ping:
    """A control frame."""


class _Gone:
    """The client left."""


_Event = _Frame | _Ping | _Gone | Thought


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
    inbox: asyncio.Queue[_Event] = asyncio.Queue(INBOX_FRAMES)
    drop: Drop | None = None

    async def pump() -> None:
        async for message in websocket:
            match message.type:
                case WSMsgType.TEXT | WSMsgType.BINARY:
                    await inbox.put(_Frame(message.data))
                case WSMsgType.PING:
                    await inbox.put(_Ping())
                    await websocket.pong(message.data)
                case _:
                    pass
        await inbox.put(_Gone())

    async def ponder(question: Question) -> None:
        await inbox.put(await asyncio.to_thread(think, mind, question))

    async def drive(tasks: asyncio.TaskGroup) -> None:
        nonlocal drop
        loop = asyncio.get_running_loop()
        while True:
            drop = session.close_due(loop.time())
            for text in session.take(loop.time()):
                if session.watch:
                    session.watch.sends(text)
                await websocket.send_str(text)
            for question in session.questions():
                tasks.create_task(ponder(question))
            if drop is not None:
                raise _Ended
            try:
                async with asyncio.timeout_at(session.next_deadline()):
                    event = await inbox.get()
            except TimeoutError:
                continue
            if _tell(session, event, loop.time()):
                raise _Ended

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pump())
            tasks.create_task(drive(tasks))
    except* (_Ended, ConnectionError):
        pass
    if drop is not None and drop.code is not None:
        await websocket.close(code=drop.code)
    elif request.transport is not None:
        request.transport.abort()
    return drop


def _tell(session: OfflineSession, event: _Event, now: float) -> bool:
    """Tell the session what happened. True: the client left."""
    match event:
        case _Frame(text):
            session.receive(text, now)
        case _Ping():
            session.touch(now)
        case _Gone():
            return True
        case thought:
            session.thought(thought, now)
    return False
