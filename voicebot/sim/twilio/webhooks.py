"""Asks a bot's webhooks, signed as Twilio signs."""

import secrets
import uuid
from urllib.parse import urlencode, urlsplit

from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientSession,
    ClientTimeout,
)
from yarl import URL

from voicebot.sim.twilio.addresses import Addresses
from voicebot.sim.twilio.forms import Form
from voicebot.sim.twilio.misbehaviour import Signing
from voicebot.sim.twilio.report import HttpAnswer
from voicebot.sim.twilio.signing import sign_form, sign_url, signed_part
from voicebot.sim.twilio.twiml import Callback

USER_AGENT = "TwilioProxy/1.1"
TIMEOUT = ClientTimeout(total=15, sock_connect=5)  # Twilio's own: error 11205


class Webhooks:
    """
    Posts forms and keeps the account of the answers.

    Attributes:
        answers: one entry a request, in the order of the answers.
    """

    def __init__(
        self, http: ClientSession, addresses: Addresses, token: str, signing: Signing
    ) -> None:
        self.answers: list[HttpAnswer] = []
        self._http = http
        self._addresses = addresses
        self._token = token
        self._signing = signing

    async def ask(self, what: str, to: Callback, form: Form) -> tuple[int, str]:
        """
        Make one request.

        Returns:
            Status and body; status 0 if no answer came.

        Raises:
            ConfigError: the URL is not on this machine.
        """
        url = self._addresses.signed(to.url)
        body = None
        if to.method == "GET":
            url += ("&" if "?" in url else "?") + urlencode(form)
            form = []
        else:
            body = urlencode(form)
        headers = {
            "User-Agent": USER_AGENT,
            "Host": host_of(url),
            "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            **signature_header(self._signing, self._token, signed_part(url), form),
        }
        target = URL(self._addresses.dial(url), encoded=True)
        listens = True
        try:
            async with self._http.request(
                to.method,
                target,
                data=body,
                headers=headers,
                timeout=TIMEOUT,
                allow_redirects=False,
            ) as answer:
                content = await answer.read()
                status = answer.status
        except ClientConnectorError:
            status, content, listens = 0, b"", False
        except (ClientConnectionError, TimeoutError):
            status, content = 0, b""
        self.answers.append(HttpAnswer(what, status, listens))
        return status, content.decode("utf-8", "replace")


def host_of(url: str) -> str:
    """Name a URL's host as it stands there: for the Host header."""
    return urlsplit(url).netloc.rpartition("@")[2]


def signature_header(
    signing: Signing, token: str, url: str, form: Form | None = None
) -> dict[str, str]:
    """Build the header that proves a request to be Twilio's, or a wrong one."""
    match signing:
        case Signing.MISSING:
            return {}
        case Signing.WRONG:
            token = secrets.token_hex(16)
        case Signing.SLASH:
            url += "/"
        case Signing.RIGHT:
            pass
    value = sign_url(token, url) if form is None else sign_form(token, url, form)
    return {"X-Twilio-Signature": value}
