"""Which words of an answer the caller heard, from how many milliseconds of it."""

import re
from typing import Final

# One Chinese character is about a syllable (5 a second, stepaudio-2.5-realtime as
# measured by EXP4: 37 characters in 7.2 s); Latin text runs at about 15 characters a
# second. Only used while the rest of the answer is still to come.
CJK_MS: Final = 195
OTHER_MS: Final = 65

_CJK: Final = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_CHARACTER: Final = re.compile(rf"[{_CJK}]")

# Cuts text where it may be broken: each CJK character alone, other words with the
# blanks around them; both with the marks that follow them.
_WORD: Final = re.compile(rf"[{_CJK}][^\w\s]*|\s*[^\s{_CJK}]+\s*|\s+")


def heard_text(
    text: str,
    heard_ms: float,
    spoken_ms: float,
    complete: bool,
    pace: float = 1.0,
) -> str:
    """
    Cut a text to the words that were heard.

    The model doesn't say when it speaks which word, so time is shared out among the
    words by their length. A word of which less than half was heard is left out.

    Args:
        text: the answer as far as its text has come; it runs ahead of the audio.
        heard_ms: how much of its audio was heard.
        spoken_ms: how much of its audio has come.
        complete: whether text and audio have come to their end.
        pace: how long this voice takes, as a multiple of `estimate_ms`; what is still
            to come is reckoned by it.
    """
    words = _WORD.findall(text)
    weights = [_weight(word) for word in words]
    total = sum(weights)
    if not total or heard_ms <= 0:
        return ""
    whole_ms = spoken_ms if complete else max(spoken_ms, total * pace)
    if heard_ms >= whole_ms:
        return text.strip()
    scale = whole_ms / total
    kept, until = 0, 0.0
    for weight in weights:
        if until + weight * scale / 2 > heard_ms:
            break
        until += weight * scale
        kept += 1
    return "".join(words[:kept]).strip()


def estimate_ms(text: str) -> int:
    """How long it takes to say this, about."""
    return sum(map(_weight, _WORD.findall(text)))


def _weight(word: str) -> int:
    return CJK_MS if _CHARACTER.match(word) else OTHER_MS * len(word)
