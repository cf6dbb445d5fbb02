"""What an operator reads, and what a caller of ours may decide by."""

import pytest

from voicebot import errors
from voicebot.errors import (
    ConfigError,
    DialplanError,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
    StoreError,
    UpstreamError,
    VoicebotError,
)


@pytest.mark.parametrize(
    ("error", "parent"),
    [
        (ConfigError, VoicebotError),
        (DialplanError, ConfigError),
        (ProtocolError, VoicebotError),
        (RemoteProtocolError, ProtocolError),
        (LocalProtocolError, ProtocolError),
        (UpstreamError, VoicebotError),
        (StoreError, VoicebotError),
    ],
)
def test_the_tree_is_the_one_that_its_docstring_draws(
    error: type[Exception], parent: type[Exception]
) -> None:
    assert error.__base__ is parent
    assert errors.__doc__ is not None
    assert f"* {error.__name__} " in errors.__doc__


def test_a_dialplan_error_prints_a_problem_a_line() -> None:
    error = DialplanError(["a.yaml:1:2: x: missing", "b.yaml:3:4: y: unknown key"])
    assert str(error) == "a.yaml:1:2: x: missing\nb.yaml:3:4: y: unknown key"
    assert len(error.problems) == 2


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (None, "stepfun: no answer: timed out"),
        (503, "stepfun: HTTP 503: timed out"),
    ],
)
def test_an_upstream_error_says_who_and_how(status: int | None, text: str) -> None:
    assert str(UpstreamError("stepfun", "timed out", status)) == text


@pytest.mark.parametrize("status", [None, 408, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_worth_another_try(status: int | None) -> None:
    assert UpstreamError("twilio", "20500", status).retryable


@pytest.mark.parametrize("status", [101, 200, 301, 400, 401, 403, 404, 409, 499])
def test_a_refusal_is_not_worth_another_try(status: int) -> None:
    assert not UpstreamError("twilio", "20003", status).retryable
