"""Twilio's REST API, as far as a call needs it: to be ended."""

import asyncio

from aiohttp import ClientError, ClientSession, ClientTimeout, encode_basic_auth

from voicebot.errors import UpstreamError
from voicebot.twilio.rest import hangup_request, read_answer

TIMEOUT = ClientTimeout(total=3)
TRIES = 3
PAUSE_S = 0.5


class TwilioRest:
    """Ends calls."""

    def __init__(
        self, http: ClientSession, api_url: str, account_sid: str, auth_token: str
    ) -> None:
        self._http = http
        self._api_url = api_url.rstrip("/")
        self._headers = {"Authorization": encode_basic_auth(account_sid, auth_token)}

    async def hang_up(self, account_sid: str, call_sid: str) -> None:
        """
        End a call. One that is over already counts as ended.

        Args:
            account_sid: whose call it is; perhaps a subaccount of ours.

        Raises:
            UpstreamError: Twilio refused, or failed three times.
        """
        for _ in range(TRIES - 1):
            try:
                await self._try(account_sid, call_sid)
            except UpstreamError as exc:
                if not exc.retryable:
                    raise
                await asyncio.sleep(PAUSE_S)
            else:
                return
        await self._try(account_sid, call_sid)

    async def _try(self, account_sid: str, call_sid: str) -> None:
        request = hangup_request(account_sid, call_sid)
        try:
            async with self._http.post(
                self._api_url + request.path,
                data=request.form,
                headers=self._headers,
                timeout=TIMEOUT,
            ) as answer:
                read_answer(answer.status, await answer.read())
        except (ClientError, TimeoutError, OSError) as exc:
            raise UpstreamError("twilio", type(exc).__name__) from exc
