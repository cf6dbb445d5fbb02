"""Drives one Leg over one WebSocket: the only place where its frames meet the wire."""

import asyncio
from dataclasses import dataclass

from voicebot.sim.clock import Alarm
from voicebot.sim.twilio.connection import Connection
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


class Driver:
    """
    Feeds a leg with the server's frames and with the time, in callbacks of the loop.

    Attributes:
        hung_up: why the caller hung up, once it did; a bug of ours is raised by it.
    """

    def __init__(self, connection: Connection, leg: Leg) -> None:
        self._connection, self._leg = connection, leg
        self._loop = asyncio.get_running_loop()
        self.hung_up: asyncio.Future[str] = self._loop.create_future()
        self._alarm = Alarm(self._step)

    def start(self) -> None:
        """Open the stream, and go on by itself."""
        self._connection.send(self._leg.open(self._loop.time()))
        self._alarm.set(self._leg.next_deadline())
        self._connection.listen(self._step)

    def stop(self) -> None:
        """Leave the leg alone."""
        self._alarm.stop()
        self.hung_up.cancel()

    def _step(self, frame: Frame | None = None) -> None:
        """Do what is due by now, and then what the server says, if it does."""
        leg = self._leg
        if self.hung_up.done():
            return
        try:
            now = self._loop.time()
            frames = leg.tick(now)
            if frame is not None and leg.hangs_up is None:
                frames += leg.receive(frame, now)
        except Exception as exc:  # noqa: BLE001 - a bug: raised to who awaits the call
            self.hung_up.set_exception(exc)
            return
        self._connection.send(frames)
        if leg.hangs_up is None:
            self._alarm.set(self._leg.next_deadline())
        else:
            self.hung_up.set_result(leg.hangs_up)


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
