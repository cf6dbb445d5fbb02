"""What a few words of the caller's mean, said while the bot speaks."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from typing import Final

# Chinese and Japanese are written without blanks: there, each character is a word.
_CJK: Final = r"\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD: Final = re.compile(rf"[{_CJK}]|[^{_CJK}]+")

# How transcripts write down what isn't speech: [noise], (coughs), <unk>, *cough*.
_TAG: Final = re.compile(r"\[[^]]*\]|\([^)]*\)|<[^>]*>|\*[^*]*\*|【[^】]*】|（[^）]*）")
_APOSTROPHE: Final = re.compile(r"(?<=\w)['’](?=\w)")
_MARKS: Final = re.compile(r"[^\w\s]+")
_DRAWN_OUT: Final = re.compile(r"([a-z])\1+")

_CJK_WORD: Final = re.compile(rf"[{_CJK}]")
_LETTER: Final = rf"(?![{_CJK}])[^\W_]"
_SPOKEN_WORD: Final = re.compile(rf"[{_CJK}]|(?:{_LETTER}|(?<=\w)[-'’](?=\w))+")
_VOWELS: Final = re.compile(r"[aeiouy]+", re.IGNORECASE)
LETTER_LENGTH: Final = 0.5
CHARACTER_LENGTH: Final = 1.8

# A single word that both say is chance.
ECHO_WORDS: Final = 2

Phrase = tuple[str, ...]


class Words(StrEnum):
    """What was heard of the caller while the bot spoke."""

    NOTHING = "nothing"
    """Noise, or nothing at all."""
    BACKCHANNEL = "backchannel"
    """The caller listens: "mm-hm", "嗯嗯". Or said too little to mean more."""
    STOP = "stop"
    """The bot is to be silent, however little was said."""
    WORDS = "words"
    """The caller has something to say."""


def heard_in(
    text: str, *, backchannel: Sequence[str], stop_words: Sequence[str], min_words: int
) -> Words:
    """
    Say what the words mean that the caller spoke while the bot did.

    Case, punctuation, drawn out letters ("yeahhh") and the kind of blanks don't
    matter. A phrase is found as words of its own, in Chinese anywhere, the longest
    first. What is written without a blank is backchannel only if all of it is: not
    对 in 不对.

    Args:
        text: the transcript as far as it has come.
        backchannel: phrases that mean that the caller listens.
        stop_words: phrases that mean that the bot is to stop.
        min_words: words, backchannel left out, that are an interruption; at least 1.
    """
    chunks = _spoken(text)
    words = [word for chunk in chunks for word in chunk]
    if not words:
        return Words.NOTHING
    meanings = dict.fromkeys(map(_parts, backchannel), Words.BACKCHANNEL)
    meanings |= dict.fromkeys(map(_parts, stop_words), Words.STOP)
    found = _found(words, meanings)
    if Words.STOP in found:
        return Words.STOP
    each = iter(found)
    left = 0
    for chunk in chunks:
        if Words.WORDS in [next(each) for _ in chunk]:
            left += len(chunk)
    return Words.WORDS if left >= min_words else Words.BACKCHANNEL


def count_words(text: str) -> int:
    """How many words a transcript has; a Chinese character counts as one."""
    return sum(map(len, _spoken(text)))


def spoken_lengths(text: str) -> list[float]:
    """
    How long each word of a text takes to say, roughly and in no unit, in order.

    Vowels take longest, letters some time. A Chinese character is a word.
    """
    return [
        CHARACTER_LENGTH
        if _CJK_WORD.match(word)
        else _vowels(word) + LETTER_LENGTH * len(word)
        for word in _SPOKEN_WORD.findall(text)
    ]


def _vowels(word: str) -> int:
    return len(_VOWELS.findall(unicodedata.normalize("NFD", word)))


def says(text: str, phrases: Iterable[str]) -> bool:
    """Whether one of the phrases stands in the text, as words of its own."""
    return first_said(text, phrases) is not None


def first_said(text: str, phrases: Iterable[str]) -> str | None:
    """The first of the phrases that stands in the text, as words of its own."""
    words = _joined(_chunks(text))
    for phrase in phrases:
        parts = _parts(phrase)
        if parts and _stand_in(words, parts):
            return phrase
    return None


def repeats(text: str, bot_text: str) -> bool:
    """
    Whether a transcript is the bot's own words, come back from the line.

    At least two, in the order in which the bot said them, with nothing between.
    """
    words, said = _joined(_spoken(text)), _joined(_chunks(bot_text))
    return len(words) >= ECHO_WORDS and _stand_in(said, words)


def _stand_in(words: Phrase, sought: Phrase) -> bool:
    """Whether some words stand among others, in order and with nothing between."""
    size = len(sought)
    return any(words[at : at + size] == sought for at in range(len(words) - size + 1))


def _found(words: Sequence[str], meanings: Mapping[Phrase, Words]) -> list[Words]:
    """The meaning of each word; WORDS if it belongs to no phrase."""
    longest = max(map(len, meanings), default=0)
    found: list[Words] = []
    while (at := len(found)) < len(words):
        for size in range(min(longest, len(words) - at), 0, -1):
            if meaning := meanings.get(tuple(words[at : at + size])):
                found += [meaning] * size
                break
        else:
            found.append(Words.WORDS)
    return found


@lru_cache(4096)  # A persona has some 200, and needs them with every utterance.
def _parts(phrase: str) -> Phrase:
    return _joined(_chunks(phrase))


def _joined(chunks: list[list[str]]) -> Phrase:
    return tuple(chain.from_iterable(chunks))


def _spoken(transcript: str) -> list[list[str]]:
    return _chunks(_TAG.sub(" ", transcript))


def _chunks(text: str) -> list[list[str]]:
    """The words, those together that have no blank or mark between them."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _MARKS.sub(" ", _APOSTROPHE.sub("", text))
    return [_WORD.findall(chunk) for chunk in _DRAWN_OUT.sub(r"\1", text).split()]
