"""
The forms that Twilio posts to a bot.

Source: Twilio: TwiML for Programmable Voice, "Twilio's request to your application";
<Stream> status callbacks; Call resource, status callbacks.
"""

from dataclasses import dataclass

Form = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls whom, under which ids."""

    account_sid: str
    call_sid: str
    from_number: str
    to_number: str


def voice_form(who: Identity, status: str) -> Form:
    """Build the form of a voice webhook: blank fields, and one not announced, too."""
    form = [
        ("AccountSid", who.account_sid),
        ("ApiVersion", "2010-04-01"),
        ("CallSid", who.call_sid),
        ("CallStatus", status),
        ("CallToken", "%7B%22parentCallInfoToken%22%3A%22opaque%22%7D"),
        ("Direction", "inbound"),
        ("StirVerstat", "TN-Validation-Passed-A"),
        # Twilio adds parameters without notice.
        ("UnannouncedParameter", "yes & no"),
    ]
    for name, number in (("From", who.from_number), ("To", who.to_number)):
        legacy = "Caller" if name == "From" else "Called"
        form += [(name, number), (legacy, number)]
        for party in (name, legacy):
            form += [(f"{party}{part}", "") for part in ("City", "State", "Zip")]
            form.append((f"{party}Country", "US"))
    return form


def dialled_form(who: Identity, dial_status: str) -> Form:
    """Build the form of a <Dial action>."""
    answered = dial_status == "completed"
    return [
        *voice_form(who, "in-progress"),
        ("DialCallStatus", dial_status),
        ("DialBridged", "true" if answered else "false"),
    ]


def stream_form(
    who: Identity, stream_sid: str, name: str, event: str, error: str, timestamp: str
) -> Form:
    """
    Build the form of a stream status callback.

    Args:
        event: `stream-started`, `stream-stopped` or `stream-error`.
        error: only with the last, else empty.
        timestamp: ISO 8601, UTC, with nanoseconds.
    """
    return [
        ("AccountSid", who.account_sid),
        ("CallSid", who.call_sid),
        ("StreamSid", stream_sid),
        ("StreamName", name or stream_sid),
        ("StreamEvent", event),
        *([("StreamError", error)] if error else []),
        ("Timestamp", timestamp),
    ]


def status_form(who: Identity, status: str, duration_s: int, timestamp: str) -> Form:
    """
    Build the form of the final call status callback.

    Args:
        timestamp: RFC 2822.
    """
    return [
        *voice_form(who, status),
        ("CallDuration", str(duration_s)),
        ("Duration", str(-(-duration_s // 60))),
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", "0"),
        ("Timestamp", timestamp),
    ]
