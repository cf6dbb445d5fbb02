"""Words for numbers, in English and Chinese, and what several of them come to."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

_ENGLISH: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
    *("seventeen", "eighteen", "nineteen"),
)
_TENS: Final = (
    *("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"),
)
_UP_TO_99: Final = {word: value for value, word in enumerate(_ENGLISH)} | {
    word: 20 + 10 * index for index, word in enumerate(_TENS)
}
_NOUGHTS: Final = ("oh", "o", "nought", "naught", "nil")
_CHINESE: Final = {
    **{character: value for value, character in enumerate("零一二三四五六七八九")},
    **{character: value for value, character in enumerate("壹贰叁肆伍陆柒捌玖", 1)},
    **{"〇": 0, "○": 0, "幺": 1, "两": 2, "兩": 2},
}

SINGLE: Final[Mapping[str, str]] = MappingProxyType(
    {word: str(value) for word, value in _UP_TO_99.items() if value < 10}
    | dict.fromkeys(_NOUGHTS, "0")
    | {character: str(value) for character, value in _CHINESE.items()}
)
"""What stands for one digit."""

REPEATS: Final[Mapping[str, int]] = MappingProxyType(
    {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
)
_HUNDRED, _THOUSAND = "hundred", "thousand"
BIG: Final = frozenset(
    (_HUNDRED, _THOUSAND, "million", "billion", *"百千万萬亿億"),
)
"""What makes a number of a digit; what is in figures before them is a quantity."""

ENGLISH_WORDS: Final = frozenset(
    {*_UP_TO_99, *_NOUGHTS, *REPEATS, _HUNDRED, _THOUSAND, "million", "billion"}
)

FILLERS: Final = frozenset(
    {
        *("uh", "um", "er", "erm", "ah", "eh", "hm", "hmm", "mm", "mhm", "uhm"),
        *("well", "so", "then", "next", "okay", "ok", "right", "like", "dash", "dot"),
        *("hyphen", "space", "comma", "slash", "its", "it", "s", "is", "thats"),
    }
)
"""What is said between the digits of one number."""

_UNITS: Final = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}


def english(words: Sequence[str]) -> Iterator[tuple[str | None, int, int]]:
    """
    Read number words in a row.

    "one twenty three" is 1 23, "twenty three hundred" 2300, "double five" 55.

    Yields:
        Digits, and the first and the last word that they are made of; None for digits
        if the words are a quantity, or no number.
    """
    at = 0
    while at < len(words):
        word, first = words[at], at
        if word in REPEATS:
            digit = words[at + 1] if at + 1 < len(words) else ""
            value = digit if digit.isdigit() else SINGLE.get(digit)
            if value is None:
                yield None, first, first
                at += 1
            else:
                # "double 55" repeats what was said next, not all of it.
                yield value[0] * (REPEATS[word] - 1) + value, first, at + 1
                at += 2
        elif word in SINGLE and (at + 1 == len(words) or words[at + 1] not in BIG):
            yield SINGLE[word], first, first
            at += 1
        elif word == "and":
            yield None, first, first
            at += 1
        else:
            value_, at = _number(words, at)
            yield (None if value_ is None else str(value_)), first, at - 1


def _number(words: Sequence[str], at: int) -> tuple[int | None, int]:
    """Return the number that begins here, None if it is too big, and where it ends."""
    value, at = _below_100(words, at) if words[at] not in BIG else (1, at)
    if _is(words, at, _HUNDRED):
        rest, at = _rest(words, at + 1)
        value = 100 * value + rest
    if _is(words, at, _THOUSAND):
        at += 1
        hundreds = 0
        if _is(words, at + 1, _HUNDRED):
            hundreds, at = _below_100(words, at)
            at += 1
        rest, at = _rest(words, at)
        value = 1000 * value + 100 * hundreds + rest
    big = value > 9999
    while at < len(words) and words[at] in BIG:
        big, at = True, at + 1
    return (None if big else value), at


def _below_100(words: Sequence[str], at: int) -> tuple[int, int]:
    """A number below 100 that begins here, and where it ends; 0 if none does."""
    word = words[at] if at < len(words) else ""
    if word not in _UP_TO_99:
        return 0, at + (word in _NOUGHTS)
    value, at = _UP_TO_99[word], at + 1
    unit = _UP_TO_99.get(words[at], 0) if at < len(words) else 0
    if value >= 20 and 0 < unit < 10:
        return value + unit, at + 1
    return value, at


def _rest(words: Sequence[str], at: int) -> tuple[int, int]:
    """
    What belongs to the hundred or thousand before it, and where it ends.

    A single digit only after "and", or at the end: "eight hundred five five five" is
    dictated.
    """
    joined = _is(words, at, "and")
    follows = at + joined
    if follows >= len(words) or words[follows] not in _UP_TO_99:
        return 0, at
    if _UP_TO_99[words[follows]] < 10 and not joined and follows + 1 < len(words):
        return 0, at
    return _below_100(words, follows)


def _is(words: Sequence[str], at: int, word: str) -> bool:
    return at < len(words) and words[at] == word


def chinese(characters: str) -> Iterator[tuple[str | None, int, int]]:
    """
    Read Chinese numerals in a row.

    一百三十八 is 138, 一三八 is 1 3 8, 两千三 is 2300.

    Yields:
        Digits, and the place of their first character and of the one behind their
        last; None for digits if it is no number.
    """
    at = 0
    while at < len(characters):
        first, follows = at, characters[at + 1 : at + 2]
        if characters[at] in _CHINESE and follows not in _UNITS:
            at += 1
            yield SINGLE[characters[first]], first, at
        else:
            value, at = _counted(characters, at)
            yield (str(value) if value else None), first, at


def _counted(characters: str, at: int) -> tuple[int, int]:
    """Return the number with units that begins here, and where it ends."""
    value, unit, glued = 0, 10_000, False
    while at < len(characters):
        one, two = characters[at], characters[at + 1 : at + 2]
        if one in _CHINESE and two in _UNITS and _UNITS[two] < unit:
            unit = _UNITS[two]
            value, at, glued = value + _CHINESE[one] * unit, at + 2, False
        elif one in _UNITS and _UNITS[one] < unit and value == 0:
            unit = _UNITS[one]
            value, at = unit, at + 1
        elif one in "零〇" and unit > 10 and not glued and _glues(characters, at):
            at, glued = at + 1, True
        elif _CHINESE.get(one, 0) and (unit == 10 or glued):
            return value + _CHINESE[one], at + 1
        elif _CHINESE.get(one, 0) and value and not two:  # 一百三
            return value + _CHINESE[one] * unit // 10, at + 1
        else:
            break
    return value, at


def _glues(characters: str, at: int) -> bool:
    """Whether a 零 belongs to what stands before it: 一百零八, not 一百零零一三."""
    digit, beyond = characters[at + 1 : at + 2], characters[at + 2 : at + 3]
    return bool(_CHINESE.get(digit, 0)) and (beyond == "" or beyond in _UNITS)
