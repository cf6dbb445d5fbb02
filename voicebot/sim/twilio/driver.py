"""Drives one Leg: the only place where its frames, and the clock, meet the wire."""

import asyncio

from voicebot.sim.clock import Alarm
from voicebot.sim.twilio.connection import Connection
from voicebot.sim.twilio.leg import Frame, Leg


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
