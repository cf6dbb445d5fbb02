"""Values of sensitive variables, found again in what was said."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from voicebot.store.dictation import Chain
from voicebot.store.spoken_digits import Run, plain

MAX_VALUE: Final = 200
"""Characters of a value that count."""

MIN_DIGITS: Final = 3
MIN_LETTERS: Final = 2
"""What is shorter stands everywhere."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a sensitive variable is worth, ready to be searched for."""

    name: str
    digits: str
    pattern: re.Pattern[str] | None = None

    """Of what isn't digits."""

    @classmethod
    def of(cls, name: str, value: str) -> "Value | None":
        said = plain(value[:MAX_VALUE])
        digits = re.sub(r"[\s.+()-]", "", said)
        is_digits = digits.isdigit()
        letters = [c for c in said if c.isalnum()]
        if len(letters) < (MIN_DIGITS if is_digits else MIN_LETTERS):
            return None
        if is_digits:
            return cls(name, digits)
        words = re.findall(r"[a-z0-9]+|\w", said)
        pattern = r"[\W_]{0,3}".join(map(re.escape, words))
        edges = (r"\b" if words[side].isascii() else "" for side in (0, -1))
        return cls(name, "", re.compile(next(edges) + pattern + next(edges)))

    def places(self, said: str) -> list[tuple[int, int]]:
        """
        Return where it is said, if it is no number.

        Args:
            said: as `plain` returns it.
        """
        if self.pattern is None:
            return []
        return [match.span() for match in self.pattern.finditer(said)]

    def across(self, chain: Chain) -> Iterator[tuple[int, Run]]:
        """The runs of a chain in which it is said, if it is a number."""
        if not self.digits or self.digits not in chain.run.digits:
            return
        first = chain.run.digits.index(self.digits)
        last = first + len(self.digits)
        at = 0
        for seq, spoken in chain.links:
            size = len(spoken.run.digits)
            if at < last and first < at + size:
                yield seq, spoken.run
            at += size
