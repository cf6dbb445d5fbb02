"""
The frames of a realtime session's server.

Source: StepFun API reference "Realtime" (api-reference/realtime/chat); the order and
the members of real frames, from public clients' logs.
"""

from collections.abc import Mapping
from typing import Final

import orjson
import pybase64

INVALID: Final = "invalid event format"
"""The error of a frame whose members aren't what the documents say."""


class Wire:
    """
    Writes one session's frames.

    Args:
        session_id: goes into all ids, so that no two sessions have one in common.
    """

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self._events = 0
        self._names = 0

    def name(self) -> str:
        """Return an id that nothing else of the session has."""
        self._names += 1
        return f"{self.session_id}-{self._names}"

    def frame(self, kind: str, **members: object) -> bytes:
        """Write an event. `event_id` comes first, as in real frames."""
        self._events += 1
        # The same length always: readers learn the shape of a delta.
        event_id = f"{self.session_id}-e{self._events:08d}"
        return orjson.dumps({"event_id": event_id, "type": kind, **members})

    def error(self, message: str, event_id: str | None = None) -> bytes:
        """
        Args:
            event_id: of the client's frame that it is about, if it had one.
        """
        error = {"type": "invalid_request_error", "message": message}
        if event_id is not None:
            error["event_id"] = event_id
        return self.frame("error", error=error)

    def item_created(
        self, item: Mapping[str, object], previous_item_id: str | None
    ) -> bytes:
        return self.frame(
            "conversation.item.created", **after(previous_item_id), item=dict(item)
        )


class Part:
    """The frames about one item of one response."""

    def __init__(self, wire: Wire, response_id: str, item_id: str, index: int) -> None:
        self._wire = wire
        self._index = index
        self._response_id, self._item_id = response_id, item_id

    def item(self, event: str, item: Mapping[str, object]) -> bytes:
        return self._wire.frame(
            f"response.output_item.{event}",
            response_id=self._response_id,
            output_index=self._index,
            item=dict(item),
        )

    def content(self, event: str, **members: object) -> bytes:
        return self._wire.frame(
            f"response.{event}",
            response_id=self._response_id,
            item_id=self._item_id,
            output_index=self._index,
            content_index=0,
            **members,
        )

    def audio(self, pcm16: bytes) -> bytes:
        return self.content("audio.delta", delta=pybase64.b64encode(pcm16).decode())

    def arguments(self, call_id: str, name: str, arguments: str) -> bytes:
        return self._wire.frame(
            "response.function_call_arguments.done",
            response_id=self._response_id,
            item_id=self._item_id,
            output_index=self._index,
            call_id=call_id,
            name=name,
            arguments=arguments,
        )


def after(previous_item_id: str | None) -> dict[str, str]:
    """The place of an item; the first has none to stand behind."""
    return {"previous_item_id": previous_item_id} if previous_item_id else {}
