"""Texts that are too long for one request, cut where a voice pauses anyway."""

import re
from typing import Final

from voicebot.stepfun.limits import TEXT_CHARACTERS

# Where to cut, the best first: behind a sentence, behind a part of one, at a space.
CUTS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:[.!?…]+[\"'”’)\]]*\s|[。！？…]+[”’」）]*|\n)\s*",
        r"(?:[,;:–—]\s|[，；：、])\s*",
        r"\s+",
    )
)


def pieces_of(text: str, most: int = TEXT_CHARACTERS) -> list[str]:
    """
    Cut a text into pieces of at most `most` characters; together they are the text.

    A piece ends with a sentence if one ends in its second half, else with a part of
    one, else with a word. Only what has none of them is cut anywhere.
    """
    pieces = []
    while len(text) > most:
        at = _cut(text, most)
        pieces.append(text[:at])
        text = text[at:]
    return [*pieces, text] if text else pieces


def _cut(text: str, most: int) -> int:
    for cut in CUTS:
        ends = [match.end() for match in cut.finditer(text[:most])]
        if ends and ends[-1] > most // 2:
            return ends[-1]
    return most
