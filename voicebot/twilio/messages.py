"""
What Twilio Media Streams says to us, one dataclass a message.

Source: Twilio: Media Streams, WebSocket messages.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connected:
    """The socket speaks Media Streams. Which call it carries, Start says."""


@dataclass(frozen=True, slots=True)
class Start:
    """The first message that names the call; sent once, before all that follow."""

    stream_sid: str
    call_sid: str
    account_sid: str

    parameters: dict[str, str]
    """The `<Parameter>`s of our TwiML, by name."""

    encoding: str
    """Always `audio/x-mulaw`: MediaStream refuses others."""

    rate_hz: int
    channels: int


@dataclass(slots=True, init=False)
class Media:
    """A chunk of the caller's voice, 20 ms of it in practice. Not to be changed."""

    timestamp_ms: int
    """Stream time at which the chunk begins. The first is seldom 0, and the steps
    between them aren't exact multiples of 20."""

    ulaw: bytes
    """G.711 μ-law, 8000 Hz, mono: one byte a sample, 160 bytes for 20 ms."""

    # Its own, and Mark's, as that of a dataclass takes ten times as long, compiled.
    def __init__(self, timestamp_ms: int, ulaw: bytes) -> None:
        self.timestamp_ms = timestamp_ms
        self.ulaw = ulaw


@dataclass(frozen=True, slots=True)
class Dtmf:
    """The caller pressed a key."""

    digit: str
    """One of `0-9 * # A-D`. As private as the caller's words."""


@dataclass(slots=True, init=False)
class Mark:
    """
    All audio that we sent before the mark of this name was played, or cleared.

    Not to be changed.
    """

    name: str

    def __init__(self, name: str) -> None:
        self.name = name


@dataclass(frozen=True, slots=True)
class Stop:
    """The stream ended: the caller hung up, or the call was given other TwiML."""


Message = Connected | Start | Media | Dtmf | Mark | Stop
