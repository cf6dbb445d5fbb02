"""
Twilio's media socket without the socket: text frames in and out.

Source: Twilio: Media Streams, WebSocket messages.
"""

from collections import Counter
from typing import Final

import orjson

from voicebot.errors import LocalProtocolError, RemoteProtocolError
from voicebot.fields import Fields
from voicebot.twilio.media import media_tail
from voicebot.twilio.messages import (
    Connected,
    Dtmf,
    Mark,
    Media,
    Message,
    Start,
    Stop,
)
from voicebot.twilio.quick import media_text, read_media

KEYS: Final = frozenset("0123456789*#ABCD")

OF_A_STREAM: Final = frozenset({"media", "dtmf", "mark", "stop"})

# What a call may add to our metrics, whatever its peer invents.
MAX_IGNORED_KINDS: Final = 16
MAX_KIND_LENGTH: Final = 32
OTHER_KINDS: Final = "(other)"


class MediaStream:
    """
    One call's stream.

    Attributes:
        start: what the stream is of, or None before Twilio said so.
        ignored: frames of kinds that we don't know, by kind.
    """

    def __init__(self) -> None:
        self.start: Start | None = None
        self.ignored: Counter[str] = Counter()
        self._sid = b""  # as it stands in JSON, with its quotes
        self._media_tail = b""

    def receive(self, data: bytes | str) -> Message | None:
        """
        Parse one text frame.

        Returns:
            The message, or None for what carries nothing that we need: audio of
            the outbound track, a repeated `start`, kinds that Twilio may add.

        Raises:
            RemoteProtocolError: the frame isn't what Twilio documents, came before
                `start`, or is of another stream. The stream stays usable; the text
                names the field, as in `message.media.payload: missing`.
        """
        if isinstance(data, bytes) and self.start is not None:
            media = read_media(data, self._media_tail)
            if media is not None:
                return Media(media[0], media[1])
        return self._receive_any(Fields.parse(data))

    def play(self, ulaw: bytes) -> bytes:
        """
        Queue audio behind what Twilio has not played yet.

        Args:
            ulaw: G.711 μ-law, 8000 Hz, mono, of any length; no file header.

        Raises:
            LocalProtocolError: Twilio hasn't said yet which stream this is.
        """
        return media_text(self._started("media"), ulaw)

    def mark(self, name: str) -> bytes:
        """
        Ask to be told, by a Mark of this name, when all audio so far was played.

        Raises:
            LocalProtocolError: the name is empty, which Twilio refuses, or the
                stream hasn't started.
        """
        if not name:
            raise LocalProtocolError("mark.name: expected text, got an empty string")
        return b'{"event":"mark","streamSid":%b,"mark":{"name":%b}}' % (
            self._started("mark"),
            orjson.dumps(name),
        )

    def clear(self) -> bytes:
        """
        Drop the audio that Twilio has buffered and not played: barge-in.

        Twilio returns the marks that were waiting, as if they had been played.

        Raises:
            LocalProtocolError: the stream hasn't started.
        """
        return b'{"event":"clear","streamSid":%b}' % self._started("clear")

    def _receive_any(self, message: Fields) -> Message | None:
        kind = message.text("event")
        if kind in OF_A_STREAM:
            self._check_stream(message, kind)
        match kind:
            case "connected":
                return Connected()
            case "start":
                return self._receive_start(message)
            case "media":
                return _read_media(message.table("media"))
            case "dtmf":
                return Dtmf(_digit(message.table("dtmf").text("digit")))
            case "mark":
                return Mark(message.table("mark").text("name"))
            case "stop":
                return Stop()
            case _:
                self._ignore(kind)
                return None

    def _receive_start(self, message: Fields) -> Start | None:
        start = _read_start(message.table("start"))
        if message.text("streamSid") != start.stream_sid:
            raise RemoteProtocolError(
                "message.streamSid: expected that of message.start, got another"
            )
        if self.start is None:
            self.start = start
            self._sid = orjson.dumps(start.stream_sid)
            self._media_tail = media_tail(self._sid)
            return start
        if _ids(start) != _ids(self.start):
            raise RemoteProtocolError(
                "message.start: expected once, got another call's or stream's"
            )
        return None

    def _check_stream(self, message: Fields, kind: str) -> None:
        if self.start is None:
            raise RemoteProtocolError(
                f"message.event: expected 'start' first, got '{kind}'"
            )
        if message.text("streamSid") != self.start.stream_sid:
            raise RemoteProtocolError(
                "message.streamSid: expected that of 'start', got another"
            )

    def _ignore(self, kind: str) -> None:
        kind = kind[:MAX_KIND_LENGTH]
        if kind not in self.ignored and len(self.ignored) >= MAX_IGNORED_KINDS:
            kind = OTHER_KINDS
        self.ignored[kind] += 1

    def _started(self, kind: str) -> bytes:
        if self.start is None:
            raise LocalProtocolError(f"{kind}: expected after 'start', got before it")
        return self._sid


def _read_start(fields: Fields) -> Start:
    media_format = fields.table("mediaFormat")
    start = Start(
        stream_sid=fields.text("streamSid"),
        call_sid=fields.text("callSid"),
        account_sid=fields.text("accountSid"),
        parameters=(
            fields.table("customParameters").texts()
            if "customParameters" in fields
            else {}
        ),
        encoding=media_format.text("encoding"),
        rate_hz=media_format.integer("sampleRate"),
        channels=media_format.integer("channels"),
    )
    if (start.encoding, start.rate_hz, start.channels) != ("audio/x-mulaw", 8000, 1):
        raise RemoteProtocolError(
            "message.start.mediaFormat: expected audio/x-mulaw, 8000 Hz, 1 channel, got"
            f" {start.encoding[:32]!r}, {start.rate_hz} Hz, {start.channels} channels"
        )
    return start


def _ids(start: Start) -> tuple[str, str, str]:
    return start.stream_sid, start.call_sid, start.account_sid


def _read_media(fields: Fields) -> Media | None:
    if fields.text("track") != "inbound":
        return None
    return Media(fields.integer("timestamp"), fields.base64("payload"))


def _digit(text: str) -> str:
    if text in KEYS:
        return text
    raise RemoteProtocolError(  # not quoted: it may be part of a card's number
        "message.dtmf.digit: expected one of 0-9 * # A-D,"
        f" got a string of {len(text)} characters"
    )
