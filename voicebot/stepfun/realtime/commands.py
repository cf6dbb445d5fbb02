"""
What we say to StepFun's realtime socket: one function a command, one text frame
each. They send what the pages document and nothing else: much of what OpenAI's
API takes is refused here, or ignored.

Source: StepFun API reference "Realtime" (api-reference/realtime/chat) and
developer guide "Realtime" (guides/developer/realtime).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar, assert_never

import orjson
import pybase64

from voicebot.errors import LocalProtocolError

# The guide says 15 MB without saying of what. Of base64 is the safe reading.
APPEND_BASE64_BYTES: Final = 15_000_000

ENERGY_THRESHOLD_MAX: Final = 5000

T = TypeVar("T")

_TOOL_NAME: Final = re.compile(r"[\w-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ServerVad:
    """
    Let the server find the caller's turns, and answer each of them.

    Attributes:
        prefix_padding_ms: audio kept from before the speech.
        silence_ms: silence that ends a turn. The server's own default, 100, cuts
            callers off.
        energy_threshold: 0 to 5000, an absolute level and no probability. The
            server's own default is 2500.

    Raises:
        LocalProtocolError: a number is out of its range.
    """

    prefix_padding_ms: int = 300
    silence_ms: int = 500
    energy_threshold: int = 1200

    def __post_init__(self) -> None:
        for name in ("prefix_padding_ms", "silence_ms"):
            if (got := getattr(self, name)) < 0:
                raise LocalProtocolError(f"{name}: expected 0 or more, got {got}")
        if not 0 <= self.energy_threshold <= ENERGY_THRESHOLD_MAX:
            raise LocalProtocolError(
                f"energy_threshold: expected 0 to {ENERGY_THRESHOLD_MAX},"
                f" got {self.energy_threshold}"
            )


@dataclass(frozen=True, slots=True)
class Tool:
    """
    A function that the model may call.

    Attributes:
        name: 1 to 64 letters, digits, `_` or `-`.
        parameters: JSON Schema of its arguments, an object.

    Raises:
        LocalProtocolError: the name is another.
    """

    name: str
    description: str
    parameters: Mapping[str, object]

    def __post_init__(self) -> None:
        if not _TOOL_NAME.fullmatch(self.name):
            raise LocalProtocolError(
                "tool name: expected 1 to 64 letters, digits, '_' or '-',"
                f" got {self.name[:80]!r}"
            )


@dataclass(frozen=True, slots=True)
class WebSearch:
    """
    A search of the web that StepFun runs by itself; no event tells of it.

    Attributes:
        top_k: pages that are read; None leaves it to StepFun (5).
        timeout_s: whole seconds; None leaves it to StepFun (3).
    """

    description: str | None = None
    top_k: int | None = None
    timeout_s: int | None = None


@dataclass(frozen=True, slots=True)
class Retrieval:
    """
    A search of a knowledge base that StepFun runs by itself.

    Attributes:
        prompt_template: how the model is told, with `{{knowledge}}` and `{{query}}`.
    """

    vector_store_id: str
    description: str | None = None
    prompt_template: str | None = None


SessionTool = Tool | WebSearch | Retrieval


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """
    All that a session is told about itself.

    Attributes:
        voice: an official voice or the id of a cloned one. It can't change any
            more once the bot has spoken.
        turn_detection: None leaves it to us to commit and to ask for responses.
    """

    instructions: str = field(repr=False)
    voice: str
    turn_detection: ServerVad | None
    tools: tuple[SessionTool, ...] = ()


def session_update(config: SessionConfig) -> bytes:
    """
    Set the session up. Answered by SessionUpdated, or an error.

    Raises:
        LocalProtocolError: a tool's schema or a text can't be written as JSON.
    """
    return _frame(
        "session.update",
        session={
            "modalities": ["text", "audio"],
            "instructions": config.instructions,
            "voice": config.voice,
            "input_audio_format": "pcm16",
            "output_audio_format": "pcm16",
            # Always told: the pages contradict each other about the default.
            "turn_detection": _turn_detection(config.turn_detection),
            "tools": [_tool(tool) for tool in config.tools],
        },
    )


def instruct(config: SessionConfig) -> bytes:
    """
    Give a running session other instructions and tools; it keeps all the rest.

    Raises:
        LocalProtocolError: a tool's schema or a text can't be written as JSON.
    """
    return _frame(
        "session.update",
        session={
            "instructions": config.instructions,
            "tools": [_tool(tool) for tool in config.tools],
        },
    )


def find_turns(vad: ServerVad | None) -> list[bytes]:
    """
    Let the server find the caller's turns from now on, or no more.

    Any member of a session but the voice can be updated at any time. What becomes of
    a turn that has begun isn't documented, so that its audio is cleared.
    """
    update = _frame("session.update", session={"turn_detection": _turn_detection(vad)})
    return [update, clear()]


def append(pcm16: bytes) -> bytes:
    """
    Send a piece of the caller's voice. Not answered.

    Args:
        pcm16: signed 16-bit little-endian, 24000 Hz, mono.

    Raises:
        LocalProtocolError: a sample is cut in two, or it is above 15 MB.
    """
    return b'{"type":"input_audio_buffer.append","audio":"%b"}' % _base64(pcm16)


def commit() -> bytes:
    """Make an item of what was appended. An error while the server's VAD is on."""
    return b'{"type":"input_audio_buffer.commit"}'


