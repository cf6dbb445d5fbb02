import json
from typing import Any

import pytest

from tests.stepfun.examples import EXAMPLES
from voicebot.errors import LocalProtocolError, RemoteProtocolError
from voicebot.stepfun.chat import PATH, ChatRequest, ChatUsage, Message, read_answer


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
