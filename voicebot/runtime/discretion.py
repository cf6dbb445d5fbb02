"""What a persona's `privacy` means for what is written down of a call."""

from collections.abc import Mapping
from typing import assert_never

from voicebot.dialplan.persona import Persona
from voicebot.store.private_kinds import Kind
from voicebot.store.redaction import Policy


def policy_of(persona: Persona) -> Policy:
    """Return what is to be kept out of the record of a persona's calls."""
    match persona.privacy.store:
        case "all":
            return Policy()
        case "metadata":
            return Policy(words=False)
        case "no_pii":
            kinds = {kind.value: kind for kind in Kind}
            named = persona.privacy.redact
            return Policy(frozenset(kinds[name] for name in named if name in kinds))
        case _:
            assert_never(persona.privacy.store)


def private_names(persona: Persona) -> frozenset[str]:
    """Return the variables whose values are to be kept out."""
    kept_out = {name for name, var in persona.vars.items() if var.sensitive}
    if persona.privacy.store == "no_pii":
        kept_out |= set(persona.privacy.redact) & set(persona.vars)
    return frozenset(kept_out)


def private_values(persona: Persona, values: Mapping[str, str]) -> dict[str, str]:
    """Return the values that are to be kept out, of those that are known."""
    kept_out = private_names(persona)
    return {name: value for name, value in values.items() if name in kept_out}
