"""
What systemd is told, if it started us: sd_notify(3), in a few lines.

A unit of `Type=notify` counts as started once we say so, and with `WatchdogSec=` it is
started anew if its event loop stands still.
"""

import socket
from typing import Final

# So often within the watchdog's time, as sd_watchdog_enabled(3) has it.
BEATS: Final = 2


class ServiceManager:
    """
    Takes news of this process. Without an address nobody is told.

    Args:
        address: a socket's path; `@…` if it is none of the file system's.
        watchdog_s: silence of so many seconds is taken for death; None: no silence is.
    """

    def __init__(self, address: str | None, watchdog_s: float | None) -> None:
        self._address = address and address.replace("@", "\0", 1)
        self.beat_s = watchdog_s / BEATS if address and watchdog_s else None
        """How often to call `alive`; None: never."""

    def ready(self) -> None:
        """Calls are taken."""
        self._tell("READY=1")

    def alive(self) -> None:
        """The event loop turns."""
        self._tell("WATCHDOG=1")

    def stopping(self, calls: int) -> None:
        """No new calls are taken; these are still on."""
        self._tell(f"STOPPING=1\nSTATUS=draining, {calls} calls are on")

    def _tell(self, news: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to_systemd:
                to_systemd.setblocking(False)
                to_systemd.sendto(news.encode(), self._address)
        except OSError:  # it went away, or is busy: calls go on
            pass
