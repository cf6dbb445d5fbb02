"""
A text that comes word by word, cut into pieces that are spoken one at a time.

The first piece is short, so that the caller hears something soon; the others are whole
sentences, as a voice that doesn't know how a sentence ends reads it wrongly. Pieces
joined are the text, and how it came makes no difference to where it is cut.
"""

import re
from typing import Final

MAX_CHARACTERS: Final = 300
"""Of a piece. The API takes 1000, but so long a sentence is never heard to its end."""

# How long a first piece must be to end in mid-sentence, in Latin letters: about a
# second of speech, in which the next piece can be made.
FIRST: Final = 18
IDEOGRAPH: Final = 3  # one takes as long to say as so many letters

_CJK: Final = "\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_CLOSERS: Final = "\"'”’)\\]」』）】》"
_MARK: Final = re.compile(
    rf"(?P<mark>[。！？…]+|[!?]+|\.+|[，、；：]|[,;:]|—+|\n)[{_CLOSERS}]*\s*"
)
_FULL: Final = frozenset("。！？…\n")
"""Marks that end a sentence whatever follows."""

_PAUSES: Final = frozenset("，、；：,;:—")
_WIDE: Final = frozenset("，、；：")  # a blank is part of them
_WORD: Final = re.compile(r"[^\W_]")
_IDEOGRAPH: Final = re.compile(f"[{_CJK}]")

# "Dr. Chen", "e.g. Friday", "J. Smith", "3. Mai": a dot that ends no sentence.
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|nr|tel|ext|approx|dept|inc|ltd|co|"
    r"e\.g|i\.e|z\.b|d\.h|bzw|usw|ca|str|hr|fr|jan|feb|mar|apr|aug|sept?|oct|nov|dec)"
    r"|\b[^\W\d_]|\d)$",
    re.IGNORECASE,
)

# What a voice would read aloud, or wouldn't: markup, and brackets, in which text is
# a stage direction to StepFun's voices and isn't spoken (create-audio, `input`).
_MARKUP: Final = re.compile(r"[*_#`~<>|]+|^\s*[-•]\s+", re.MULTILINE)
_BRACKETS: Final = re.compile(r"[()（）]")


class Splitter:
    """Cuts one answer."""

    def __init__(self) -> None:
        self._rest = ""
        self._is_first = True

    def push(self, text: str) -> list[str]:
        """Take more of the text; return the pieces that are whole now, in order."""
        self._rest += text
        return self._cut(at_end=False)

    def finish(self) -> list[str]:
        """There is no more: return what is left."""
        pieces = self._cut(at_end=True)
        rest, self._rest = self._rest, ""
        return [*pieces, rest] if rest else pieces

    def _cut(self, *, at_end: bool) -> list[str]:
        pieces = []
        while (end := self._end(at_end=at_end)) is not None:
            pieces.append(self._rest[:end])
            self._rest = self._rest[end:]
            self._is_first = False
        return pieces

    def _end(self, *, at_end: bool) -> int | None:
        """Where the next piece ends; None if that can't be told yet."""
        text = self._rest
        for mark in _MARK.finditer(text):
            end = mark.end()
            # What follows decides, and how long the run of marks is, too.
            if end > MAX_CHARACTERS or end == len(text) and not at_end:
                break
            if self._ends(mark) and _WORD.search(text, 0, end):
                return end
        return _last_blank(text) if len(text) > MAX_CHARACTERS else None

    def _ends(self, mark: re.Match[str]) -> bool:
        """Whether a piece may end behind a mark."""
        text, kind = mark.string, mark["mark"][0]
        if kind in _FULL:
            return True
        if kind in _PAUSES:
            early = self._is_first and _length(text[: mark.start()]) >= FIRST
            return early and _is_apart(mark)
        if kind == "." and _ABBREVIATION.search(text[: mark.start()]):
            return False
        return _is_apart(mark)


def is_spoken(piece: str) -> bool:
    """Whether there is something in it to be said."""
    return _WORD.search(piece) is not None


def as_spoken(piece: str) -> str:
    """Return a piece as it is to be read aloud: nothing but words and marks."""
    plain = _BRACKETS.sub("", _MARKUP.sub(" ", piece))
    return " ".join(plain.split())


def _is_apart(mark: re.Match[str]) -> bool:
    """Whether a blank follows, the end, or writing that needs none: not in 3.14."""
    text, end = mark.string, mark.end()
    follows = text[end : end + 1]
    if mark["mark"][0] in _WIDE or not follows or text[end - 1].isspace():
        return True
    return _IDEOGRAPH.match(follows) is not None


def _length(text: str) -> int:
    """How long it takes to say, in Latin letters."""
    return len(text) + (IDEOGRAPH - 1) * len(_IDEOGRAPH.findall(text))


def _last_blank(text: str) -> int:
    """Where to cut a text that goes on and on: behind a blank, if there is one."""
    blank = text.rfind(" ", 1, MAX_CHARACTERS)
    return blank + 1 if blank > 0 else MAX_CHARACTERS
