"""
What we ask of Twilio about a live call: end it, or run other TwiML with it.

Source: Twilio: Call resource, update a call; error codes 20404 and 21220.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from voicebot.errors import LocalProtocolError, RemoteProtocolError, UpstreamError
from voicebot.fields import Fields

# The call is gone, or isn't in progress any more: what we wanted.
ALREADY_OVER: Final = frozenset({(404, "20404"), (400, "21220")})

MAX_TWIML_LENGTH: Final = 4000
"""Characters of TwiML that an update may carry."""


@dataclass(frozen=True, slots=True)
class RestRequest:
    """A POST, to be authenticated and sent by `net`."""

    path: str
    form: dict[str, str]


def hangup_request(account_sid: str, call_sid: str) -> RestRequest:
    """End a call."""
    return _update(account_sid, call_sid, {"Status": "completed"})


def redirect_request(account_sid: str, call_sid: str, twiml: str) -> RestRequest:
    """
    Take a call out of what it is in, its media stream for example, and run this.

    Args:
        twiml: all URLs in it absolute (15004).

    Raises:
        LocalProtocolError: it is longer than Twilio takes.
    """
    if len(twiml) > MAX_TWIML_LENGTH:
        raise LocalProtocolError(
            f"TwiML: expected at most {MAX_TWIML_LENGTH} characters, got {len(twiml)}"
        )
    return _update(account_sid, call_sid, {"Twiml": twiml})


def _update(account_sid: str, call_sid: str, form: dict[str, str]) -> RestRequest:
    account, call = quote(account_sid, safe=""), quote(call_sid, safe="")
    return RestRequest(f"/2010-04-01/Accounts/{account}/Calls/{call}.json", form)


def read_answer(status: int, body: bytes) -> bool:
    """
    Read what Twilio says to an update.

    Returns:
        True if it is done; False if the call is over already, which is no error: who
        hangs up first is a matter of luck.

    Raises:
        UpstreamError: Twilio refused or failed; `detail` is its numeric code, or
            `no code`.
    """
    if 200 <= status < 300:
        return True
    code = _code(body)
    if (status, code) not in ALREADY_OVER:
        raise UpstreamError("twilio", code, status)
    return False


def _code(body: bytes) -> str:
    try:
        return str(Fields.parse(body).integer("code"))
    except RemoteProtocolError:  # a proxy's page, most likely
        return "no code"
