"""
What we ask of Twilio: to end a live call, to run other TwiML with it, to send a text.

Source: Twilio: Call resource, update a call; error codes 20404 and 21220;
Message resource, create a message, and its error codes.
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


MAX_MESSAGE_LENGTH: Final = 1600

NOT_SENT: Final = {
    "20429": "too_many",
    "21211": "not_mobile",  # no telephone number at all
    "21408": "not_allowed",  # no permission for that region
    "21610": "unsubscribed",  # they have answered STOP
    "21612": "not_mobile",  # cannot be reached from our number
    "21614": "not_mobile",
}


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


def message_request(account_sid: str, sender: str, to: str, text: str) -> RestRequest:
    """
    Send a text message.

    Args:
        sender: a number of ours, or a messaging service: MG and 32 hexadecimal digits.
        to: E.164.
        text: cut to what Twilio takes.

    Source: Twilio: Message resource, create a message; error 21617.
    """
    key = "MessagingServiceSid" if sender.startswith("MG") else "From"
    account = quote(account_sid, safe="")
    form = {key: sender, "To": to, "Body": text[:MAX_MESSAGE_LENGTH]}
    return RestRequest(f"/2010-04-01/Accounts/{account}/Messages.json", form)


def recording_path(account_sid: str, recording_sid: str) -> str:
    """
    Return where a recording can be fetched as WAV: mono, 16 bits, 8000 Hz.

    Source: Twilio: Recording resource, "Fetch a Recording's media file".
    """
    account, recording = quote(account_sid, safe=""), quote(recording_sid, safe="")
    return f"/2010-04-01/Accounts/{account}/Recordings/{recording}.wav"


def why_not_sent(error: UpstreamError) -> str:
    """Say in a word why Twilio didn't take a message."""
    if error.status == 429:
        return "too_many"
    return NOT_SENT.get(error.detail, "failed")


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
