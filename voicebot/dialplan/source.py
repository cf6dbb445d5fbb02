"""
YAML text as a tree in which everything knows the line and column where it stands.

What operators stumble over, and what attackers use, ends here: scalars follow
YAML 1.2 (`+1555…`, `0123` and `17:30` stay text; `yes`, `no`, `on` and `off` are
reported where text is expected, as other tools read them as true and false);
duplicate keys, anchors, aliases and tags are refused; size and depth are bounded.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 20
MAX_PROBLEMS: Final = 100  # of one file; more than an operator reads at once

Scalar: TypeAlias = None | bool | int | float | str
Where: TypeAlias = tuple["Where", str | int] | None
"""A place on the way down. Only a problem spells it out: big files have thousands."""
Plain: TypeAlias = Scalar | list["Plain"] | dict[str, "Plain"]

# At most 15 digits: more is a typing mistake, and int() refuses thousands of them.
TYPED: Final = frozenset({"", *"-0123456789~tTfFyYnNoO"})
"""What a scalar that is no text can begin with."""
BOOL: Final = re.compile(r"true|false|yes|no|on|off", re.IGNORECASE)
INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,14})")
FLOAT: Final = re.compile(r"-?(0|[1-9][0-9]{0,14})\.[0-9]{1,15}")

PHONE: Final = re.compile("[0-9]{7}")

# YAML 1.2.2, 5.1 Character Set; a byte order mark only at the start.
UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake. Prints as `sales.yaml:12:17: listening.max_turn: …`."""

    path: Path
    line: int
    column: int
    key: str
    message: str

    def __str__(self) -> str:
        key = f" {self.key}:" if self.key else ""
        return f"{self.path}:{self.line}:{self.column}:{key} {self.message}"


