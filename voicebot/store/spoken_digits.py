"""
Digits in what was said: written in any grouping, or spoken in English or Chinese.

Reads a transcript into runs: digits that follow each other with nothing between them
that says something. Dates, times and prices are no digits of a run.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voicebot.store.number_words import (
    BIG,
    ENGLISH_WORDS,
    FILLERS,
    REPEATS,
    SINGLE,
    chinese,
    english,
)

MAX_GAP: Final = 6
"""Fillers and marks between two digits; with more of them, they don't belong."""

ID_DIGITS: Final = range(15, 19)
"""After so many digits, an X is the check digit of a Chinese identity card."""

WORD_DIGITS: Final = 7
"""Digits that touch letters are part of a word (A320, 5kg), unless so many."""

_YEAR: Final = r"(?:19|20)[0-9]{2}"
_MONTH: Final = r"(?:0?[1-9]|1[0-2])"
_DAY: Final = r"(?:0?[1-9]|[12][0-9]|3[01])"
_ZH: Final = "零〇○一二三四五六七八九幺两兩壹贰叁肆伍陆柒捌玖十百千拾佰仟"

# Whoever matches first is right. Each begins at a fixed place and is bounded or a
# plain class, so that reading takes time in proportion to the text.
_TOKEN: Final = re.compile(
    rf"""
    (?P<other>
        (?<![0-9+])(?<![0-9][-/.])
        (?:{_YEAR}(?P<a>[-/.]){_MONTH}(?P=a){_DAY}
          |{_DAY}(?P<b>[-/.]){_MONTH}(?P=b)(?:{_YEAR}|[0-9]{{2}})
          |{_MONTH}(?P<c>[-/.]){_DAY}(?P=c)(?:{_YEAR}|[0-9]{{2}})
          |[0-9]{{1,3}}(?:,[0-9]{{3}}){{1,4}}(?:\.[0-9]{{1,2}})?
          |(?:0|[1-9][0-9]{{0,8}})\.[0-9]{{1,2}}
        )(?![0-9]|[-/.,:][0-9])
        |(?<![0-9:])(?:[01]?[0-9]|2[0-4]):[0-5][0-9](?::[0-5][0-9])?(?!:?[0-9])
    )
    |(?P<repeat>[二两兩三四2-4]个(?=[{_ZH}0-9](?![十百千万亿个])))
    |(?P<digits>[0-9]+)
    |(?P<plus>\+|\bplus\b|加(?:号)?(?=[ 0-9{_ZH}]))
    |(?P<x>(?<![a-z])x(?![a-z])|叉)
    |(?P<word>[a-z]+)
    |(?P<zh>[{_ZH}]+)
    |(?P<filler>
        然后是?|接着是?|接下来是?|再来|还有|后[面边]四位|后[面边]是?|最后是?|前[面边]是?
        |中间是?|开头是?|那个|这个|就是|空格|横[杠线]|逗号|[嗯呃额啊哦噢再是杠吧呢的]
    )
    |(?P<mark>[ \t\n\u3000\u00a0,，、。.…·\-‐‑‒–—―_()（）/~;；:：!！?？"'“”’]+)
    |(?P<rest>.)
    """,
    re.VERBOSE | re.DOTALL,
)


_DIGIT: Final = re.compile(f"[0-9{_ZH}]")
_WORD: Final = re.compile("[a-z]+")


class How(StrEnum):
    """How a part of a number was said."""

    WRITTEN = "written"
    """In figures: 138."""
    DIGIT = "digit"
    """One at a time: one, 幺, double five."""
    COMPOUND = "compound"
    """As a number: twenty three, 一百三十八."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some digits, and where in the text they were said."""

    digits: str
    start: int
    end: int
    how: How


@dataclass(frozen=True, slots=True)
class Run:
    """Digits that follow each other, with nothing but marks and fillers between."""

    parts: tuple[Part, ...]
    digits: str
    """Of all parts."""

    start: int
    """Of the plus sign, if one stands before it; else of its first part."""

    plus: bool = False
    commas: bool = False
    """Whether a comma stands between all of them, as in a list."""

    before: str = ""
    """What was said right before it, and after it; lower case."""

    after: str = ""

    @property
    def end(self) -> int:
        return self.parts[-1].end


def plain(text: str) -> str:
    """
    Return the text with its figures and letters in ASCII, of lower case.

    Character by character: a place in one is the same place in the other.
    """
    table = {}
    for character in set(text):
        value = unicodedata.digit(character, None)
        if value is not None:
            table[ord(character)] = str(value)
        elif "\uff01" <= character <= "\uff5e":  # full width
            table[ord(character)] = chr(ord(character) - 0xFEE0).lower()
        elif "A" <= character <= "Z":
            table[ord(character)] = character.lower()
    return text.translate(table)


CONTEXT: Final = 48
"""Characters before and after a run that say what it is."""


def runs(text: str) -> list[Run]:
    """
    Find the digits of a text, in order.

    Args:
        text: as `plain` returns it.
    """
    if not _DIGIT.search(text) and ENGLISH_WORDS.isdisjoint(_WORD.findall(text)):
        return []  # as in most turns
    building = _Building(text)
    found = [building.take(token) for token in _tokens(text)]
    return [run for run in [*found, building.finish()] if run]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    start: int
    end: int
    parts: tuple[Part, ...] = ()


