"""Speech over HTTP, against the offline StepFun and against servers that are worse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from tests.net.stepfun import LIMIT_S, offline
from voicebot.errors import LocalProtocolError, UpstreamError
from voicebot.net.tts import Tts
from voicebot.stepfun.tts import SpeechRequest

REQUEST = SpeechRequest("stepaudio-2.5-tts", "Good morning.", "linjiajiejie")
AT_ONCE = (0.0, 0.0)  # two more attempts


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def streamed(tts: Tts, request: SpeechRequest = REQUEST) -> bytes:
    return b"".join([piece async for piece in tts.stream(request)])


@pytest.mark.parametrize(
    "oddity",
    [
        {},
        {"wav_chunks": True},
        {"odd_bytes": True},
        {"unknown_events": True},
        {"done_holds_all": True},
    ],
)
async def test_piece_by_piece_sounds_as_the_whole(
    http: ClientSession, oddity: dict[str, Any]
) -> None:
    async with offline(**oddity) as server:
        tts = Tts(http, server.base_url, "key")
        assert await streamed(tts) == await tts.speak(REQUEST)


async def test_what_is_spoken_is_heard_before_all_is_there(http: ClientSession) -> None:
    async with offline(stalls_after=1) as server:
        pieces = Tts(http, server.base_url, "key").stream(REQUEST)
        assert len(await anext(pieces)) == 3200
        await pieces.aclose()  # which interrupts


@pytest.mark.parametrize("kind", ["wav", "mp3", "flac", "opus"])
async def test_files_of_every_kind_can_be_had(http: ClientSession, kind: Any) -> None:
    request = replace(REQUEST, format=kind, rate_hz=48000)
    async with offline() as server:
        tts = Tts(http, server.base_url, "key")
        assert len(await tts.speak(request)) > 1000
        with pytest.raises(LocalProtocolError, match="expected pcm for events"):
            await streamed(tts, request)


@pytest.mark.parametrize(
    ("mood", "said", "retryable"),
    [
        ({"fails_after": 1}, "HTTP 200: speech_failed", False),
        ({"drops_after": 1}, "no answer: ClientPayloadError", True),
    ],
)
async def test_a_stream_that_ends_too_early_is_one_error_and_not_begun_again(
    http: ClientSession, mood: dict[str, Any], said: str, retryable: bool
) -> None:
    async with offline(**mood) as server:
        tts = Tts(http, server.base_url, "key", pauses_s=AT_ONCE)
        pieces = tts.stream(REQUEST)
        assert await anext(pieces)
        with pytest.raises(UpstreamError, match=said) as caught:
            await anext(pieces)
    assert caught.value.retryable is retryable
    assert caught.value.trace_id
    assert server.statistics.speech_requests == 1


@pytest.mark.parametrize(
    ("refusals", "asked", "said"),
    [
        ((429, 503), 1, None),
        ((429, 503, 500), 0, "HTTP 500: server_error"),
        ((402,), 0, "HTTP 402: quota_exceeded"),
        ((404,), 0, "HTTP 404: model_not_found"),
        ((451,), 0, "HTTP 451: content_moderation"),
    ],
)
@pytest.mark.parametrize("how", [streamed, Tts.speak])
async def test_it_is_tried_again_where_that_can_help(
    http: ClientSession,
    refusals: tuple[int, ...],
    asked: int,
    said: str | None,
    how: Any,
) -> None:
    async with offline(refusals=refusals) as server:
        tts = Tts(http, server.base_url, "key", pauses_s=AT_ONCE)
        if said is None:
            assert await (how(tts) if how is streamed else tts.speak(REQUEST))
        else:
            with pytest.raises(UpstreamError, match=said) as caught:
                await (how(tts) if how is streamed else tts.speak(REQUEST))
            assert caught.value.trace_id
    assert server.statistics.speech_requests == asked


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "HTTP 200: incomplete_answer"),
        (b'data: {"type": "speech.audio.delta", "audio": ""}', "incomplete_answer"),
        (b'data: {"type": "speech.au', "HTTP 200: bad_answer"),
        (b"data: [DONE]\n\n", "HTTP 200: incomplete_answer"),
        (b"data: 7\n\n", "HTTP 200: bad_answer"),
    ],
)
async def test_half_a_stream_and_other_nonsense_is_one_error(
    http: ClientSession, answer: bytes, said: str
) -> None:
    async with saying(answer, "text/event-stream") as url:
        with pytest.raises(UpstreamError, match=said) as caught:
            await streamed(Tts(http, url, "key", pauses_s=AT_ONCE))
    assert caught.value.trace_id == "0a1b-2c3d"


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (b"ID3" + bytes(2000), "audio/mpeg", "HTTP 200: bad_answer"),
        (b"{}" * 1000, "application/json", "HTTP 200: no_audio"),
        (bytes(100), "audio/pcm", "HTTP 200: no_audio"),
    ],
)
async def test_another_kind_of_answer_is_one_error(
    http: ClientSession, answer: bytes, kind: str, said: str
) -> None:
    async with saying(answer, kind) as url:
        with pytest.raises(UpstreamError, match=said) as caught:
            await Tts(http, url, "key").speak(REQUEST)
    assert caught.value.trace_id == "0a1b-2c3d"


async def test_an_odd_byte_is_no_sample(http: ClientSession) -> None:
    async with saying(bytes(2001), "audio/pcm") as url:
        assert await Tts(http, url, "key").speak(REQUEST) == bytes(2000)


@asynccontextmanager
async def saying(answer: bytes, kind: str) -> AsyncIterator[str]:
    async def speech(_: web.Request) -> web.Response:
        headers = {"X-Trace-Id": "0a1b-2c3d"}
        return web.Response(body=answer, content_type=kind, headers=headers)

    app = web.Application()
    app.router.add_post("/audio/speech", speech)
    async with asyncio.timeout(LIMIT_S), TestServer(app) as server:
        yield str(server.make_url("/"))