def clear() -> bytes:
    """Forget what was appended since the last commit. Answered by Cleared."""
    return b'{"type":"input_audio_buffer.clear"}'


def create_message(
    role: Literal["user", "assistant", "system"],
    text: str,
    *,
    after: str | None = None,
    event_id: str | None = None,
) -> bytes:
    """
    Add a message, as one that was said before. Answered by ItemCreated.

    Args:
        after: the item that it is to stand behind; None is the end.
        event_id: what an error may name.

    Raises:
        LocalProtocolError: the text can't be written as JSON.
    """
    kind = "text" if role == "assistant" else "input_text"
    members = _given(event_id=event_id, previous_item_id=after)
    return _message(role, {"type": kind, "text": text}, **members)


def create_user_audio(pcm16: bytes) -> bytes:
    """
    Add a message of the caller's as audio. Answered by ItemCreated.

    Args:
        pcm16: signed 16-bit little-endian, 24000 Hz, mono.

    Raises:
        LocalProtocolError: a sample is cut in two, or it is above 15 MB.
    """
    return _message("user", {"type": "input_audio", "audio": _base64(pcm16).decode()})


def create_function_output(call_id: str, output: str) -> bytes:
    """
    Tell the model what its function call gave; then ask for a response.

    Send it only once the response that called is done. It may not be answered.

    Raises:
        LocalProtocolError: the output can't be written as JSON.
    """
    return _item({"type": "function_call_output", "call_id": call_id, "output": output})


def delete_item(item_id: str, *, event_id: str | None = None) -> bytes:
    """
    Take an item out of the conversation. Answered by ItemDeleted, or an error.

    Args:
        event_id: what an error may name.

    Raises:
        LocalProtocolError: the id can't be written as JSON.
    """
    members = _given(event_id=event_id)
    return _frame("conversation.item.delete", item_id=item_id, **members)


def create_response() -> bytes:
    """
    Ask for a response, from all items so far.

    An error while one is running, and before there is any item. It carries no
    instructions: clients disagree on whether the server obeys them.
    """
    return b'{"type":"response.create"}'


def cancel_response() -> bytes:
    """Stop the running response. An error if none is: see RealtimeSession.cancel."""
    return b'{"type":"response.cancel"}'


def _turn_detection(vad: ServerVad | None) -> dict[str, object] | None:
    if vad is None:
        return None
    return {
        "type": "server_vad",
        "prefix_padding_ms": vad.prefix_padding_ms,
        "silence_duration_ms": vad.silence_ms,
        "energy_awakeness_threshold": vad.energy_threshold,
    }


def _tool(tool: SessionTool) -> dict[str, object]:
    match tool:
        case Tool(name, description, parameters):
            function: dict[str, object] = {
                "name": name,
                "description": description,
                "parameters": dict(parameters),
            }
            return {"type": "function", "function": function}
        case WebSearch(description, top_k, timeout_s):
            options = _given(top_k=top_k, timeout_seconds=timeout_s)
            function = _given(description=description, options=options or None)
            return {"type": "web_search", "function": function}
        case Retrieval(store, description, template):
            where = _given(vector_store_id=store, prompt_template=template)
            function = _given(description=description, options=where)
            return {"type": "retrieval", "function": function}
        case _:
            assert_never(tool)


def _message(role: str, content: dict[str, str], **members: str) -> bytes:
    return _item({"type": "message", "role": role, "content": [content]}, **members)


def _item(item: dict[str, object], **members: str) -> bytes:
    # Without an id, which the server ignores. For the start of the conversation there
    # is no previous_item_id: it refuses "root".
    return _frame("conversation.item.create", item=item, **members)


def _given(**members: T | None) -> dict[str, T]:
    return {key: value for key, value in members.items() if value is not None}


def _frame(kind: str, **members: object) -> bytes:
    try:
        return orjson.dumps({"type": kind, **members})
    except TypeError:
        raise LocalProtocolError(
            f"{kind}: expected JSON values and Unicode text, got something else"
        ) from None


def _base64(pcm16: bytes) -> bytes:
    if len(pcm16) % 2:
        raise LocalProtocolError(
            f"audio: expected whole 16-bit samples, got {len(pcm16)} bytes"
        )
    if (len(pcm16) + 2) // 3 * 4 > APPEND_BASE64_BYTES:
        raise LocalProtocolError(
            f"audio: expected at most 15 MB of base64, got {len(pcm16)} bytes of audio"
        )
    encoded: bytes = pybase64.b64encode(pcm16)
    return encoded
