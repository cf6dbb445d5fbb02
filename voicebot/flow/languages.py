"""
Which language the caller speaks, told from how their words are written.

A transcript in another script is beyond doubt; two languages of one script, such as
English and Spanish, are not told apart here: nothing changes then.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from voicebot.bridge.model import Reword
from voicebot.bridge.settings import Prompt
from voicebot.dialplan.persona import Persona

# Languages that aren't written in Latin letters, by the script that tells them.
# Source: Unicode 15, Blocks.txt.
SCRIPTS: Final[Mapping[str, re.Pattern[str]]] = {
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "ko": re.compile(r"[\uac00-\ud7a3]"),
    "zh": re.compile(r"[\u3400-\u9fff]"),
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "th": re.compile(r"[\u0e00-\u0e7f]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
}
LATIN: Final = re.compile(r"[A-Za-z\u00c0-\u024f]")

# Fewer are a name, or an "OK", that other languages have too.
CLEAR_LATIN: Final = 8
CLEAR_OTHER: Final = 2

# So many turns of the caller's, one after the other, are another language.
TURNS: Final = 2


def written_in(text: str, languages: Iterable[str]) -> str | None:
    """
    Return the one of some languages that a text is written in.

    Args:
        languages: BCP-47 tags.

    Returns:
        None if it is too short, or if several of them may be meant.
    """
    script = _script(text)
    fits = [each for each in languages if _script_of(each) == script]
    return fits[0] if script and len(fits) == 1 else None


def _script(text: str) -> str | None:
    """Return the language that names the script, `latin`, or None if it isn't clear."""
    counts = {name: len(found.findall(text)) for name, found in SCRIPTS.items()}
    if counts["ja"] >= CLEAR_OTHER:
        return "ja"  # which has Chinese characters, too
    name = max(counts, key=lambda name: counts[name])
    latin = len(LATIN.findall(text))
    if counts[name] >= CLEAR_OTHER:
        # "我要 checkout" is Chinese; a letter of Latin is less than a character.
        return name if latin < 4 * counts[name] else None
    return "latin" if latin >= CLEAR_LATIN and not counts[name] else None


def _script_of(language: str) -> str:
    primary = language.partition("-")[0].lower()
    return primary if primary in SCRIPTS else "latin"


class Languages:
    """
    The language of a call.

    Args:
        persona: as it speaks at the start.
        family: it in all of its languages.
    """

    def __init__(self, persona: Persona, family: Mapping[str, Persona]) -> None:
        self._now = persona.language
        self._family = family if persona.language_switch == "auto" else {}
        self._other: list[str] = []

    def said(self, text: str) -> Persona | None:
        """Take a turn of the caller's; who goes on, if that is another."""
        spoken = written_in(text, self._family)
        if spoken is None:
            return None
        self._other = [*self._other, spoken][-TURNS:]
        if spoken == self._now or self._other != [spoken] * TURNS:
            return None
        self._now = spoken
        return self._family[spoken]


def reworded(
    goodbye: Prompt, apology: Prompt, fillers: Iterable[Prompt], persona: Persona
) -> Reword:
    """Return what the bridge says, and understands, by itself in a language."""
    said = tuple(each for each in fillers if each.ulaw)
    return Reword(goodbye, apology, said, persona.goodbye.when_caller_says)
