"""What pydantic finds wrong, said at the line and column where it stands."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from voicebot.dialplan.migrate import MOVED, RUN, VERSION
from voicebot.dialplan.model import ACTIONS, TAGS
from voicebot.dialplan.section import Section
from voicebot.dialplan.source import (
    FULL_WIDTH,
    MAX_PROBLEMS,
    Node,
    Problem,
    shown_key,
)

S = TypeVar("S", bound=Section)

# Types of pydantic's errors; the others' texts are ours already.
INSTEAD: Final = {
    "guard": "a rollout ends by hand: compare both in the call log, change percent",
    "hooks": "use triggers, stages (on_enter, exit), silence, transfer.on_fail",
}
"""Keys that one may expect to be there, and what there is."""

EXPECTED: Final = {
    "extra_forbidden": "unknown key",
    "missing": "missing",
    "string_type": "expected text",
    "string_too_short": "expected some text",
    "string_too_long": "expected at most {max_length} characters",
    "tuple_type": "expected a list",
    "too_long": "expected at most {max_length}",
    "dict_type": "expected keys and values",
    "model_type": "expected keys and values",
    "bool_type": "expected true or false",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "greater_than_equal": "expected at least {ge}",
    "less_than_equal": "expected at most {le}",
    "literal_error": "expected {expected}",
}


# Parts of pydantic's locations that are no keys of a file.
INTERNAL: Final = frozenset({"[key]", *TAGS})


def validated(
    model: type[S],
    path: Path,
    node: Node,
    problems: list[Problem],
    *,
    partial: bool = False,
    **given: str,
) -> S | None:
    """
    Make a model of a file.

    Args:
        path: the file, if it is an empty one.
        node: the root of the file, or of several that were merged.
        problems: gets what is wrong, when there is something.
        partial: whether other files are to supply what is missing.
        given: values that do not come from the file.

    Returns:
        The model, or None if something is wrong.
    """
    plain = node.plain()
    if plain is None:
        problems.append(Problem(path, 1, 1, "", "the file is empty"))
        return None
    try:
        return model.model_validate(plain | given if isinstance(plain, dict) else plain)
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_input=False)
        if partial:
            errors = [error for error in errors if error["type"] != "missing"]
        problems += [_problem(model, node, e) for e in errors[:MAX_PROBLEMS]]
        return None


def nearest(name: str, options: Iterable[str]) -> str:
    """Return `; did you mean …?` if an option is close to a name, else nothing."""
    near = get_close_matches(name, list(options), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _problem(model: type[Section], root: Node, error: ErrorDetails) -> Problem:
    node, at, key = root, (root.line, root.column), ""
    at_key = at
    for part in error["loc"]:
        match part, node.value:
            case str(), dict(values) if part in values:
                at_key = node.keys[part]
                node = values[part]
                at = node.line, node.column
                key = f"{key}.{shown_key(part)}" if key else shown_key(part)
            case str(), _ if part not in INTERNAL:
                key = f"{key}.{part}" if key else part  # it is missing
            case int(), list(items):
                node = items[part]
                at = node.line, node.column
                key = f"{key}[{part}]"
            case _:
                pass  # ours, or the index of an item written without its list
    if error["type"] == "extra_forbidden" or "[key]" in error["loc"]:
        at = at_key
    return Problem(node.path, *at, key, _message(model, node, error))


def _message(model: type[Section], node: Node, error: ErrorDetails) -> str:
    kind, loc = error["type"], error["loc"]
    template = EXPECTED.get(kind)
    said = template.format(**error.get("ctx", {})) if template else error["msg"]
    if kind == "missing":
        return said
    if kind == "extra_forbidden" and len(loc) == 1 and (move := MOVED.get(str(loc[0]))):
        return f"is {move.section}.{move.to} now: {RUN}"
    if kind == "extra_forbidden" and (instead := INSTEAD.get(str(loc[-1]))):
        return f"{said}; {instead}"
    if kind == "extra_forbidden":
        near = nearest(str(loc[-1]), _known_keys(model, loc))
        return said + (near or _comma(str(loc[-1]), node))
    if kind == "string_too_long":
        got = f"{len(node.text)}"
    elif kind == "too_long":
        got = f"{len(node.items())}"
    elif "[key]" in loc:
        got = shown_key(str(loc[-2]))
    else:
        got = node.kind() if _is_private(loc) else node.shown()
    return f"{said}, got {got}{_hint(kind, node, error)}"


def _is_private(loc: tuple[int | str, ...]) -> bool:
    """Whether somebody's number stands there: it is for no log, and no health check."""
    match loc:
        case ("callers" | "block" | "allow", *_) | ("targets", _, "number" | "sip"):
            return True
        case ("routes" | "tests", *rest):
            return "from" in rest
        case _:
            return False


def _hint(kind: str, node: Node, error: ErrorDetails) -> str:
    """Say what to write instead, where we can guess it."""
    match kind, node.value:
        case "string_type" | "word", bool() | int() | float():
            return "; put it in quotes"
        case "version", int(older) if 0 < older < VERSION:
            return f"; {RUN}"
        case "tuple_type", str() | bool() | int() | float():
            return "; put it in brackets: [ ]"
        case "string_type", dict():
            return "; text that contains ': ' needs quotes"
        case "literal_error", str(word):
            return nearest(word, re.findall("'([^']*)'", error["ctx"]["expected"]))
        case "do", dict(values):
            unknown = (name for name in values if name not in ACTIONS)
            return nearest(next(unknown, ""), ACTIONS)
        case "model_type", str(text) if "：" in text:
            return f"; {FULL_WIDTH}"
        case _:
            return ""


def _comma(key: str, node: Node) -> str:
    """Explain what `{a: One, and two}` makes of the second half."""
    if " " in key and node.value is None:
        return "; in braces a comma begins one: put the text before it in quotes"
    return ""


def _known_keys(model: type[Section], loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that may stand where `loc` has one that may not."""
    models = [model]
    for part in loc[:-1]:
        fields = [f for m in models for name, f in _keys(m) if name == part]
        if fields:
            models = [m for f in fields for m in sections_in(f.annotation)]
    return [name for m in models for name, _ in _keys(m)]


def _keys(model: type[Section]) -> list[tuple[str, FieldInfo]]:
    return [(field.alias or name, field) for name, field in model.model_fields.items()]


def sections_in(annotation: Any) -> list[type[Section]]:
    """Find the models in an annotation such as `tuple[Route, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [found for part in get_args(annotation) for found in sections_in(part)]
