"""
Regular expressions that an operator may write: a part of Python's, and bounded.

Python's engine tries one way after another, and some patterns have more ways than a
call has time: `(a+)+` needs minutes on thirty letters. So the ways are counted before
a pattern is taken, `*` and `+` repeat at most 30 times, and what a way cannot be
counted of (back references, look-around, flags) isn't part of it.
"""

import re
from functools import lru_cache
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

MAX_CHARACTERS: Final = 200
MAX_REPEATS: Final = 30
MAX_WAYS: Final = 1000  # of matching, from one place in the text

_ESCAPES: Final = frozenset("dDwWsSbB")
_QUANTIFIER: Final = re.compile(r"\{([0-9]{1,2})(?:(,)([0-9]{1,2})?)?\}")
_SET: Final = re.compile(r"--|&&|\|\||~~")
_CLASS: Final = re.compile(r"\[\^?\]?(?:\\.|[^\]\\\[])*\]")


class _Reader:
    """Counts the ways, and rewrites `*` and `+` as it goes."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.out = ""

    def alternatives(self) -> int:
        ways = self.sequence()
        while self.taken("|"):
            self.out += "|"
            ways += self.sequence()
        return _few(ways)

    def sequence(self) -> int:
        ways = 1
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            ways = _few(ways * self.repeated())
        return ways

    def repeated(self) -> int:
        ways = self.atom()
        low, high = self.quantifier()
        if high == low == 1:
            return ways
        if low > high:
            raise _refused(f"repeats {low} to {high} times")
        return sum(ways**times for times in range(low, high + 1))

    def atom(self) -> int:
        char = self.text[self.at]
        if char == "(":
            return self.group()
        if char == "[":
            found = _CLASS.match(self.text, self.at)
            if not found:
                raise _refused("has a [ without its ]")
            if _SET.search(found[0]):  # Python is about to give these a meaning
                raise _refused("cannot hold --, &&, || or ~~ in [ ]")
            return self.copied(len(found[0]))
        if char == "\\":
            name = self.text[self.at + 1 : self.at + 2]
            if not name or (name.isalnum() and name not in _ESCAPES):
                raise _refused(f"cannot hold \\{name}")
            return self.copied(2)
        if char in "*+?{":
            raise _refused(f"has a {char} with nothing before it")
        return self.copied(1)

    def group(self) -> int:
        self.at += 1
        if self.taken("?") and not self.taken(":"):
            raise _refused("cannot hold (? other than (?:")
        self.out += "(?:"
        ways = self.alternatives()
        if not self.taken(")"):
            raise _refused("has a ( without its )")
        self.out += ")"
        return ways

    def quantifier(self) -> tuple[int, int]:
        low, high = 1, 1
        if self.taken("*"):
            low, high = 0, MAX_REPEATS
        elif self.taken("+"):
            low, high = 1, MAX_REPEATS
        elif self.taken("?"):
            low, high = 0, 1
        elif found := _QUANTIFIER.match(self.text, self.at):
            self.at = found.end()
            low = int(found[1])
            high = int(found[3] or MAX_REPEATS) if found[2] else low
        if (low, high) != (1, 1):
            self.out += f"{{{low},{high}}}"
        return low, high

    def copied(self, size: int) -> int:
        self.out += self.text[self.at : self.at + size]
        self.at += size
        return 1

    def taken(self, char: str) -> bool:
        found = self.text.startswith(char, self.at)
        self.at += found
        return found


@lru_cache(1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """
    Compile a pattern so that no text makes it slow; letters match in either case.

    Raises:
        PydanticCustomError: it is none of those that an operator may write.
    """
    reader = _Reader(pattern)
    reader.alternatives()
    if reader.at < len(pattern):
        raise _refused("has a ) without its (")
    try:
        return re.compile(reader.out, re.IGNORECASE)
    except re.error as exc:  # a class such as [z-a]
        raise _refused(f"cannot be read: {exc.msg}") from None


def _few(ways: int) -> int:
    if ways > MAX_WAYS:
        raise _refused("has too many ways to match: use fewer *, + and ?")
    return ways


def _refused(why: str) -> PydanticCustomError:
    message = "expected a regular expression; this one {why}"
    return PydanticCustomError("pattern", message, {"why": why})


def _known(pattern: str) -> str:
    compiled(pattern)
    return pattern


Pattern = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_CHARACTERS),
    AfterValidator(_known),
]