class _Building:
    """Puts tokens together to runs."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._parts: list[Part] = []
        self._gap = 0
        self._commas = True
        self._plus_at: int | None = None
        self._leading_plus: int | None = None

    def take(self, token: _Token) -> Run | None:
        """Add a token; return the run that is over by it, if one is."""
        match token.kind:
            case "digits":
                return self._add(token)
            case "plus":
                run = self.finish()
                self._plus_at = token.start
                return run
            case "and":
                # "one three eight and zero zero": but "two and twenty" are two.
                return None if self._spelt else self.finish()
            case "gap":
                self._gap += 1
                return None
            case "x" if self._size in ID_DIGITS:
                self._parts.append(Part("x", token.start, token.end, How.DIGIT))
                return self.finish()
            case _:
                return self.finish()

    def _add(self, token: _Token) -> Run | None:
        run = self.finish() if self._gap > MAX_GAP else None
        if not self._parts:
            self._leading_plus, self._plus_at = self._plus_at, None
            self._commas = True
        else:
            between = self._text[self._parts[-1].end : token.start]
            if not any(comma in between for comma in ",，、"):
                self._commas = False
        self._parts += token.parts
        self._commas &= len(token.parts) == 1
        self._gap = 0
        return run

    @property
    def _spelt(self) -> bool:
        return bool(self._parts) and self._parts[-1].how is How.DIGIT

    @property
    def _size(self) -> int:
        return sum(len(part.digits) for part in self._parts)

    def finish(self) -> Run | None:
        parts, self._parts = tuple(self._parts), []
        plus, self._leading_plus, self._plus_at = self._leading_plus, None, None
        self._gap = 0
        if not parts:
            return None
        start = parts[0].start if plus is None else plus
        return Run(
            parts=parts,
            digits="".join(part.digits for part in parts),
            start=start,
            plus=plus is not None,
            commas=self._commas and len(parts) > 1,
            before=self._text[max(0, start - CONTEXT) : start],
            after=self._text[parts[-1].end : parts[-1].end + CONTEXT],
        )


def _tokens(text: str) -> Iterator[_Token]:
    """Cut a text into digits, what may stand between them, and what may not."""
    matches = list(_TOKEN.finditer(text))
    at = 0
    while at < len(matches):
        match = matches[at]
        at += 1
        start, end = match.span()
        # The names of groups within <other> come after it; lastgroup is the outer.
        kind = match.lastgroup or ""
        if kind == "word" and match[0] in ENGLISH_WORDS:
            words, at = _following(matches, at - 1)
            yield from _english(words)
            continue
        match kind:
            case "digits" if _in_word(text, start, end):
                yield _Token("other", start, end)
            case "digits":
                part = Part(match[0], start, end, How.WRITTEN)
                yield _Token("digits", start, end, (part,))
            case "repeat":
                after = matches[at]
                at += 1
                yield from _repeated(match, after)
            case "zh":
                for digits, first, last in chinese(match[0]):
                    yield _chinese(digits, start + first, start + last)
            case "word" if match[0] == "and":
                yield _Token("and", start, end)
            case "word" if match[0] in FILLERS:
                yield _Token("gap", start, end)
            case "mark" | "filler":
                yield _Token("gap", start, end)
            case "plus" | "x":
                yield _Token(kind, start, end)
            case _:
                yield _Token("other", start, end)


def _in_word(text: str, start: int, end: int) -> bool:
    """Whether figures are part of a word, or of a quantity such as 13万."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if after in BIG:
        return True
    letters = [c for c in (before, after) if "a" <= c <= "z" and c != "x"]
    return bool(letters) and (end - start < WORD_DIGITS or len(letters) > 1)


def _following(
    matches: list[re.Match[str]], at: int
) -> tuple[list[re.Match[str]], int]:
    """Return number words in a row, with only a blank or a hyphen between them."""
    words = [matches[at]]
    at += 1
    while at + 1 < len(matches):
        mark, word = matches[at], matches[at + 1]
        if mark[0] not in (" ", "-"):
            break
        if word.lastgroup == "digits" and words[-1][0] in REPEATS:
            words.append(word)
            return words, at + 2
        if word.lastgroup != "word" or word[0] not in ENGLISH_WORDS | {"and"}:
            break
        if word[0] == "and" and words[-1][0] not in BIG:
            break
        words.append(word)
        at += 2
    return words, at


def _english(words: list[re.Match[str]]) -> Iterator[_Token]:
    for digits, first, last in english([word[0] for word in words]):
        start, end = words[first].start(), words[last].end()
        if digits is None:
            yield _Token("other", start, end)
        else:
            single = first == last or words[first][0] in REPEATS
            how = How.DIGIT if single and words[last][0] in SINGLE else How.COMPOUND
            how = How.WRITTEN if words[last][0][0].isdigit() else how
            part = Part(digits, start, end, how)
            yield _Token("digits", start, end, (part,))


def _repeated(times: re.Match[str], digit: re.Match[str]) -> Iterator[_Token]:
    """两个8, 三个六: and what follows the digit in the same breath."""
    count = {"3": 3, "三": 3, "4": 4, "四": 4}.get(times[0][0], 2)
    start, end = times.start(), digit.start() + 1
    first, rest = digit[0][0], digit[0][1:]
    value = first if first.isdigit() else SINGLE.get(first)
    if value is None:
        yield _Token("other", start, digit.end())
        return
    part = Part(value * count, start, end, How.DIGIT)
    yield _Token("digits", start, end, (part,))
    if rest.isdigit() and rest.isascii():
        part = Part(rest, end, digit.end(), How.WRITTEN)
        yield _Token("digits", end, digit.end(), (part,))
    elif rest:
        for digits, one, two in chinese(rest):
            yield _chinese(digits, end + one, end + two)


def _chinese(digits: str | None, start: int, end: int) -> _Token:
    if digits is None:
        return _Token("other", start, end)
    how = How.DIGIT if end - start == 1 and len(digits) == 1 else How.COMPOUND
    return _Token("digits", start, end, (Part(digits, start, end, how),))
