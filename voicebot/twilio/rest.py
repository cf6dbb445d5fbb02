"""
The one request that we make of Twilio: end this call.

Source: Twilio: Call resource, update a call; error codes 20404 and 21220.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.fields import Fields

# The call is gone, or isn't in progress any more: what we wanted.
ALREADY_OVER: Final = frozenset({(404, "20404"), (400, "21220")})


@dataclass(frozen=True, slots=True)
class RestRequest:
    """A POST, to be authenticated and sent by `net`."""

    path: str
    form: dict[str, str]


def hangup_request(account_sid: str, call_sid: str) -> RestRequest:
    account, call = quote(account_sid, safe=""), quote(call_sid, safe="")
    return RestRequest(
        path=f"/2010-04-01/Accounts/{account}/Calls/{call}.json",
        form={"Status": "completed"},
    )


def read_answer(status: int, body: bytes) -> None:
    """
    Return if the call is over, or soon will be.

    Raises:
        UpstreamError: Twilio refused or failed; `detail` is its numeric code, or
            `no code`.
    """
    if 200 <= status < 300:
        return
    code = _code(body)
    if (status, code) not in ALREADY_OVER:
        raise UpstreamError("twilio", code, status)


def _code(body: bytes) -> str:
    try:
        return str(Fields.parse(body).integer("code"))
    except RemoteProtocolError:  # a proxy's page, most likely
        return "no code"
