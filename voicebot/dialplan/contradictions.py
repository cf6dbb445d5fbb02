"""What one key of a persona says against another."""

from collections.abc import Iterator

from voicebot.dialplan.language import folded
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.privacy import PRIVATE_KINDS
from voicebot.dialplan.recording import TOLD
from voicebot.dialplan.section import overlaid
from voicebot.dialplan.source import Node, Problem
from voicebot.dialplan.tools import THEIRS
from voicebot.dialplan.turns import BargeIn
from voicebot.dialplan.validate import nearest

OPENING = "{{"


def contradictions(root: Node, persona: Persona) -> Iterator[Problem]:
    """Find settings that cannot both be meant."""
    yield from _greeted_twice(root, persona)
    yield from _of_realtime_only(root, persona)
    if section := root.find("recording"):
        yield from _never_told(section, persona)
    own = root.find("barge_in")
    if own:
        yield from _never_confirmed(own, persona.barge_in, "")
        yield from _said_twice(own, "")
    for name, stage in persona.stages.items():
        if section := root.find("stages", name, "barge_in"):
            asked = overlaid(persona.barge_in, stage.barge_in)
            yield from _never_confirmed(section, asked, f"stages.{name}.")
            yield from _said_twice(section, f"stages.{name}.")
    if section := root.find("privacy"):
        yield from _kept_and_not(section, persona)


def unknown_secrets(root: Node, persona: Persona) -> Iterator[Problem]:
    """Find names in `privacy.redact` that stand for nothing."""
    redact = root.find("privacy", "redact")
    known = (*PRIVATE_KINDS, *persona.vars)
    for index, node in enumerate(redact.items() if redact else ()):
        if node.text not in known:
            message = f"expected {', '.join(PRIVATE_KINDS)} or one of vars, got "
            message += node.shown() + nearest(node.text, known)
            yield node.problem(f"privacy.redact[{index}]", message)


def _never_told(section: Node, persona: Persona) -> Iterator[Problem]:
    """Find recordings of which callers are to know, without the words that say so."""
    asked = persona.recording
    node = section.find("mode")
    if node and asked.mode in TOLD and not asked.consent:
        message = f"expected recording.consent with it, as mode is {node.shown()}"
        yield node.problem("recording.mode", message)


def _greeted_twice(root: Node, persona: Persona) -> Iterator[Problem]:
    greeting = persona.greeting
    for key in ("audio", "protect"):
        node = root.find("greeting", key)
        if node and greeting.model:
            message = "has no meaning with model: true, which greets in its own words"
            yield node.problem(f"greeting.{key}", message)
    if greeting.audio and OPENING in greeting.text:
        node = root.find("greeting", "text") or root
        message = "is recorded: {{…}} cannot be filled in"
        yield node.problem("greeting.text", message)


def _of_realtime_only(root: Node, persona: Persona) -> Iterator[Problem]:
    """Find what a cascade is to do, and only the realtime model does."""
    if persona.model.vad == "server":
        at_once = persona.model.engine == "cascade"
        key = ("model", "vad") if at_once else ("fallback", "engine")
        node = root.find(*key)
        if node and (at_once or persona.fallback.engine):
            message = "a cascade has no turn detection: expected model.vad: local"
            yield node.problem(".".join(key), message)
    if persona.model.engine == "cascade":
        for name, tool in persona.tools.items():
            node = root.find("tools", name, "kind")
            if node and tool.kind in THEIRS:
                message = f"a cascade has no {tool.kind}: expected engine: realtime"
                yield node.problem(f"tools.{name}.kind", message)


def _never_confirmed(section: Node, asked: BargeIn, path: str) -> Iterator[Problem]:
    if asked.mode == "pause" and asked.confirm_ms < asked.min_ms:
        # One of them is given: the defaults don't contradict each other.
        given = "confirm_ms" if section.find("confirm_ms") else "min_ms"
        node = section.find(given) or section
        message = (
            f"expected min_ms to be at most confirm_ms, got {asked.min_ms}ms and "
            f"{asked.confirm_ms}ms"
        )
        yield node.problem(f"{path}barge_in.{given}", message)


def _said_twice(section: Node, path: str) -> Iterator[Problem]:
    """Find phrases that are to be ignored, and to stop the bot."""
    ignored = section.find("backchannel")
    stopping = section.find("stop_words")
    if ignored is None or stopping is None:
        return
    lines = {folded(node.text): node.line for node in ignored.items()}
    for index, node in enumerate(stopping.items()):
        if line := lines.get(folded(node.text)):
            message = f"{node.shown()} is backchannel already, on line {line}"
            yield node.problem(f"{path}barge_in.stop_words[{index}]", message)


def _kept_and_not(section: Node, persona: Persona) -> Iterator[Problem]:
    """Find words that are to be kept out, and to be kept."""
    store, redact = section.find("store"), section.find("redact")
    if store is None:
        return
    # What another file says about redact may count for others that mix it in.
    if store.value == "all" and redact and redact.path == store.path:
        yield redact.problem("privacy.redact", "has no meaning with store: all")
    if store.value == "metadata" and persona.recording.mode != "never":
        message = "a recording has the words: expected recording.mode: never with it"
        yield store.problem("privacy.store", message)
