"""One Leg over one WebSocket, until it ends: by the server, the caller, or REST."""

import asyncio
from dataclasses import dataclass

from voicebot.sim.twilio.connection import Connection
from voicebot.sim.twilio.driver import Driver
from voicebot.sim.twilio.leg import Leg
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
Inbox = asyncio.Queue[Order]


async def run_leg(
    connection: Connection, leg: Leg, inbox: Inbox, *, closes: bool
) -> Closed | CallerHungUp | Order:
    """
    Run a stream from its open socket to its closed one.

    Args:
        inbox: where REST puts its orders; one that comes too late stays in it.
        closes: whether to close the socket after `stop`, as Twilio does.

    Returns:
        Why it ended.
    """
    driver = Driver(connection, leg)
    try:
        driver.start()
        end = await _end(driver, connection, inbox)
        driver.stop()
        if not isinstance(end, Closed):
            connection.send(leg.stop(asyncio.get_running_loop().time()))
            if not closes:
                await _until_closed(connection)
    finally:
        driver.stop()
        await connection.close()
    return end


async def _end(
    driver: Driver, connection: Connection, inbox: Inbox
) -> Closed | CallerHungUp | Order:
    order = asyncio.create_task(inbox.get())
    closed = asyncio.create_task(connection.closed())
    try:
        await asyncio.wait(
            (driver.hung_up, order, closed), return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        # An order that the task hasn't got stays in the queue.
        for task in (order, closed):
            task.cancel()
        await asyncio.wait((order, closed))
    if not order.cancelled():
        return order.result()  # whoever orders something may close the socket, too
    if driver.hung_up.done():
        return CallerHungUp(driver.hung_up.result())
    return Closed(closed.result())


async def _until_closed(connection: Connection) -> None:
    try:
        async with asyncio.timeout(GRACE_S):
            await connection.closed()
    except TimeoutError:
        pass
