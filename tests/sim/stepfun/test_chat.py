"""The offline chat model: what it refuses, what it answers, and how it chooses."""

import json
import re
from random import Random
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.sim.stepfun.test_server import KEY, offline
from voicebot.sim.stepfun import Mood
from voicebot.sim.stepfun.chat import (
    Chooser,
    Said,
    choose,
    completion,
    last_words,
    read_request,
)
from voicebot.sim.stepfun.speech import BadRequest

ASKS: dict[str, Any] = {
    "model": "stepaudio-2.5-chat",
    "messages": [
        {"role": "system", "content": "- human: The caller asks for a person."},
        {"role": "user", "content": "A real person, please."},
    ],
}
OFFERS = {
    "human": "The caller asks for a person, or is tired of machines.",
    "emergency": "Somebody is bleeding, or badly hurt.",
    "message": "The caller wants to leave a message.",
}
WORDS: list[dict[str, Any]] = [{"type": "text", "text": "Hi"}]
AUDIO = {
    "type": "input_audio",
    "input_audio": {"data": "data:audio/wav;base64,UklG"},
}


def asks(**members: Any) -> dict[str, Any]:
    return ASKS | members


def user(content: object) -> dict[str, Any]:
    return asks(messages=[{"role": "user", "content": content}])


@pytest.mark.parametrize(
    ("body", "status", "kind", "message"),
    [
        ([], 400, "request_params_invalid", "an object"),
        (asks(model="gpt"), 400, "request_params_invalid", "model"),
        (asks(model=None), 400, "request_params_invalid", "model"),
        (asks(model="step-audio-2"), 404, "model_not_found", "channel"),
        (asks(modalities=["text", "audio"]), 400, "request_params_invalid", "modal"),
        (asks(stream=True), 400, "request_params_invalid", "stream"),
        (asks(messages=[]), 400, "request_params_invalid", "messages"),
        (asks(messages="Hi"), 400, "request_params_invalid", "messages"),
        (asks(messages=["Hi"]), 400, "request_params_invalid", "role"),
        (asks(temperature=2.1), 400, "request_params_invalid", "temperature"),
        (asks(temperature=True), 400, "request_params_invalid", "temperature"),
        (asks(max_tokens=0), 400, "request_params_invalid", "max_tokens"),
        (asks(max_tokens=1.5), 400, "request_params_invalid", "max_tokens"),
        (user(None), 400, "request_params_invalid", "content"),
        (user(["Hi"]), 400, "request_params_invalid", "part"),
        (user([{"type": "image_url"}]), 400, "unsupported_content_type", "part"),
    ],
)
def test_what_stepfun_refuses_is_refused(
    body: Any, status: int, kind: str, message: str
) -> None:
    with pytest.raises(BadRequest, match=message) as caught:
        read_request(body, on_plan=True)
    assert (caught.value.status, caught.value.kind) == (status, kind)


def test_the_open_platform_has_more_models() -> None:
    read = read_request(asks(model="step-audio-2", max_tokens=9), on_plan=False)
    assert (read.model, read.max_tokens) == ("step-audio-2", 9)


def test_a_message_may_have_parts() -> None:
    read = read_request(user([*WORDS, AUDIO]), on_plan=True)
    assert read.messages == (Said("user", "Hi\n"),)


def test_an_answer_is_cut_where_the_request_says() -> None:
    wanted = read_request(asks(max_tokens=2), on_plan=True)
    answer = completion(wanted, "Good morning.", random=Random(0), now=7.9)
    (choice,) = answer["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Good mor"}
    assert choice["finish_reason"] == "length"
    assert answer["created"] == 7
    assert answer["usage"]["completion_tokens"] == 2
    whole = completion(
        read_request(ASKS, on_plan=True), "Good.", random=Random(0), now=0
    )
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["usage"]["prompt_tokens"] == 16


