"""`POST /chat/completions`: check the request, and answer it. Without the HTTP."""

import json
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from random import Random
from typing import Any, Final, Protocol

from voicebot.sim.stepfun.mind import Call
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
AUDIO: Final = re.compile(r"data:audio/(?:wav|mp3|mpeg);base64,(.+)", re.DOTALL)
MOST_AUDIO: Final = 30
# What is written at a time in a stream: two words, or four ideographs.
PIECE: Final = re.compile(
    r"[\u4e00-\u9fff]{1,4}[^\w\s]*|(?:[^\s\u4e00-\u9fff]+\s*){1,2}|\s+"
)

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
    """One message; what is heard of it is added to its text."""

    role: str
    text: str
    audio: tuple[bytes, ...] = ()
    """Files, to be listened to."""
    calls: tuple[str, ...] = ()
    """Ids of the functions that it wants called."""
    call_id: str = ""
    """Of the function whose output it is."""


class ChatMind(Protocol):
    """Continues a conversation in writing."""

    def chat(self, messages: Sequence[Said]) -> str: ...


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that StepFun would serve."""

    model: str
    messages: tuple[Said, ...]
    max_tokens: int | None
    tools: tuple[str, ...] = ()
    """Names of the functions that may be called."""
    as_json: bool = False
    """The answer is to be one JSON object."""
    as_stream: bool = False


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
    stream = body.get("stream", False)
    if not isinstance(stream, bool):
        raise _invalid("stream must be true or false")
    for name, (low, high) in NUMBERS.items():
        if name in body and not _is_number(body[name], low, high, name in WHOLE):
            raise _invalid(f"{name} must be from {low} to {high}")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _invalid("messages must be a list of at least one")
    said = tuple(_message(each) for each in messages)
    _check_calls(said)
    if sum(len(each.audio) for each in said) > MOST_AUDIO:
        raise _invalid(f"messages must have up to {MOST_AUDIO} pieces of audio")
    return ChatRequest(
        str(model),
        said,
        body.get("max_tokens"),
        tuple(map(_tool, _list(body, "tools"))),
        _as_json(body.get("response_format", {"type": "text"})),
        stream,
    )


def completion(
    request: ChatRequest,
    text: str,
    *,
    random: Random,
    now: float,
    call: Call | None = None,
) -> JsonObject:
    """
    Write an answer as StepFun does, no longer than was asked for.

    Args:
        call: of a function, if the model wants one.
    """
    most = _most(request, text)
    message: JsonObject = {"role": "assistant", "content": text[:most]}
    if call:
        message["tool_calls"] = [_called(call, call_id(random), call.arguments)]
    finish = _finish(text, most, call)
    return {
        "id": uuid4(random),
        "object": "chat.completion",
        "created": int(now),
        "model": request.model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": _usage(request, text[:most], call),
    }


def chunks(
    request: ChatRequest,
    text: str,
    *,
    random: Random,
    now: float,
    call: Call | None = None,
) -> Iterator[JsonObject]:
    """
    Write an answer piece by piece, as StepFun does: empty texts where OpenAI has
    nulls, and what was used so far in each. A call comes in pieces, too: no page of
    StepFun's shows one, so that is as at OpenAI.
    """
    most = _most(request, text)
    head = {
        "id": uuid4(random),
        "object": "chat.completion.chunk",
        "created": int(now),
        "model": request.model,
    }

    def chunk(delta: JsonObject, so_far: str, finish: str = "") -> JsonObject:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        used = _usage(request, so_far, call if finish else None)
        return {**head, "choices": [choice], "usage": used}

    written = 0
    for match in PIECE.finditer(text[:most]):
        written = match.end()
        yield chunk({"role": "", "content": match[0]}, text[:written])
    for piece in _pieces(call, random) if call else ():
        delta = {"role": "", "content": "", "tool_calls": [piece]}
        yield chunk(delta, text[:written])
    yield chunk({"role": "", "content": ""}, text[:most], _finish(text, most, call))


def call_id(random: Random) -> str:
    return f"call_{random.getrandbits(64):016x}"


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
    role = str(value["role"])
    calls = tuple(map(_asked, _list(value, "tool_calls")))
    if calls and role != "assistant":
        raise _invalid("messages.tool_calls: only the assistant has some")
    answers = value.get("tool_call_id", "")
    if not isinstance(answers, str) or bool(answers) != (role == "tool"):
        raise _invalid("messages.tool_call_id must stand in tool messages, and only")
    match value.get("content"):
        case str(text):
            return Said(role, text, (), calls, answers)
        case list(parts):
            read = [_part(part) for part in parts]
            text = "\n".join(part for part in read if isinstance(part, str))
            heard = tuple(part for part in read if isinstance(part, bytes))
            return Said(role, text, heard, calls, answers)
        case None if calls:
            return Said(role, "", (), calls)
        case _:
            raise _invalid("messages.content must be text, or a list of parts")


def _part(value: object) -> str | bytes:
    """Read the text of a part, or the file to be listened to."""
    match value:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "input_audio", "input_audio": {"data": str(data)}} if (
            found := AUDIO.fullmatch(data)
        ):
            try:
                return b64decode(found[1], validate=True)
            except NotBase64:
                raise _invalid("input_audio.data must be a data URL") from None
        case {"type": "input_audio"}:  # OpenAI's has bare base64, for instance
            raise _invalid("input_audio.data must be a data URL of WAV or MP3")
        case {"type": str()}:
            raise BadRequest(400, "unsupported_content_type", "type of a part")
        case _:
            raise _invalid("messages.content: a part has a type")


def _asked(value: object) -> str:
    """Return the id of a call that the assistant asked for."""
    match value:
        case {
            "id": str(call_id),
            "type": "function",
            "function": {"name": str(), "arguments": str()},
        } if call_id:
            return call_id
        case _:
            raise _invalid("messages.tool_calls: a call has id, type and function")


def _check_calls(messages: Sequence[Said]) -> None:
    """Refuse outputs of functions that nobody had asked for."""
    asked: set[str] = set()
    for each in messages:
        asked.update(each.calls)
        if each.call_id and each.call_id not in asked:
            raise _invalid("messages.tool_call_id: nobody asked for this call")


def _tool(value: object) -> str:
    match value:
        case {"type": "function", "function": {"name": str(name), **rest}} if name:
            if isinstance(rest.get("parameters", {}), dict):
                return name
    raise _invalid("tools: a tool has type function, a name and parameters")


def _as_json(value: object) -> bool:
    match value:
        case {"type": "text"}:
            return False
        case {"type": "json_object"}:
            return True
        case _:
            raise _invalid("response_format.type must be text or json_object")


def _list(value: dict[str, Any], key: str) -> list[object]:
    items = value.get(key)
    if items is not None and not isinstance(items, list):
        raise _invalid(f"{key} must be a list")
    return items or []


def _is_number(value: object, low: float, high: float, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return False
    return low <= value <= high


def _most(request: ChatRequest, text: str) -> int:
    """How many characters the answer may have."""
    return (request.max_tokens or len(text) + 1) * TOKEN_CHARACTERS


def _finish(text: str, most: int, call: Call | None) -> str:
    if len(text) > most:
        return "length"
    return "tool_calls" if call else "stop"


def _usage(request: ChatRequest, written: str, call: Call | None) -> JsonObject:
    read = sum(_tokens(each.text) for each in request.messages)
    wrote = _tokens(written) + (_tokens(call.name + call.arguments) if call else 0)
    return {
        "prompt_tokens": read,
        "cached_tokens": 0,
        "completion_tokens": wrote,
        "total_tokens": read + wrote,
    }


def _called(call: Call, id_: str, arguments: str) -> JsonObject:
    function = {"name": call.name, "arguments": arguments}
    return {"id": id_, "type": "function", "function": function}


def _pieces(call: Call, random: Random) -> Iterator[JsonObject]:
    """Cut a call as OpenAI does: who it is first, then its arguments."""
    yield {"index": 0, **_called(call, call_id(random), "")}
    half = len(call.arguments) // 2
    for arguments in (call.arguments[:half], call.arguments[half:]):
        yield {"index": 0, "function": {"arguments": arguments}}


def _tokens(text: str) -> int:
    return -(-len(text) // TOKEN_CHARACTERS)


def _invalid(message: str) -> BadRequest:
    return BadRequest(400, "request_params_invalid", message)
