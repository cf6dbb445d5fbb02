"""
Twilio's REST API, as far as a call needs it: to be ended, or sent elsewhere; and for
a check of the account.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import ClientError, ClientSession, ClientTimeout, encode_basic_auth

from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.twilio.numbers import (
    PAGES,
    Account,
    Number,
    account_path,
    numbers_path,
    read_account,
    read_numbers,
)
from voicebot.twilio.rest import (
    RestRequest,
    hangup_request,
    message_request,
    read_answer,
    recording_path,
    redirect_request,
)

TIMEOUT = ClientTimeout(total=3)
FETCH = ClientTimeout(total=20)
MAX_RECORDING_BYTES = 20_000_000
"""Five minutes, the longest message, have 4.8 MB."""
TRIES = 3
PAUSE_S = 0.5


class TwilioRest:
    """Ends calls, takes them off their streams, and sends text messages."""

    def __init__(
        self, http: ClientSession, api_url: str, account_sid: str, auth_token: str
    ) -> None:
        self._http = http
        self._api_url = api_url.rstrip("/")
        self._account_sid = account_sid
        self._headers = {"Authorization": encode_basic_auth(account_sid, auth_token)}

    async def hang_up(self, account_sid: str, call_sid: str) -> None:
        """
        End a call. One that is over already counts as ended.

        Args:
            account_sid: whose call it is; perhaps a subaccount of ours.

        Raises:
            UpstreamError: Twilio refused, or failed three times.
        """
        await self._insist(hangup_request(account_sid, call_sid))

    async def redirect(self, account_sid: str, call_sid: str, twiml: str) -> bool:
        """
        Have Twilio run other TwiML with a call; its stream ends.

        If only Twilio's answer was lost, the TwiML runs once more from its beginning.

        Returns:
            False if the call is over already.

        Raises:
            UpstreamError: Twilio refused, or failed three times.
            LocalProtocolError: the TwiML is longer than Twilio takes.
        """
        return await self._insist(redirect_request(account_sid, call_sid, twiml))

    async def send_text(
        self, account_sid: str, sender: str, to: str, text: str
    ) -> None:
        """
        Send a text message. It isn't tried again: it might come twice.

        Raises:
            UpstreamError: Twilio refused, or failed.
        """
        await self._try(message_request(account_sid, sender, to, text))

    async def account(self) -> Account:
        """
        Ask for the account.

        Raises:
            UpstreamError: Twilio refused, or failed.
        """
        answer = await self._get(account_path(self._account_sid))
        with _understood():
            return read_account(*answer)

    async def numbers(self) -> list[Number]:
        """
        Ask for the numbers of the account, the first thousand.

        Raises:
            UpstreamError: Twilio refused, or failed.
        """
        path: str | None = numbers_path(self._account_sid)
        numbers: list[Number] = []
        for _ in range(PAGES):
            if path is None:
                break
            answer = await self._get(path)
            with _understood():
                page, path = read_numbers(*answer)
            numbers += page
        return numbers

    async def _get(self, path: str) -> tuple[int, bytes]:
        try:
            async with self._http.get(
                self._api_url + path, headers=self._headers, timeout=TIMEOUT
            ) as answer:
                return answer.status, await answer.read()
        except (ClientError, TimeoutError, OSError) as exc:
            raise UpstreamError("twilio", type(exc).__name__) from exc

    async def recording(self, account_sid: str, recording_sid: str) -> bytes:
        """
        Fetch what a caller left on the voicemail, as a WAV file.

        Raises:
            UpstreamError: Twilio refused, or failed; or it isn't there, maybe not yet.
        """
        url = self._api_url + recording_path(account_sid, recording_sid)
        try:
            async with self._http.get(
                url, headers=self._headers, timeout=FETCH
            ) as answer:
                body = bytearray()
                async for piece in answer.content.iter_any():
                    body += piece
                    if len(body) > MAX_RECORDING_BYTES:
                        raise UpstreamError("twilio", "too_large", answer.status)
        except (ClientError, TimeoutError, OSError) as exc:
            raise UpstreamError("twilio", type(exc).__name__) from exc
        if answer.status != 200:
            # 404 while Twilio still makes it, so that it may well be there later.
            raise UpstreamError("twilio", "no_recording", answer.status)
        return bytes(body)

    async def _insist(self, request: RestRequest) -> bool:
        for _ in range(TRIES - 1):
            try:
                return await self._try(request)
            except UpstreamError as exc:
                if not exc.retryable:
                    raise
                await asyncio.sleep(PAUSE_S)
        return await self._try(request)

    async def _try(self, request: RestRequest) -> bool:
        try:
            async with self._http.post(
                self._api_url + request.path,
                data=request.form,
                headers=self._headers,
                timeout=TIMEOUT,
            ) as answer:
                return read_answer(answer.status, await answer.read())
        except (ClientError, TimeoutError, OSError) as exc:
            raise UpstreamError("twilio", type(exc).__name__) from exc


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except RemoteProtocolError as exc:
        raise UpstreamError("twilio", "bad_answer", 200) from exc
