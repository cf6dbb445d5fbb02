"""A bot known as voice.example.com, listening on loopback."""

import pytest

from voicebot.errors import ConfigError
from voicebot.sim.twilio.addresses import Addresses

PUBLIC = "https://voice.example.com"
LOCAL = "http://127.0.0.1:8080/twilio/voice"


def test_a_public_name_stands_for_where_the_bot_listens() -> None:
    both = Addresses(LOCAL, PUBLIC)
    assert both.signed(LOCAL) == "https://voice.example.com/twilio/voice"
    assert both.dial("https://voice.example.com/a?b=%20") == (
        "http://127.0.0.1:8080/a?b=%20"
    )
    assert both.dial("wss://voice.example.com/m/1") == "ws://127.0.0.1:8080/m/1"
    assert both.signed("ws://127.0.0.1:8080/m/1") == "wss://voice.example.com/m/1"


def test_without_a_public_name_nothing_changes() -> None:
    same = Addresses(LOCAL)
    assert same.signed(LOCAL) == same.dial(LOCAL) == LOCAL
    assert same.dial("ws://localhost:1/m") == "ws://localhost:1/m"


def test_a_foreign_host_needs_its_owner() -> None:
    with pytest.raises(ConfigError, match="only this machine"):
        Addresses("https://voice.example.com/voice")
    with pytest.raises(ConfigError, match="only this machine"):
        Addresses(LOCAL).dial("wss://voice.example.com/m")
    mine = Addresses("https://voice.example.com/voice", i_own_this=True)
    assert mine.dial("wss://voice.example.com/m") == "wss://voice.example.com/m"


@pytest.mark.parametrize("url", ["", "voice", "ftp://h/", "http:///x"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ConfigError, match="expected a URL"):
        Addresses(url)


@pytest.mark.parametrize("host", ["127.0.0.1:99999", "127.0.0.1:x", "[::1"])
def test_what_no_port_or_host_can_be(host: str) -> None:
    with pytest.raises(ConfigError, match="expected a URL with a host"):
        Addresses(f"http://{host}/voice")
    with pytest.raises(ConfigError, match="expected a URL with a host"):
        Addresses(LOCAL).dial(f"ws://{host}/voice")


def test_a_webhook_is_an_address_on_this_machine() -> None:
    Addresses(LOCAL, PUBLIC).check_webhook(PUBLIC + "/status")
    with pytest.raises(ConfigError, match="expected a URL that begins"):
        Addresses(LOCAL).check_webhook("ws://127.0.0.1:8080/")
    with pytest.raises(ConfigError, match="only http://127"):
        Addresses(LOCAL).check_webhook(PUBLIC + "/status")


def test_a_public_name_has_no_path() -> None:
    with pytest.raises(ConfigError, match="got a path too"):
        Addresses(LOCAL, PUBLIC + "/bot")
