"""The vectors are from Twilio's documentation, and from its helper library."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from voicebot.sim.twilio.signing import sign_form, sign_url, signed_part

FORM = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675310"),
    ("Digits", "1234"),
    ("From", "+14158675310"),
    ("To", "+18005551212"),
]


def test_a_form_is_signed_as_in_twilios_example() -> None:
    url = "https://example.com/myapp.php?foo=1&bar=2"
    assert sign_form("12345", url, FORM) == "L/OH5YylLD5NRKLltdqwSvS0BnU="
    assert sign_form("12345", url, FORM[::-1]) == "L/OH5YylLD5NRKLltdqwSvS0BnU="


def test_an_upgrade_is_signed_by_its_url_alone_and_a_slash_changes_it() -> None:
    token = "f595febe1cc508f40acba0201d6b4b24"
    url = "wss://voice.example.com/twilio/media"
    assert sign_url(token, url) == "rLw58cgblBNmH+mbt5l7zY+83p0="
    assert sign_url(token, url + "/") == "eK3I8Nsu/DG91J4Fus1Uo1gCOSs="


names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)


@settings(max_examples=50)
@given(st.dictionaries(names, st.text(max_size=9)))
def test_the_helper_library_computes_the_same(form: dict[str, str]) -> None:
    url = "https://example.com/voice?x=%20+"
    theirs = RequestValidator("t").compute_signature(url, form)
    assert sign_form("t", url, [*form.items()]) == theirs


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("https://me:pw@host:8443/a?b=c%20d", "https://host/a?b=c%20d"),
        ("https://host/a", "https://host/a"),
        ("http://me:pw@host:8080/a", "http://host:8080/a"),
        ("wss://host:8443/a", "wss://host:8443/a"),
    ],
)
def test_the_signed_url_has_no_user_and_over_https_no_port(
    url: str, signed: str
) -> None:
    assert signed_part(url) == signed
