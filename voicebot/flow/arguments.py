"""What the model gives a tool that asks another server: all of it, or nothing."""

from collections.abc import Mapping
from math import isfinite

from voicebot.dialplan.tools import Param, Tool, param
from voicebot.dialplan.variables import EXPECTED, coerced
from voicebot.flow.values import MAX_CHARACTERS, as_data

Argument = str | float | bool

TEXT = f"at most {MAX_CHARACTERS} plain characters"


def arguments(
    tool: Tool, given: Mapping[str, object] | None
) -> dict[str, Argument] | str:
    """Return the arguments as they are sent, or what is wrong with them."""
    wanted = {name: param(text) for name, text in tool.params.items()}
    if given is None or not given.keys() <= wanted.keys():
        return f"Give {', '.join(wanted)} and nothing else." if wanted else _NOTHING
    taken: dict[str, Argument] = {}
    for name, kind in wanted.items():
        value = given.get(name)
        if kind.optional and value in (None, ""):
            continue  # models fill in what they don't have
        argument = _argument(kind, value)
        if argument is None:
            return f"Give {name}: {expected(kind)}."
        taken[name] = argument
    return taken


_NOTHING = "This tool takes no arguments."


def expected(kind: Param) -> str:
    """Say what an argument may be."""
    if kind.kind == "enum":
        return f"one of {', '.join(kind.options)}"
    return TEXT if kind.kind == "text" else EXPECTED[kind.kind]


def _argument(kind: Param, value: object) -> Argument | None:
    match kind.kind, value:
        case "bool", bool():
            return value
        case "number", int() | float() if not isinstance(value, bool):
            return value if abs(value) < 1e15 and isfinite(value) else None
        case _, str():
            return _from_text(kind, value)
        case _:
            return None


def _from_text(kind: Param, text: str) -> Argument | None:
    if as_data(text) != text.strip():
        return None  # control characters, or too long
    if kind.kind == "enum":
        return text if text in kind.options else None
    value = coerced(kind.kind, text)
    if value is None:
        return None
    if kind.kind == "bool":
        return value == "true"
    if kind.kind == "number":
        return float(value) if "." in value else int(value)
    return value
