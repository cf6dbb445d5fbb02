"""What is in force for a persona, key by key, and which line of which file says so."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.section import Section, overlaid
from voicebot.dialplan.source import Node
from voicebot.dialplan.tree import EMPTY, merge

BUILT_IN: Final = "built in"
UNITS: Final = ("ms", "s")  # endings of the names of fields
MONEY: Final = "ucny"  # another: millionths of a yuan


@dataclass(frozen=True, slots=True)
class Value:
    """One setting: `limits.duration`, `10m`, `personas/clinic.yaml:12`."""

    key: str
    value: str
    place: str


def effective(
    plan: Dialplan, persona: str, stage: str | None = None
) -> tuple[Value, ...]:
    """
    Return all settings of a persona, those that no file has included.

    Args:
        stage: of the persona; None: those that its stages have in common.

    Raises:
        KeyError: there is no such persona, or no such stage.
    """
    who, tree = plan.personas[persona], plan.trees.get(persona)
    if stage is None:
        return tuple(_section(who, tree, ""))
    own = who.stages[stage]
    told = {
        "listening": overlaid(who.listening, own.listening),
        "barge_in": overlaid(who.barge_in, own.barge_in),
    }
    there = _in_stage(tree, stage) if tree else None
    return tuple(_section(who.model_copy(update=told), there, ""))


def _in_stage(tree: Node, stage: str) -> Node:
    """Put what a stage sets in place of what its persona does."""
    node = tree.find("stages", stage)
    assert node
    assert isinstance(tree.value, dict)
    given = {key: node.find(key) for key in ("listening", "barge_in")}
    over = {
        key: merge(tree.find(key) or EMPTY, above, [])
        for key, above in given.items()
        if above
    }
    return replace(tree, value=tree.value | over)


def _section(section: Section, node: Node | None, path: str) -> Iterator[Value]:
    for name, field in type(section).model_fields.items():
        key = field.alias or name
        # Rehearsals mean nothing to a call; what a stage doesn't set is the persona's.
        if (not path and key in ("id", "tests")) or (
            path.startswith("stages.") and name not in section.model_fields_set
        ):
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
