"""E-mail addresses in what was said: written, or spoken in English or Chinese."""

import re
from dataclasses import dataclass
from typing import Final

from voicebot.store.number_words import REPEATS, SINGLE

# One step from a word to the next costs the same however long the text is.
_PIECE: Final = re.compile(r"[a-z0-9]+|[@._+-]|[\u4e00-\u9fff]|[^\sa-z0-9]")

_AT: Final = frozenset({"@", "at"})
_AT_PHRASES: Final = ("艾特", "圈a", "小老鼠", "at the rate of", "at the rate")
_DOT: Final = frozenset({".", "dot", "点"})
_JOINS: Final = frozenset(
    {"_", "-", "+", "underscore", "dash", "hyphen", "plus", "minus"}
)
_JOIN_PHRASES: Final = ("下划线", "减号", "横杠", "横线", "中划线")
_HYPHENS: Final = frozenset({"-", "dash", "hyphen"})
_SPELT: Final = frozenset({*SINGLE, *REPEATS})
_TOP: Final = re.compile(r"[a-z]{2,24}")

# Who says these before "at" names a place in the web, no mailbox.
_PLACES: Final = frozenset(
    {
        *("look", "visit", "us", "online", "available", "order", "found", "find", "me"),
        *("website", "site", "more", "it", "is", "book", "here", "up", "buy", "them"),
        *("shop", "page", "that", "this", "sold", "be", "are", "see", "read", "sign"),
    }
)
_CUE: Final = re.compile(
    r"(?:\be-? ?mails?(?: address)?|邮箱(?:地址)?|邮件(?:地址)?|电邮)"
    r"(?:'s|\bis\b|\bwill be\b|\bit\b|[ :：,，?？是为])*"
)
CUE_REACH: Final = 80
"""Characters between the word e-mail and the address's @."""

MAX_LABELS: Final = 5


def emails(text: str) -> list[tuple[int, int]]:
    """
    Find addresses, as places in the text: of the first character and behind the last.

    Args:
        text: as `spoken_digits.plain` returns it.
    """
    if not any(sign in text for sign in (*_AT, *_AT_PHRASES)):
        return []
    pieces = _pieces(text)
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(pieces):
        last = _domain(pieces, at + 1) if pieces[at].is_at else None
        if last is None:
            at += 1
            continue
        floor = found[-1][1] if found else 0
        start = _mailbox(text, pieces, at, floor)
        if start is not None:
            found.append((start, pieces[last].end))
        at = last + 1
    return found


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word or a mark of a text."""

    said: str
    start: int
    end: int
    close: bool
    """Whether no blank stands on either side."""

    @property
    def is_at(self) -> bool:
        return self.said in _AT

    @property
    def is_dot(self) -> bool:
        return self.said in _DOT and (self.said != "." or self.close)

    @property
    def is_join(self) -> bool:
        return self.is_dot or self.said in _JOINS

    @property
    def is_hyphen(self) -> bool:
        return self.said in _HYPHENS and (self.said != "-" or self.close)

    @property
    def is_word(self) -> bool:
        return (self.said.isalnum() and self.said.isascii()) or self.is_spelt

    @property
    def is_spelt(self) -> bool:
        """Whether it is one of the letters or digits of a word that is spelt."""
        letter = len(self.said) == 1 and self.said.isascii() and self.said.isalnum()
        return letter or self.said.isdigit() or self.said in _SPELT


def _pieces(text: str) -> list[_Piece]:
    for phrases, said in ((_AT_PHRASES, "@"), (_JOIN_PHRASES, "_")):
        for phrase in phrases:  # as long as before, so that places stay
            text = text.replace(phrase, said.ljust(len(phrase)))
    return [
        _Piece(
            match[0],
            match.start(),
            match.end(),
            not text[match.start() - 1 : match.start()].isspace()
            and not text[match.end() : match.end() + 1].isspace(),
        )
        for match in _PIECE.finditer(text)
    ]


def _domain(pieces: list[_Piece], at: int) -> int | None:
    """Return the last piece of the domain that begins here, if one does."""
    dots = 0
    for _ in range(MAX_LABELS):
        first = at
        at = _label(pieces, at)
        if at == first:
            return None
        last = at - 1
        joined = at < len(pieces) and (pieces[at].is_dot or pieces[at].is_hyphen)
        if not joined or not (at + 1 < len(pieces) and pieces[at + 1].is_word):
            break
        dots += pieces[at].is_dot
        at += 1
    else:
        return None
    return last if dots and _TOP.fullmatch(pieces[last].said) else None


def _label(pieces: list[_Piece], at: int) -> int:
    """Return where a label ends that begins here: a word, or one that is spelt."""
    if at < len(pieces) and pieces[at].is_word:
        at += 1
        while at < len(pieces) and pieces[at - 1].is_spelt and pieces[at].is_spelt:
            at += 1
    return at


def _mailbox(text: str, pieces: list[_Piece], at: int, floor: int) -> int | None:
    """Return where the mailbox before an @ begins; None if there is none."""
    end = pieces[at].start
    cues = list(_CUE.finditer(text, max(floor, end - CUE_REACH), end))
    if cues and text[cues[-1].end() : end].strip():
        return cues[-1].end()
    first = at - 1
    if first < 0 or not pieces[first].is_word or pieces[first].start < floor:
        return None
    if pieces[at].said == "at" and pieces[first].said in _PLACES:
        return None
    while first > 0 and pieces[first - 1].start >= floor:
        before = pieces[first - 1]
        if before.is_join and first > 1 and pieces[first - 2].is_word:
            first -= 2
        elif before.is_spelt and pieces[first].is_spelt:
            first -= 1
        else:
            break
    return pieces[first].start
