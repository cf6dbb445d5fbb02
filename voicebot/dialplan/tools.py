"""What the model may ask for. Whether it is done, `flow.policy` decides."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from voicebot.dialplan.address import Headers, Url
from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Label, Line, Speech, duration, word

Use = Literal[
    "transfer",
    "hangup",
    "take_message",
    "collect_digits",
    "set_var",
    "goto_stage",
    "send_sms",
]
Reason = Literal["user_farewell", "silence", "limit"]
Kind = Literal["builtin", "http", "web_search", "retrieval"]

# StepFun's own: it runs them, and asks us nothing.
THEIRS: Final = frozenset({"web_search", "retrieval"})

# The key that a built-in tool needs, and no other may have; hangup's has a default.
OWN: Final = {
    "transfer": "targets",
    "hangup": "requires_any",
    "collect_digits": "menu",
    "set_var": "vars",
    "goto_stage": "stages",
    "send_sms": "text",
}

# Keys of a kind of tool; those that it needs first.
_ASKED: Final = ("description", "requires", "confirm", "max_calls")
_HTTP: Final = ("url", "description", "method", "headers", "params", "timeout")
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "builtin": ("use", *OWN.values(), "to", *_ASKED),
    "http": (*_HTTP, "filler", "on_barge_in", "sensitive_args", *_ASKED),
    "web_search": ("description", "top_k", "timeout"),
    "retrieval": ("vector_store_id", "description", "prompt_template"),
}
NEEDED: Final = {"builtin": 1, "http": 2, "web_search": 0, "retrieval": 1}

Labels = Annotated[tuple[Label, ...], Field(max_length=20)]

_PARAM: Final = re.compile(
    r"(?:(text|date|number|digits|bool|phone)"
    r"|enum\[([^\[\],\s][^\[\],]{0,79}(?:,[^\[\],]{1,80}){0,49})\])(\?)?"
)
_ARGUMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Param:
    """What one argument may be."""

    kind: Literal["text", "date", "number", "digits", "bool", "phone", "enum"]
    options: tuple[str, ...] = ()
    """Of an `enum`."""
    optional: bool = False


@lru_cache(maxsize=256)
def param(text: str) -> Param:
    """Read what an argument may be, such as `date` or `text?`."""
    found = _PARAM.fullmatch(text)
    assert found, "checked when the file was read"
    optional = found[3] is not None
    match found[1]:
        case "text" | "date" | "number" | "digits" | "bool" | "phone" as kind:
            return Param(kind, (), optional)
        case _:
            options = tuple(each.strip() for each in found[2].split(","))
            return Param("enum", options, optional)


Argument = Annotated[str, word(_ARGUMENT, "a name of letters, digits and _")]
ParamType = Annotated[
    str,
    word(
        _PARAM,
        "text, date, number, digits, bool, phone or 'enum[a,b]', each maybe with a ?",
    ),
]


class Tool(Section):
    """One thing that the model can ask for, by its name."""

    kind: Kind = "builtin"
    """Something of ours, a request to a server of yours, or what StepFun does itself:
    a search of the web, or of a knowledge base."""

    use: Use | None = None
    """What it does (`builtin`)."""

    description: Line | None = None
    """What the model is told about it; `http` needs it, `builtin` has a default."""

    targets: Labels = ()
    """Where it may transfer to: targets of the dialplan."""

    requires_any: Annotated[tuple[Reason, ...], Field(max_length=3)] = (
        "user_farewell",
        "silence",
        "limit",
    )
    """Hanging up needs one of these: the caller took leave, says nothing, or the call
    is near its end."""

    menu: Label | None = None
    """The menu that collects the digits."""

    vars: Labels = ()
    """What it may set."""

    stages: Labels = ()
    """Where it may go to."""

    url: Url | None = None
    """Where the request goes (`http`); `${env:X}`, `${file:/x}` and, behind the host,
    `{{variables}}` are filled in."""

    method: Literal["GET", "POST"] = "GET"
    """How the arguments go: in the query, or as a JSON object (`http`)."""

    headers: Headers = {}
    """What else the server is sent (`http`)."""

    params: Annotated[dict[Argument, ParamType], Field(max_length=20)] = {}
    """Its arguments (`http`); with a `?` behind its type one may be left out."""

    timeout_s: Annotated[float, duration("200ms", "20s", "s")] = Field(
        4.0, alias="timeout"
    )
    """No answer takes longer (`http`); of a `web_search` whole seconds."""

    filler: Annotated[tuple[Speech, ...], Field(max_length=10)] | None = None
    """Said in turn while the answer isn't there (`http`), each after `filler.after` of
    silence; without it, what `filler.say` has."""

    on_barge_in: Literal["continue", "cancel"] = "continue"
    """Whether a caller who speaks meanwhile is answered with the result, or the request
    is given up (`GET` only)."""

    sensitive_args: Annotated[tuple[Argument, ...], Field(max_length=20)] = ()
    """Arguments that must stand in no address, as servers log those: `POST` only."""

    top_k: Annotated[int, Field(ge=1, le=20, strict=True)] | None = None
    """How many pages are read (`web_search`)."""

    vector_store_id: Line | None = None
    """StepFun's id of the knowledge base (`retrieval`)."""

    prompt_template: Line | None = None
    """How the model is told what was found, with `{{knowledge}}` and `{{query}}`
    (`retrieval`)."""

    requires: Labels = ()
    """Tools that must have been done before."""

    confirm: Speech | None = None
    """What the caller must have said yes to, in the turn before."""

    text: Speech | None = None
    """What the text message says; the model can't change it."""

    to: Label | None = None
    """Who gets the text message: `caller`, or a target that has a number."""

    max_calls: Annotated[int, Field(ge=1, le=20, strict=True)] = 5
    """How often in one call; `send_sms`: once, if this isn't given."""

    @model_validator(mode="before")
    @classmethod
    def _has_what_it_needs(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        kind, use = given.get("kind", "builtin"), given.get("use", "")
        if not (isinstance(kind, str) and isinstance(use, str) and kind in KEYS):
            return given
        for key in KEYS[kind][: NEEDED[kind]]:
            if key not in given:
                raise _refused("expected {key}, which kind: {kind} needs", key, kind)
        for key in given:
            if key not in KEYS[kind] and any(key in keys for keys in KEYS.values()):
                raise _refused("{key} has no meaning with kind: {kind}", key, kind)
        if use == "send_sms":
            given = {"max_calls": 1, **given}
        elif use in OWN | {"take_message": ""} and "to" in given:
            raise _refused("expected {key} only with use: {kind}", "to", "send_sms")
        for each, key in OWN.items():
            if use == each and key not in given and each != "hangup":
                raise _refused("expected {key}, which use: {kind} needs", key, each)
            if use != each and use in OWN | {"take_message": ""} and key in given:
                raise _refused("expected {key} only with use: {kind}", key, each)
        return given

    @model_validator(mode="after")
    def _is_of_one_mind(self) -> "Tool":
        if self.method == "POST" and self.on_barge_in == "cancel":
            message = "on_barge_in: cancel needs method: GET; a POST may be done"
            raise PydanticCustomError("tool", message)
        for name in self.sensitive_args:
            if name not in self.params:
                message = "sensitive_args: there is no {name} in params"
                raise PydanticCustomError("tool", message, {"name": name})
        if self.sensitive_args and self.method == "GET":
            message = "expected method: POST with sensitive_args; GET puts them in logs"
            raise PydanticCustomError("tool", message)
        if self.kind == "web_search" and self.timeout_s % 1:
            raise PydanticCustomError("tool", "expected a timeout of whole seconds")
        return self


def _refused(message: str, key: str, kind: str) -> PydanticCustomError:
    return PydanticCustomError("tool", message, {"key": key, "kind": kind})
