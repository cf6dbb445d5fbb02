"""What is in force for a persona, key by key, and which line of which file says so."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.section import Section
from voicebot.dialplan.source import Node

BUILT_IN: Final = "built in"
UNITS: Final = ("ms", "s")  # endings of the names of fields
MONEY: Final = "ucny"  # another: millionths of a yuan


@dataclass(frozen=True, slots=True)
class Value:
    """One setting: `limits.duration`, `10m`, `personas/clinic.yaml:12`."""

    key: str
    value: str
    place: str


def effective(plan: Dialplan, persona: str) -> tuple[Value, ...]:
    """
    Return all settings of a persona, those that no file has included.

    Raises:
        KeyError: there is no such persona.
    """
    return tuple(_section(plan.personas[persona], plan.trees.get(persona), ""))


def _section(section: Section, node: Node | None, path: str) -> Iterator[Value]:
    for name, field in type(section).model_fields.items():
        key = field.alias or name
        if not path and key == "id":
            continue
        given = node.find(key) if node else None
        yield from _value(name, getattr(section, name), given, f"{path}{key}")


def _value(name: str, value: object, node: Node | None, key: str) -> Iterator[Value]:
    match value:
        case Section():
            yield from _section(value, node, f"{key}.")
        case dict() if value:
            for name, each in value.items():
                given = node.find(name) if node else None
                yield from _value(name, each, given, f"{key}.{name}")
        case tuple() if value:
            nodes = node.items() if node else [None] * len(value)
            for index, (each, item) in enumerate(zip(value, nodes, strict=True)):
                yield from _value("", each, item, f"{key}[{index}]")
        case _:
            text = node.text if node and node.text else shown(name, value)
            yield Value(key, text, _place(node))


def _place(node: Node | None) -> str:
    # What is appended to our own words brings them along, from line 0.
    return f"{node.path}:{node.line}" if node and node.line else BUILT_IN


def shown(name: str, value: object) -> str:
    """Write a value as it may stand in a file; the name of its field has its unit."""
    unit = name.rpartition("_")[2]
    match value:
        case None:
            return "not set"
        case bool():
            return str(value).lower()
        case int() if unit == MONEY:
            return f"{Decimal(value).scaleb(-6).normalize():f}"
        case int() | float() if unit in UNITS and "_" in name:
            return _duration(value / 1000 if unit == "ms" else value)
        case tuple():
            return "[]"
        case dict():
            return "{}"
        case _:
            return str(value)


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    return f"{seconds / 60:g}m" if seconds % 60 == 0 else f"{seconds:g}s"
