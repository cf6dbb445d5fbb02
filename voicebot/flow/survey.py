"""What a Flow may come to say, and where it may put a call through, of a persona."""

from collections.abc import Iterator

from voicebot.dialplan.actions_check import actions
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.transfer import announcement


def own_words(persona: Persona) -> list[str]:
    """List what may be said beside the bridge's own words, each text once."""
    return list(dict.fromkeys(_words(persona)))


def named_targets(persona: Persona) -> frozenset[str]:
    """Name all targets of the dialplan that a persona knows."""
    named = {action.transfer for _, action in actions(persona) if action.transfer}
    return frozenset(named.union(*(tool.targets for tool in persona.tools.values())))


def _words(persona: Persona) -> Iterator[str]:
    if persona.recording.consent:
        yield persona.recording.consent
    for menu in persona.menus.values():
        yield menu.prompt
        yield from (step.say for step in (*menu.noinput, *menu.nomatch) if step.say)
    yield from (step.say for step in persona.silence if step.say)
    yield from (action.say for _, action in actions(persona) if action.say)
    if named_targets(persona):
        yield announcement(persona.transfer, persona.language)
