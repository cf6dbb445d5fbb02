"""Somebody who looks over the shoulder of a simulated call, and measures it."""

from typing import Protocol


class Watch(Protocol):
    """
    Told of one call as it goes on, in its loop: it must be quick.

    None of it is told of a stream that only comes to be in part.
    """

    def line(self, said: bytes, heard: bytes, late_s: float) -> None:
        """
        The line has gone on by 20 ms.

        Args:
            said, heard: the caller and the bot at the caller's ear, 160 bytes of μ-law.
            late_s: after its time the caller's frame is sent.
        """

    def arrived(self, ulaw: bytes) -> None:
        """The bot's audio came; when it is heard, `line` tells."""

    def cleared(self) -> None:
        """The bot dropped what of it wasn't heard yet."""