@dataclass(slots=True)
class Node:
    """A scalar, a list or a mapping, and where it begins, both counted from 1.

    Not to be changed, though not frozen: that would cost a big file 10 ms.
    """

    line: int
    column: int
    value: "Scalar | list[Node] | dict[str, Node]"

    text: str = ""
    """A scalar as written, without its quotes."""

    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Line and column of the keys of a mapping, in the files of their values."""

    path: Path = field(default=Path(), compare=False)
    """The file it stands in: after inheritance, a tree is of several."""

    def find(self, *path: str) -> "Node | None":
        """Return the value at the end of a path of keys, if it is there."""
        node = self
        for key in path:
            if not (isinstance(node.value, dict) and key in node.value):
                return None
            node = node.value[key]
        return node

    def items(self) -> "list[Node]":
        """Return the items of a list; anything else counts as a list of one."""
        return self.value if isinstance(self.value, list) else [self]

    def plain(self) -> Plain:
        """The same without positions."""
        match self.value:
            case list(items):
                return [item.plain() for item in items]
            case dict(items):
                return {key: item.plain() for key, item in items.items()}
            case scalar:
                return scalar

    def problem(self, key: str, message: str) -> Problem:
        """Say that something is wrong here."""
        return Problem(self.path, self.line, self.column, key, message)

    def kind(self) -> str:
        """Say what kind of thing stands here, and nothing of it."""
        if isinstance(self.value, list | dict | None):
            return self.shown()
        return f"{len(self.text)} characters"

    def shown(self) -> str:
        """Say what stands here, in one short line."""
        match self.value:
            case list(items):
                return "a list" if items else "an empty list"
            case dict(items):
                keys = ", ".join(shown_key(key) for key in list(items)[:4])
                return f"keys {keys}" if keys else "no keys"
            case None:
                return "nothing"
            case str(text):
                return repr(text if len(text) <= 60 else text[:57] + "...")
            case _:
                return self.text


def parse(path: Path, data: bytes) -> tuple[Node | None, list[Problem]]:
    """
    Read one document.

    Args:
        path: only for the problems to name.
        data: what the file holds.

    Returns:
        The root, or None if the data could not be read to its end, and
        the problems found so far. Never raises because of the data.
    """
    if len(data) > MAX_BYTES:
        message = f"expected at most {MAX_BYTES // 1024} KiB"
        return None, [Problem(path, 1, 1, "", message)]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        return None, [Problem(path, line, 1, "", "expected text in UTF-8")]
    if found := UNPRINTABLE.search(text):
        before = text[: found.start()]
        line, column = before.count("\n") + 1, found.start() - before.rfind("\n")
        message = f"control character U+{ord(found[0]):04X}: delete it"
        return None, [Problem(path, line, column, "", message)]
    reader = _Reader(path, text)
    try:
        return reader.document(), reader.problems
    except yaml.MarkedYAMLError as exc:
        return None, [*reader.problems, _syntax(path, exc, text)]
    except _GivenUpError:
        return None, reader.problems


def shown_key(key: str) -> str:
    """Return a key as it may stand in a one-line message."""
    if PHONE.search(key):
        return "…"  # somebody's number, where no key can be one
    key = key if len(key) <= 40 else key[:37] + "..."
    return key if key.isprintable() and key else repr(key)


class _GivenUpError(Exception):
    """The problem is noted; reading on makes no sense."""


class _Reader:
    """Events of libyaml to nodes, with the bounds checked on the way down.

    Nothing is expanded: an alias is one event, and the scanner of libyaml, which
    needs quadratic time for deep nesting, is left alone at MAX_DEPTH.
    """

    def __init__(self, path: Path, text: str) -> None:
        self.problems: list[Problem] = []
        self._path = path
        # Any: the stubs leave out most attributes of events.
        self._next: Callable[[], Any] = yaml.CSafeLoader(text).get_event

    def document(self) -> Node:
        self._next()  # StreamStart
        start = self._next()
        if isinstance(start, yaml.StreamEndEvent):
            return Node(1, 1, None, path=self._path)
        root = self._node(self._next(), None, 1)
        self._next()  # DocumentEnd
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            self._problem(after, None, "expected one document, got a second '---'")
        return root

    def _node(self, event: Any, where: Where, depth: int) -> Node:
        if depth > MAX_DEPTH:
            self._problem(event, where, f"nested more than {MAX_DEPTH} deep")
            raise _GivenUpError
        mark = event.start_mark
        line, column = mark.line + 1, mark.column + 1
        if isinstance(event, yaml.AliasEvent):
            self._problem(event, where, "aliases (*name) are refused: write it out")
            return Node(line, column, None, path=self._path)
        if event.anchor is not None:
            self._problem(event, where, "anchors (&name) are refused: write it out")
        if event.tag is not None:
            self._problem(event, where, TAG)
        if isinstance(event, yaml.ScalarEvent):
            text: str = event.value
            value = _scalar(text) if event.implicit[0] else text
            return Node(line, column, value, text, {}, self._path)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(line, column, self._items(where, depth), path=self._path)
        values, keys = self._pairs(where, depth)
        return Node(line, column, values, "", keys, self._path)

    def _items(self, where: Where, depth: int) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, (where, len(items)), depth + 1))
        return items

    def _pairs(
        self, where: Where, depth: int
    ) -> tuple[dict[str, Node], dict[str, tuple[int, int]]]:
        values: dict[str, Node] = {}
        keys: dict[str, tuple[int, int]] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            name = self._name(event, where, depth)
            path = (where, name or "")
            value = self._node(self._next(), path, depth + 1)
            if name is None:
                self._problem(event, where, STRUCTURE)
            elif name in values:
                first = keys[name][0]
                self._problem(event, path, f"duplicate key, first on line {first}")
            else:
                values[name], keys[name] = value, _position(event.start_mark)
        return values, keys

    def _name(self, event: Any, where: Where, depth: int) -> str | None:
        """Read a key; None if it is no word."""
        if (
            isinstance(event, yaml.ScalarEvent)
            and event.anchor is None
            and event.tag is None
        ):
            text: str = event.value
            return text  # most are: a node would only be thrown away
        node = self._node(event, where, depth + 1)
        return None if isinstance(node.value, list | dict) else node.text

    def _problem(self, event: Any, where: Where, message: str) -> None:
        line, column = _position(event.start_mark)
        self.problems.append(Problem(self._path, line, column, _key(where), message))
        if len(self.problems) == MAX_PROBLEMS:
            raise _GivenUpError


def _key(where: Where) -> str:
    """Write a place as `routes[0].do`."""
    if where is None:
        return ""
    parent, part = _key(where[0]), where[1]
    if isinstance(part, int):
        return f"{parent}[{part}]"
    return f"{parent}.{shown_key(part)}" if parent else shown_key(part)


def _position(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _scalar(text: str) -> Scalar:
    """Give a scalar without quotes its type. Source: YAML 1.2.2, 10.3.2."""
    if text[:1] not in TYPED:
        return text
    if text in ("", "~", "null"):
        return None
    if BOOL.fullmatch(text):
        return text.lower() in ("true", "yes", "on")
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if FLOAT.fullmatch(text) else text


# What libyaml says, and what an operator should do about it.
ADVICE: Final = {
    "mapping values are not allowed in this context": (
        "unexpected ': '; is the indentation right? Text with a colon needs quotes"
    ),
    "found character that cannot start any token": (
        "text cannot start with this character; put it in quotes"
    ),
    "did not find expected whitespace or line break": (
        "text that begins with ! needs quotes"
    ),
    "did not find expected alphabetic or numeric character": (
        "text that begins with * or & needs quotes"
    ),
    "did not find expected key": "expected a key; is the indentation right?",
    "did not find expected node content": (
        "expected a value; is a bracket or brace not closed?"
    ),
    "could not find expected ':'": "expected 'key: value'; is a colon missing?",
    "found unexpected end of stream": "a quote is opened here and never closed",
}
TAG: Final = "tags (!name) are refused; text that begins with ! needs quotes"
STRUCTURE: Final = (
    "expected a word as key, got a structure; text with braces or brackets needs quotes"
)
FULL_WIDTH: Final = "use an ASCII colon and a blank (': ') instead of '：'"
KEY: Final = re.compile(r"[ -]*[a-z0-9_-]+ *(：|:(?: |$))")
UNCLOSED: Final = {
    "did not find expected ',' or ']'": "expected ',' or ']'; the bracket",
    "did not find expected ',' or '}'": "expected ',' or '}'; the brace",
}

# Said where a key follows something that is no key.
AFTER_TEXT: Final = {
    "mapping values are not allowed in this context",
    "could not find expected ':'",
}
# Noticed at the end of the file or of the line; the mistake is where it begins.
EARLIER: Final = {"could not find expected ':'", "found unexpected end of stream"}


def _syntax(path: Path, exc: yaml.MarkedYAMLError, text: str) -> Problem:
    said = str(exc.problem)
    mark = exc.context_mark if said in EARLIER else None
    line, column = _position(mark or exc.problem_mark)
    lines = text.split("\n")[:line]
    if said in AFTER_TEXT and (found := _full_width(lines)):
        return Problem(path, *found, "", FULL_WIDTH)
    here = "".join(lines[line - 1 :])
    if "\t" in here[: len(here) - len(here.lstrip())]:
        said = "a tab in the indentation: YAML wants spaces"
    if said in UNCLOSED and exc.context_mark:
        opened = exc.context_mark.line + 1
        said = f"{UNCLOSED[said]} that is opened on line {opened} is not closed"
    return Problem(path, line, column, "", ADVICE.get(said, said))


def _full_width(lines: list[str]) -> tuple[int, int] | None:
    """Find a key with a full-width colon at the end of some lines.

    It is text to YAML, which goes on until a key follows: there it is noticed.
    """
    for number in range(len(lines), 0, -1):
        key = KEY.match(lines[number - 1])
        if key and key[1] == "：":
            return number, key.start(1) + 1
        if key and number < len(lines):
            break
    return None
