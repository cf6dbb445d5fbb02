"""`POST /chat/completions`: check the request, and answer it. Without the HTTP."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from random import Random
from typing import Any, Final, Protocol

from voicebot.sim.stepfun.speech import BadRequest
from voicebot.sim.stepfun.wire import JsonObject, uuid4
from voicebot.sim.stepfun.wit import notions_of

MODEL: Final = "stepaudio-2.5-chat"
# Sold on the open platform; on the Step Plan they are not found.
OTHER_MODELS: Final = ("step-audio-2", "step-audio-2-mini", "step-3.5-flash")
ROLES: Final = ("system", "user", "assistant", "tool")
# Member -> lowest and highest value.
NUMBERS: Final = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "frequency_penalty": (0, 1),
    "n": (1, 5),
    "max_tokens": (1, 1_000_000),
}
WHOLE: Final = ("n", "max_tokens")
TOKEN_CHARACTERS: Final = 4

# "- human: The caller asks for a person." offers a name to choose.
OFFER: Final = re.compile(
    r"^\s*(?:[-*•]|\d+[.)])\s*[`\"]?([a-z][\w-]*)[`\"]?\s*[:：]\s*(\S.*)$", re.MULTILINE
)
NOTHING: Final = "none"
# What every such line says, and so no reason to choose one.
COMMON: Final = notions_of(
    "the caller callers asks ask asking wants want wishes says say said speaks speak "
    "talk talks call calls about something somebody someone"
)
# 来电者 and the like; pairs of ideographs are notions, too.
COMMON_ZH: Final = notions_of("来电者 来电人 客户 用户 要求 想要 希望 表示 询问")
LEAST: Final = 0.3  # of what one notion counts


@dataclass(frozen=True, slots=True)
class Said:
    """One message, as far as it is text."""

    role: str
    text: str


class ChatMind(Protocol):
    """Continues a conversation in writing."""

    def chat(self, messages: Sequence[Said]) -> str: ...


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that StepFun would serve."""

    model: str
    messages: tuple[Said, ...]
    max_tokens: int | None


def read_request(body: Any, *, on_plan: bool) -> ChatRequest:
    """
    Read a request's JSON.

    Args:
        on_plan: it came to the Step Plan's path.

    Raises:
        BadRequest: StepFun would refuse it.
    """
    if not isinstance(body, dict):
        raise _invalid("the body must be an object")
    model = body.get("model")
    if model in OTHER_MODELS and on_plan:
        raise BadRequest(404, "model_not_found", "model is not on this channel")
    if model not in (MODEL, *OTHER_MODELS):
        raise _invalid("model is not valid")
    if body.get("modalities", ["text"]) != ["text"]:
        raise _invalid('modalities must be ["text"]')
    if body.get("stream", False) is not False:
        raise _invalid("stream: this offline server answers as a whole only")
    for name, (low, high) in NUMBERS.items():
        if name in body and not _is_number(body[name], low, high, name in WHOLE):
            raise _invalid(f"{name} must be from {low} to {high}")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _invalid("messages must be a list of at least one")
    said = tuple(_message(each) for each in messages)
    return ChatRequest(str(model), said, body.get("max_tokens"))


def completion(
    request: ChatRequest, text: str, *, random: Random, now: float
) -> JsonObject:
    """Write an answer as StepFun does, no longer than was asked for."""
    most = (request.max_tokens or len(text) + 1) * TOKEN_CHARACTERS
    read = sum(_tokens(each.text) for each in request.messages)
    written = _tokens(text[:most])
    return {
        "id": uuid4(random),
        "object": "chat.completion",
        "created": int(now),
        "model": request.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text[:most]},
                "finish_reason": "length" if len(text) > most else "stop",
            }
        ],
        "usage": {
            "prompt_tokens": read,
            "cached_tokens": 0,
            "completion_tokens": written,
            "total_tokens": read + written,
        },
    }


# ---- minds -------------------------------------------------------------------


class Chooser:
    """
    Chooses a name of those that the instructions offer, for what the caller said last.

    One of whose description the words are about, the rarest ones counting most; or
    `none`.

    Args:
        script: a phrase of the caller's, and what is answered to it whatever is
            offered: any text. The first that fits counts.
    """

    def __init__(self, script: Mapping[str, str] | None = None) -> None:
        self._script = dict(script or {})

    def chat(self, messages: Sequence[Said]) -> str:
        said = last_words(messages)
        for phrase, answer in self._script.items():
            if phrase.casefold() in said.casefold():
                return answer
        told = "\n".join(each.text for each in messages if each.role == "system")
        return choose(dict(OFFER.findall(told)), said)


def choose(offers: Mapping[str, str], said: str) -> str:
    """Choose the offer that shares the rarest notions with what was said."""
    about = {
        name: notions_of(text) - COMMON - COMMON_ZH for name, text in offers.items()
    }
    known = Counter(notion for some in about.values() for notion in some)
    words = notions_of(said)
    scores = {
        name: sum(log(1 + len(offers) / known[notion]) for notion in words & some)
        for name, some in about.items()
    }
    best = max(scores, key=lambda name: scores[name], default=NOTHING)
    return best if scores.get(best, 0.0) > LEAST else NOTHING


def last_words(messages: Sequence[Said]) -> str:
    """Find what the caller said last: in a transcript as JSON, or the whole message."""
    text = next((each.text for each in reversed(messages) if each.role == "user"), "")
    try:
        turns = json.loads(text)
    except ValueError:
        return text
    callers = [each for each in _tables(turns) if "caller" in each.values()]
    words = callers[-1].values() if callers else ()
    return " ".join(str(word) for word in words if word != "caller")


def _tables(value: object) -> list[dict[str, Any]]:
    return [x for x in value if isinstance(x, dict)] if isinstance(value, list) else []


# ---- requests ----------------------------------------------------------------


def _message(value: object) -> Said:
    if not isinstance(value, dict) or value.get("role") not in ROLES:
        raise _invalid(f"messages.role must be one of {', '.join(ROLES)}")
    match value.get("content"):
        case str(text):
            return Said(value["role"], text)
        case list(parts):
            return Said(value["role"], "\n".join(map(_part, parts)))
        case _:
            raise _invalid("messages.content must be text, or a list of parts")


def _part(value: object) -> str:
    match value:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "input_audio", "input_audio": {"data": str(data)}} if (
            data.startswith(("data:audio/wav;base64,", "data:audio/mp3;base64,"))
        ):
            return ""  # nobody here hears it
        case {"type": str()}:
            raise BadRequest(400, "unsupported_content_type", "type of a part")
        case _:
            raise _invalid("messages.content: a part has a type")


def _is_number(value: object, low: float, high: float, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return False
    return low <= value <= high


def _tokens(text: str) -> int:
    return -(-len(text) // TOKEN_CHARACTERS)


def _invalid(message: str) -> BadRequest:
    return BadRequest(400, "request_params_invalid", message)
