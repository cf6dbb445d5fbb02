"""
The part of Twilio's REST API that a bot needs: to update a live call, to send a text,
to see how the account and its numbers are set up.

Source: Twilio: Call resource, "Update a Call"; errors 20001, 20003, 20404, 21205,
21220; Message resource, "Create a Message"; errors 21211, 21212, 21602, 21603, 21617;
Account resource; IncomingPhoneNumber resource, "Read multiple".
"""

import hmac
import re
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final, Protocol

from aiohttp import web

from voicebot.sim.twilio.socket import Complete, Order, Update
from voicebot.sim.twilio.twiml import Callback

TWIML_CHARACTERS: Final = 4000
PARAMETERS: Final = frozenset(
    {"Status", "Twiml", "Url", "Method", "FallbackUrl", "FallbackMethod", "TimeLimit"}
    | {"StatusCallback", "StatusCallbackMethod"}
)

MESSAGE_PARAMETERS: Final = frozenset(
    {"To", "From", "MessagingServiceSid", "Body", "StatusCallback"}
)
MESSAGE_CHARACTERS: Final = 1600
NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")


class LiveCall(Protocol):
    """A call that can be updated."""

    in_progress: bool

    async def obey(self, order: Order) -> None: ...


class TwilioRest:
    """
    Serves POST /2010-04-01/Accounts/{AC}/Calls/{CA}.json, and …/Messages.json;
    GET …/Accounts/{AC}.json, …/IncomingPhoneNumbers.json and …/Recordings/{RE}.wav.

    Attributes:
        account: its status and type.
        numbers: what Twilio tells of each number of the account.
        api_url: instead of https://api.twilio.com, while it runs.
        messages: the forms of the text messages that were taken, oldest first.
        unreachable: number -> code of the error with which a message there is refused.
        recordings: SID -> WAV file of messages that callers left.
        requests: (call sid, form, status answered) of every request, oldest first.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        api_keys: Sequence[tuple[str, str]] = (),
        failures: Sequence[int] = (),
    ) -> None:
        """
        Args:
            api_keys: (SID, secret) pairs accepted besides the auth token.
            failures: statuses of the first answers, before anything works: 500, 429.
        """
        self.api_url = ""
        self.requests: list[tuple[str, dict[str, str], int]] = []
        self.messages: list[dict[str, str]] = []
        self.unreachable: dict[str, int] = {}
        self.account = {"status": "active", "type": "Full"}
        self.numbers: list[dict[str, str | None]] = []
        self.recordings: dict[str, bytes] = {}
        self._account_sid = account_sid
        self._logins = [
            "Basic " + b64encode(f"{user}:{secret}".encode()).decode()
            for user, secret in ((account_sid, auth_token), *api_keys)
        ]
        self._failures = list(failures)
        self._calls: dict[str, LiveCall] = {}

    @contextmanager
    def registered(self, call_sid: str, call: LiveCall) -> Iterator[None]:
        """Let a call be updated; afterwards Twilio still knows that it was."""
        self._calls[call_sid] = call
        try:
            yield
        finally:
            call.in_progress = False

    @asynccontextmanager
    async def running(
        self, host: str = "127.0.0.1", port: int = 0
    ) -> AsyncIterator["TwilioRest"]:
        """Serve while the context is open; port 0 takes a free one."""
        app = web.Application()
        path = "/2010-04-01/Accounts/{account}/Calls/{call}.json"
        app.router.add_post(path, self._update)
        messages = "/2010-04-01/Accounts/{account}/Messages.json"
        app.router.add_post(messages, self._message)
        account = "/2010-04-01/Accounts/{account}"
        app.router.add_get(f"{account}.json", self._show_account)
        numbers = f"{account}/IncomingPhoneNumbers.json"
        app.router.add_get(numbers, self._list_numbers)
        recordings = "/2010-04-01/Accounts/{account}/Recordings/{recording}.wav"
        app.router.add_get(recordings, self._recording)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            bound = runner.addresses[0]
            self.api_url = f"http://{bound[0]}:{bound[1]}"
            yield self
        finally:
            await runner.cleanup()

    async def _update(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        call_sid = request.match_info["call"]
        answer = await self._answer(request, call_sid, form)
        self.requests.append((call_sid, form, answer.status))
        return answer

    async def _message(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        refused = self._refused(request) or self._unsendable(form)
        if refused is None:
            self.messages.append(form)
        sid = f"SM{secrets.token_hex(16)}"
        body = {"sid": sid, "status": "queued", "error_code": None, "to": form["To"]}
        return refused or web.json_response(body, status=201)

    async def _show_account(self, request: web.Request) -> web.Response:
        body = {"sid": self._account_sid, **self.account}
        return self._refused(request) or web.json_response(body)

    async def _list_numbers(self, request: web.Request) -> web.Response:
        size = int(request.query.get("PageSize", "50"))
        page = int(request.query.get("Page", "0"))
        rest = self.numbers[page * size :]
        query = f"PageSize={size}&Page={page + 1}"
        body = {
            "page": page,
            "page_size": size,
            "incoming_phone_numbers": rest[:size],
            "next_page_uri": f"{request.path}?{query}" if len(rest) > size else None,
        }
        return self._refused(request) or web.json_response(body)

    async def _recording(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        wav = self.recordings.get(request.match_info["recording"])
        if wav is None:
            return _error(404, 20404, "The requested resource was not found")
        return web.Response(body=wav, content_type="audio/x-wav")

    def _unsendable(self, form: dict[str, str]) -> web.Response | None:
        to, text = form.setdefault("To", ""), form.get("Body", "")
        sender = form.get("From", "")
        if unknown := form.keys() - MESSAGE_PARAMETERS:
            return _error(400, 20001, f"{min(unknown)} is not a parameter of a message")
        if not NUMBER.fullmatch(to):
            return _error(400, 21211, "Invalid 'To' Phone Number")
        if not text or len(text) > MESSAGE_CHARACTERS:
            return _error(400, 21617 if text else 21602, "Message body")
        if not sender and not form.get("MessagingServiceSid", "").startswith("MG"):
            return _error(400, 21603, "A 'From' phone number is required")
        if sender and not NUMBER.fullmatch(sender):
            return _error(400, 21212, "Invalid 'From' Phone Number")
        if code := self.unreachable.get(to):
            return _error(429 if code == 20429 else 400, code, "scripted")
        return None

    async def _answer(
        self, request: web.Request, call_sid: str, form: dict[str, str]
    ) -> web.Response:
        if refused := self._refused(request):
            return refused
        call = self._calls.get(call_sid)
        if call is None:
            return _error(404, 20404, "The requested resource was not found")
        if not call.in_progress:
            return _error(400, 21220, "Call is not in-progress. Cannot redirect.")
        order = _order(form)
        if isinstance(order, tuple):
            return _error(400, *order)
        await call.obey(order)
        status = "completed" if isinstance(order, Complete) else "in-progress"
        body = {"sid": call_sid, "account_sid": self._account_sid, "status": status}
        return web.json_response(body)

    def _refused(self, request: web.Request) -> web.Response | None:
        """What Twilio says to who may not ask, or when it fails by the script."""
        if self._failures:
            scripted = self._failures.pop(0)
            return _error(scripted, 20429 if scripted == 429 else 20500, "scripted")
        login = request.headers.get("Authorization", "")
        known = [
            hmac.compare_digest(login.encode(), each.encode()) for each in self._logins
        ]
        if True not in known:
            return _error(401, 20003, "Authenticate")
        if request.match_info["account"] != self._account_sid:
            return _error(404, 20404, "The requested resource was not found")
        return None


def _order(form: dict[str, str]) -> Order | tuple[int, str]:
    """Read an update; return a code and a text if Twilio would refuse it."""
    if unknown := form.keys() - PARAMETERS:
        return 20001, f"{min(unknown)} is not a parameter of a call's update"
    given = [name for name in ("Status", "Twiml", "Url") if name in form]
    match given:
        case ["Status"] if form["Status"] == "completed":
            return Complete()
        case ["Twiml"] if 0 < len(form["Twiml"]) <= TWIML_CHARACTERS:
            return Update(form["Twiml"])
        case ["Twiml"]:
            return 20001, f"Twiml must have 1 to {TWIML_CHARACTERS} characters"
        case ["Url"] if not form["Url"].startswith(("http://", "https://")):
            return 21205, "Url is not a valid URL"
        case ["Url"] if form.get("Method", "POST") in ("GET", "POST"):
            return Update(Callback(form["Url"], form.get("Method", "POST")))
        case _:
            return 20001, "expected exactly one of Status=completed, Twiml and Url"


def _error(status: int, code: int, text: str) -> web.Response:
    body = {
        "code": code,
        "message": text,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(body, status=status)
