"""How stages hang together: which are never entered, and which never wait."""

from collections.abc import Collection, Iterable, Iterator

from voicebot.dialplan.persona import Persona


def never_entered(
    persona: Persona, from_anywhere: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """
    Find stages that no call comes to.

    Args:
        from_anywhere: where triggers, menus and silence lead, whatever the stage.
    """
    if persona.start_stage not in persona.stages:
        return  # which is reported
    reached, waiting = set[str](), [persona.start_stage, *from_anywhere]
    while waiting:
        name = waiting.pop()
        if name in persona.stages and name not in reached:
            reached.add(name)
            waiting += _next_of(persona, name)
    for name in persona.stages:
        if name not in reached:
            yield name, "never entered: no exit, tool or goto leads here"


def endless(persona: Persona) -> Iterator[tuple[str, str]]:
    """
    Find stages that may lead back to themselves before anybody is heard.

    What is known is known in the next stage, too: exits by `var`, and a `goto` on
    entering, wait for nobody.
    """
    for name in persona.stages:
        after = _after(persona, _at_once(persona, name))
        if name in after:
            message = "leads back here at once: var exits and goto wait for nobody"
            yield name, message


def _next_of(persona: Persona, name: str) -> Iterator[str]:
    stage = persona.stages[name]
    yield from (way.to for way in stage.exit)
    if stage.on_enter and stage.on_enter.goto:
        yield stage.on_enter.goto
    for tool in stage.tools:
        if tool in persona.tools:
            yield from persona.tools[tool].stages


def _at_once(persona: Persona, name: str) -> Iterator[str]:
    """Where a call may go from a stage without a word of anybody's."""
    stage = persona.stages.get(name)
    if stage is None:
        return
    yield from (way.to for way in stage.exit if way.var is not None)
    if stage.on_enter and stage.on_enter.goto:
        yield stage.on_enter.goto


def _after(persona: Persona, first: Iterable[str]) -> Collection[str]:
    """Return all stages that follow without a wait."""
    found, waiting = set[str](), list(first)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _at_once(persona, name)
    return found
