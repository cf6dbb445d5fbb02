"""Hanging up: what we ask of Twilio, and which answers mean that it is done."""

from urllib.parse import urlsplit

import pytest

from tests.twilio.examples import EXAMPLES
from voicebot.errors import UpstreamError
from voicebot.twilio.rest import RestRequest, hangup_request, read_answer


def test_a_call_is_ended_as_documented() -> None:
    example = EXAMPLES["rest.hangup"]
    request = hangup_request(
        "ACc9e4d7bf209deee415fd458af404eeb9", "CA6de61b0d87adff60554523e2158a7654"
    )
    path = urlsplit(example["url"]).path
    assert request == RestRequest(path, example["form"])


def test_an_id_cannot_lead_to_another_resource() -> None:
    request = hangup_request("AC/../x", "CA?a=b#c/d")
    assert request.path == (
        "/2010-04-01/Accounts/AC%2F..%2Fx/Calls/CA%3Fa%3Db%23c%2Fd.json"
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"{}"),
        (201, b""),
        (204, b""),
        (299, b"\x00"),
        (404, b'{"code":20404,"message":"not found","status":404}'),
        (404, b'{"code":"20404"}'),
        (400, b'{"code":21220,"message":"not in-progress","status":400}'),
    ],
)
def test_the_call_is_over(status: int, body: bytes) -> None:
    read_answer(status, body)


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
