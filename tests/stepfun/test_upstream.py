import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.stepfun.upstream import error_code, read_error


def body(**members: Any) -> bytes:
    return json.dumps(members).encode()


@pytest.mark.parametrize(
    ("status", "answer", "detail"),
    [
        (402, body(error={"type": "quota_exceeded", "message": "m"}), "quota_exceeded"),
        (400, body(error={"code": "bad_voice", "type": "t"}), "bad_voice"),
        (400, body(code="model_incompatible"), "model_incompatible"),
        (400, body(error="no object", type="unsupported"), "unsupported"),
        (401, body(error={"code": "401", "type": "auth_failed"}), "auth_failed"),
        (401, body(error={"code": "401"}), "invalid_api_key"),
        (402, b"", "quota_exceeded"),
        (404, b"<html>not here</html>", "not_found"),
        (429, b"[]", "rate_limited"),
        (451, body(error={"type": 7}), "moderated"),
        (403, b"null", "refused"),
        (200, b"", "refused"),  # an upgrade that was answered like a page
        (503, b"\xff", "server_error"),
    ],
)
def test_an_error_is_named_by_its_code_its_type_or_its_status(
    status: int, answer: bytes, detail: str
) -> None:
    error = read_error(status, answer)
    assert (error.service, error.detail, error.status) == ("stepfun", detail, status)


def test_an_error_says_whether_a_retry_can_help() -> None:
    assert read_error(429, b"").retryable
    assert read_error(503, b"").retryable
    assert not read_error(402, b"").retryable


@pytest.mark.parametrize("said", ["call +49 30 12", "493012345678", "", "x" * 65])
def test_what_does_not_look_like_a_code_is_not_kept(said: str) -> None:
    assert error_code(said) is None
    assert read_error(400, body(error={"code": said})).detail == "bad_request"


def test_a_number_of_a_status_is_a_code() -> None:
    assert error_code("429") == "429"
    assert error_code(429) is None


@settings(max_examples=100)
@given(st.integers(100, 599), st.binary())
def test_any_body_gives_an_error_that_can_be_logged(status: int, answer: bytes) -> None:
    assert len(read_error(status, answer).detail) <= 64
