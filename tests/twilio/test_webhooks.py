"""The forms that Twilio posts, and what a stranger may put into them."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import MultiDict

from tests.twilio.examples import form
from voicebot.errors import RemoteProtocolError
from voicebot.twilio.webhooks import (
    AfterStream,
    CallStatus,
    Dialed,
    IncomingCall,
    Recorded,
    StreamStatus,
    Transcribed,
)

CALL_SID = "CA6de61b0d87adff60554523e2158a7654"
OUTBOUND_SID = "CA8521d17147feee76fa4d54a421948e8b"
ACCOUNT_SID = "ACc9e4d7bf209deee415fd458af404eeb9"
RECORDING_SID = "RE7a2d2b9f4d9d7694a500db565975ba52"
STREAM_SID = "MZ9d9403d49f3141873f88d84a4f2d2210"

READERS: list[Callable[[Mapping[str, object]], object]] = [
    IncomingCall.parse,
    StreamStatus.parse,
    CallStatus.parse,
    AfterStream.parse,
    Dialed.parse,
    Recorded.parse,
    Transcribed.parse,
]

# Good for every reader.
WHOLE = {
    **form("http.voice.inbound"),
    "StreamSid": STREAM_SID,
    "StreamEvent": "stream-started",
    "DialCallStatus": "busy",
    "RecordingSid": RECORDING_SID,
}


def test_someone_rings_us() -> None:
    call = IncomingCall.parse(form("http.voice.inbound"))
    assert call == IncomingCall(
        call_sid=CALL_SID,
        account_sid=ACCOUNT_SID,
        from_number="+15550100123",
        to_number="+15550100777",
        direction="inbound",
        status="ringing",
        forwarded_from=None,
        caller_name=None,
        from_country="US",
        to_country="US",
        attestation="TN-Validation-Passed-A",
    )
    assert call.customer_number == "+15550100123"
    assert call.our_number == "+15550100777"


def test_when_we_ring_someone_the_customer_is_to() -> None:
    fields = form("http.voice.outbound_answered") | {"ToCountry": "MX"}
    call = IncomingCall.parse(fields)
    assert call.customer_number == "+15550100123"
    assert call.our_number == "+15550100777"
    assert call.customer_country == "MX"
    assert (call.direction, call.status) == ("outbound-api", "in-progress")


def test_a_withheld_number_is_not_an_error() -> None:
    call = IncomingCall.parse(form("http.voice.anonymous"))
    assert call.customer_number == "anonymous"
    assert call.attestation is None


def test_the_fallback_is_asked_with_the_same_form_and_more() -> None:
    assert IncomingCall.parse(form("http.voice.fallback")) == IncomingCall.parse(
        form("http.voice.inbound")
    )


def test_what_the_carrier_knows_is_read() -> None:
    call = IncomingCall.parse(
        form("http.voice.inbound")
        | {"ForwardedFrom": "+15550100999", "CallerName": "Ana López"}
    )
    assert (call.forwarded_from, call.caller_name) == ("+15550100999", "Ana López")


def test_only_the_ids_are_needed() -> None:
    call = IncomingCall.parse({"CallSid": CALL_SID, "AccountSid": ACCOUNT_SID})
    assert call == IncomingCall(
        CALL_SID, ACCOUNT_SID, "", "", "", "", None, None, None, None, None
    )
    assert AfterStream.parse({"CallSid": CALL_SID}) == AfterStream(CALL_SID, "")


@pytest.mark.parametrize(
    ("name", "event", "error"),
    [
        ("http.stream.started", "stream-started", None),
        ("http.stream.stopped", "stream-stopped", None),
        (
            "http.stream.error",
            "stream-error",
            "31920 - Stream - WebSocket - Handshake Error",
        ),
    ],
)
def test_news_of_a_stream(name: str, event: str, error: str | None) -> None:
    status = StreamStatus.parse(form(name))
    assert status == StreamStatus(CALL_SID, STREAM_SID, event, error)


@pytest.mark.parametrize(
    ("name", "status", "sequence", "duration_s", "terminal"),
    [
        ("http.status.initiated", "initiated", 0, None, False),
        ("http.status.ringing", "ringing", 1, None, False),
        ("http.status.answered", "in-progress", 2, None, False),
        ("http.status.completed", "completed", 3, 99, True),
        ("http.status.no_answer", "no-answer", 2, 0, True),
    ],
)
def test_news_of_a_call(
    name: str, status: str, sequence: int, duration_s: int | None, terminal: bool
) -> None:
    news = CallStatus.parse(form(name))
    assert (news.status, news.sequence, news.duration_s, news.terminal) == (
        status,
        sequence,
        duration_s,
        terminal,
    )
    assert news.call_sid == form(name)["CallSid"]


@pytest.mark.parametrize("status", ["busy", "failed", "canceled"])
def test_a_call_that_never_was_is_over_too(status: str) -> None:
    fields = {"CallSid": CALL_SID, "CallStatus": status, "CallDuration": ""}
    assert CallStatus.parse(fields) == CallStatus(CALL_SID, status, None, None)
    assert CallStatus.parse(fields).terminal


def test_after_the_stream_twilio_asks_what_comes_next() -> None:
    after = AfterStream.parse(form("http.connect.action"))
    assert after == AfterStream(CALL_SID, "in-progress")


@pytest.mark.parametrize("parse", READERS)
def test_a_form_without_a_call_is_refused(
    parse: Callable[[Mapping[str, object]], object],
) -> None:
    with pytest.raises(RemoteProtocolError, match=r"^form\.CallSid: missing$"):
        parse({key: value for key, value in WHOLE.items() if key != "CallSid"})


@pytest.mark.parametrize("parse", READERS)
@pytest.mark.parametrize(
    "sid",
    [
        "",
        "CA",
        CALL_SID[:-1],
        CALL_SID + "0",
        CALL_SID + "\n",
        "AC" + CALL_SID[2:],
        "ca" + CALL_SID[2:],
        "CA" + "g" * 32,
        "CA" + "\u0661" * 32,
        "CA../../../../../etc/passwd.......",
    ],
)
def test_an_id_of_another_shape_is_refused_and_not_quoted(
    parse: Callable[[Mapping[str, object]], object], sid: str
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(WHOLE | {"CallSid": sid})
    assert str(caught.value) == (
        "form.CallSid: expected CA and 32 hexadecimal digits,"
        f" got a string of {len(sid)} characters"
    )


@pytest.mark.parametrize("parse", READERS)
def test_hexadecimal_digits_may_be_upper_case(
    parse: Callable[[Mapping[str, object]], object],
) -> None:
    parse(WHOLE | {"CallSid": "CA" + CALL_SID[2:].upper()})


@pytest.mark.parametrize(
    ("parse", "key", "text"),
    [
        (IncomingCall.parse, "AccountSid", "missing"),
        (StreamStatus.parse, "StreamSid", "missing"),
        (StreamStatus.parse, "StreamEvent", "missing"),
        (CallStatus.parse, "CallStatus", "missing"),
    ],
)
def test_a_form_that_says_nothing_is_refused(
    parse: Callable[[Mapping[str, object]], object], key: str, text: str
) -> None:
    with pytest.raises(RemoteProtocolError, match=rf"^form\.{key}: {text}$"):
        parse({name: value for name, value in WHOLE.items() if name != key})


@pytest.mark.parametrize("key", ["SequenceNumber", "CallDuration"])
@pytest.mark.parametrize("value", ["-1", "x", "1.5", "1" * 11])
def test_a_number_that_is_none_is_refused(key: str, value: str) -> None:
    with pytest.raises(
        RemoteProtocolError, match=rf"form\.{key}: expected a whole number, got a str"
    ):
        CallStatus.parse(WHOLE | {key: value})


def test_an_uploaded_file_is_not_text() -> None:
    with pytest.raises(
        RemoteProtocolError, match=r"^form\.CallerName: expected text, got bytes$"
    ):
        IncomingCall.parse({**WHOLE, "CallerName": b"a file"})


def test_of_a_repeated_field_the_first_counts() -> None:
    fields = MultiDict(WHOLE)
    fields.add("CallSid", OUTBOUND_SID)
    assert AfterStream.parse(fields).call_sid == CALL_SID


def test_a_strangers_text_is_cut_and_loses_its_controls() -> None:
    name = "Eve\r\n\x1b[31m\x00 \u202egnirts\u2066\u2028\ud800\ufeff\x9b" + "x" * 999
    call = IncomingCall.parse(WHOLE | {"CallerName": name})
    assert call.caller_name == ("Eve[31m gnirts" + "x" * 999)[:256]


def test_names_in_any_script_stay_whole() -> None:
    for name in ("王小明", "Zoë Ångström", "می\u200cخواهم", "👩\u200d🚒"):  # noqa: RUF001
        assert IncomingCall.parse(WHOLE | {"CallerName": name}).caller_name == name


@settings(max_examples=100)
@given(
    text=st.text(st.characters(max_codepoint=0x2070) | st.characters(), max_size=300)
)
def test_no_text_gets_past_the_cleaning(text: str) -> None:
    call = IncomingCall.parse(
        {"CallSid": CALL_SID, "AccountSid": ACCOUNT_SID, "From": text, "To": text}
    )
    for cleaned in (call.from_number, call.to_number):
        assert len(cleaned) <= 256
        assert len(cleaned.splitlines()) <= 1
        assert "\x1b" not in cleaned
        cleaned.encode()


def test_nobody_answered_a_transfer() -> None:
    assert Dialed.parse(form("http.dial.action")) == Dialed(
        call_sid=CALL_SID,
        status="no-answer",
        dial_sid="CA38acbd8c2c72e9e1744217d0e1803446",
        duration_s=None,
        bridged=False,
        caller_left=False,
    )


def test_a_transfer_took_place_and_the_caller_hung_up() -> None:
    news = Dialed.parse(
        {
            "CallSid": CALL_SID,
            "CallStatus": "completed",
            "DialCallStatus": "completed",
            "DialCallDuration": "61",
        }
    )
    assert news == Dialed(CALL_SID, "completed", "", 61, bridged=True, caller_left=True)


RECORDING_URL = (
    f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT_SID}"
    f"/Recordings/{RECORDING_SID}"
)


def test_a_recording_can_be_fetched() -> None:
    assert Recorded.parse(form("http.recording.completed")) == Recorded(
        call_sid=CALL_SID,
        recording_sid=RECORDING_SID,
        url=RECORDING_URL,
        duration_s=97,
        digits="",
        is_callback=True,
    )


@pytest.mark.parametrize("suffix", ["", ".wav"])
def test_the_action_of_a_message_names_its_recording_in_the_address_only(
    suffix: str,
) -> None:
    fields = {
        "CallSid": CALL_SID,
        "RecordingUrl": RECORDING_URL + suffix,
        "RecordingDuration": "12",
        "Digits": "hangup",
    }
    assert Recorded.parse(fields) == Recorded(
        CALL_SID, RECORDING_SID, RECORDING_URL + suffix, 12, "hangup", False
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"RecordingUrl": "", "RecordingDuration": ""},
        {"RecordingUrl": "https://example.com/RE1"},
        {"RecordingSid": RECORDING_SID, "RecordingStatus": "absent"},
    ],
)
def test_a_caller_who_says_nothing_leaves_no_recording(fields: dict[str, str]) -> None:
    news = Recorded.parse({"CallSid": CALL_SID} | fields)
    assert (news.recording_sid, news.url) == (None, "")
    assert news.is_callback is ("RecordingStatus" in fields)


def test_the_words_of_a_message_may_be_many() -> None:
    words = "Call me back.\n\u202e" + "x" * 20_000
    fields = {
        "CallSid": CALL_SID,
        "RecordingSid": RECORDING_SID,
        "TranscriptionStatus": "completed",
        "TranscriptionText": words,
    }
    news = Transcribed.parse(fields)
    assert news.text is not None
    assert news.text.startswith("Call me back.xxx")
    assert len(news.text) == 10_000
    del fields["TranscriptionText"]
    assert Transcribed.parse(fields).text == ""
    failed = fields | {"TranscriptionStatus": "failed", "TranscriptionText": ""}
    assert Transcribed.parse(failed).text is None
