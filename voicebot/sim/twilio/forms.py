"""
The forms that Twilio posts to a bot.

Source: Twilio: TwiML for Programmable Voice, "Twilio's request to your application";
<Stream> status callbacks; Call resource, status callbacks; <Dial>, action; <Number>,
url; <Record>, action and callbacks.
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


def dialled_form(
    who: Identity, status: str, dial_sid: str, duration_s: int | None, *, bridged: bool
) -> Form:
    """
    Build the form of a <Dial action>.

    Args:
        status: `canceled` if the caller hung up first: then the call is over too.
        duration_s: None if nobody answered.
    """
    over = status == "canceled"
    return [
        *voice_form(who, "completed" if over else "in-progress"),
        ("DialCallStatus", status),
        ("DialCallSid", dial_sid),
        ("DialBridged", "true" if bridged else "false"),
        *([] if duration_s is None else [("DialCallDuration", str(duration_s))]),
    ]


def whisper_form(who: Identity, dial_sid: str, number: str) -> Form:
    """Build the form of a <Number url>: of the other leg, which has its own id."""
    return [
        ("AccountSid", who.account_sid),
        ("ApiVersion", "2010-04-01"),
        ("CallSid", dial_sid),
        ("ParentCallSid", who.call_sid),
        ("CallStatus", "in-progress"),
        ("Direction", "outbound-dial"),
        ("From", who.to_number),
        ("To", number),
    ]


def recorded_form(
    who: Identity, status: str, url: str, duration_s: int, digits: str
) -> Form:
    """Build the form of a <Record action>. It doesn't name the recording's id."""
    return [
        *voice_form(who, status),
        ("RecordingUrl", url),
        ("RecordingDuration", str(duration_s)),
        ("Digits", digits),
    ]


def recording_form(
    who: Identity, status: str, sid: str, url: str, duration_s: int
) -> Form:
    """
    Build the form of a recording status callback.

    Args:
        status: `completed` or `absent`.
    """
    return [
        ("AccountSid", who.account_sid),
        ("CallSid", who.call_sid),
        ("RecordingSid", sid),
        ("RecordingUrl", url),
        ("RecordingStatus", status),
        ("RecordingDuration", str(duration_s)),
        ("RecordingChannels", "1"),
        ("RecordingSource", "RecordVerb"),
    ]


def transcribed_form(who: Identity, sid: str, url: str, text: str | None) -> Form:
    """
    Build the form of a <Record transcribeCallback>.

    Args:
        text: None if the transcription failed.
    """
    return [
        *voice_form(who, "completed"),
        ("TranscriptionSid", f"TR{sid[2:]}"),
        ("TranscriptionText", text or ""),
        ("TranscriptionStatus", "failed" if text is None else "completed"),
        ("TranscriptionUrl", f"{url}/Transcriptions/TR{sid[2:]}"),
        ("RecordingSid", sid),
        ("RecordingUrl", url),
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


def status_form(
    who: Identity,
    status: str,
    duration_s: int | None,
    timestamp: str,
    sequence: int = 0,
) -> Form:
    """
    Build the form of a call status callback.

    Args:
        duration_s: None if the call isn't over.
        timestamp: RFC 2822.
    """
    over = duration_s is not None
    return [
        *voice_form(who, status),
        *([("CallDuration", str(duration_s))] if over else []),
        *([("Duration", str(-(-(duration_s or 0) // 60)))] if over else []),
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", str(sequence)),
        ("Timestamp", timestamp),
    ]
