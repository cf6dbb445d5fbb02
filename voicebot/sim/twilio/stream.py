"""
Twilio's end of a bidirectional media stream: what it says, and how strictly it reads.

Source: Twilio: Media Streams, WebSocket messages; errors 31950 and 31951.
"""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import orjson
import pybase64

FIRST_MS: Final = 148
"""Stream time of the first audio: captures show some 150 ms, never 0."""

UNREADABLE: Final = 31950
INVALID: Final = 31951
DISCARDED: Final = 31931


@dataclass(frozen=True, slots=True)
class StreamWarning:
    """What Twilio's debugger would show, at most once a code and stream."""

    code: int
    text: str


class Media(NamedTuple):
    """The bot's voice, to be queued."""

    ulaw: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """To be sent back when all before it was played or cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Drop what wasn't played."""


Command = Media | Mark | Clear

# What each command must hold, and nothing else: the name of its inner table and
# of that table's only field.
SHAPES: Final[Mapping[str, tuple[str, str] | None]] = {
    "media": ("media", "payload"),
    "mark": ("mark", "name"),
    "clear": None,
}


FIELDS: Final = {
    kind: frozenset({"event", "streamSid", *(shape[:1] if shape else ())})
    for kind, shape in SHAPES.items()
}


class _Bad(Exception):
    """Why a frame is dropped. Never leaves this module."""


class TwilioStream:
    """
    Builds the frames that Twilio sends, and reads those of the server.

    Numbers are strings but for the media format; `sequenceNumber` counts every
    message from `start` on, `chunk` the media alone.

    Attributes:
        warnings: how often each code occurred.
        reported: the first of each, as Twilio reports them.
    """

    def __init__(
        self,
        *,
        account_sid: str,
        call_sid: str,
        stream_sid: str,
        parameters: Mapping[str, str],
    ) -> None:
        self.stream_sid = stream_sid
        self.warnings: Counter[int] = Counter()
        self.reported: list[StreamWarning] = []
        self._account_sid, self._call_sid = account_sid, call_sid
        self._parameters = dict(parameters)
        self._quoted_sid = orjson.dumps(stream_sid).decode()
        self._sequence = self._chunk = 0

    def connected(self) -> str:
        return _json({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    def start(self) -> str:
        return self._message(
            "start",
            {
                "accountSid": self._account_sid,
                "streamSid": self.stream_sid,
                "callSid": self._call_sid,
                "tracks": ["inbound"],
                "mediaFormat": {
                    "encoding": "audio/x-mulaw",
                    "sampleRate": 8000,
                    "channels": 1,
                },
                "customParameters": self._parameters,
            },
        )

    def media(self, ulaw: bytes, at_ms: int) -> str:
        """Build the next chunk of the caller's voice, `at_ms` after the first."""
        self._chunk += 1
        self._sequence += 1
        # Real ones follow the arrival and are no exact multiples of 20.
        timestamp = FIRST_MS + at_ms - self._chunk % 3
        # By hand: it is 50 of them a second, and none of it needs to be escaped.
        return (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","media":{{'
            f'"track":"inbound","chunk":"{self._chunk}","timestamp":"{timestamp}",'
            f'"payload":"{_base64(ulaw)}"}},"streamSid":{self._quoted_sid}}}'
        )

    def dtmf(self, digit: str) -> str:
        return self._message("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        return self._message("mark", {"name": name})

    def stop(self) -> str:
        return self._message(
            "stop", {"accountSid": self._account_sid, "callSid": self._call_sid}
        )

    def receive(self, frame: str | bytes) -> Command | None:
        """
        Read one frame of the server's.

        Returns:
            What it orders, or None if Twilio would drop it with a warning.
        """
        if isinstance(frame, bytes):
            self.warn(UNREADABLE, "a binary frame")
            return None
        try:
            return self._command(frame)
        except _Bad as exc:
            self.warn(INVALID, str(exc))
            return None

    def warn(self, code: int, text: str) -> None:
        """Count a warning, and report the first of its code."""
        if not self.warnings[code]:
            self.reported.append(StreamWarning(code, text))
        self.warnings[code] += 1

    def _command(self, text: str) -> Command:
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise _Bad("message: not JSON") from None
        kind = message.get("event") if isinstance(message, dict) else None
        if not isinstance(kind, str) or kind not in SHAPES:
            raise _Bad("message.event: expected media, mark or clear")
        shape = SHAPES[kind]
        _exactly(message, FIELDS[kind])
        if message["streamSid"] != self.stream_sid:
            raise _Bad("message.streamSid: not the one of this stream")
        if shape is None:
            return Clear()
        value = _inner(message[shape[0]], *shape)
        return Media(_audio(value)) if kind == "media" else Mark(_name(value))

    def _message(self, event: str, table: dict[str, object]) -> str:
        self._sequence += 1
        return _json(
            {
                "event": event,
                "sequenceNumber": str(self._sequence),
                event: table,
                "streamSid": self.stream_sid,
            }
        )


def _inner(table: object, name: str, field: str) -> str:
    if not isinstance(table, dict):
        raise _Bad(f"message.{name}: expected an object")
    _exactly(table, {field}, f"message.{name}")
    value = table[field]
    if not isinstance(value, str):
        raise _Bad(f"message.{name}.{field}: expected text")
    return value


def _exactly(
    table: dict[str, object], names: AbstractSet[str], path: str = "message"
) -> None:
    if table.keys() == names:
        return
    if missing := sorted(names - table.keys()):
        raise _Bad(f"{path}.{missing[0]}: missing")
    name = min(table.keys() - names)
    raise _Bad(f"{path}.{name}: Twilio doesn't know this field")


@lru_cache(1024)
def _base64(ulaw: bytes) -> str:
    """In base64: most frames are silent, or were said before."""
    return str(pybase64.b64encode_as_string(ulaw))


def _audio(payload: str) -> bytes:
    try:
        ulaw = pybase64.b64decode(payload, validate=True)
    except ValueError:
        raise _Bad("message.media.payload: expected base64") from None
    if not ulaw:
        raise _Bad("message.media.payload: empty")
    return ulaw


def _name(name: str) -> str:
    if not name:
        raise _Bad("message.mark.name: empty")
    return name


def _json(message: dict[str, object]) -> str:
    return orjson.dumps(message).decode()
