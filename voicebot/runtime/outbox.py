"""What waits to be written to the socket of a model."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

# A peer that doesn't read for this long is gone, whatever its socket says.
WRITE_S = 5.0


class Outbox:
    """
    Frames in order, written by one task, bounded.

    Args:
        limit: frames that may wait.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._frames: deque[bytes] = deque()
        self._filled = asyncio.Event()

    def put(self, frame: bytes) -> bool:
        """Add a frame; False, and nothing is added, if the peer is too far behind."""
        if len(self._frames) >= self._limit:
            return False
        self._frames.append(frame)
        self._filled.set()
        return True

    async def write(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """
        Write for ever.

        Raises:
            ConnectionError: the peer is gone, or took nothing for five seconds.
        """
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._frames:
                try:
                    async with asyncio.timeout(WRITE_S):
                        await send(self._frames.popleft())
                except TimeoutError:
                    raise ConnectionError("it doesn't read") from None
