"""
The forms that Twilio posts to us.

New parameters may appear without notice and are ignored. All text is cut to 256
characters and loses its control characters: caller names and SIP headers are a
stranger's words, and end up in logs, prompts and consoles.

Source: Twilio: TwiML for Programmable Voice, requests; Call resource, status
callbacks; `<Stream>`, status callbacks; `<Connect>`, action; `<Dial>`, action;
`<Record>`, action, recordingStatusCallback and transcribeCallback.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Final, Self

from voicebot.errors import RemoteProtocolError
from voicebot.fields import Fields

MAX_TEXT_LENGTH: Final = 256
MAX_TRANSCRIPTION_LENGTH: Final = 10_000
"""Two minutes are all that Twilio transcribes: some 3000 characters."""
MAX_HEADERS: Final = 32

HEADER: Final = re.compile(r"SipHeader_[Xx]-[A-Za-z0-9-]{1,60}")

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

    from_number: str = field(repr=False)
    """As Twilio sent it: E.164, or `anonymous`, `sip:…`, `client:…`, or empty."""

    to_number: str = field(repr=False)
    direction: str
    status: str
    forwarded_from: str | None = field(repr=False)
    caller_name: str | None = field(repr=False)

    from_country: str | None = field(repr=False)
    """ISO 3166 code of two letters, when Twilio knows it."""

    to_country: str | None = field(repr=False)
    attestation: str | None
    """How far the number is vouched for, such as `TN-Validation-Passed-A`."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """SIP headers of the caller's own, `x-…` in lower case: a stranger's words."""

    @classmethod
    def parse(cls, form: Mapping[str, object]) -> Self:
        """Raises RemoteProtocolError if CallSid or AccountSid is missing or bad."""
        fields = Fields(dict(form), "form")
        return cls(
            call_sid=_sid(fields, "CallSid", "CA"),
            account_sid=_sid(fields, "AccountSid", "AC"),
            from_number=_text(fields, "From"),
            to_number=_text(fields, "To"),
            direction=_text(fields, "Direction"),
            status=_text(fields, "CallStatus"),
            forwarded_from=_text(fields, "ForwardedFrom") or None,
            caller_name=_text(fields, "CallerName") or None,
            from_country=_text(fields, "FromCountry") or None,
            to_country=_text(fields, "ToCountry") or None,
            attestation=_text(fields, "StirVerstat") or None,
            headers=MappingProxyType(dict(_headers(form, fields))),
        )

    @property
    def customer_number(self) -> str:
        """Whom the bot talks to: when we placed the call, that is To."""
        return self.to_number if self.direction == "outbound-api" else self.from_number

    @property
    def customer_country(self) -> str | None:
        outbound = self.direction == "outbound-api"
        return self.to_country if outbound else self.from_country

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


@dataclass(frozen=True, slots=True)
class Dialed:
    """A transfer is over, or came to nothing, and Twilio asks what comes next."""

    call_sid: str

    status: str
    """
    `completed`, `answered`, `busy`, `no-answer`, `failed` or `canceled`; or what
    Twilio thinks of next.
    """

    dial_sid: str
    """Of the leg that was rung; empty if it came to none."""

    duration_s: int | None
    """How long it lasted; None if nobody answered."""

    bridged: bool
    """Whether the two could hear each other; taken for granted if Twilio is silent."""

    caller_left: bool
    """Whether the caller has hung up: then nobody is there to hear what comes next."""

    @classmethod
    def parse(cls, form: Mapping[str, object]) -> Self:
        """Raises RemoteProtocolError if CallSid, the status or a number is bad."""
        fields = Fields(dict(form), "form")
        return cls(
            call_sid=_sid(fields, "CallSid", "CA"),
            status=_clean(fields.text("DialCallStatus")),
            dial_sid=_text(fields, "DialCallSid"),
            duration_s=_integer(fields, "DialCallDuration"),
            bridged=_text(fields, "DialBridged") != "false",
            caller_left=_text(fields, "CallStatus") in TERMINAL,
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """
    A message was left, or none: `<Record>` is over, or its recording can be fetched.

    The two posts have much in common and may overtake each other.
    """

    call_sid: str
    recording_sid: str | None
    """None if there is no recording: the caller said nothing."""

    url: str
    """Where the recording can be fetched; empty without one."""

    duration_s: int | None

    digits: str
    """The key that ended it, or `hangup`."""

    is_callback: bool
    """Whether it is news of the recording; then no TwiML is asked for."""

    @classmethod
    def parse(cls, form: Mapping[str, object]) -> Self:
        """Raises RemoteProtocolError if an id or a number is bad."""
        fields = Fields(dict(form), "form")
        url = _text(fields, "RecordingUrl")
        # The action isn't told the id, but the address ends with it.
        named = url.rpartition("/")[2].partition(".")[0]
        if "RecordingSid" in fields:
            named = _sid(fields, "RecordingSid", "RE")
        there = _text(fields, "RecordingStatus") != "absent" and _is_sid(named, "RE")
        return cls(
            call_sid=_sid(fields, "CallSid", "CA"),
            recording_sid=named if there else None,
            url=url if there else "",
            duration_s=_integer(fields, "RecordingDuration"),
            digits=_text(fields, "Digits"),
            is_callback="RecordingStatus" in fields,
        )


@dataclass(frozen=True, slots=True)
class Transcribed:
    """The words of a message, or that there are none."""

    call_sid: str
    recording_sid: str
    text: str | None
    """None if it failed. A stranger's words, without control characters."""

    @classmethod
    def parse(cls, form: Mapping[str, object]) -> Self:
        """Raises RemoteProtocolError if an id is missing or bad."""
        fields = Fields(dict(form), "form")
        done = _text(fields, "TranscriptionStatus") == "completed"
        said = fields.text("TranscriptionText") if "TranscriptionText" in fields else ""
        return cls(
            call_sid=_sid(fields, "CallSid", "CA"),
            recording_sid=_sid(fields, "RecordingSid", "RE"),
            text=CONTROLS.sub("", said)[:MAX_TRANSCRIPTION_LENGTH] if done else None,
        )


def _is_sid(text: str, prefix: str) -> bool:
    return text[:2] == prefix and HEX_32.fullmatch(text, 2) is not None


def _sid(fields: Fields, key: str, prefix: str) -> str:
    sid = fields.text(key)
    if _is_sid(sid, prefix):
        return sid
    raise RemoteProtocolError(
        f"form.{key}: expected {prefix} and 32 hexadecimal digits,"
        f" got a string of {len(sid)} characters"
    )


def _headers(form: Mapping[str, object], fields: Fields) -> Iterator[tuple[str, str]]:
    """Source: Twilio: TwiML for Programmable Voice, custom SIP headers."""
    names = (name for name in form if HEADER.fullmatch(name))
    for name in islice(names, MAX_HEADERS):
        yield name.removeprefix("SipHeader_").lower(), _text(fields, name)


def _text(fields: Fields, key: str) -> str:
    return _clean(fields.text(key)) if key in fields else ""


def _integer(fields: Fields, key: str) -> int | None:
    # Twilio sends what it doesn't know as an empty string.
    return fields.integer(key) if key in fields and fields.text(key) else None


def _clean(text: str) -> str:
    return CONTROLS.sub("", text)[:MAX_TEXT_LENGTH]
