import json
from typing import Any

import pytest

from tests.stepfun.examples import EXAMPLES
from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.stepfun.chat import ChatAnswer, ChatUsage, ToolCall
from voicebot.stepfun.chat_stream import ChatDelta, ChatReader


def chunk(delta: dict[str, Any], finish_reason: str | None = "") -> dict[str, Any]:
    return {"choices": [{"delta": delta, "finish_reason": finish_reason}]}


def calls(*pieces: dict[str, Any]) -> tuple[ToolCall, ...]:
    """What comes of pieces of calls, each in a chunk of its own."""
    reader = ChatReader()
    for piece in pieces:
        reader.receive(json.dumps(chunk({"tool_calls": [piece]})).encode())
    return reader.answer().tool_calls


def piece(name: str = "", arguments: str = "", **members: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}} | members


def test_the_documented_chunks_are_read() -> None:
    reader = ChatReader()
    read, complete = [], []
    for name in ("ch.chunk", "ch.chunk.last"):
        read.append(reader.receive(json.dumps(EXAMPLES[name]).encode()))
        complete.append(reader.complete)
    assert read == [
        ChatDelta("The caller", ChatUsage(93, 0, 2)),
        ChatDelta("", ChatUsage(93, 0, 14)),
    ]
    assert complete == [False, True]
    assert reader.answer("trace-1234") == ChatAnswer(
        "The caller", "stop", ChatUsage(93, 0, 14), "trace-1234"
    )


def test_null_is_as_good_as_an_empty_text() -> None:
    reader = ChatReader()
    reader.receive(json.dumps(chunk({"role": None, "content": None}, None)).encode())
    reader.receive(json.dumps(chunk({}, "length")).encode())
    assert reader.answer() == ChatAnswer("", "length", ChatUsage())


def test_a_chunk_of_the_usage_alone_is_read() -> None:
    reader = ChatReader()
    usage = {"prompt_tokens": 9, "completion_tokens": 4}
    reader.receive(json.dumps({"choices": [], "usage": usage}).encode())
    assert reader.answer().usage == ChatUsage(9, 0, 4)


@pytest.mark.parametrize(
    "pieces",
    [
        # As at OpenAI: the id and the name first, then the arguments bit by bit.
        [
            piece("transfer", "", index=0, id="call_1"),
            piece("", '{"target":', index=0),
            piece("", ' "desk"}', index=0, id=""),
            {"index": 0},
        ],
        # Whole, and without an index.
        [piece("transfer", '{"target": "desk"}', id="call_1")],
        # The id and the name in every piece.
        [
            piece("transfer", '{"target":', index=0, id="call_1"),
            piece("transfer", ' "desk"}', index=0, id="call_1"),
        ],
        # The id late.
        [
            piece("transfer", '{"target":', index=0),
            piece("", ' "desk"}', index=0, id="call_1"),
        ],
        # No index: what has no id goes on with the last one.
        [piece("transfer", '{"target":', id="call_1"), piece("", ' "desk"}')],
    ],
)
def test_a_call_is_put_together(pieces: list[dict[str, Any]]) -> None:
    assert calls(*pieces) == (ToolCall("call_1", "transfer", '{"target": "desk"}'),)


@pytest.mark.parametrize(
    "pieces",
    [
        [
            piece("a", "{", index=0, id="c1"),
            piece("b", "{", index=1, id="c2"),
            piece("", "}", index=0),
            piece("", "}", index=1),
        ],
        [piece("a", "{}", id="c1"), piece("b", "{}", id="c2")],
        # Several calls of one index: their ids tell.
        [piece("a", "{}", index=0, id="c1"), piece("b", "{}", index=0, id="c2")],
    ],
)
def test_two_calls_are_kept_apart(pieces: list[dict[str, Any]]) -> None:
    assert calls(*pieces) == (ToolCall("c1", "a", "{}"), ToolCall("c2", "b", "{}"))


def test_a_call_without_an_id_gets_one() -> None:
    assert calls(piece("a", "{}"))[0].id == "call_0"


def test_a_call_of_nothing_is_none() -> None:
    with pytest.raises(RemoteProtocolError, match="tool_calls: expected a name"):
        calls(piece("", "{}", id="c1"))


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"error": {"code": "engine_busy"}}, "engine_busy"),
        ({"error": {"type": "content_moderation"}}, "content_moderation"),
        ({"type": "error", "message": "what the caller said"}, "answer_failed"),
        ({"error": "what the caller said"}, "answer_failed"),
    ],
)
def test_an_error_is_named_and_never_quoted(event: dict[str, Any], code: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        ChatReader().receive(json.dumps(event).encode())
    assert (caught.value.detail, caught.value.status) == (code, 200)


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (b'{"choices": [{"del', "chunk: expected JSON, got 18 characters"),
        (b'{"type": 7}', "chunk.type: expected text, got int"),
        (b'{"type": "chunk"}', "chunk.choices: missing"),
        (b'{"choices": [{}]}', r"choices\[0\].delta: missing"),
        (
            b'{"choices": [{"delta": {"content": 7}}]}',
            "content: expected text, got int",
        ),
        (
            b'{"choices": [{"delta": {"tool_calls": [7]}}]}',
            r"tool_calls\[0\]: expected an object, got int",
        ),
    ],
)
def test_what_is_no_chunk_is_not_taken_for_one(event: bytes, problem: str) -> None:
    with pytest.raises(RemoteProtocolError, match=problem):
        ChatReader().receive(event)


def test_the_words_stay_out_of_a_traceback() -> None:
    reader = ChatReader()
    assert "caller" not in repr(
        reader.receive(json.dumps(EXAMPLES["ch.chunk"]).encode())
    )
    assert "desk" not in repr(calls(piece("a", "desk", id="c")))
