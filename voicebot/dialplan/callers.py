"""Callers by tag: lists of numbers, long ones too."""

from collections.abc import Iterable, Mapping
from typing import Final

NOBODY: Final[frozenset[str]] = frozenset()

# Tags of our own, which no list of the plan's can have.
BLOCKED: Final = "!block"
ALLOWED: Final = "!allow"


class Callers:
    """Which tags a caller has. A lookup takes as long for 20 000 patterns as for 2."""

    def __init__(self, patterns: Mapping[str, Iterable[str]]) -> None:
        """Args: patterns: of each tag: numbers, their beginnings, `anonymous`."""
        tags: dict[str, frozenset[str]] = {}
        for tag, listed in patterns.items():
            for pattern in listed:
                tags[pattern] = tags.get(pattern, NOBODY) | {tag}
        self._tags = tags

    def tagged(self, caller: str) -> frozenset[str]:
        """Return the tags of a caller."""
        beginnings = (f"{caller[:end]}*" for end in range(2, len(caller) + 1))
        patterns = (caller, *beginnings)
        return frozenset().union(*(self._tags.get(x, NOBODY) for x in patterns))
