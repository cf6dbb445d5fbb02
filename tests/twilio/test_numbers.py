"""Twilio's word on an account and its numbers."""

import json

import pytest

from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.twilio.numbers import (
    Account,
    account_path,
    numbers_path,
    read_account,
    read_numbers,
)

ACCOUNT = "AC" + "1" * 32
ITEM = {"sid": "PN1", "phone_number": "+12025550123", "voice_url": None}


def page(*items: object, following: object = None) -> bytes:
    body = {"incoming_phone_numbers": items, "next_page_uri": following}
    return json.dumps(body).encode()


def test_the_paths_are_those_of_the_account() -> None:
    assert account_path(ACCOUNT) == f"/2010-04-01/Accounts/{ACCOUNT}.json"
    assert numbers_path("a/b").startswith("/2010-04-01/Accounts/a%2Fb/IncomingPhone")


def test_an_account_is_read() -> None:
    body = b'{"status": "active", "type": "Trial", "friendly_name": "x"}'
    assert read_account(200, body) == Account("active", "Trial")


def test_a_number_is_read_with_what_is_not_set() -> None:
    following = "/2010-04-01/Accounts/AC1/IncomingPhoneNumbers.json?Page=1"
    (number,), path = read_numbers(200, page(ITEM, following=following))
    assert path == following
    assert (number.voice_url, number.trunk_sid) == ("", "")
    assert read_numbers(200, page()) == ([], None)


@pytest.mark.parametrize("uri", ["@evil.example/", "https://evil.example/", 7])
def test_the_next_page_is_on_the_same_host(uri: object) -> None:
    with pytest.raises(RemoteProtocolError):
        read_numbers(200, page(following=uri))


def test_a_refusal_is_an_error_even_one_that_ends_calls() -> None:
    with pytest.raises(UpstreamError, match="HTTP 401: 20003"):
        read_account(401, b'{"code": 20003}')
    with pytest.raises(UpstreamError, match="HTTP 404: not_found"):
        read_numbers(404, b'{"code": 20404}')


def test_what_is_no_account_is_told() -> None:
    with pytest.raises(RemoteProtocolError, match="account.status: missing"):
        read_account(200, b"{}")
