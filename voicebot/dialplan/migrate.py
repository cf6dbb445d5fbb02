"""
Dialplans of an older version of the schema, rewritten for this one.

Text is edited, not data: comments, order, quotes and line ends stay as they are. What
is read again afterwards must say the same, but for what moved; else nothing is done.
"""

from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from voicebot.dialplan.source import Plain, Problem, parse
from voicebot.errors import DialplanError

VERSION: Final = 2

INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class Move:
    """A key of a persona's file that became a key of a section."""

    key: str
    section: str
    to: str


# What has changed since a version of the schema; the last entry leads to VERSION.
STEPS: Final[Mapping[int, tuple[Move, ...]]] = {
    1: (Move("on_model_lost", "fallback", "do"),),
}

MOVED: Final = {move.key: move for moves in STEPS.values() for move in moves}

RUN: Final = "run `voicebot migrate`"


def migrated(plan: Path, files: Mapping[Path, bytes]) -> dict[Path, bytes]:
    """
    Rewrite a folder's files.

    Args:
        plan: which of the files is `dialplan.yaml`; the others are personas and mixins.

    Returns:
        The files that change. None do the second time.

    Raises:
        DialplanError: with each mistake that must be mended first.
    """
    problems: list[Problem] = []
    changed: dict[Path, bytes] = {}
    for path, data in files.items():
        edited = _plan(path, data) if path == plan else _persona(path, data)
        if isinstance(edited, list):
            problems += edited
        elif edited != data:
            changed[path] = edited
    if problems:
        raise DialplanError(sorted(problems))
    return changed


def _plan(path: Path, data: bytes) -> bytes | list[Problem]:
    root, problems = parse(path, data)
    if root is None or problems:
        return problems
    version = root.find("version")
    if version is None:
        return [root.problem("version", f"missing; expected 1 to {VERSION}")]
    if type(version.value) is not int or not 1 <= version.value <= VERSION:
        got = version.shown()
        return [version.problem("version", f"expected 1 to {VERSION}, got {got}")]
    text = _text(data)
    _, value, _ = _pair(text, "version")
    edited = text[: value.start] + str(VERSION) + text[value.end :]
    return _as_expected(path, "version", data, edited, version=VERSION)


def _persona(path: Path, data: bytes) -> bytes | list[Problem]:
    for moves in STEPS.values():
        for move in moves:
            root, problems = parse(path, data)
            if root is None or problems:
                return problems
            if root.find(move.key) is None:
                continue
            if root.find(move.section) is not None:
                line, column = root.keys[move.key]
                message = f"there is {move.section} already: write it there"
                return [Problem(path, line, column, move.key, message)]
            edited = _moved(_text(data), move)
            given = root.plain()
            assert isinstance(given, dict)
            value = {move.to: given[move.key]}
            done = _as_expected(path, move.key, data, edited, **{move.section: value})
            if isinstance(done, list):
                return done
            data = done
    return data


def _moved(text: str, move: Move) -> str:
    """Put a value one level deeper, under another key."""
    key, value, is_flow = _pair(text, move.key)
    quote = text[key.start] if text[key.start] in "'\"" else ""
    section, to = (f"{quote}{name}{quote}" for name in (move.section, move.to))
    if is_flow:
        inner = f"{{{to}: {text[value.start : value.end]}}}"
        between = text[key.end : value.start]
        return text[: key.start] + section + between + inner + text[value.end :]
    lines = text[key.start :].splitlines(keepends=True)
    newline = "\r\n" if lines[0].endswith("\r\n") else "\n"
    margin = " " * key.column
    rest = lines[0][key.end - key.start :]
    head = f"{section}:{newline}{margin}{INDENT}{to}{rest}"
    behind = text[key.start : value.end].rstrip().count("\n")
    count = 1 + _of_value(lines[1 : 1 + behind], key.column)
    body = [INDENT + each if each.strip() else each for each in lines[1:count]]
    return text[: key.start] + head + "".join(body) + "".join(lines[count:])


def _of_value(lines: list[str], column: int) -> int:
    """Say how many of the lines behind a key aren't comments on what follows it."""
    count = len(lines)
    while count:
        line = lines[count - 1]
        said = line.lstrip()
        if said and not (said[0] == "#" and len(line) - len(said) <= column):
            break
        count -= 1
    return count


@dataclass(frozen=True, slots=True)
class _Span:
    """Where something stands in a text."""

    start: int
    end: int
    column: int
    """From 0."""


def _pair(text: str, key: str) -> tuple[_Span, _Span, bool]:
    """Find a key and its value, and say whether `{…}` is around them."""
    # Any: the stubs leave out most of the nodes.
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    name, value = next(pair for pair in root.value if pair[0].value == key)
    return _span(name), _span(value), bool(root.flow_style)


def _span(node: Any) -> _Span:
    start, end = node.start_mark, node.end_mark
    return _Span(start.index, end.index, start.column)


def _text(data: bytes) -> str:
    return data.decode("utf-8-sig")


def _as_expected(
    path: Path, key: str, data: bytes, edited: str, **expected: Plain
) -> bytes | list[Problem]:
    """Read what was edited: it says the same as before, but for what moved."""
    before, _ = parse(path, data)
    assert before
    after, problems = parse(path, edited.encode())
    given, got = before.plain(), after.plain() if after else None
    assert isinstance(given, dict)
    wanted = {name: value for name, value in given.items() if name != key} | expected
    if problems or got != wanted:
        line, column = before.keys[key]
        message = "cannot be rewritten as it is written: write `key: value`"
        return [Problem(path, line, column, key, message)]
    return (BOM_UTF8 if data.startswith(BOM_UTF8) else b"") + edited.encode()
