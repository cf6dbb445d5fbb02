"""
`{{name}}` and `{{name|what is said without it}}` in what an operator writes.

There is no more to it: no conditions, no filters. What fills a place may come from
a caller or another company's server, so it is data: it is cleaned, cut, and never
read for further places.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, assert_never

from voicebot.dialplan.persona import Persona, Var
from voicebot.dialplan.source import Node, Problem, shown_key
from voicebot.dialplan.validate import nearest
from voicebot.dialplan.values import E164, PLACE, UNSPEAKABLE

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

MAX_VALUE_CHARACTERS: Final = 200

OPENING: Final = "{{"

ONE_BRACE: Final = re.compile(r"(?<!\{)\{ *([a-z][a-z0-9_-]*) *\}(?!\})")
"""A place as other tools write it. Here it would be said, braces and all."""

# Keys whose text is no text of ours for a caller or for the model.
LITERAL: Final = frozenset(
    {
        *("title", "owner", "language", "also_speaks", "abstract", "extends", "mixins"),
        *("model", "vars", "listening", "barge_in"),
        *("server_vad", "pronounce", "keyterms", "privacy"),
    }
)

# And of the director: all but what it does. What fills a place may come from a caller.
LITERAL_KEY: Final = re.compile(r"director\.(?!actions\.[^.]+\.do\b)")

Kind: TypeAlias = Literal["text", "digits", "number", "bool", "date", "phone"]
# What other servers are told: there, a value that is missing says so itself.
REQUEST: Final = re.compile(
    r"(lookup|tools\.[^.]+)\.(url|headers\..*)|.*\.tool\.[^.]+\.[^.]+"
)

# Read by StepFun, which knows two places of its own.
TEMPLATE: Final = re.compile(r"tools\.[^.]+\.prompt_template")
THEIRS: Final = ("knowledge", "query")

DIGITS: Final = re.compile(r"[0-9]{1,64}", re.ASCII)
NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)
EXPECTED: Final[dict[str, str]] = {
    "text": f"text of at most {MAX_VALUE_CHARACTERS} characters",
    "digits": "digits in quotes",
    "number": "a number",
    "bool": "true or false",
    "date": "a date such as 2027-02-28",
    "phone": "a phone number such as '+12025550123'",
}


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values into their places; braces are never left, values or not."""

    def value(place: re.Match[str]) -> str:
        known = _clean(values.get(place["name"], ""))
        return known or (place["fallback"] or "").strip()

    return PLACE.sub(value, text)


def filled_by(text: str, values: Mapping[str, str]) -> bool:
    """Whether no place stays empty for want of a value."""
    return all(
        place["fallback"] is not None or values.get(place["name"])
        for place in PLACE.finditer(text)
    )


def values_of(persona: Persona, known: Mapping[str, str]) -> dict[str, str]:
    """
    Return what a persona's variables are worth in a call.

    Args:
        known: what the call, the route and others say; more than the persona asks
            for may be in it. What isn't of the variable's type is left out.
    """
    values = {}
    for name, var in persona.vars.items():
        value = coerced(var.type, known.get(name, ""))
        if value is None:
            value = var.default
        if value is not None:
            values[name] = value
    return values


def shown_of(persona: Persona, known: Mapping[str, str]) -> dict[str, str]:
    """Return the same as far as callers and models may see it."""
    hidden = sensitive_in(persona)
    shown = {name: value for name, value in known.items() if name not in hidden}
    return values_of(persona, shown)


def sensitive_in(persona: Persona) -> frozenset[str]:
    """Name the variables whose values only other servers are told."""
    return frozenset(name for name, var in persona.vars.items() if var.sensitive)


def coerced(kind: Kind, raw: str) -> str | None:
    """Return a value as it is kept, or None if it isn't one of this kind."""
    text = raw.strip()
    match kind:
        case "text":
            return _clean(text) or None
        case "digits":
            digits = re.sub("[ .-]", "", text)
            return digits if DIGITS.fullmatch(digits) else None
        case "number":
            return text if NUMBER.fullmatch(text) else None
        case "bool":
            return text.lower() if text.lower() in ("true", "false") else None
        case "date":
            return text if _is_date(text) else None
        case "phone":
            return text if E164.fullmatch(text) else None
        case _:
            assert_never(kind)


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _clean(value: str) -> str:
    text = " ".join(UNSPEAKABLE.sub(" ", value).split())
    return text.replace("{", "").replace("}", "")[:MAX_VALUE_CHARACTERS]


