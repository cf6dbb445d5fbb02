"""StepFun's speech from text over HTTP."""

from aiohttp import ClientError, ClientSession, ClientTimeout

from voicebot.errors import UpstreamError
from voicebot.stepfun.address import http_url
from voicebot.stepfun.tts import SpeechRequest
from voicebot.stepfun.upstream import SERVICE, read_error

# A prompt of 1,000 characters is some 70 s of speech, made faster than it plays.
TIMEOUT = ClientTimeout(total=60, sock_connect=5)

# A tenth of a second at the lowest rate: no words are shorter. And twenty minutes.
MIN_BYTES = 1600
MAX_BYTES = 20 * 10**6
NO_AUDIO = frozenset({"application/json", "text/html", "text/plain"})


class Tts:
    """Renders prompts."""

    def __init__(self, http: ClientSession, base_url: str, api_key: str) -> None:
        self._http = http
        self._base_url = base_url
        self._headers = {
            "Authorization": f"Bearer {api_key}",
            "Content-Type": "application/json",
        }

    async def speak(self, request: SpeechRequest) -> bytes:
        """
        Render a text.

        Returns:
            Signed 16-bit little-endian samples at `request.rate_hz`, mono.

        Raises:
            UpstreamError: StepFun refused, failed or can't be reached.
        """
        url = http_url(self._base_url, request.path)
        try:
            async with self._http.post(
                url, data=request.body(), headers=self._headers, timeout=TIMEOUT
            ) as answer:
                body = await answer.content.read(MAX_BYTES + 1)
                while not answer.content.at_eof() and len(body) <= MAX_BYTES:
                    body += await answer.content.read(MAX_BYTES)
        except (ClientError, TimeoutError, OSError) as exc:
            raise UpstreamError(SERVICE, type(exc).__name__) from exc
        if answer.status != 200:
            raise read_error(answer.status, body)
        if answer.content_type in NO_AUDIO or not MIN_BYTES <= len(body) <= MAX_BYTES:
            raise UpstreamError(SERVICE, "no_audio", answer.status)
        return body
