import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.errors import UpstreamError
from voicebot.stepfun.upstream import MEANINGS, advice, error_code, read_error

HOSTS = ("https://api.stepfun.com", "https://api.stepfun.ai")


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


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("path", "other", "bills"),
    [
        ("/step_plan/v1", "/v1", "Step Plan"),
        ("/v1", "/step_plan/v1", "pay-as-you-go"),
    ],
)
def test_an_empty_ledger_is_named_and_so_is_the_other(
    host: str, path: str, other: str, bills: str
) -> None:
    told = advice(read_error(402, b""), host + path)
    assert "/v1 bills pay-as-you-go, /step_plan/v1 bills a Step Plan's credit" in told
    assert f"VOICEBOT_STEPFUN_BASE_URL is {host}{path}, which bills {bills}." in told
    assert told.endswith(f" The other is {host}{other}.")


def test_a_key_may_be_one_of_the_other_site() -> None:
    told = advice(read_error(401, b""), "https://api.stepfun.ai/v1")
    assert "of the other site" in told
    assert "VOICEBOT_STEPFUN_API_KEY" in told
    assert "VOICEBOT_STEPFUN_BASE_URL is https://api.stepfun.ai/v1" in told


@pytest.mark.parametrize("status", [400, 401, 402, 404, 408, 429, 451, 500, 503, 504])
def test_every_status_of_the_documents_has_a_sentence_of_its_own(status: int) -> None:
    told = advice(read_error(status, b""), "https://api.stepfun.com/v1")
    assert told.startswith(f"{MEANINGS[status][0]} (HTTP {status}, ")
    assert MEANINGS[status][1] in told
    assert len({means for means, _ in MEANINGS.values()}) == len(MEANINGS)


@pytest.mark.parametrize(
    ("status", "means"),
    [
        (None, "StepFun can't be reached (no answer, "),
        (418, "StepFun refuses (HTTP 418, "),
        (599, "StepFun failed (HTTP 599, "),
    ],
)
def test_other_failures_have_a_sentence_too(status: int | None, means: str) -> None:
    error = UpstreamError("stepfun", "word", status)
    assert advice(error, "http://127.0.0.1:1").startswith(means)


def test_the_trace_is_told_to_who_asks_the_support() -> None:
    error = read_error(500, b"")
    error.trace_id = "trace-1234"
    assert "trace id trace-1234" in advice(error, "https://api.stepfun.com/v1")


def test_an_address_of_no_known_ledger_is_told_as_it_is() -> None:
    told = advice(read_error(402, b""), "http://127.0.0.1:8099")
    assert told.endswith("VOICEBOT_STEPFUN_BASE_URL is http://127.0.0.1:8099.")
