"""What Twilio has of us, and what it would find at our public address."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from voicebot.doctor.finding import Finding, Part, Verdict
from voicebot.errors import UpstreamError
from voicebot.twilio.numbers import Account, Number

HOLDS, TOLD, DIFFERS, FAILS, UNKNOWN = Verdict

VOICE: Final = "/twilio/voice"
STATUS: Final = "/twilio/status"
SOON_DAYS: Final = 14
"""A certificate that is renewed by itself never gets so old."""

SET_ACCOUNT: Final = "set VOICEBOT_TWILIO_ACCOUNT_SID and VOICEBOT_TWILIO_AUTH_TOKEN"
SET_ADDRESS: Final = "set VOICEBOT_PUBLIC_URL"

MEANINGS: Final = {
    401: "the account SID and the auth token don't belong together",
    403: "the auth token may not read this",
    404: "there is no such account",
}


def no_account() -> Finding:
    says = "there are no credentials"
    return Finding(Part.TWILIO, "all of it", UNKNOWN, says, SET_ACCOUNT)


def no_address() -> Finding:
    return _found("all of it", UNKNOWN, "there is no public address", SET_ADDRESS)


def no_token() -> Finding:
    says = "without Twilio's auth token nothing can be signed"
    return _found("all of it", UNKNOWN, says, SET_ACCOUNT)


def judge_account(account: Account) -> Iterator[Finding]:
    what, says = "account", f"{account.status}, {account.kind}"
    if account.status != "active":
        todo = "no call is taken: ask Twilio why"
        yield Finding(Part.TWILIO, what, FAILS, says, todo)
    elif account.kind == "Trial":
        todo = "callers hear Twilio's own words first: upgrade the account"
        yield Finding(Part.TWILIO, what, DIFFERS, says, todo)
    else:
        yield Finding(Part.TWILIO, what, HOLDS, says)


def refused(what: str, error: UpstreamError) -> Finding:
    means = MEANINGS.get(error.status or 0, "Twilio can't be asked")
    todo = f"{SET_ACCOUNT} as Twilio's console shows them" if error.status else ""
    return Finding(Part.TWILIO, what, FAILS, f"{means} ({error})", todo)


def judge_numbers(
    numbers: Sequence[Number], public_url: str | None
) -> Iterator[Finding]:
    """
    Args:
        public_url: None: it isn't set, so nothing can be compared.
    """
    what = "numbers"
    if not numbers:
        says = "the account has no number"
        todo = "buy one, or use the credentials of the subaccount that has them"
        yield Finding(Part.TWILIO, what, FAILS, says, todo)
        return
    if public_url is None:
        says = f"{len(numbers)} there; where they are to lead isn't known"
        yield Finding(Part.TWILIO, what, UNKNOWN, says, SET_ADDRESS)
        return
    ours = [each for each in numbers if _leads_to(each.voice_url, public_url)]
    if not ours:
        says = f"none of {len(numbers)} leads to {public_url}"
        todo = f"set a number's voice webhook to {public_url}{VOICE}, POST"
        yield Finding(Part.TWILIO, what, FAILS, says, todo)
    for number in numbers:
        if number in ours:
            yield from _ours(number, public_url)
        else:
            yield _not_ours(number)


def _ours(number: Number, public_url: str) -> Iterator[Finding]:
    name, wanted = _name(number), f"{public_url}{VOICE}"
    taker = _taker(number)
    if taker:
        says = f"{taker} takes its calls, whatever its voice webhook is"
        yield Finding(Part.TWILIO, name, FAILS, says, "take it off the number")
    elif number.voice_url != wanted or number.voice_method != "POST":
        # Not all of it: some write a password into such an address.
        path = urlsplit(number.voice_url).path
        says = f"voice webhook is {number.voice_method} to this host, path {path}"
        yield Finding(Part.TWILIO, name, FAILS, says, f"set it to POST {wanted}")
    else:
        yield Finding(Part.TWILIO, name, HOLDS, "calls come to us")
    if number.status_callback != f"{public_url}{STATUS}":
        says = "its status callback isn't ours: who hangs up in a queue stays in it"
        todo = f"set it to {public_url}{STATUS}"
        yield Finding(Part.TWILIO, f"{name}, status", DIFFERS, says, todo)
    if not number.fallback_url or _leads_to(number.fallback_url, public_url):
        says = "no other host takes its calls when we are down"
        todo = "set its fallback URL to TwiML on another host"
        yield Finding(Part.TWILIO, f"{name}, fallback", DIFFERS, says, todo)


def _not_ours(number: Number) -> Finding:
    says = f"{_taker(number) or 'another address'} takes its calls"
    return Finding(Part.TWILIO, _name(number), TOLD, says)


def _taker(number: Number) -> str:
    if number.trunk_sid:
        return f"SIP trunk {number.trunk_sid}"
    if number.application_sid:
        return f"TwiML app {number.application_sid}"
    return ""


def _name(number: Number) -> str:
    return f"number …{number.number[-4:]} ({number.sid})"


def _leads_to(url: str, public_url: str) -> bool:
    return bool(url) and urlsplit(url).hostname == urlsplit(public_url).hostname


@dataclass(slots=True)
class PublicSeen:
    """
    What was found at the public address. A status of None: no answer.

    Attributes:
        trouble: why there was no answer to the first request, in a word.
        is_ours: /healthz answers as ours does.
        certificate_days: until it runs out; None: there is no TLS.
        signed: status of a webhook that we signed as Twilio does.
        unsigned: the same, without a signature.
        upgrade: status of a signed upgrade with a token that is none.
        upgrade_reached: it got as far as the token.
    """

    trouble: str = ""
    health: int | None = None
    is_ours: bool = False
    certificate_days: float | None = None
    signed: int | None = None
    unsigned: int | None = None
    upgrade: int | None = None
    upgrade_reached: bool = False


def judge_public(seen: PublicSeen, public_url: str) -> Iterator[Finding]:
    if seen.health is None:
        says = f"{public_url} gives no answer ({seen.trouble})"
        todo = "start the server, and see that DNS, firewall, proxy and TLS let it be"
        yield _found("address", FAILS, says, todo)
        return
    if seen.is_ours:
        yield _found("address", HOLDS, f"{public_url} is a voicebot's")
    else:
        says = f"what answers there isn't a voicebot (/healthz: HTTP {seen.health})"
        todo = "let the proxy pass all paths on, and start the server behind it"
        yield _found("address", FAILS, says, todo)
    yield _certificate(seen)
    if seen.is_ours:
        yield from _signatures(seen)
        yield _upgrade(seen)


def _certificate(seen: PublicSeen) -> Finding:
    what, days = "TLS", seen.certificate_days
    if days is None:
        says = "there is none: only a simulated Twilio on this machine comes there"
        return _found(what, DIFFERS, says, "use https:// for real calls")
    says = f"the certificate is good for {days:.0f} days"
    if days < SOON_DAYS:
        return _found(what, FAILS, says, "renew it: Twilio refuses one that is over")
    return _found(what, HOLDS, says)


def _signatures(seen: PublicSeen) -> Iterator[Finding]:
    if seen.signed == 204:
        yield _found("signed webhook", HOLDS, "is accepted")
    else:
        says = f"what we sign as Twilio does is refused ({_told(seen.signed)})"
        todo = (
            "the server there has another VOICEBOT_PUBLIC_URL or auth token, or the "
            "proxy rewrites paths"
        )
        yield _found("signed webhook", FAILS, says, todo)
    if seen.unsigned == 403:
        yield _found("unsigned webhook", HOLDS, "is refused")
    else:
        says = f"isn't refused as it is to be ({_told(seen.unsigned)})"
        todo = "something before the server answers for it: anybody could"
        yield _found("unsigned webhook", FAILS, says, todo)


def _upgrade(seen: PublicSeen) -> Finding:
    what = "WebSocket"
    if seen.upgrade_reached:
        return _found(what, HOLDS, "upgrades reach the server")
    says = f"an upgrade doesn't reach the server ({_told(seen.upgrade)})"
    todo = "let the proxy pass the headers Upgrade and Connection on, by HTTP/1.1"
    return _found(what, FAILS, says, todo)


def _told(status: int | None) -> str:
    return "no answer" if status is None else f"HTTP {status}"


def _found(what: str, verdict: Verdict, says: str, todo: str = "") -> Finding:
    return Finding(Part.PUBLIC, what, verdict, says, todo)
