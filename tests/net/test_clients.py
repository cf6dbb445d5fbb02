"""The clients against servers that answer as the vendors do, and as they shouldn't."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from voicebot.errors import UpstreamError
from voicebot.net import twilio
from voicebot.net.chat import Chat
from voicebot.net.realtime import realtime_socket
from voicebot.net.tts import Tts
from voicebot.net.twilio import TwilioRest
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Scenario, ScriptedMind
from voicebot.sim.stepfun.server import OfflineStepFun
from voicebot.sim.twilio.rest import TwilioRest as SimulatedRest
from voicebot.stepfun.address import other_ledger, realtime_url
from voicebot.stepfun.advice import advice
from voicebot.stepfun.chat import ChatRequest, Message
from voicebot.stepfun.tts import SpeechRequest
from voicebot.twilio.numbers import PAGE, Account

MODEL = "stepaudio-2.5-realtime"
ACCOUNT = "AC" + "1" * 32
CALL = "CA" + "2" * 32


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


def offline(**how: tuple[int, ...] | str) -> OfflineStepFun:
    mind = ScriptedMind(Scenario(()))
    return OfflineStepFun(mind, Mood.burst(), api_key="key", **how)  # type: ignore[arg-type]


async def test_a_session_opens() -> None:
    async with offline().running() as server:
        url = realtime_url(server.base_url, MODEL)
        async with realtime_socket(url, "key") as socket:
            assert b"session.created" in await socket.recv(decode=False)


@pytest.mark.parametrize("base", ["/v1", "/step_plan/v1"])
async def test_each_ledger_has_its_base_and_the_other_has_no_money(
    http: ClientSession, base: str
) -> None:
    text = SpeechRequest("stepaudio-2.5-tts", "Good morning.", "linjiajiejie")
    async with offline().running() as server:
        plan, other = server.base_url, other_ledger(server.base_url) or ""
        here, there = (plan, other) if plan.endswith(base) else (other, plan)
        there_path = there.removeprefix("http://").partition("/")[2]
        server.mood = replace(server.mood, no_credit=(f"/{there_path}",))
        async with realtime_socket(realtime_url(here, MODEL), "key"):
            pass
        assert await Tts(http, here, "key").speak(text)
        with pytest.raises(UpstreamError, match="HTTP 402: quota_exceeded") as caught:
            await Tts(http, there, "key").speak(text)
    assert f"The other is {here}." in advice(caught.value, there)


@pytest.mark.parametrize(
    ("key", "refusals", "status", "detail", "retryable"),
    [
        ("wrong", (), 401, "invalid_api_key", False),
        ("key", (402,), 402, "quota_exceeded", False),
        ("key", (429,), 429, "rate_limit_exceeded", True),
        ("key", (503,), 503, "server_error", True),
    ],
)
async def test_a_refused_session_says_why(
    key: str, refusals: tuple[int, ...], status: int, detail: str, retryable: bool
) -> None:
    async with offline(refusals=refusals).running() as server:
        url = realtime_url(server.base_url, MODEL)
        with pytest.raises(UpstreamError) as caught:
            async with realtime_socket(url, key):
                pass
    error = caught.value
    assert (error.service, error.status, error.detail) == ("stepfun", status, detail)
    assert error.retryable is retryable
    assert error.trace_id


async def test_nobody_there_is_no_answer(
    unused_tcp_port: int, http: ClientSession
) -> None:
    base = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(UpstreamError, match="no answer"):
        async with realtime_socket(realtime_url(base, MODEL), "key"):
            pass
    with pytest.raises(UpstreamError, match="no answer"):
        await Tts(http, base, "key").speak(SpeechRequest("m", "Hi", "v"))


async def test_a_text_is_spoken_at_8000_hz(http: ClientSession) -> None:
    request = SpeechRequest("stepaudio-2.5-tts", "Good morning.", "linjiajiejie")
    async with offline().running() as server:
        pcm16 = await Tts(http, server.base_url, "key").speak(request)
    assert 0.5 < len(pcm16) / 16000 < 3


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"error": {}}' * 200),
        ("audio/pcm", b""),
        ("audio/pcm", b"x"),
    ],
)
async def test_what_is_no_speech_is_not_taken_for_it(
    http: ClientSession, kind: str, body: bytes
) -> None:
    async def speech(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind)

    app = web.Application()
    app.router.add_post("/audio/speech", speech)
    async with TestServer(app) as server:
        tts = Tts(http, str(server.make_url("/")), "key")
        with pytest.raises(UpstreamError, match="no_audio"):
            await tts.speak(SpeechRequest("m", "Hi", "v"))


async def test_a_text_that_is_refused_says_why(http: ClientSession) -> None:
    request = SpeechRequest("stepaudio-2.5-tts", "Good morning.", "linjiajiejie")
    async with offline().running() as server:
        with pytest.raises(UpstreamError, match="HTTP 401: invalid_api_key"):
            await Tts(http, server.base_url, "wrong").speak(request)


QUESTION = ChatRequest(
    "stepaudio-2.5-chat",
    (Message("system", "- human: They ask for a person."), Message("user", "A person")),
    16,
)


async def test_a_chat_model_answers(http: ClientSession) -> None:
    async with offline().running() as server:
        chat = Chat(http, server.base_url, "key")
        answer = await chat.complete(QUESTION, 5.0)
    assert (answer.text, answer.finish_reason) == ("human", "stop")
    assert answer.usage.prompt_tokens > 0
    assert answer.trace_id


@pytest.mark.parametrize(
    ("key", "refusals", "said"),
    [
        ("wrong", (), "HTTP 401: invalid_api_key"),
        ("key", (402,), "HTTP 402: quota_exceeded"),
        ("key", (429,), "HTTP 429: rate_limit_exceeded"),
        ("key", (503,), "HTTP 503: server_error"),
    ],
)
async def test_a_chat_model_that_refuses_says_why(
    http: ClientSession, key: str, refusals: tuple[int, ...], said: str
) -> None:
    async with offline(chat_refusals=refusals).running() as server:
        with pytest.raises(UpstreamError, match=said) as caught:
            await Chat(http, server.base_url, key).complete(QUESTION, 5.0)
    assert caught.value.trace_id


async def test_a_chat_model_that_takes_too_long_is_not_waited_for(
    http: ClientSession,
) -> None:
    server = offline()
    server.mood = Mood(chat_s=(30.0, 30.0))
    async with server.running():
        chat = Chat(http, server.base_url, "key")
        with pytest.raises(UpstreamError, match="no answer: timeout"):
            await chat.complete(QUESTION, 0.05)


async def test_no_chat_model_is_no_answer(
    unused_tcp_port: int, http: ClientSession
) -> None:
    chat = Chat(http, f"http://127.0.0.1:{unused_tcp_port}", "key")
    with pytest.raises(UpstreamError, match="no answer: Client"):
        await chat.complete(QUESTION, 5.0)


@pytest.mark.parametrize(
    ("body", "trace_id"),
    [(b"", "0a1b-2c3d"), (b"{}", "two words"), (b"[" * 2_000_000, "")],
)
async def test_what_is_no_answer_of_a_chat_model_is_not_taken_for_one(
    http: ClientSession, body: bytes, trace_id: str
) -> None:
    async def completions(_: web.Request) -> web.Response:
        return web.Response(body=body, headers={"X-Trace-Id": trace_id})

    app = web.Application()
    app.router.add_post("/chat/completions", completions)
    async with TestServer(app) as server:
        chat = Chat(http, str(server.make_url("/")), "key")
        with pytest.raises(UpstreamError, match="HTTP 200: bad_answer") as caught:
            await chat.complete(QUESTION, 5.0)
    # What isn't like an id isn't logged.
    assert caught.value.trace_id == (trace_id if "-" in trace_id else None)


@pytest.fixture
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twilio, "PAUSE_S", 0.0)


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([(200, {})], 1),
        ([(404, {"code": 20404})], 1),  # over already
        ([(400, {"code": 21220})], 1),
        ([(503, {}), (429, {"code": 20429}), (200, {})], 3),
    ],
)
async def test_a_call_is_ended(
    http: ClientSession, answers: list[tuple[int, dict[str, int]]], asked: int
) -> None:
    forms = await hang_up(http, answers)
    assert forms == [{"Status": "completed"}] * asked


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([(401, {"code": 20003})], "twilio: HTTP 401: 20003"),
        ([(500, {})] * 3, "twilio: HTTP 500: no code"),
    ],
)
async def test_a_call_that_cannot_be_ended_says_why(
    http: ClientSession, answers: list[tuple[int, dict[str, int]]], said: str
) -> None:
    with pytest.raises(UpstreamError, match=said):
        await hang_up(http, answers)


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.parametrize(
    ("answers", "was_there"),
    [
        ([(200, {})], True),
        ([(500, {}), (200, {})], True),
        ([(404, {"code": 20404})], False),
        ([(400, {"code": 21220})], False),
        ([(500, {}), (400, {"code": 21220})], False),
    ],
)
async def test_a_call_is_sent_elsewhere(
    http: ClientSession, answers: list[tuple[int, dict[str, int]]], was_there: bool
) -> None:
    forms: list[dict[str, str]] = []
    async with twilio_that_says(answers, forms) as url:
        rest = TwilioRest(http, url, ACCOUNT, "token")
        assert await rest.redirect(ACCOUNT, CALL, "<Response/>") is was_there
    assert forms == [{"Twiml": "<Response/>"}] * len(answers)


@pytest.mark.usefixtures("_no_pause")
async def test_a_call_that_cannot_be_sent_elsewhere_says_why(
    http: ClientSession, unused_tcp_port: int
) -> None:
    rest = TwilioRest(http, f"http://127.0.0.1:{unused_tcp_port}", ACCOUNT, "token")
    with pytest.raises(UpstreamError, match="twilio: no answer: Client"):
        await rest.redirect(ACCOUNT, CALL, "<Response/>")


async def hang_up(
    http: ClientSession, answers: list[tuple[int, dict[str, int]]]
) -> list[dict[str, str]]:
    """The forms that Twilio got."""
    forms: list[dict[str, str]] = []
    async with twilio_that_says(answers, forms) as url:
        await TwilioRest(http, url, ACCOUNT, "token").hang_up(ACCOUNT, CALL)
    return forms


@asynccontextmanager
async def twilio_that_says(
    answers: list[tuple[int, dict[str, int]]], forms: list[dict[str, str]]
) -> AsyncIterator[str]:
    waiting = list(answers)

    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Authorization"].startswith("Basic ")
        forms.append({k: str(v) for k, v in (await request.post()).items()})
        status, body = waiting.pop(0)
        return web.json_response(body, status=status)

    app = web.Application()
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}.json"
    app.router.add_post(path, answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def test_the_account_and_all_pages_of_its_numbers_are_read(
    http: ClientSession,
) -> None:
    async with SimulatedRest(ACCOUNT, "token").running() as twilio:
        twilio.account = {"status": "suspended", "type": "Trial"}
        twilio.numbers = [
            {"sid": f"PN{n}", "phone_number": f"+1202555{n:04}", "voice_url": None}
            for n in range(2 * PAGE + 1)
        ]
        rest = TwilioRest(http, twilio.api_url, ACCOUNT, "token")
        assert await rest.account() == Account("suspended", "Trial")
        assert [number.sid for number in await rest.numbers()] == [
            f"PN{n}" for n in range(2 * PAGE + 1)
        ]


async def test_an_account_that_cannot_be_read_says_why(
    http: ClientSession, unused_tcp_port: int
) -> None:
    async with SimulatedRest(ACCOUNT, "token", failures=(503,)).running() as twilio:
        rest = TwilioRest(http, twilio.api_url, ACCOUNT, "wrong")
        with pytest.raises(UpstreamError, match="HTTP 503: 20500"):
            await rest.account()
        with pytest.raises(UpstreamError, match="HTTP 401: 20003"):
            await rest.numbers()
    rest = TwilioRest(http, f"http://127.0.0.1:{unused_tcp_port}", ACCOUNT, "token")
    with pytest.raises(UpstreamError, match="no answer"):
        await rest.account()


async def test_what_is_no_account_is_not_taken_for_one(http: ClientSession) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>")

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    async with TestServer(app) as server:
        rest = TwilioRest(http, str(server.make_url("/")), ACCOUNT, "token")
        for asked in (rest.account(), rest.numbers()):
            with pytest.raises(UpstreamError, match="HTTP 200: bad_answer"):
                await asked


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 404, "twilio: HTTP 404: no_recording"),
        (b"x" * 2000, 200, "twilio: HTTP 200: too_large"),
    ],
)
async def test_a_recording_that_cannot_be_fetched_says_why(
    http: ClientSession,
    monkeypatch: pytest.MonkeyPatch,
    body: bytes,
    status: int,
    said: str,
) -> None:
    monkeypatch.setattr(twilio, "MAX_RECORDING_BYTES", 1000)

    async def recording(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status)

    app = web.Application()
    app.router.add_get("/{path:.*}", recording)
    async with TestServer(app) as server:
        rest = TwilioRest(http, str(server.make_url("/")), ACCOUNT, "token")
        with pytest.raises(UpstreamError, match=said):
            await rest.recording(ACCOUNT, "RE" + "3" * 32)


async def test_a_recording_of_a_twilio_that_is_away_is_no_answer(
    http: ClientSession, unused_tcp_port: int
) -> None:
    rest = TwilioRest(http, f"http://127.0.0.1:{unused_tcp_port}", ACCOUNT, "token")
    with pytest.raises(UpstreamError, match="twilio: no answer: Client"):
        await rest.recording(ACCOUNT, "RE" + "3" * 32)
