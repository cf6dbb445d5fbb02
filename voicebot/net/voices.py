"""StepFun's voices over HTTP: the account's own, previews and clones."""

from collections.abc import AsyncGenerator
from typing import Final

from aiohttp import ClientSession, ClientTimeout, FormData

from voicebot.errors import UpstreamError
from voicebot.net.stepfun import StepFunHttp, retried
from voicebot.stepfun.official_voices import (
    SYSTEM_VOICES_PATH,
    SYSTEM_VOICES_QUERY,
    read_system_voices,
)
from voicebot.stepfun.upstream import SERVICE
from voicebot.stepfun.voices import (
    FILES_PATH,
    PREVIEW_PATH,
    PURPOSE,
    VOICES_PATH,
    ClonedVoice,
    CloneRequest,
    MadeVoice,
    Preview,
    PreviewRequest,
    Reference,
    UploadedFile,
    list_query,
    read_file,
    read_made,
    read_page,
    read_preview,
)

LIMITS: Final = ClientTimeout(total=30, sock_connect=5)
WORK: Final = ClientTimeout(total=120, sock_connect=5)  # a voice is made meanwhile
UPLOAD: Final = ClientTimeout(total=300, sock_connect=5)
MAX_ANSWER_BYTES: Final = 2**20
MAX_PREVIEW_BYTES: Final = 20 * 10**6
MAX_PAGES: Final = 100  # of a hundred voices each

# A list is asked for again; nothing that costs money, or leaves a file, is.
PAUSES_S = (0.5, 2.0)


class Voices:
    """Asks for voices, and has them made."""

    def __init__(self, http: ClientSession, base_url: str, api_key: str) -> None:
        self._stepfun = StepFunHttp(http, base_url, api_key)

    async def cloned(self) -> AsyncGenerator[ClonedVoice, None]:
        """
        Iterate over the account's own voices, the newest first.

        Raises:
            UpstreamError: StepFun refused, failed or can't be reached.
        """
        after: str | None = None
        for _ in range(MAX_PAGES):
            query = list_query(after=after)
            page = await retried(
                lambda query=query: self._stepfun.ask(  # type: ignore[misc]
                    "GET", VOICES_PATH, LIMITS, MAX_ANSWER_BYTES, read_page, query=query
                ),
                PAUSES_S,
            )
            for voice in page.voices:
                yield voice
            after = page.next_after
            if after is None:
                return

    async def official(self) -> tuple[str, ...]:
        """
        Return the ids that StepFun itself lists. A Step Plan has no such list.

        Raises:
            UpstreamError: StepFun refused, failed or can't be reached.
        """
        return await retried(
            lambda: self._stepfun.ask(
                "GET",
                SYSTEM_VOICES_PATH,
                LIMITS,
                MAX_ANSWER_BYTES,
                read_system_voices,
                query=SYSTEM_VOICES_QUERY,
            ),
            PAUSES_S,
        )

    async def upload(self, reference: Reference) -> UploadedFile:
        """
        Upload a recording, of which voices can then be made. It stays at StepFun.

        Raises:
            UpstreamError: StepFun refused, failed, can't be reached, or has no use for
                the file.
        """
        form = FormData()
        form.add_field("purpose", PURPOSE)
        form.add_field("file", reference.data, filename=reference.name)
        file = await self._stepfun.ask(
            "POST", FILES_PATH, UPLOAD, MAX_ANSWER_BYTES, read_file, body=form
        )
        if not file.ready:
            raise UpstreamError(SERVICE, "file_not_processed", 200)
        return file

    async def preview(self, request: PreviewRequest) -> Preview:
        """
        Hear what a clone would sound like. Costs what speaking the text costs.

        Raises:
            UpstreamError: StepFun refused, failed or can't be reached.
        """
        return await self._stepfun.ask(
            "POST",
            PREVIEW_PATH,
            WORK,
            MAX_PREVIEW_BYTES,
            read_preview,
            body=request.body(),
        )

    async def clone(self, request: CloneRequest) -> MadeVoice:
        """
        Make a voice, which costs money once.

        Raises:
            UpstreamError: StepFun refused, failed or can't be reached. If it doesn't
                say that it refused, there may be a voice all the same: look at the
                list before asking again.
        """
        return await self._stepfun.ask(
            "POST",
            VOICES_PATH,
            WORK,
            MAX_ANSWER_BYTES,
            read_made,
            body=request.body(),
        )
