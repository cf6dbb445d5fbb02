"""
An answer of a chat model that comes piece by piece.

StepFun writes an empty string where OpenAI writes null, and what was used so far into
each piece. That tools are called in pieces, as at OpenAI, no page says, so that a
call may come whole as well.

Source: StepFun API reference "Chat completion" (api-reference/chat/chat-completion-
create), its example of a stream; "Exceptions" (guides/developer/exception) for the
reasons to finish.
"""

from dataclasses import dataclass, field

from voicebot.errors import RemoteProtocolError
from voicebot.fields import Fields
from voicebot.stepfun.chat import ChatAnswer, ChatUsage, ToolCall, read_usage
from voicebot.stepfun.upstream import event_error


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """A piece of an answer."""

    text: str = field(repr=False)
    """What is new; it may be empty."""

    usage: ChatUsage
    """Of the whole answer so far: what is paid if nobody waits for the rest."""

    answer: ChatAnswer | None = None
    """The whole answer, with the last piece."""


@dataclass(slots=True)
class _Call:
    """A call of a tool, as far as it has come."""

    id: str
    name: str = ""
    arguments: str = ""


class ChatReader:
    """
    Reads one stream's events.

    Attributes:
        complete: the model has finished. A stream that ends before was cut off.
    """

    def __init__(self) -> None:
        self.complete = False
        self._texts: list[str] = []
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._usage = ChatUsage()
        self._finish_reason = ""

    def receive(self, data: bytes) -> ChatDelta:
        """
        Read an event's data.

        Raises:
            UpstreamError: it tells of a failure.
            RemoteProtocolError: it is none of a chat's.
        """
        chunk = Fields.parse(data, "chunk")
        if "error" in chunk or ("type" in chunk and chunk.text("type") == "error"):
            raise event_error(data, "answer_failed")
        if "usage" in chunk:
            self._usage = read_usage(chunk)
        # A chunk of nothing but the usage has no choices.
        new = "".join(map(self._choice, chunk.tables("choices")[:1]))
        self._texts.append(new)
        return ChatDelta(new, self._usage)

    def answer(self, trace_id: str | None = None) -> ChatAnswer:
        """
        Return what has come, when the stream has ended.

        Raises:
            RemoteProtocolError: a call of a tool names no tool.
        """
        if not all(call.name for call in self._calls):
            raise RemoteProtocolError("chunk.tool_calls: expected a name, got none")
        return ChatAnswer(
            text="".join(self._texts),
            finish_reason=self._finish_reason,
            usage=self._usage,
            trace_id=trace_id,
            tool_calls=tuple(
                # Without an id there is nothing to confuse it with: its place names it.
                ToolCall(call.id or f"call_{number}", call.name, call.arguments)
                for number, call in enumerate(self._calls)
            ),
        )

    def _choice(self, choice: Fields) -> str:
        delta = choice.table("delta")
        if "tool_calls" in delta:
            for piece in delta.tables("tool_calls"):
                self._piece(piece)
        if reason := _text(choice, "finish_reason"):
            self._finish_reason = reason
            self.complete = True
        return _text(delta, "content")

    def _piece(self, piece: Fields) -> None:
        call = self._call_of(piece)
        if "function" in piece:
            function = piece.table("function")
            call.name = _text(function, "name") or call.name
            call.arguments += _text(function, "arguments")

    def _call_of(self, piece: Fields) -> _Call:
        """Find the call that a piece belongs to, or begin one."""
        given = _text(piece, "id")
        index = piece.integer("index") if "index" in piece else None
        if index is not None:
            call = self._by_index.get(index)
        else:
            call = self._calls[-1] if self._calls else None
        if call is None or given and given != call.id and call.id:
            call = _Call(given)
            self._calls.append(call)
            if index is not None:
                self._by_index[index] = call
        call.id = call.id or given
        return call


def _text(fields: Fields, key: str) -> str:
    return fields.text(key) if key in fields else ""