# ---- what can be wrong ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Use:
    """A place in a text, or what looks like the beginning of one."""

    node: Node
    key: str
    nth: int
    """Which of the openings in this text it is."""

    place: re.Match[str] | None


def misused(
    root: Node, persona: Persona, sources: Mapping[Path, bytes]
) -> Iterator[Problem]:
    """
    Find places for which nothing is declared, and variables that nothing fills.

    Args:
        root: the tree of the persona.
        sources: what its files hold, to say where in a text a place is.
    """
    yield from _declared(root, persona.vars)
    yield from _single(root, "", persona.vars)
    for use in _uses(root, ""):
        message = _wrong(use, persona.vars)
        if message:
            yield _located(use, message, sources.get(use.node.path, b""))


def _declared(root: Node, declared: Mapping[str, Var]) -> Iterator[Problem]:
    for name, var in declared.items():
        node = root.find("vars", name)
        assert node
        key = f"vars.{name}"
        given = node.find("default")
        if given and var.default and coerced(var.type, var.default) is None:
            message = f"expected {EXPECTED[var.type]}, got {given.shown()}"
            yield given.problem(f"{key}.default", message)
        if var.required and var.from_ is None and var.default is None:
            message = "required, and nothing gives it a value: add from, or a default"
            yield node.problem(key, message)
        if var.from_ == "header" and var.header is None:
            yield node.problem(f"{key}.header", "missing; from: header needs its name")
        if var.header is not None and var.from_ != "header":
            yield (node.find("header") or node).problem(
                f"{key}.header", "has no meaning without from: header"
            )


def _single(node: Node, key: str, declared: Mapping[str, Var]) -> Iterator[Problem]:
    """Find `{name}` of a variable."""
    match node.value:
        case dict(items):
            for name, item in items.items():
                if key or name not in ("in", "tests", *LITERAL):
                    path = f"{key}.{shown_key(name)}" if key else shown_key(name)
                    yield from _single(item, path, declared)
        case list(items):
            for index, item in enumerate(items):
                yield from _single(item, f"{key}[{index}]", declared)
        case str(text):
            for found in ONE_BRACE.finditer(text):
                if found[1] in declared:
                    message = f"expected two braces: {{{{{found[1]}}}}}"
                    yield node.problem(key, message)
        case _:
            pass


def _wrong(use: Use, declared: Mapping[str, Var]) -> str:
    section = use.key.partition(".")[0].partition("[")[0]
    if section in LITERAL or LITERAL_KEY.match(use.key):
        return "{{…}} is not filled in here; write it out"
    if use.place is None:
        return "expected {{name}} or {{name|what to say without it}}"
    name = use.place["name"]
    if TEMPLATE.fullmatch(use.key):
        return "" if name in THEIRS else "expected {{knowledge}} or {{query}}"
    if name not in declared:
        return f"there is no variable {name!r} in vars{nearest(name, declared)}"
    var = declared[name]
    if REQUEST.fullmatch(use.key):
        return ""
    if use.place["fallback"] is None and var.default is None and not var.required:
        return (
            f"{name} may have no value: write {{{{{name}|what to say without it}}}}, "
            f"or give vars.{name} a default"
        )
    return ""


def _uses(node: Node, key: str) -> Iterator[Use]:
    match node.value:
        case dict(items):
            for name, item in items.items():
                if not key and name == "in":
                    continue  # read as a persona of its own
                path = f"{key}.{shown_key(name)}" if key else shown_key(name)
                yield from _uses(item, path)
        case list(items):
            for index, item in enumerate(items):
                yield from _uses(item, f"{key}[{index}]")
        case str(text) if OPENING in text:
            places = {place.start(): place for place in PLACE.finditer(text)}
            at, nth = text.find(OPENING), 0
            while at >= 0:
                yield Use(node, key, nth, places.get(at))
                at, nth = text.find(OPENING, at + 2), nth + 1
        case _:
            pass


def _located(use: Use, message: str, source: bytes) -> Problem:
    """Point at the place itself: a text may have many lines."""
    node = use.node
    text = source.decode("utf-8-sig", "replace")
    lines = text.split("\n")
    at = sum(len(line) + 1 for line in lines[: node.line - 1]) + node.column - 1
    for _ in range(use.nth + 1):
        at = text.find(OPENING, at) + 2
        if at == 1:  # it is written in another way, with escapes
            return node.problem(use.key, message)
    before = text[: at - 2]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return Problem(node.path, line, column, use.key, message)
