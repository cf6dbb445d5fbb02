import pytest

from voicebot.errors import ConfigError
from voicebot.stepfun.address import (
    Ledger,
    http_url,
    ledger,
    other_ledger,
    realtime_url,
    speech_url,
)

PLAN = "api.stepfun.com/step_plan/v1"


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        (f"https://{PLAN}", f"wss://{PLAN}/realtime?model=stepaudio-2.5-realtime"),
        (f"wss://{PLAN}/", f"wss://{PLAN}/realtime?model=stepaudio-2.5-realtime"),
        (
            " http://127.0.0.1:8099 ",
            "ws://127.0.0.1:8099/realtime?model=stepaudio-2.5-realtime",
        ),
        (
            "ws://[::1]:8099/v1",
            "ws://[::1]:8099/v1/realtime?model=stepaudio-2.5-realtime",
        ),
    ],
)
def test_the_realtime_url_keeps_the_path_and_the_security_of_the_base(
    base_url: str, expected: str
) -> None:
    assert realtime_url(base_url, "stepaudio-2.5-realtime") == expected


def test_speech_has_a_socket_of_its_own() -> None:
    url = speech_url(f"https://{PLAN}", "stepaudio-2.5-tts")
    assert url == f"wss://{PLAN}/realtime/audio?model=stepaudio-2.5-tts"
    with pytest.raises(ConfigError, match="StepFun TTS model: expected a name"):
        speech_url(f"https://{PLAN}", "")


def test_a_model_cannot_smuggle_parameters_into_the_url() -> None:
    url = realtime_url("https://h/v1", "a&b=c/d e")
    assert url == "wss://h/v1/realtime?model=a%26b%3Dc%2Fd%20e"


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        (f"https://{PLAN}/", f"https://{PLAN}/audio/speech"),
        (f"wss://{PLAN}", f"https://{PLAN}/audio/speech"),
        ("http://127.0.0.1:8099/v1", "http://127.0.0.1:8099/v1/audio/speech"),
        ("ws://127.0.0.1:8099", "http://127.0.0.1:8099/audio/speech"),
    ],
)
def test_the_http_url_keeps_the_path_and_the_security_of_the_base(
    base_url: str, expected: str
) -> None:
    assert http_url(base_url, "/audio/speech") == expected


@pytest.mark.parametrize(
    ("base_url", "problem"),
    [
        ("ftp://api.stepfun.com/v1", "expected http, https, ws or wss, got ftp"),
        ("//api.stepfun.com/v1", "expected http, https, ws or wss, got no scheme"),
        ("", "expected http, https, ws or wss, got no scheme"),
        ("https:///v1", "expected a host, got none"),
        ("https://[half/v1", "expected a URL, got none"),
        ("https://host:port/v1", "expected a URL, got none"),
        ("https://h/v1?key=1", "got a query, a fragment or a user too"),
        ("https://h/v1#top", "got a query, a fragment or a user too"),
        ("https://secret@h/v1", "got a query, a fragment or a user too"),
    ],
)
def test_a_base_that_is_no_host_and_path_is_the_operators_to_edit(
    base_url: str, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        http_url(base_url, "/audio/speech")
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigError, match=problem):
        realtime_url(base_url, "model")


def test_a_model_without_a_name_is_the_operators_to_edit() -> None:
    with pytest.raises(ConfigError, match="expected a name, got nothing"):
        realtime_url("https://h/v1", "")


@pytest.mark.parametrize("host", ["https://api.stepfun.com", "wss://api.stepfun.ai"])
def test_a_base_tells_what_it_bills_and_where_the_other_is(host: str) -> None:
    plan, open_ = f"{host}/step_plan/v1", f"{host}/v1"
    assert (ledger(plan), ledger(f" {open_}/ ")) == (Ledger.PLAN, Ledger.OPEN)
    assert (other_ledger(f"{plan}/"), other_ledger(open_)) == (open_, plan)


def test_of_another_address_it_is_not_known() -> None:
    assert ledger("http://127.0.0.1:8099") is None
    assert other_ledger("http://127.0.0.1:8099/v2") is None
