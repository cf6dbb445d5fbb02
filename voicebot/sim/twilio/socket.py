"""Drives one Leg over one WebSocket: the only place where its frames meet the wire."""

import asyncio
from dataclasses import dataclass

from aiohttp import ClientError, ClientWebSocketResponse, WSMsgType

from voicebot.sim.twilio.leg import Frame, Leg
from voicebot.sim.twilio.twiml import Callback

GRACE_S = 10.0
"""How long a peer that leaves the closing to the server waits for it."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The server closed the socket, or it was lost."""

    code: int


@dataclass(frozen=True, slots=True)
class CallerHungUp:
    why: str


@dataclass(frozen=True, slots=True)
class Complete:
    """REST: end the call."""


@dataclass(frozen=True, slots=True)
class Update:
    """REST: leave the stream and run this instead."""

    to: Callback | str
    """Where to fetch the TwiML, or the TwiML itself."""


Order = Complete | Update
Inbox = asyncio.Queue[Frame | Closed | Order]


async def run_leg(
    ws: ClientWebSocketResponse, leg: Leg, inbox: Inbox, *, closes: bool
) -> Closed | CallerHungUp | Order:
    """
    Run a stream from its open socket to its closed one.

    Args:
        inbox: where REST puts its orders; the server's frames go through it too,
            and none of them is left in it.
        closes: whether to close the socket after `stop`, as Twilio does.

    Returns:
        Why it ended.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.TaskGroup() as tasks:
            pump = tasks.create_task(_pump(ws, inbox), name="simulated Twilio: pump")
            end = await _drive(ws, leg, inbox)
            if not isinstance(end, Closed):
                await _send(ws, leg.stop(loop.time()))
                if not closes:
                    await _until_closed(inbox)
            pump.cancel()
    finally:
        await ws.close()
        _keep_orders(inbox)
    return end


async def _pump(ws: ClientWebSocketResponse, inbox: Inbox) -> None:
    async for message in ws:
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            await inbox.put(message.data)
    await inbox.put(Closed(ws.close_code or 1006))


async def _drive(
    ws: ClientWebSocketResponse, leg: Leg, inbox: Inbox
) -> Closed | CallerHungUp | Order:
    loop = asyncio.get_running_loop()
    await _send(ws, leg.open(loop.time()))
    while True:
        item: Frame | Closed | Order | None = None
        try:
            async with asyncio.timeout_at(leg.next_deadline()):
                item = await inbox.get()
        except TimeoutError:
            pass
        now = loop.time()
        frames = leg.tick(now)
        if leg.hangs_up is not None:
            await _send(ws, frames)
            return CallerHungUp(leg.hangs_up)
        match item:
            case str() | bytes():
                frames += leg.receive(item, now)
            case None:
                pass
            case _:
                return item
        await _send(ws, frames)


async def _send(ws: ClientWebSocketResponse, frames: list[Frame]) -> None:
    try:
        for frame in frames:
            if isinstance(frame, str):
                await ws.send_str(frame)
            else:
                await ws.send_bytes(frame)
    except (ClientError, ConnectionError):
        pass  # the pump says so, in its order


async def _until_closed(inbox: Inbox) -> None:
    try:
        async with asyncio.timeout(GRACE_S):
            while not isinstance(await inbox.get(), Closed):
                pass
    except TimeoutError:
        pass


def _keep_orders(inbox: Inbox) -> None:
    items = [inbox.get_nowait() for _ in range(inbox.qsize())]
    for item in items:
        if isinstance(item, Complete | Update):
            inbox.put_nowait(item)
