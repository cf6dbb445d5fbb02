"""What a Flow may come to say, and where it may put a call through, of a persona."""

from collections.abc import Iterator

from voicebot.dialplan.actions_check import actions
from voicebot.dialplan.address import Secret, pieces
from voicebot.dialplan.lookup import Lookup
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.tools import Tool
from voicebot.dialplan.transfer import announcement
from voicebot.flow.digits import DIGITS


def own_words(persona: Persona) -> list[str]:
    """List what may be said beside the bridge's own words, each text once."""
    return list(dict.fromkeys(_words(persona)))


def named_targets(persona: Persona) -> frozenset[str]:
    """Name all targets of the dialplan that a persona knows."""
    named = {action.transfer for _, action in actions(persona) if action.transfer}
    return frozenset(named.union(*(tool.targets for tool in persona.tools.values())))


def named_secrets(persona: Persona) -> Iterator[tuple[Secret, tuple[str, ...]]]:
    """Yield what requests of a persona need, and the keys that say so."""
    asking: list[tuple[tuple[str, ...], Tool | Lookup]] = [
        (("tools", name), tool) for name, tool in persona.tools.items()
    ]
    if persona.lookup:
        asking.append((("lookup",), persona.lookup))
    for place, asks in asking:
        texts: dict[tuple[str, ...], str] = {("url",): asks.url or ""}
        texts |= {("headers", name): text for name, text in asks.headers.items()}
        for key, text in texts.items():
            for piece in pieces(text):
                if isinstance(piece, Secret):
                    yield piece, (*place, *key)


def _words(persona: Persona) -> Iterator[str]:
    if persona.recording.consent:
        yield persona.recording.consent
    for menu in persona.menus.values():
        yield menu.prompt
        if menu.gather and menu.gather.readback != "none":
            yield from DIGITS
        yield from (step.say for step in (*menu.noinput, *menu.nomatch) if step.say)
    yield from (step.say for step in persona.silence if step.say)
    for _, action in actions(persona):
        if text := action.say or action.must_hear:
            yield text
    asked = persona.director.actions.values() if persona.director else ()
    picked = (persona.tools[choice.tool] for choice in asked if choice.tool)
    yield from (tool.confirm for tool in picked if tool.confirm)
    for tool in persona.tools.values():
        yield from tool.filler or ()
    if persona.limits.warning:
        yield persona.limits.warning
    if persona.transfer.on_fail and persona.transfer.on_fail.say:
        yield persona.transfer.on_fail.say
    if named_targets(persona):
        yield announcement(persona.transfer, persona.language)
