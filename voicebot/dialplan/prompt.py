"""What the model is told: the same text for the same persona and values, always."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from voicebot.dialplan.language import PHRASES
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.variables import NOTHING, fill, shown_of

FAQS: Final = """\
# Frequent questions

Answer these so; in your own words, without changing what they say."""

FACTS: Final = """\
# Facts

Answer from these. If the answer is not here, say that you do not know."""

PRONOUNCE: Final = """\
# Pronunciation

Say the term on the left as the right side reads."""

KEYTERMS: Final = """\
# Terms

Callers are likely to say these; what sounds like one of them is meant so."""

PHONE: Final = """\
# This is a phone call

- Speak {language}, unless the instructions above say otherwise.
- The caller hears you and sees nothing: no markdown, lists, links or emoji.
- Use short sentences. Ask one question at a time, then wait.
- Say numbers, dates and prices as a person would say them on the phone.
- If you did not understand, say so and ask the caller to repeat it."""

SWITCH: Final = {
    "auto": "When the caller speaks {others}, go on in that language.",
    "ask": (
        "When the caller speaks {others}, ask once whether to go on in that language; "
        "change only after a yes."
    ),
    "never": "You understand {others}; still answer in {own}.",
}


def compile_instructions(persona: Persona, values: Mapping[str, str] = NOTHING) -> str:
    """
    Return all that the model is told.

    The order never changes: instructions, style, questions, facts, pronunciation,
    terms, languages, and how to use a phone.

    Args:
        values: what is known of the variables in this call.
    """
    known = shown_of(persona, values)
    parts = [persona.instructions]
    parts += _list("# Style", _style(persona))
    parts += _list(FAQS, (f"{_line(faq.q)} {_line(faq.a)}" for faq in persona.faqs))
    # A fact of several lines stays one item of the list.
    parts += _list(FACTS, map(_line, persona.facts))
    terms = (f"{term}: {reading}" for term, reading in persona.pronounce.items())
    parts += _list(PRONOUNCE, terms)
    parts += _list(KEYTERMS, persona.keyterms)
    parts += _list("# Languages", _languages(persona))
    parts.append(PHONE.format(language=_spoken(persona.language)))
    return fill("\n\n".join(parts), known)


def as_spoken(persona: Persona, text: str) -> str:
    """Write a text of ours as it is to be read aloud."""
    readings = persona.pronounce
    if not readings:
        return text
    longest_first = sorted(readings, key=len, reverse=True)
    terms = re.compile("|".join(map(_whole, longest_first)))
    return terms.sub(lambda term: readings[term[0]], text)


def _whole(term: str) -> str:
    """Match a term that is no part of a longer Latin word."""
    before = r"(?<![A-Za-z0-9])" if term[0].isascii() else ""
    after = r"(?![A-Za-z0-9])" if term[-1].isascii() else ""
    return f"{before}{re.escape(term)}{after}"


def _list(heading: str, items: Iterable[str]) -> list[str]:
    lines = "\n".join(f"- {item}" for item in items)
    return [f"{heading}\n\n{lines}"] if lines else []


def _line(text: str) -> str:
    return " ".join(text.split())


def _style(persona: Persona) -> Iterator[str]:
    style = persona.style
    if style.sentence_max_words:
        yield f"No sentence is longer than {style.sentence_max_words} words."
    if style.numbers:
        yield f"Numbers: {style.numbers}"
    if style.dates:
        yield f"Dates: {style.dates}"
    if style.never_say:
        yield f"Never say: {'; '.join(style.never_say)}"


def _languages(persona: Persona) -> Iterator[str]:
    if persona.also_speaks:
        others = " or ".join(map(_spoken, persona.also_speaks))
        own = _spoken(persona.language)
        yield SWITCH[persona.language_switch].format(others=others, own=own)


def _spoken(language: str) -> str:
    """Name a BCP-47 tag in English where we can, as in `English (en-GB)`."""
    known = PHRASES.get(language.partition("-")[0].lower())
    return f"{known.name} ({language})" if known else language
