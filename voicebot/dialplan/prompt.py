"""What the model is told: the same text for the same persona, always."""

from typing import Final

from voicebot.dialplan.language import PHRASES
from voicebot.dialplan.persona import Persona

FACTS: Final = """\
# Facts

Answer from these. If the answer is not here, say that you do not know."""

PHONE: Final = """\
# This is a phone call

- Speak {language}, unless the instructions above say otherwise.
- The caller hears you and sees nothing: no markdown, lists, links or emoji.
- Use short sentences. Ask one question at a time, then wait.
- Say numbers, dates and prices as a person would say them on the phone.
- If you did not understand, say so and ask the caller to repeat it."""


def compile_instructions(persona: Persona) -> str:
    """Return the instructions, then the facts as a list, then how to use a phone."""
    parts = [persona.instructions]
    if persona.facts:
        # A fact of several lines stays one item of the list.
        facts = "\n".join(f"- {' '.join(fact.split())}" for fact in persona.facts)
        parts.append(f"{FACTS}\n\n{facts}")
    parts.append(PHONE.format(language=_spoken(persona.language)))
    return "\n\n".join(parts)


def _spoken(language: str) -> str:
    """Name a BCP-47 tag in English where we can, as in `English (en-GB)`."""
    known = PHRASES.get(language.partition("-")[0].lower())
    return f"{known.name} ({language})" if known else language
