"""
Chat over HTTP: the request, and what is answered when it isn't streamed.

Source: StepFun API reference "Chat completion" (api-reference/chat/chat-completion-
create), model page "stepaudio-2.5-chat" (guides/models/stepaudio-2.5-chat).
"""

from dataclasses import dataclass, field
from typing import Final, Literal

import orjson

from voicebot.errors import LocalProtocolError, RemoteProtocolError
from voicebot.fields import Fields

Role = Literal["system", "user", "assistant"]

PATH: Final = "/chat/completions"  # from the base URL on
TEMPERATURES: Final = (0.0, 2.0)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation."""

    role: Role
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """
    One `POST` to `PATH`, answered as a whole.

    Attributes:
        messages: at least one.
        max_tokens: of the answer, at least 1.
        temperature: 0 to 2.

    Raises:
        LocalProtocolError: a limit above is broken.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float = 0.0

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

    def body(self) -> bytes:
        """
        Return the JSON to post.

        Raises:
            LocalProtocolError: a text isn't Unicode: it holds half a character.
        """
        members: dict[str, object] = {
            "model": self.model,
            "modalities": ["text"],  # it refuses to speak
            "messages": [
                {"role": message.role, "content": message.text}
                for message in self.messages
            ],
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "stream": False,
        }
        try:
            return orjson.dumps(members)
        except TypeError:
            raise LocalProtocolError(
                "chat request: expected Unicode text, got a lone surrogate"
            ) from None


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
    return ChatAnswer(
        text=message.text("content") if "content" in message else "",
        finish_reason=choice.text("finish_reason") if "finish_reason" in choice else "",
        usage=_usage(answer),
        trace_id=trace_id,
    )


def _usage(answer: Fields) -> ChatUsage:
    if "usage" not in answer:
        return ChatUsage()
    given = answer.table("usage")
    return ChatUsage(
        *(
            given.integer(name) if name in given else 0
            for name in ("prompt_tokens", "cached_tokens", "completion_tokens")
        )
    )
