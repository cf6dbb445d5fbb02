"""Transcripts and streamed answers, of servers that stream well, and that don't."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from tests.sim.stepfun.harness import HELLO, tone
from voicebot.errors import UpstreamError
from voicebot.net import asr, chat, stepfun
from voicebot.net.asr import Asr
from voicebot.net.chat import Chat
from voicebot.sim.stepfun import Line, Mood, Scenario, ScriptedMind
from voicebot.sim.stepfun.server import OfflineStepFun
from voicebot.stepfun.asr import AsrDelta, AsrRequest, Transcript
from voicebot.stepfun.chat import Audio, ChatAnswer, ChatRequest, Message, ToolCall
from voicebot.stepfun.realtime.commands import Tool

CLIP = AsrRequest(tone(400), rate_hz=24000)
HI = ChatRequest("stepaudio-2.5-chat", (Message("user", "hello"),), 64)
SAID = "Hello, this is the clinic. How can I help you today?"

# What a server does with a request: a status and a body; None closes the connection.
Answer = tuple[int, bytes] | None


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asr, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(chat, "PAUSE_S", 0.0)


def offline(mood: Mood | None = None, **how: Any) -> OfflineStepFun:
    mind = ScriptedMind(how.pop("scenario", HELLO))
    return OfflineStepFun(mind, mood or Mood.burst(), api_key="key", **how)


@asynccontextmanager
async def that_says(given: Sequence[Answer], asked: list[str]) -> AsyncIterator[str]:
    """A server that gives these answers in turn; its base URL."""
    left = list(given)

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        told = left.pop(0)
        if told is None:
            assert request.transport
            request.transport.abort()
            return web.Response()
        status, body = told
        return web.Response(
            status=status,
            body=body,
            content_type="text/event-stream",
            headers={"X-Trace-Id": "trace-0001"},
        )

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


def sse(*events: object, done: bool = True) -> bytes:
    lines = [f"data: {json.dumps(each)}\n\n" for each in events]
    return "".join([*lines, *(["data: [DONE]\n\n"] if done else [])]).encode()


DONE = {"type": "transcript.text.done", "text": "Hi."}
CHUNK = {"choices": [{"delta": {"content": "Hi."}, "finish_reason": ""}]}
LAST = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


# ---- ASR -------------------------------------------------------------------------


async def test_a_clip_is_transcribed(http: ClientSession) -> None:
    async with offline().running() as server:
        asr = Asr(http, server.base_url, "key")
        found = await asr.transcribe(CLIP, 5.0)
        async with aclosing(asr.stream(CLIP, 5.0)) as stream:
            pieces = [piece async for piece in stream]
    assert found.text == "hello"
    assert found.usage.input_tokens == 5
    assert found.trace_id
    assert found.session_id
    assert [type(piece) for piece in pieces] == [AsrDelta, Transcript]
    assert pieces[0].text == "hello"


@pytest.mark.parametrize(
    ("given", "tries"),
    [
        ([(200, sse(DONE))], 1),
        ([(200, sse({"type": "tomorrow.event"}, DONE))], 1),
        ([(503, b""), (429, b""), (200, sse(DONE))], 3),
        ([None, (200, sse(DONE, done=False))], 2),
        # Half an event, an end too soon, an event that is none.
        ([(200, sse(DONE)[:30]), (200, sse()), (200, sse(DONE))], 3),
        ([(200, b"data: []\n\n"), (200, sse(DONE))], 2),
    ],
)
async def test_what_fails_is_transcribed_again_if_that_can_help(
    http: ClientSession, given: list[Answer], tries: int
) -> None:
    asked: list[str] = []
    async with that_says(given, asked) as url:
        found = await Asr(http, url, "key").transcribe(CLIP, 5.0)
    assert found == Transcript("Hi.", trace_id="trace-0001")
    assert asked == ["/audio/asr/sse"] * tries


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([(401, b"")], "HTTP 401: invalid_api_key"),
        ([(402, b"")], "HTTP 402: quota_exceeded"),
        ([(404, b"")], "HTTP 404: not_found"),
        ([(451, b"")], "HTTP 451: moderated"),
        ([(200, sse({"type": "error", "message": "m"}))], "200: transcription_failed"),
        ([(200, sse({"error": {"code": "decode_failed"}}))], "200: decode_failed"),
        ([(504, b"")] * 3, "HTTP 504: server_error"),
        ([(200, b"")] * 3, "HTTP 200: incomplete_answer"),
        ([(200, b"data: {\n\n")] * 3, "HTTP 200: bad_answer"),
        ([(200, b"data:" + b" " * 5_000_000)] * 3, "HTTP 200: bad_answer"),
    ],
)
async def test_a_clip_that_is_refused_says_why(
    http: ClientSession, given: list[Answer], said: str
) -> None:
    asked: list[str] = []
    async with that_says(given, asked) as url:
        with pytest.raises(UpstreamError, match=said) as caught:
            await Asr(http, url, "key").transcribe(CLIP, 5.0)
    assert len(asked) == len(given)
    assert caught.value.trace_id == "trace-0001"


async def test_a_stream_is_not_read_for_ever(
    http: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepfun, "MAX_STREAM_BYTES", 500)
    delta = {"type": "transcript.text.delta", "delta": "la"}
    async with that_says([(200, sse(*[delta] * 20, DONE))] * 3, []) as url:
        with pytest.raises(UpstreamError, match="bad_answer"):
            await Asr(http, url, "key").transcribe(CLIP, 5.0)


async def test_a_slow_transcript_is_not_waited_for(http: ClientSession) -> None:
    async with offline(Mood(asr_s=(0.5, 0.5))).running() as server:
        with pytest.raises(UpstreamError, match="no answer: timeout"):
            await Asr(http, server.base_url, "key").transcribe(CLIP, 0.05)


async def test_a_clip_of_megabytes_is_sent(http: ClientSession) -> None:
    clip = AsrRequest(tone(30_000), rate_hz=24000)
    async with offline().running() as server:
        found = await Asr(http, server.base_url, "key").transcribe(clip, 20.0)
    assert found.usage.input_tokens == 375


# ---- chat ------------------------------------------------------------------------


async def streamed(chat: Chat, request: ChatRequest) -> tuple[list[str], ChatAnswer]:
    """What came before the last piece, and the answer."""
    async with aclosing(chat.stream(request, 5.0)) as stream:
        *deltas, last = [delta async for delta in stream]
    assert last.answer
    return [delta.text for delta in deltas], last.answer


async def listen(chat: Chat, timeout_s: float, texts: list[str]) -> None:
    """Note what comes, up to the end or an error."""
    async with aclosing(chat.stream(HI, timeout_s)) as stream:
        async for delta in stream:
            texts.append(delta.text)  # noqa: PERF401 - what came before an error counts


async def test_an_answer_is_streamed(http: ClientSession) -> None:
    async with offline().running() as server:
        texts, answer = await streamed(Chat(http, server.base_url, "key"), HI)
    assert len(texts) > 3
    assert "".join(texts) == answer.text == SAID
    assert answer.finish_reason == "stop"
    assert answer.usage.completion_tokens > 5
    assert answer.trace_id


async def test_a_tool_is_called_and_its_output_answered(http: ClientSession) -> None:
    line = Line("rain?", call="weather", arguments={"city": "Linz"}, then="It is dry.")
    tool = Tool("weather", "Tell the weather.", {"type": "object"})
    asked = Message("user", "rain?")
    async with offline(scenario=Scenario((line,))).running() as server:
        chat = Chat(http, server.base_url, "key")
        request = ChatRequest("stepaudio-2.5-chat", (asked,), 64, tools=(tool,))
        _, answer = await streamed(chat, request)
        whole = await chat.complete(request, 5.0)
        [call] = answer.tool_calls
        wants = Message("assistant", answer.text, tool_calls=(call,))
        output = Message("tool", '{"rain": false}', call_id=call.id)
        talk = (asked, wants, output)
        _, last = await streamed(chat, ChatRequest(request.model, talk, 64))
    assert call == ToolCall(call.id, "weather", '{"city":"Linz"}')
    assert answer.finish_reason == whole.finish_reason == "tool_calls"
    assert whole.tool_calls[0].name == "weather"
    assert last.text == "It is dry."


async def test_json_and_audio_are_understood(http: ClientSession) -> None:
    from tests.sim.stepfun.test_asr import file_of

    heard = Message("user", "", audio=(Audio(file_of(tone(400), "WAV"), "wav"),))
    async with offline().running() as server:
        chat = Chat(http, server.base_url, "key")
        _, answer = await streamed(chat, ChatRequest(HI.model, (heard,), 64))
        asked = ChatRequest(HI.model, (Message("user", "Hi"),), 64, json=True)
        form = await chat.complete(asked, 5.0)
    assert answer.text == SAID  # to "hello"
    assert json.loads(form.text) == {"answer": "Hi"}


async def test_one_connection_serves_one_answer_after_the_other(
    http: ClientSession,
) -> None:
    async with offline(Mood.burst()).running() as server:
        chat = Chat(http, server.base_url, "key")
        for _ in range(3):
            await streamed(chat, HI)
        assert http.connector
        (kept,) = http.connector._conns.values()
        assert len(kept) == 1
    assert server.statistics.abandoned == 0


async def test_who_stops_listening_closes_the_request(http: ClientSession) -> None:
    async with offline(Mood(chat_s=(0, 0), word_s=0.01)).running() as server:
        chat = Chat(http, server.base_url, "key")
        async with aclosing(chat.stream(HI, 5.0)) as stream:
            async for delta in stream:
                assert delta.text
                break
        assert http.connector
        assert not http.connector._acquired
    assert server.statistics.abandoned == 1


@pytest.mark.parametrize(
    ("given", "tries"),
    [
        ([(200, sse(CHUNK, LAST))], 1),
        ([(200, sse(CHUNK, LAST, done=False))], 1),
        ([(503, b""), (200, sse(CHUNK, LAST))], 2),
        ([None, (200, sse(CHUNK, LAST))], 2),
    ],
)
async def test_what_fails_before_it_begins_is_asked_again(
    http: ClientSession, given: list[Answer], tries: int
) -> None:
    asked: list[str] = []
    async with that_says(given, asked) as url:
        _, answer = await streamed(Chat(http, url, "key"), HI)
    assert (answer.text, answer.trace_id) == ("Hi.", "trace-0001")
    assert asked == ["/chat/completions"] * tries


@pytest.mark.parametrize(
    ("given", "said", "heard"),
    [
        ([(401, b"")], "HTTP 401: invalid_api_key", []),
        ([(402, b"")], "HTTP 402: quota_exceeded", []),
        ([(451, b"")], "HTTP 451: moderated", []),
        ([(429, b"")] * 2, "HTTP 429: rate_limited", []),
        ([(503, b"")] * 2, "HTTP 503: server_error", []),
        # Once words have come, they aren't asked for again.
        ([(200, sse(CHUNK, {"error": {"type": "moderated"}}))], ": moderated", ["Hi."]),
        ([(200, sse(CHUNK))], "HTTP 200: incomplete_answer", ["Hi."]),
        ([(200, sse(CHUNK, LAST)[:100])], "HTTP 200: bad_answer", ["Hi."]),
        ([(200, sse(CHUNK, []))], "HTTP 200: bad_answer", ["Hi."]),
    ],
)
async def test_an_answer_that_breaks_off_says_why(
    http: ClientSession, given: list[Answer], said: str, heard: list[str]
) -> None:
    asked: list[str] = []
    texts: list[str] = []
    async with that_says(given, asked) as url:
        with pytest.raises(UpstreamError, match=said) as caught:
            await listen(Chat(http, url, "key"), 5.0, texts)
    assert texts == heard
    assert len(asked) == len(given)
    assert caught.value.trace_id == "trace-0001"


async def test_an_answer_that_stops_is_not_waited_for(http: ClientSession) -> None:
    async with offline(Mood(chat_s=(0, 0), word_s=0.6)).running() as server:
        chat = Chat(http, server.base_url, "key")
        texts: list[str] = []
        with pytest.raises(UpstreamError, match="no answer: timeout"):
            await listen(chat, 0.2, texts)
    assert texts == ["Hello, this "]


async def test_a_connection_that_is_lost_is_one_error(http: ClientSession) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"X-Trace-Id": "trace-0001"})
        await response.prepare(request)
        await response.write(sse(CHUNK, done=False))
        assert request.transport
        request.transport.abort()
        return response

    app = web.Application()
    app.router.add_post("/chat/completions", answer)
    async with TestServer(app) as server:
        chat = Chat(http, str(server.make_url("/")), "key")
        with pytest.raises(UpstreamError, match="no answer: Client") as caught:
            await listen(chat, 5.0, [])
    assert caught.value.trace_id == "trace-0001"
