"""What a model's leg talks to: StepFun's realtime model, or what speaks as it does."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias

from voicebot.net.realtime import realtime_socket
from voicebot.store.faults import Fault


class ModelSocket(Protocol):
    """A realtime session's socket, as far as a leg uses it."""

    def write(self, text: bytes, /) -> bool:
        """Send a frame at once; False, and it isn't sent, if too many wait already."""

    def listen(self, hear: Callable[[bytes], None], /) -> None:
        """
        Call `hear` with what comes from now on, as far as that is quicker than `read`.

        Args:
            hear: must not raise.
        """

    async def read(self) -> bytes:
        """
        Wait for the next frame that isn't heard.

        Raises:
            ConnectionError, ConnectionClosed: the session is lost.
            UpstreamError: it is lost, and so would be another.
        """


Dial: TypeAlias = Callable[
    [Counter[Fault], Counter[str]], AbstractAsyncContextManager[ModelSocket]
]
"""
Opens a session; closes it on the way out. Takes the call's faults and its usage, for
what no frame of the protocol tells.

Raises:
    UpstreamError: it couldn't be opened; the status tells why.
"""


def realtime(url: str, api_key: str) -> Dial:
    """
    What opens sessions of StepFun's realtime model.

    Args:
        url: of `voicebot.stepfun.address.realtime_url`.
    """
    return lambda faults, usage: realtime_socket(url, api_key)
