"""
The forms that Twilio posts to us.

New parameters may appear without notice and are ignored. All text is cut to 256
characters and loses its control characters: caller names and SIP headers are a
stranger's words, and end up in logs, prompts and consoles.

Source: Twilio: TwiML for Programmable Voice, requests; Call resource, status
callbacks; `<Stream>`, status callbacks; `<Connect>`, action.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from voicebot.errors import RemoteProtocolError
from voicebot.fields import Fields

MAX_TEXT_LENGTH: Final = 256

HEX_32: Final = re.compile(r"[0-9a-fA-F]{32}")

# C0, DEL and C1; line and paragraph separators; what turns the direction of the
# text around it; half a surrogate pair, which no store can encode; BOM.
CONTROLS: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)

TERMINAL: Final = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A call that asks for TwiML: someone rang us, or answered our call."""

    call_sid: str
    account_sid: str

    from_number: str
    """As Twilio sent it: E.164, or `anonymous`, `sip:…`, `client:…`, or empty."""

    to_number: str
    direction: str
    status: str
    forwarded_from: str | None
    caller_name: str | None

    caller_country: str | None
    """Of the customer: ISO 3166 code of two letters, when Twilio knows it."""

    attestation: str | None
    """How far the number is vouched for, such as `TN-Validation-Passed-A`."""

    @classmethod
    def parse(cls, form: Mapping[str, object]) -> Self:
        """Raises RemoteProtocolError if CallSid or AccountSid is missing or bad."""
        fields = Fields(dict(form), "form")
        direction = _text(fields, "Direction")
        country = "ToCountry" if direction == "outbound-api" else "FromCountry"
        return cls(
            call_sid=_sid(fields, "CallSid", "CA"),
            account_sid=_sid(fields, "AccountSid", "AC"),
            from_number=_text(fields, "From"),
            to_number=_text(fields, "To"),
            direction=direction,
            status=_text(fields, "CallStatus"),
            forwarded_from=_text(fields, "ForwardedFrom") or None,
            caller_name=_text(fields, "CallerName") or None,
            caller_country=_text(fields, country) or None,
            attestation=_text(fields, "StirVerstat") or None,
        )

    @property
    def customer_number(self) -> str:
        """Whom the bot talks to: when we placed the call, that is To."""
        return self.to_number if self.direction == "outbound-api" else self.from_number

    @property
    def our_number(self) -> str:
        return self.from_number if self.direction == "outbound-api" else self.to_number


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """News of a media stream: the only ones of a handshake that failed."""

    call_sid: str
    stream_sid: str

    event: str
    """`stream-started`, `stream-stopped` or `stream-error`."""

    error: str | None

    @classmethod
    def parse(cls, form: Mapping[str, object]) -> Self:
        """Raises RemoteProtocolError if an id or the event is missing or bad."""
        fields = Fields(dict(form), "form")
        return cls(
            call_sid=_sid(fields, "CallSid", "CA"),
            stream_sid=_sid(fields, "StreamSid", "MZ"),
            event=_clean(fields.text("StreamEvent")),
            error=_text(fields, "StreamError") or None,
        )


@dataclass(frozen=True, slots=True)
class CallStatus:
    """News of a call. They may overtake each other: see `sequence`."""

    call_sid: str
    status: str

    sequence: int | None
    """From 0; None in the callback of a number, which comes once, at the end."""

    duration_s: int | None
    """Only when the call has ended."""

    @classmethod
    def parse(cls, form: Mapping[str, object]) -> Self:
        """Raises RemoteProtocolError if CallSid, CallStatus or a number is bad."""
        fields = Fields(dict(form), "form")
        return cls(
            call_sid=_sid(fields, "CallSid", "CA"),
            status=_clean(fields.text("CallStatus")),
            sequence=_integer(fields, "SequenceNumber"),
            duration_s=_integer(fields, "CallDuration"),
        )

    @property
    def terminal(self) -> bool:
        """Whether the call is over; no later callback can bring it back."""
        return self.status in TERMINAL


@dataclass(frozen=True, slots=True)
class AfterStream:
    """The stream has ended and Twilio asks what comes next."""

    call_sid: str

    status: str
    """`in-progress` while the caller is still there; empty if Twilio didn't say."""

    @classmethod
    def parse(cls, form: Mapping[str, object]) -> Self:
        """Raises RemoteProtocolError if CallSid is missing or bad."""
        fields = Fields(dict(form), "form")
        return cls(
            call_sid=_sid(fields, "CallSid", "CA"),
            status=_text(fields, "CallStatus"),
        )


def _sid(fields: Fields, key: str, prefix: str) -> str:
    sid = fields.text(key)
    if sid[:2] == prefix and HEX_32.fullmatch(sid, 2):
        return sid
    raise RemoteProtocolError(
        f"form.{key}: expected {prefix} and 32 hexadecimal digits,"
        f" got a string of {len(sid)} characters"
    )


def _text(fields: Fields, key: str) -> str:
    return _clean(fields.text(key)) if key in fields else ""


def _integer(fields: Fields, key: str) -> int | None:
    # Twilio sends what it doesn't know as an empty string.
    return fields.integer(key) if key in fields and fields.text(key) else None


def _clean(text: str) -> str:
    return CONTROLS.sub("", text)[:MAX_TEXT_LENGTH]
