"""StepFun's chat models over HTTP."""

import re
from typing import Final

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.stepfun.address import http_url
from voicebot.stepfun.chat import PATH, ChatAnswer, ChatRequest, read_answer
from voicebot.stepfun.upstream import SERVICE, read_error

# An answer of a few words has 500; more than this is none.
MAX_BYTES = 2**20

# What support asks for. It goes into our log, so it must look like an id.
TRACE_HEADER: Final = "X-Trace-Id"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


class Chat:
    """Asks chat models."""

    def __init__(self, http: ClientSession, base_url: str, api_key: str) -> None:
        self._http = http
        self._base_url = base_url
        self._headers = {
            "Authorization": f"Bearer {api_key}",
            "Content-Type": "application/json",
        }

    async def complete(self, request: ChatRequest, timeout_s: float) -> ChatAnswer:
        """
        Have a conversation continued. Nothing is asked twice: who is in a hurry would
        only be later.

        Args:
            timeout_s: for all of it.

        Raises:
            UpstreamError: StepFun refused, failed, can't be reached or took too long.
        """
        url = http_url(self._base_url, PATH)
        timeout = ClientTimeout(total=timeout_s)
        try:
            async with self._http.post(
                url, data=request.body(), headers=self._headers, timeout=timeout
            ) as answer:
                body = await answer.content.read(MAX_BYTES)
                while not answer.content.at_eof() and len(body) < MAX_BYTES:
                    body += await answer.content.read(MAX_BYTES)
        except (ClientError, TimeoutError, OSError) as exc:
            raise UpstreamError(SERVICE, _word(exc)) from exc
        trace_id = _trace_id(answer)
        if answer.status != 200:
            failed = read_error(answer.status, body)
        else:
            try:
                return read_answer(body, trace_id)
            except RemoteProtocolError:
                failed = UpstreamError(SERVICE, "bad_answer", answer.status)
        failed.trace_id = trace_id
        raise failed


def _word(exc: Exception) -> str:
    return "timeout" if isinstance(exc, TimeoutError) else type(exc).__name__


def _trace_id(answer: ClientResponse) -> str | None:
    given = answer.headers.get(TRACE_HEADER, "")
    return given if _ID.fullmatch(given) else None
