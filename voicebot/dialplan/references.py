"""What one file says about another, and one route about the next."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from voicebot.dialplan.model import DialplanFile
from voicebot.dialplan.source import Node, Problem
from voicebot.dialplan.validate import nearest
from voicebot.dialplan.values import LABEL

ANY: Final = ""  # where a number or a caller's pattern stands


def dangling(
    path: Path, root: Node, personas: Collection[str] | None
) -> Iterator[Problem]:
    """
    Find names that lead nowhere and names that are given twice.

    Works on nodes, so that a mistake elsewhere in the file does not hide these.

    Args:
        personas: ids of those that there are files of; None if that is unknown.
    """
    numbers = root.find("numbers")
    labels = list(numbers.keys) if numbers else []
    routes = [
        (f"routes[{index}]", route)
        for index, route in enumerate(_items(root, "routes"))
    ]
    phones = [(f"numbers.{x}.e164", root.find("numbers", x, "e164")) for x in labels]
    names = [(f"{key}.name", route.find("name")) for key, route in routes]
    yield from _repeated(path, phones)
    yield from _repeated(path, names)
    for key, route in routes:
        for to in _items(route, "match", "to"):
            if _is_name(to) and to.text not in labels:
                message = f"no number is labelled {to.text!r}"
                message += nearest(to.text, labels)
                yield _problem(path, to, f"{key}.match.to", message)
        persona = route.find("do", "persona")
        if personas is None or persona is None or not _is_name(persona):
            continue
        if persona.text not in personas:
            message = f"there is no persona {persona.text!r}"
            message += nearest(persona.text, personas)
            yield _problem(path, persona, f"{key}.do.persona", message)


def unreachable(path: Path, root: Node, file: DialplanFile) -> Iterator[Problem]:
    """Find routes that no call takes."""
    phones = {label: number.e164 for label, number in file.numbers.items()}
    taken: dict[str, set[str]] = {}  # called number -> callers of earlier routes
    for index, node in enumerate(_items(root, "routes")):
        match = file.routes[index].match
        called = {phones.get(to, to) for to in match.to} or {ANY}
        callers = set(match.from_) or {ANY}
        if all(
            _covers(taken.get(ANY, set()), caller)
            or _covers(taken.get(to, set()), caller)
            for to in called
            for caller in callers
        ):
            message = "never reached: the routes before it take all of its calls"
            yield _problem(path, node, f"routes[{index}]", message)
        for to in called:
            taken.setdefault(to, set()).update(callers)


def unanswered(path: Path, root: Node, file: DialplanFile) -> Iterator[Problem]:
    """Find numbers that no route is for."""
    targets = {to for route in file.routes for to in route.match.to or (ANY,)}
    for label, number in file.numbers.items():
        node = root.find("numbers", label)
        if node and not targets & {ANY, label, number.e164}:
            message = "no route is for this number; add one, or a last one for all"
            yield _problem(path, node, f"numbers.{label}", message)


def _covers(patterns: set[str], caller: str) -> bool:
    """Whether patterns hold a caller, or all callers of a narrower pattern."""
    beginnings = (f"{caller[:end]}*" for end in range(2, len(caller)))
    return (
        ANY in patterns or caller in patterns or any(b in patterns for b in beginnings)
    )


def _items(node: Node, *path: str) -> list[Node]:
    found = node.find(*path)
    return found.items() if found else []


def _is_name(node: Node) -> bool:
    """Whether this may be a label or an id; if not, that is reported elsewhere."""
    return isinstance(node.value, str) and bool(LABEL.fullmatch(node.value))


def _repeated(
    path: Path, named: Iterable[tuple[str, Node | None]]
) -> Iterator[Problem]:
    lines: dict[str, int] = {}
    for key, node in named:
        if node and isinstance(node.value, str):
            if first := lines.get(node.value):
                message = f"{node.shown()} stands on line {first} already"
                yield _problem(path, node, key, message)
            lines.setdefault(node.value, node.line)


def _problem(path: Path, node: Node, key: str, message: str) -> Problem:
    return Problem(path, node.line, node.column, key, message)
