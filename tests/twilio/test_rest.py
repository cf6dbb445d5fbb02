"""What we ask of Twilio about a call, and which answers mean that it is done."""

from urllib.parse import urlsplit

import pytest

from tests.twilio.examples import EXAMPLES
from voicebot.errors import LocalProtocolError, UpstreamError
from voicebot.twilio.rest import (
    RestRequest,
    hangup_request,
    message_request,
    read_answer,
    recording_path,
    redirect_request,
    why_not_sent,
)


def test_a_call_is_ended_as_documented() -> None:
    example = EXAMPLES["rest.hangup"]
    request = hangup_request(
        "ACc9e4d7bf209deee415fd458af404eeb9", "CA6de61b0d87adff60554523e2158a7654"
    )
    path = urlsplit(example["url"]).path
    assert request == RestRequest(path, example["form"])


def test_a_call_is_sent_elsewhere_by_the_same_resource() -> None:
    twiml = "x" * 4000
    assert redirect_request("AC1", "CA1", twiml) == RestRequest(
        hangup_request("AC1", "CA1").path, {"Twiml": twiml}
    )


def test_a_recording_lies_below_its_account() -> None:
    path = recording_path("AC1", "RE/1")
    assert path == "/2010-04-01/Accounts/AC1/Recordings/RE%2F1.wav"


def test_more_twiml_than_twilio_takes_is_a_bug_of_ours() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        redirect_request("AC1", "CA1", "x" * 4001)
    assert str(caught.value) == "TwiML: expected at most 4000 characters, got 4001"


def test_an_id_cannot_lead_to_another_resource() -> None:
    request = hangup_request("AC/../x", "CA?a=b#c/d")
    assert request.path == (
        "/2010-04-01/Accounts/AC%2F..%2Fx/Calls/CA%3Fa%3Db%23c%2Fd.json"
    )


@pytest.mark.parametrize(
    ("status", "body", "was_there"),
    [
        (200, b"{}", True),
        (201, b"", True),
        (204, b"", True),
        (299, b"\x00", True),
        (404, b'{"code":20404,"message":"not found","status":404}', False),
        (404, b'{"code":"20404"}', False),
        (400, b'{"code":21220,"message":"not in-progress","status":400}', False),
    ],
)
def test_it_is_done_or_the_call_was_over_before(
    status: int, body: bytes, was_there: bool
) -> None:
    assert read_answer(status, body) is was_there


@pytest.mark.parametrize(
    ("status", "body", "detail", "retryable"),
    [
        (400, b'{"code":21218}', "21218", False),
        (400, b'{"code":20404}', "20404", False),
        (404, b'{"code":21220}', "21220", False),
        (404, b"<html>not found</html>", "no code", False),
        (401, b'{"code":20003,"message":"Authenticate"}', "20003", False),
        (429, b'{"code":20429}', "20429", True),
        (500, b"", "no code", True),
        (502, b"[]", "no code", True),
        (503, b'{"code":null}', "no code", True),
        (503, b'{"code":"private words"}', "no code", True),
        (302, b"{}", "no code", False),
        (199, b"{}", "no code", False),
        (300, b"{}", "no code", False),
    ],
)
def test_twilio_refuses_or_fails(
    status: int, body: bytes, detail: str, retryable: bool
) -> None:
    with pytest.raises(UpstreamError) as caught:
        read_answer(status, body)
    error = caught.value
    assert (error.service, error.detail, error.status) == ("twilio", detail, status)
    assert error.retryable is retryable


@pytest.mark.parametrize(
    ("sender", "key"), [("+12025550100", "From"), ("MG1", "MessagingServiceSid")]
)
def test_a_text_message_is_sent_from_a_number_or_a_service(
    sender: str, key: str
) -> None:
    request = message_request("AC/1", sender, "+12025550199", "x" * 2000)
    assert request == RestRequest(
        "/2010-04-01/Accounts/AC%2F1/Messages.json",
        {key: sender, "To": "+12025550199", "Body": "x" * 1600},
    )


@pytest.mark.parametrize(
    ("status", "code", "word"),
    [
        (400, "21610", "unsubscribed"),
        (400, "21614", "not_mobile"),
        (400, "21211", "not_mobile"),
        (403, "21408", "not_allowed"),
        (429, "no code", "too_many"),
        (429, "20429", "too_many"),
        (500, "20500", "failed"),
        (None, "TimeoutError", "failed"),
    ],
)
def test_why_a_text_message_was_not_sent_is_a_word(
    status: int | None, code: str, word: str
) -> None:
    assert why_not_sent(UpstreamError("twilio", code, status)) == word
