import json
from base64 import b64decode
from typing import Any

import pytest

from tests.stepfun.examples import EXAMPLES
from voicebot.errors import LocalProtocolError, RemoteProtocolError
from voicebot.stepfun.chat import (
    BODY_BYTES,
    PATH,
    Audio,
    ChatRequest,
    ChatUsage,
    Message,
    ToolCall,
    read_answer,
)
from voicebot.stepfun.realtime.commands import Tool


def request(*messages: Message, **members: Any) -> ChatRequest:
    said = messages or (Message("user", "Hello."),)
    return ChatRequest("stepaudio-2.5-chat", said, **{"max_tokens": 64} | members)


def answer(**members: Any) -> bytes:
    return json.dumps(
        {"choices": [{"message": {"content": "Yes."}}]} | members
    ).encode()


def test_a_request_holds_what_the_page_documents() -> None:
    documented = EXAMPLES["ch.req"]
    said = request(
        Message("system", "Be brief."), Message("user", "Hello."), temperature=0.5
    )
    body = json.loads(said.body())
    assert set(body) == set(documented)
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello."},
    ]
    assert (body["modalities"], body["stream"]) == (["text"], False)
    assert (body["temperature"], body["max_tokens"]) == (0.5, 64)
    assert PATH == "/chat/completions"


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"messages": ()}, "messages: expected at least one, got none"),
        ({"max_tokens": 0}, "max_tokens: expected at least 1, got 0"),
        ({"temperature": 2.1}, "temperature: expected 0 to 2, got 2.1"),
        ({"temperature": float("nan")}, "temperature: expected 0 to 2, got nan"),
    ],
)
def test_a_request_above_a_limit_is_not_made(
    members: dict[str, Any], problem: str
) -> None:
    given: dict[str, Any] = {
        "messages": (Message("user", "x"),),
        "max_tokens": 1,
    } | members
    with pytest.raises(LocalProtocolError, match=problem):
        ChatRequest("m", **given | members)


def test_audio_stands_behind_the_text_as_a_data_url() -> None:
    [_, documented] = EXAMPLES["ch.req"]["messages"]
    url = documented["content"][1]["input_audio"]["data"]
    heard = Audio(b64decode(url.partition(",")[2]), "wav")
    said = request(Message("user", "What does the caller want?", audio=(heard,)))
    assert json.loads(said.body())["messages"] == [documented]


def test_audio_needs_no_text() -> None:
    body = json.loads(
        request(Message("user", "", audio=(Audio(b"ID3", "mp3"),))).body()
    )
    assert body["messages"][0]["content"] == [
        {
            "type": "input_audio",
            "input_audio": {"data": "data:audio/mp3;base64,SUQz"},
        }
    ]


def test_tools_are_offered_called_and_answered() -> None:
    tool = Tool("weather", "Tell the weather.", {"type": "object"})
    asked = ToolCall("c1", "weather", '{"city": "Linz"}')
    body = json.loads(
        request(
            Message("user", "Rain?"),
            Message("assistant", "", tool_calls=(asked,)),
            Message("tool", "No.", call_id="c1"),
            tools=(tool,),
            json=True,
        ).body(stream=True)
    )
    assert body["stream"] is True
    assert body["response_format"] == {"type": "json_object"}
    assert body["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "Tell the weather.",
                "parameters": {"type": "object"},
            },
        }
    ]
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Linz"}'},
                }
            ],
        },
        {"role": "tool", "content": "No.", "tool_call_id": "c1"},
    ]


@pytest.mark.parametrize(
    ("role", "members", "problem"),
    [
        ("system", {"audio": (Audio(b"x", "wav"),)}, "audio: expected it of the user"),
        ("user", {"tool_calls": (ToolCall("c", "n", ""),)}, "of the assistant only"),
        ("assistant", {"call_id": "c"}, "call_id: expected it of the tool only"),
        ("tool", {}, "message.call_id: expected a call's id, got none"),
    ],
)
def test_a_message_says_what_its_role_can(
    role: Any, members: dict[str, Any], problem: str
) -> None:
    with pytest.raises(LocalProtocolError, match=problem):
        Message(role, "x", **members)


def test_audio_has_limits() -> None:
    with pytest.raises(LocalProtocolError, match="input_audio: expected audio, got"):
        Audio(b"", "wav")
    many = Message("user", "", audio=(Audio(b"x", "wav"),) * 31)
    with pytest.raises(LocalProtocolError, match="up to 30 pieces of audio, got 31"):
        request(many)
    large = Message("user", "", audio=(Audio(bytes(BODY_BYTES), "wav"),))
    with pytest.raises(LocalProtocolError, match="expected up to 10000000 bytes, got"):
        request(large).body()


def test_a_schema_that_is_no_json_cannot_be_sent() -> None:
    with pytest.raises(LocalProtocolError, match="or something else"):
        request(tools=(Tool("t", "", {"enum": {1, 2}}),)).body()


def test_half_a_character_cannot_be_sent() -> None:
    with pytest.raises(LocalProtocolError, match="got a lone surrogate"):
        request(Message("user", "\ud800")).body()


def test_the_words_stay_out_of_a_traceback() -> None:
    assert "Hello" not in repr(request())
    assert "Yes" not in repr(read_answer(answer()))


def test_the_documented_answer_is_read() -> None:
    documented = json.dumps(EXAMPLES["ch.res"]).encode()
    read = read_answer(documented, "trace-1234")
    assert read.text == "The caller wants to move the appointment to Friday morning."
    assert read.finish_reason == "stop"
    assert read.usage == ChatUsage(93, 0, 14)
    assert read.trace_id == "trace-1234"


def test_calls_of_tools_are_read() -> None:
    call = {"id": "c1", "function": {"name": "weather", "arguments": "{}"}}
    asks = {"message": {"content": "", "tool_calls": [call]}}
    read = read_answer(answer(choices=[asks]))
    assert read.tool_calls == (ToolCall("c1", "weather", "{}"),)


def test_what_is_left_out_counts_as_nothing() -> None:
    asks: dict[str, Any] = {
        "message": {"content": None, "tool_calls": []},
        "finish_reason": None,
    }
    read = read_answer(answer(choices=[asks], usage={"prompt_tokens": 3}))
    assert (read.text, read.finish_reason) == ("", "")
    assert read.usage == ChatUsage(3)
    assert read_answer(answer()).usage == ChatUsage()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<html>", "answer: expected JSON, got 6 characters of something else"),
        (b"[]", "answer: expected an object, got list"),
        (b"{}", "answer.choices: missing"),
        (answer(choices=[]), "answer.choices: expected at least one, got none"),
        (answer(choices=[{}]), r"answer.choices\[0\].message: missing"),
        (
            answer(choices=[{"message": {"content": 7}}]),
            r"message.content: expected text, got int",
        ),
        (answer(usage=[]), "answer.usage: expected an object, got list"),
        (
            answer(usage={"completion_tokens": "many"}),
            "completion_tokens: expected a whole number, got a string of 4 characters",
        ),
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(body: bytes, problem: str) -> None:
    with pytest.raises(RemoteProtocolError, match=problem):
        read_answer(body)
