"""What the offline chat model answers, whatever it is asked for: a mind's own words."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from voicebot.sim.stepfun.chat import (
    OFFER,
    ChatMind,
    ChatRequest,
    Chooser,
    Said,
    choose,
    last_words,
)
from voicebot.sim.stepfun.mind import Mind, Reply, Role, Utterance

CALLER: Final = re.compile(r"^caller:[ \t]*(.+)$", re.MULTILINE)
NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
ROLES: Final[Mapping[str, Role]] = {
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}


class Writer:
    """
    Chooses where a choice is offered, fills in a form where JSON is asked for, and
    else talks as the mind does aloud.

    Args:
        mind: of the server.
        chooser: chooses.
    """

    def __init__(self, mind: Mind, chooser: ChatMind | None = None) -> None:
        self._mind = mind
        self._chooser = chooser or Chooser()

    def write(self, request: ChatRequest) -> Reply:
        """Answer a request. May be slow."""
        messages = request.messages
        told = "\n".join(each.text for each in messages if each.role == "system")
        if request.as_json:
            return Reply(form(told, last_words(messages)))
        if _is_choice(request, told):
            return Reply(self._chooser.chat(messages))
        reply = self._mind.answer(told, history(messages))
        if reply.call and reply.call.name not in request.tools:
            return Reply(reply.text, reply.after_ms)
        return reply


def _is_choice(request: ChatRequest, told: str) -> bool:
    """Whether it is one question, to be answered with one of the names offered."""
    roles = [each.role for each in request.messages]
    talks = request.tools or request.as_stream
    return roles == ["system", "user"] and not talks and bool(OFFER.search(told))


def history(messages: Sequence[Said]) -> list[Utterance]:
    """Take a conversation in writing for one that was spoken."""
    begun = next(
        (n for n, x in enumerate(messages) if x.role != "system"), len(messages)
    )
    return [
        Utterance(
            ROLES[each.role], each.text, spoken=each.role in ("user", "assistant")
        )
        for each in messages[begun:]
        if each.text or each.role == "user"
    ]


def form(told: str, said: str) -> str:
    """
    Fill in the object of the first JSON Schema in the instructions from what was said.

    Texts get the caller's last words, numbers the first number, one of several
    values the one that the words are about; what isn't known is null. Without a
    schema the object has the words as its `answer`.
    """
    words = " ".join(CALLER.findall(said)[-1:]) or said
    schema = _schema(told)
    if schema is None:
        return json.dumps({"answer": words}, ensure_ascii=False)
    filled = {
        name: _member(wanted, words) for name, wanted in schema["properties"].items()
    }
    return json.dumps(filled, ensure_ascii=False)


def _schema(told: str) -> dict[str, Any] | None:
    for match in re.finditer(r"\{", told):
        try:
            value, _ = json.JSONDecoder().raw_decode(told, match.start())
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get("properties"), dict):
            return value
    return None


def _member(wanted: object, words: str) -> object:
    match wanted:
        case {"enum": [*values]}:
            offers = {value: value for value in values if isinstance(value, str)}
            chosen = choose(offers, words)
            return chosen if chosen in offers else None
        case {"type": ["number", *_] | "number"}:
            found = NUMBER.search(words)
            return json.loads(found[0]) if found else None
        case {"type": ["string", *_] | "string"}:
            return words or None
        case _:
            return None
