"""
A conversation with a realtime server, as a script: what to send, how long to wait.

A script is a generator. It yields a `Step`, is sent what was `Heard`, and knows no
socket and no clock; whoever plays it has both.
"""

from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from voicebot.errors import RemoteProtocolError
from voicebot.stepfun.realtime.events import ResponseDone, ServerEvent, Usage
from voicebot.stepfun.realtime.session import RealtimeSession

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Step:
    """Send these frames; then wait for a frame, until this moment at the latest."""

    frames: tuple[bytes, ...]
    until: float


@dataclass(frozen=True, slots=True)
class Heard:
    """A frame of the server; None: none came in time."""

    frame: bytes | None
    at: float


Script: TypeAlias = Generator[Step, Heard, T]


@dataclass(frozen=True, slots=True)
class Seen:
    """An event of the server, and when it came."""

    at: float
    event: ServerEvent


class Talk:
    """
    One session.

    Args:
        tokens: to which is added what its answers cost, by `input` and `output`.

    Attributes:
        now: the moment of what was heard last, in seconds.
        session: what its frames come to.
    """

    def __init__(self, now: float, tokens: Counter[str]) -> None:
        self.now = now
        self.session = RealtimeSession()
        self._tokens = tokens

    def listen(
        self,
        within_s: float,
        *frames: bytes,
        until: Callable[[ServerEvent], bool] = lambda _: False,
    ) -> Script[list[Seen]]:
        """
        Send frames, and take in what comes.

        Args:
            within_s: how long to listen.
            until: the event that is waited for, the last one of the answer.
        """
        seen: list[Seen] = []
        end = self.now + within_s
        heard = yield Step(frames, end)
        while heard.frame is not None:
            self.now = heard.at
            event = self._read(heard.frame)
            if event is not None:
                seen.append(Seen(heard.at, event))
                if until(event):
                    return seen
            heard = yield Step((), end)
        self.now = heard.at
        return seen

    def wait_for(
        self, kinds: type[T] | tuple[type[T], ...], within_s: float, *frames: bytes
    ) -> Script[T | None]:
        """Send frames, and return the first such event that comes."""
        seen = yield from self.listen(
            within_s, *frames, until=lambda event: isinstance(event, kinds)
        )
        last = seen[-1].event if seen else None
        return last if isinstance(last, kinds) else None

    def _read(self, frame: bytes) -> ServerEvent | None:
        try:
            event = self.session.receive(frame)
        except RemoteProtocolError:
            return None  # the session counts them
        match event:
            case ResponseDone(usage=Usage(input_tokens=heard, output_tokens=said)):
                self._tokens += Counter(input=heard, output=said)
            case _:
                pass
        return event
