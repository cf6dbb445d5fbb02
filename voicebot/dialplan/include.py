"""Fragments of `dialplan.yaml`: found, read, and put together into one tree."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from voicebot.dialplan.source import Node, Problem, shown_key
from voicebot.dialplan.validate import nearest

BY_NAME: Final = ("calendars", "numbers", "targets", "callers")
LISTS: Final = ("block", "allow", "routes", "tests")
MAX_FRAGMENTS: Final = 200


def included(
    path: Path, root: Node, patterns: Iterable[Node], problems: list[Problem]
) -> list[Path]:
    """
    Find the files that `include` names, in the order of their names, each once.

    Args:
        path: of `dialplan.yaml`; nothing outside its folder is read.
        patterns: the items of `include` that are good patterns.
        problems: gets what is wrong with them.
    """
    folder = path.parent
    home = folder.resolve()
    found: set[Path] = set()
    for index, node in enumerate(patterns):
        key = f"include[{index}]"
        matched = {x for x in folder.glob(node.text) if not x.name.startswith(".")}
        if not matched:
            problems += _nowhere(key, node, folder)
        for file in sorted(matched - {path}):
            if not file.resolve().is_relative_to(home):
                name = PurePosixPath(file.relative_to(folder))
                message = f"{name} is a link to a file outside of {folder}"
                problems.append(node.problem(key, message))
            else:
                found.add(file)
    if len(found) > MAX_FRAGMENTS:
        at = root.find("include") or root
        message = f"expected at most {MAX_FRAGMENTS} files, got {len(found)}"
        problems.append(at.problem("include", message))
        return []
    return sorted(found)


def _nowhere(key: str, node: Node, folder: Path) -> Iterator[Problem]:
    """Say what a pattern without a file lacks; an empty folder is none."""
    where = str(PurePosixPath(node.text).parent)
    if not set(node.text) & set("*?"):
        yield node.problem(key, f"there is no file {node.text!r}")
    elif not set(where) & set("*?") and not (folder / where).is_dir():
        yield node.problem(key, f"there is no folder {where!r}")


def whole(root: Node, fragments: Iterable[Node], problems: list[Problem]) -> Node:
    """
    Put fragments into a plan: what they name beside its own, their routes before it.

    So the last route of `dialplan.yaml`, which takes every call, stays the last one.

    Args:
        fragments: in the order of their names.
        problems: gets what cannot be put together.
    """
    parts = [part for part in fragments if _is_fragment(part, problems)]
    if not parts or not isinstance(root.value, dict):
        return root
    values, keys = dict(root.value), dict(root.keys)
    for key in (*BY_NAME, *LISTS):
        # Its own names come first: a name that is there twice is the fragment's fault.
        own = [x for x in (root.find(key),) if x]
        theirs = [x for part in parts if (x := part.find(key))]
        if not theirs:
            continue
        given = [*own, *theirs] if key in BY_NAME else [*theirs, *own]
        keys.setdefault(key, (given[0].line, given[0].column))
        values[key] = _joined(key, given, problems)
    return replace(root, value=values, keys=keys)


def _is_fragment(part: Node, problems: list[Problem]) -> bool:
    if not isinstance(part.value, dict):
        known = ", ".join((*BY_NAME, *LISTS))
        said = f"expected some of {known}, got {part.shown()}"
        problems.append(part.problem("", said))
        return False
    for key, (line, column) in part.keys.items():
        if key not in (*BY_NAME, *LISTS):
            hint = nearest(key, (*BY_NAME, *LISTS))
            message = f"not in a fragment; it belongs into dialplan.yaml{hint}"
            problems.append(Problem(part.path, line, column, shown_key(key), message))
    return True


def _joined(key: str, given: list[Node], problems: list[Problem]) -> Node:
    """Make one section of several; the first that is of another kind spoils it."""
    kind = dict if key in BY_NAME else list
    for node in given:
        if not isinstance(node.value, kind):
            return node  # the model says what is wrong with it
    if kind is list:
        return replace(
            given[0], value=[item for node in given for item in node.items()]
        )
    values: dict[str, Node] = {}
    keys: dict[str, tuple[int, int]] = {}
    for name, value, at in _named(given):
        if first := values.get(name):
            place = f"{first.path}:{keys[name][0]}"
            message = f"there is one in {place} already"
            where = f"{key}.{shown_key(name)}"
            problems.append(Problem(value.path, *at, where, message))
        else:
            values[name], keys[name] = value, at
    return replace(given[0], value=values, keys=keys)


def _named(given: list[Node]) -> Iterator[tuple[str, Node, tuple[int, int]]]:
    for node in given:
        assert isinstance(node.value, dict)
        for name, value in node.value.items():
            yield name, value, node.keys[name]
