"""Each failure of StepFun's in a sentence for who has to do something about it."""

import pytest

from voicebot.errors import UpstreamError
from voicebot.stepfun.advice import MEANINGS, advice
from voicebot.stepfun.upstream import read_error

HOSTS = ("https://api.stepfun.com", "https://api.stepfun.ai")


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
