"""
How an account and its numbers are set up, as Twilio's REST API tells.

Source: Twilio: Account resource; IncomingPhoneNumber resource, "Read multiple".
"""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.fields import Fields
from voicebot.twilio.rest import read_answer

PAGE: Final = 100
PAGES: Final = 10
"""As many numbers as a doctor looks at are a thousand."""


@dataclass(frozen=True, slots=True)
class Account:
    status: str
    """active, suspended or closed."""

    kind: str
    """Trial or Full."""


@dataclass(frozen=True, slots=True)
class Number:
    """What Twilio does with calls to a number. An empty address is none."""

    sid: str
    number: str = field(repr=False)
    voice_url: str
    voice_method: str
    fallback_url: str
    status_callback: str
    application_sid: str
    """Of a TwiML app, whose addresses count instead."""

    trunk_sid: str
    """Of a SIP trunk, which takes all calls."""


def account_path(account_sid: str) -> str:
    return f"/2010-04-01/Accounts/{quote(account_sid, safe='')}.json"


def numbers_path(account_sid: str) -> str:
    account = quote(account_sid, safe="")
    return f"/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json?PageSize={PAGE}"


def read_account(status: int, body: bytes) -> Account:
    """
    Raises:
        UpstreamError: Twilio refused or failed.
        RemoteProtocolError: it is no account that was answered.
    """
    _check(status, body)
    account = Fields.parse(body, "account")
    return Account(account.text("status"), account.text("type"))


def read_numbers(status: int, body: bytes) -> tuple[list[Number], str | None]:
    """
    Returns:
        The numbers of a page, and the path of the next page if there is one.

    Raises:
        UpstreamError: Twilio refused or failed.
        RemoteProtocolError: it is no list of numbers that was answered.
    """
    _check(status, body)
    page = Fields.parse(body, "numbers")
    numbers = [_number(item) for item in page.tables("incoming_phone_numbers")]
    following = _text(page, "next_page_uri") or None
    # It is put behind a host: only a path may be.
    if following and not following.startswith("/2010-04-01/"):
        raise RemoteProtocolError("numbers.next_page_uri: expected a path of the API")
    return numbers, following


def _number(item: Fields) -> Number:
    return Number(
        sid=item.text("sid"),
        number=item.text("phone_number"),
        voice_url=_text(item, "voice_url"),
        voice_method=_text(item, "voice_method"),
        fallback_url=_text(item, "voice_fallback_url"),
        status_callback=_text(item, "status_callback"),
        application_sid=_text(item, "voice_application_sid"),
        trunk_sid=_text(item, "trunk_sid"),
    )


def _text(fields: Fields, key: str) -> str:
    return fields.text(key) if key in fields else ""


def _check(status: int, body: bytes) -> None:
    if not read_answer(status, body):
        raise UpstreamError("twilio", "not_found", status)
