"""The items of one session, and what a client may add to them."""

from dataclasses import dataclass
from typing import Any, Final

import pybase64

from voicebot.sim.stepfun.mind import Role, Utterance
from voicebot.sim.stepfun.wire import JsonObject, Refused

CONTENT: Final[dict[str, tuple[str, ...]]] = {
    "user": ("input_text", "input_audio"),
    "assistant": ("text",),
    "system": ("input_text",),
}


@dataclass(slots=True)
class Item:
    """One item. `text` of spoken words is None until they were understood."""

    id: str
    role: Role
    text: str | None
    pcm16: bytes = b""
    at: float = 0.0
    """When it was committed."""


class Conversation:
    """An ordered list of items."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    @property
    def last_id(self) -> str | None:
        return self.items[-1].id if self.items else None

    @property
    def is_understood(self) -> bool:
        return all(item.text is not None for item in self.items)

    def find(self, item_id: object) -> Item | None:
        return next((item for item in self.items if item.id == item_id), None)

    def add(self, item: Item, after: object = None) -> str | None:
        """
        Insert an item, at the end if `after` is None.

        Returns:
            The id of the item before it.

        Raises:
            Refused: `after` names no item; not even "root" does here.
        """
        if after is None:
            before = self.last_id
            self.items.append(item)
            return before
        previous = self.find(after)
        if previous is None:
            raise no_previous(after)
        self.items.insert(self.items.index(previous) + 1, item)
        return previous.id

    def delete(self, item_id: object) -> None:
        item = self.find(item_id)
        if item is None:
            raise no_item(item_id)
        self.items.remove(item)

    def history(self, until: Item | None = None) -> list[Utterance]:
        """What was said in the items before `until`, oldest first."""
        end = self.items.index(until) if until else len(self.items)
        return [
            Utterance(item.role, item.text or "", spoken=bool(item.pcm16))
            for item in self.items[:end]
        ]


def no_previous(item_id: object) -> Refused:
    return Refused(f"cannot find previous item {item_id}", param="item")


def no_item(item_id: object) -> Refused:
    return Refused(f"cannot find item {item_id}", param="item_id")


def read_item(value: Any, item_id: str, now: float) -> Item:
    """
    Read the `item` of conversation.item.create. The client's own id is ignored.

    Raises:
        Refused: StepFun would not take it.
    """
    if not isinstance(value, dict):
        raise Refused("invalid event format")
    match value.get("type"):
        case "function_call_output":
            output, call_id = value.get("output"), value.get("call_id")
            if not isinstance(output, str) or not isinstance(call_id, str):
                raise Refused("invalid event format")
            return Item(item_id, "tool", output, at=now)
        case "message":
            return _message(value, item_id, now)
        case _:
            raise Refused("item.type must be message or function_call_output")


def _message(value: JsonObject, item_id: str, now: float) -> Item:
    role, parts = value.get("role"), value.get("content")
    allowed = CONTENT.get(role) if isinstance(role, str) else None
    if allowed is None or not isinstance(parts, list) or not parts:
        raise Refused("invalid event format")
    texts: list[str] = []
    pcm16 = b""
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in allowed:
            raise Refused(f"content of {role} items must be {' or '.join(allowed)}")
        if kind == "input_audio":
            pcm16 += read_audio(part.get("audio"))
        elif isinstance(part.get("text"), str):
            texts.append(part["text"])
        else:
            raise Refused("invalid event format")
    text = None if pcm16 else " ".join(texts)
    spoken_role: Role = (
        "user" if role == "user" else "assistant" if role == "assistant" else "system"
    )
    return Item(item_id, spoken_role, text, pcm16, now)


def read_audio(value: object) -> bytes:
    """
    Decode base64 samples.

    Raises:
        Refused: not base64, not whole samples, or more than 15 MB.
    """
    if not isinstance(value, str):
        raise Refused("invalid event format")
    try:
        pcm16 = pybase64.b64decode(value, validate=True)
    except ValueError:
        raise Refused("invalid event format") from None
    if len(pcm16) % 2:
        raise Refused("invalid event format")
    if len(pcm16) > 15_000_000:
        raise Refused("audio must not exceed 15 MB")
    return pcm16


def spoken_item(item: Item, before: str | None) -> list[JsonObject]:
    """Announce what the caller said: committed, and created."""
    previous = {} if before is None else {"previous_item_id": before}
    shown = {
        "id": item.id,
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio"}],
    }
    return [
        {"type": "input_audio_buffer.committed", **previous, "item_id": item.id},
        {"type": "conversation.item.created", **previous, "item": shown},
    ]


def created_item(
    value: JsonObject, item: Item, before: str | None, text_as: str
) -> JsonObject:
    """
    Announce an item that the client created.

    Args:
        value: the item as the client sent it, found good.
        text_as: the content type by which a text is shown: text, or audio.
    """
    previous = {} if before is None else {"previous_item_id": before}
    shown: JsonObject = {"id": item.id, "type": value["type"], "status": "in_progress"}
    if item.role == "tool":
        shown |= {"call_id": value["call_id"], "output": value["output"]}
    elif item.pcm16 or text_as == "audio":
        shown |= {"role": item.role, "content": [{"type": "audio"}]}
    else:
        content = [{"type": "text", "text": item.text}]
        shown |= {"role": item.role, "content": content}
    shown["object"] = "realtime.item"
    return {"type": "conversation.item.created", **previous, "item": shown}
