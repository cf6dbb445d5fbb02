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
    chunks,
    completion,
    last_words,
    read_request,
)
from voicebot.sim.stepfun.mind import Call
from voicebot.sim.stepfun.speech import BadRequest

INVALID = "request_params_invalid"
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
WAV = "data:audio/wav;base64,UklG"
CALLS: dict[str, Any] = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "weather", "arguments": "{}"},
        }
    ],
}
OUTPUT = {"role": "tool", "content": "No.", "tool_call_id": "c1"}


def heard(data: str) -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": data}}


def talk(*messages: dict[str, Any]) -> dict[str, Any]:
    return asks(messages=list(messages))


def asks(**members: Any) -> dict[str, Any]:
    return ASKS | members


def user(content: object) -> dict[str, Any]:
    return asks(messages=[{"role": "user", "content": content}])


@pytest.mark.parametrize(
    ("body", "status", "kind", "message"),
    [
        ([], 400, INVALID, "an object"),
        (asks(model="gpt"), 400, INVALID, "model"),
        (asks(model=None), 400, INVALID, "model"),
        (asks(model="step-audio-2"), 404, "model_not_found", "channel"),
        (asks(modalities=["text", "audio"]), 400, INVALID, "modal"),
        (asks(stream="yes"), 400, INVALID, "stream"),
        (asks(messages=[]), 400, INVALID, "messages"),
        (asks(messages="Hi"), 400, INVALID, "messages"),
        (asks(messages=["Hi"]), 400, INVALID, "role"),
        (asks(temperature=2.1), 400, INVALID, "temperature"),
        (asks(temperature=True), 400, INVALID, "temperature"),
        (asks(max_tokens=0), 400, INVALID, "max_tokens"),
        (asks(max_tokens=1.5), 400, INVALID, "max_tokens"),
        (user(None), 400, INVALID, "content"),
        (user(["Hi"]), 400, INVALID, "part"),
        (user([{"type": "image_url"}]), 400, "unsupported_content_type", "part"),
        (user([heard("UklG")]), 400, INVALID, "data URL"),
        (user([heard(WAV + "?")]), 400, INVALID, "data URL"),
        (user([heard(WAV)] * 31), 400, INVALID, "up to 30"),
        (user("Hi") | {"tools": {}}, 400, INVALID, "tools must be"),
        (asks(tools=[{"type": "web_search"}]), 400, INVALID, "tools"),
        (asks(response_format={}), 400, INVALID, "response_format"),
        (asks(response_format={"type": "json_schema"}), 400, INVALID, "type"),
        (talk(CALLS | {"role": "user"}), 400, INVALID, "assistant"),
        (talk(CALLS | {"tool_calls": [{}]}), 400, INVALID, "a call"),
        (talk(OUTPUT), 400, INVALID, "nobody asked"),
        (talk(CALLS, OUTPUT | {"tool_call_id": ""}), 400, INVALID, "stand"),
        (talk(CALLS, OUTPUT | {"role": "user"}), 400, INVALID, "stand in"),
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
    assert read.messages == (Said("user", "Hi", (b"RIF",)),)


def test_a_conversation_may_have_tools() -> None:
    body = talk(CALLS, OUTPUT) | {
        "tools": [{"type": "function", "function": {"name": "weather"}}],
        "response_format": {"type": "json_object"},
        "stream": True,
    }
    read = read_request(body, on_plan=True)
    assert read.messages == (
        Said("assistant", "", (), ("c1",)),
        Said("tool", "No.", (), (), "c1"),
    )
    assert (read.tools, read.as_json, read.as_stream) == (("weather",), True, True)


def text_of(pieces: list[dict[str, Any]]) -> str:
    return "".join(each["choices"][0]["delta"]["content"] for each in pieces)


def test_a_streamed_answer_has_empty_texts_and_the_usage_in_each_piece() -> None:
    wanted = read_request(asks(stream=True), on_plan=True)
    text = "Good morning, how can I help you?"
    pieces = list(chunks(wanted, text, random=Random(0), now=7.9))
    assert text_of(pieces) == text
    assert len(pieces) > 3
    assert {each["object"] for each in pieces} == {"chat.completion.chunk"}
    choices = [each["choices"][0] for each in pieces]
    assert {each["delta"]["role"] for each in choices} == {""}
    assert [each["finish_reason"] for each in choices] == [""] * (len(pieces) - 1) + [
        "stop"
    ]
    used = [each["usage"]["completion_tokens"] for each in pieces]
    assert used == sorted(used)
    assert used[-1] == 9


def test_a_streamed_answer_is_cut_where_the_request_says() -> None:
    wanted = read_request(asks(stream=True, max_tokens=2), on_plan=True)
    pieces = list(chunks(wanted, "Good morning.", random=Random(0), now=0))
    assert text_of(pieces) == "Good mor"
    assert pieces[-1]["choices"][0]["finish_reason"] == "length"


def test_chinese_is_streamed_by_a_few_characters() -> None:
    wanted = read_request(asks(stream=True), on_plan=True)
    pieces = list(chunks(wanted, "您好，请问有什么可以帮您？", random=Random(0), now=0))
    assert [each["choices"][0]["delta"]["content"] for each in pieces] == [
        *("您好，", "请问有什", "么可以帮", "您？", "")
    ]


def test_a_call_comes_whole_or_in_pieces() -> None:
    wanted = read_request(ASKS, on_plan=True)
    call = Call("weather", '{"city": "Linz"}')
    whole = completion(wanted, "", random=Random(0), now=0, call=call)
    [choice] = whole["choices"]
    assert choice["finish_reason"] == "tool_calls"
    [asked] = choice["message"]["tool_calls"]
    assert asked["function"] == {"name": "weather", "arguments": '{"city": "Linz"}'}
    pieces = list(chunks(wanted, "", random=Random(0), now=0, call=call))
    deltas = [each["choices"][0]["delta"] for each in pieces]
    parts = [each["tool_calls"][0] for each in deltas if "tool_calls" in each]
    assert [part["function"].get("name") for part in parts] == ["weather", None, None]
    said = "".join(part["function"]["arguments"] for part in parts)
    assert said == '{"city": "Linz"}'
    assert whole["usage"] == pieces[-1]["usage"]


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
        ((), KEY, b"{", 400, INVALID),
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
