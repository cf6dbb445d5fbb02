"""
Chat over HTTP: the request, and an answer that comes as a whole.

One that is streamed is read by `chat_stream`.

Source: StepFun API reference "Chat completion" (api-reference/chat/chat-completion-
create), model page "stepaudio-2.5-chat" (guides/models/stepaudio-2.5-chat), guide
"Audio chat" (guides/developer/audio-chat) for audio.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

import orjson
import pybase64

from voicebot.errors import LocalProtocolError, RemoteProtocolError
from voicebot.fields import Fields
from voicebot.stepfun.realtime.commands import Tool

Role = Literal["system", "user", "assistant", "tool"]

PATH: Final = "/chat/completions"  # from the base URL on
MODEL: Final = "stepaudio-2.5-chat"
TEMPERATURES: Final = (0.0, 2.0)

# The guide's, for step-audio-2; nobody has written down another.
AUDIO_PARTS: Final = 30
BODY_BYTES: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Audio:
    """
    Something to listen to: a WAV or MP3 file.

    Raises:
        LocalProtocolError: it is empty.
    """

    data: bytes = field(repr=False)
    format: Literal["wav", "mp3"]

    def __post_init__(self) -> None:
        if not self.data:
            raise LocalProtocolError("input_audio: expected audio, got none")

    def url(self) -> str:
        """Return it as a data URL: OpenAI's bare base64 isn't taken."""
        return (
            f"data:audio/{self.format};base64,{pybase64.b64encode(self.data).decode()}"
        )


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called."""

    id: str
    name: str
    arguments: str = field(repr=False)
    """JSON text, as the model wrote it: maybe none."""


@dataclass(frozen=True, slots=True)
class Message:
    """
    One message of the conversation.

    Attributes:
        audio: what the user says, behind the text.
        tool_calls: what the assistant wanted called.
        call_id: of the call whose output a `tool` message is.

    Raises:
        LocalProtocolError: one of these is another role's, or a tool's message names
            no call.
    """

    role: Role
    text: str = field(repr=False)
    audio: tuple[Audio, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str = ""

    def __post_init__(self) -> None:
        for name, given, role in (
            ("audio", self.audio, "user"),
            ("tool_calls", self.tool_calls, "assistant"),
            ("call_id", self.call_id, "tool"),
        ):
            if given and self.role != role:
                raise LocalProtocolError(
                    f"message.{name}: expected it of the {role} only, got it of the"
                    f" {self.role}"
                )
        if self.role == "tool" and not self.call_id:
            raise LocalProtocolError("message.call_id: expected a call's id, got none")


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """
    One `POST` to `PATH`.

    Attributes:
        messages: at least one; with 30 pieces of audio at most.
        max_tokens: of the answer, at least 1.
        temperature: 0 to 2.
        tools: functions that the model may call.
        json: the answer must be one JSON object. The messages have to ask for one,
            too.

    Raises:
        LocalProtocolError: a limit above is broken.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float = 0.0
    tools: tuple[Tool, ...] = ()
    json: bool = False

    def __post_init__(self) -> None:
        low, high = TEMPERATURES
        if not self.messages:
            raise LocalProtocolError("messages: expected at least one, got none")
        if self.max_tokens < 1:
            raise LocalProtocolError(
                f"max_tokens: expected at least 1, got {self.max_tokens}"
            )
        if not low <= self.temperature <= high:
            raise LocalProtocolError(
                f"temperature: expected {low:g} to {high:g}, got {self.temperature:g}"
            )
        if (pieces := sum(len(each.audio) for each in self.messages)) > AUDIO_PARTS:
            raise LocalProtocolError(
                f"messages: expected up to {AUDIO_PARTS} pieces of audio, got {pieces}"
            )

    def body(self, *, stream: bool = False) -> bytes:
        """
        Return the JSON to post.

        Args:
            stream: whether the answer is to come piece by piece.

        Raises:
            LocalProtocolError: a text isn't Unicode: it holds half a character; a
                tool's schema is no JSON; or it is larger than 10 MB.
        """
        members: dict[str, object] = {
            "model": self.model,
            "modalities": ["text"],  # it refuses to speak
            "messages": [_written(message) for message in self.messages],
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "stream": stream,
        }
        if self.tools:
            members["tools"] = [_tool(tool) for tool in self.tools]
        if self.json:
            members["response_format"] = {"type": "json_object"}
        try:
            body = orjson.dumps(members)
        except TypeError:
            raise LocalProtocolError(
                "chat request: expected Unicode text and JSON, got a lone surrogate"
                " or something else"
            ) from None
        if len(body) > BODY_BYTES:
            raise LocalProtocolError(
                f"chat request: expected up to {BODY_BYTES} bytes, got {len(body)}"
            )
        return body


@dataclass(frozen=True, slots=True)
class ChatUsage:
    """Tokens that an answer cost; what is left out counts as 0."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Of `prompt_tokens`: read before, and cheaper."""

    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """What the model says."""

    text: str = field(repr=False)
    """Empty if it says nothing, as when it asks for a tool."""

    finish_reason: str
    """`stop`; another word if it was cut off; empty if it wasn't told."""

    usage: ChatUsage
    trace_id: str | None = None
    """By which StepFun finds the request."""

    tool_calls: tuple[ToolCall, ...] = ()


def read_answer(body: bytes, trace_id: str | None = None) -> ChatAnswer:
    """
    Read the answer to a request, of status 200.

    Args:
        trace_id: what its header says.

    Raises:
        RemoteProtocolError: it isn't one.
    """
    answer = Fields.parse(body, "answer")
    choices = answer.tables("choices")
    if not choices:
        raise RemoteProtocolError("answer.choices: expected at least one, got none")
    choice = choices[0]
    message = choice.table("message")
    calls = message.tables("tool_calls") if "tool_calls" in message else []
    return ChatAnswer(
        text=message.text("content") if "content" in message else "",
        finish_reason=choice.text("finish_reason") if "finish_reason" in choice else "",
        usage=read_usage(answer),
        trace_id=trace_id,
        tool_calls=tuple(map(_call, calls)),
    )


def read_usage(answer: Fields) -> ChatUsage:
    """
    Read the tokens of an answer, or of a piece of one.

    Raises:
        RemoteProtocolError: they aren't numbers.
    """
    if "usage" not in answer:
        return ChatUsage()
    given = answer.table("usage")
    return ChatUsage(
        *(
            given.integer(name) if name in given else 0
            for name in ("prompt_tokens", "cached_tokens", "completion_tokens")
        )
    )


def _call(call: Fields) -> ToolCall:
    function = call.table("function")
    return ToolCall(call.text("id"), function.text("name"), function.text("arguments"))


def _written(message: Message) -> dict[str, object]:
    written: dict[str, object] = {"role": message.role, "content": message.text}
    if message.audio:
        heard = [
            {"type": "input_audio", "input_audio": {"data": audio.url()}}
            for audio in message.audio
        ]
        read = [{"type": "text", "text": message.text}] if message.text else []
        written["content"] = [*read, *heard]
    if message.tool_calls:
        written["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.call_id:
        written["tool_call_id"] = message.call_id
    return written


def _tool(tool: Tool) -> dict[str, object]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }
    return {"type": "function", "function": function}