@pytest.mark.parametrize(
    ("said", "picked"),
    [
        ("I want to talk with a real person", "human"),
        ("These machines drive me mad", "human"),
        ("My tooth is bleeding", "emergency"),
        ("Could I leave a message?", "message"),
        ("When do you open?", "none"),
        ("I call about something", "none"),
        ("", "none"),
    ],
)
def test_an_offer_is_chosen_for_what_it_is_about(said: str, picked: str) -> None:
    assert choose(OFFERS, said) == picked


def test_chinese_is_chosen_by_pairs_of_characters() -> None:
    offers = {"human": "来电者要求人工。", "emergency": "有人大量出血。"}
    assert choose(offers, "给我转人工") == "human"
    assert choose(offers, "一直出血，止不住") == "emergency"
    assert choose(offers, "我想预约洗牙") == "none"


def test_nothing_is_offered() -> None:
    assert choose({}, "Hello") == "none"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello there", "Hello there"),
        ('[{"who": "caller", "words": "Hi"}, {"who": "bot", "words": "Ho"}]', "Hi"),
        ('[{"words": "Hi", "who": "bot"}]', ""),
        ("[1]", ""),
        ("7", ""),
    ],
)
def test_the_callers_last_words_are_found(text: str, words: str) -> None:
    assert last_words([Said("user", text), Said("assistant", "No")]) == words


def test_a_script_counts_more_than_what_is_offered() -> None:
    chooser = Chooser({"REAL person": "stop", "person": "other"})
    said = read_request(ASKS, on_plan=True).messages
    assert chooser.chat(said) == "stop"
    assert Chooser({"boss": "stop"}).chat(said) == "human"


# ---- the server ------------------------------------------------------------------


async def posted(
    body: object, path: str = "", mood: Mood | None = None, **members: Any
) -> tuple[int, Any, str | None]:
    """Status, JSON and trace id of the answer."""
    headers = members.pop("headers", KEY)
    async with offline(mood, **members).running() as server, ClientSession() as http:
        base = server.base_url.replace("/step_plan/v1", path or "/step_plan/v1")
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"{base}/chat/completions"
        async with http.post(url, data=data, headers=headers) as answer:
            text = await answer.text()
            trace_id = answer.headers.get("X-Trace-Id")
        assert server.statistics.chat_requests == (answer.status in (200, 400, 404))
    try:
        return answer.status, json.loads(text), trace_id
    except ValueError:
        return answer.status, text, trace_id


@pytest.mark.parametrize("path", ["/v1", "/step_plan/v1"])
async def test_the_server_answers_on_both_paths(path: str) -> None:
    status, answer, trace_id = await posted(ASKS, path)
    assert status == 200
    assert answer["choices"][0]["message"]["content"] == "human"
    assert answer["object"] == "chat.completion"
    assert trace_id
    assert re.fullmatch("[0-9a-f-]{36}", trace_id)


@pytest.mark.parametrize(
    ("refusals", "headers", "body", "status", "kind"),
    [
        ((), {}, ASKS, 401, "invalid_api_key"),
        ((), {"Authorization": "Bearer x"}, ASKS, 401, "invalid_api_key"),
        ((402,), KEY, ASKS, 402, "quota_exceeded"),
        ((429,), KEY, ASKS, 429, "rate_limit_exceeded"),
        ((503,), KEY, ASKS, 503, "server_error"),
        ((), KEY, b"{", 400, "request_params_invalid"),
    ],
)
async def test_the_server_says_why_not(
    refusals: tuple[int, ...],
    headers: dict[str, str],
    body: object,
    status: int,
    kind: str,
) -> None:
    got, answer, trace_id = await posted(body, headers=headers, chat_refusals=refusals)
    assert (got, answer["error"]["type"]) == (status, kind)
    assert trace_id


async def test_the_server_may_answer_garbage() -> None:
    mood = Mood(chat_s=(0.0, 0.0), chat_garbage=1.0)
    status, answer, _ = await posted(ASKS, mood=mood)
    assert status == 200
    assert not (isinstance(answer, dict) and "choices" in answer)
