"""What a persona's actions, menus and tools refer to, and what cannot be meant."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from voicebot.dialplan.actions import Action
from voicebot.dialplan.language import folded
from voicebot.dialplan.menus import Menu, NoMatch
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.source import Node, Problem
from voicebot.dialplan.transfer import abort_words
from voicebot.dialplan.validate import nearest

Place = tuple[str | int, ...]

# What a call without a model can be left with.
ALONE = ("menu", "transfer", "voicemail", "goodbye", "hangup")

# What a silence may end with: these end the call, or go somewhere else.
AWAY = (*ALONE, "gather", "goto")


@dataclass(frozen=True, slots=True)
class Names:
    """What may be referred to. None: it isn't known, and so not checked."""

    targets: Collection[str] | None = None
    variables: Collection[str] | None = None


def misreferred(root: Node, persona: Persona, names: Names) -> Iterator[Problem]:
    """
    Find names that lead nowhere, and steps that lead nobody anywhere.

    Args:
        root: the tree of the persona.
        names: of the dialplan, and of what the persona declares elsewhere.
    """
    for place, message in _mistakes(persona, names):
        yield _located(root, place, message)


def _mistakes(persona: Persona, names: Names) -> Iterator[tuple[Place, str]]:
    for place, action in actions(persona):
        yield from _action(place, action, persona, names)
    yield from _tools(persona, names)
    yield from _menus(persona, names)
    for stage, section in persona.stages.items():
        for index, tool in enumerate(section.tools):
            place = "stages", stage, "tools", index
            yield from _known(place, "tool", tool, persona.tools)
    if persona.start_stage is not None:
        yield from _known(
            ("start_stage",), "stage", persona.start_stage, persona.stages
        )
    if persona.stages and persona.start_stage is None:
        yield ("stages",), "start_stage is missing: which one does a call begin with?"
    lost = persona.on_model_lost
    if lost and lost.name not in ALONE:
        said = f"expected one of {', '.join(ALONE)}, as there is nobody else to talk"
        yield ("on_model_lost",), said
    spent = persona.on_budget
    if spent and spent.name not in AWAY:
        yield ("on_budget",), f"expected one of {', '.join(AWAY)}"
    if persona.silence:
        last = persona.silence[-1]
        if last.do is None or last.do.name not in AWAY:
            place = "silence", len(persona.silence) - 1
            yield place, f"the last step must do one of {', '.join(AWAY)}"
    yield from _abort_words(persona)


def actions(persona: Persona) -> Iterator[tuple[Place, Action]]:
    """Every action of a persona, and where it stands."""
    for index, trigger in enumerate(persona.triggers):
        yield ("triggers", index, "do"), trigger.do
    for index, step in enumerate(persona.silence):
        if step.do:
            yield ("silence", index, "do"), step.do
    if persona.on_model_lost:
        yield ("on_model_lost",), persona.on_model_lost
    if persona.on_budget:
        yield ("on_budget",), persona.on_budget
    for name, menu in persona.menus.items():
        for key, action in menu.keys.items():
            yield ("menus", name, "keys", key), action
        ladders: dict[str, tuple[NoMatch, ...]]
        ladders = {"noinput": menu.noinput, "nomatch": menu.nomatch}
        for ladder, steps in ladders.items():
            for index, rung in enumerate(steps):
                if rung.do:
                    yield ("menus", name, ladder, index, "do"), rung.do


def _action(
    place: Place, action: Action, persona: Persona, names: Names
) -> Iterator[tuple[Place, str]]:
    match action:
        case Action(menu=str(name)):
            yield from _menu((*place, "menu"), name, persona, gathers=False)
        case Action(gather=str(name)):
            yield from _menu((*place, "gather"), name, persona, gathers=True)
        case Action(transfer=str(name)) if names.targets is not None:
            yield from _known((*place, "transfer"), "target", name, names.targets)
        case Action(goto=str(name)):
            yield from _known((*place, "goto"), "stage", name, persona.stages)
        case Action(set_=dict(values)) if names.variables is not None:
            for name in values:
                at = (*place, "set", name)
                yield from _known(at, "variable", name, names.variables)
        case Action(replay=True) if place[0] != "menus":
            yield place, "replay has no meaning outside of a menu"


def _menu(
    place: Place, name: str, persona: Persona, *, gathers: bool
) -> Iterator[tuple[Place, str]]:
    menu = persona.menus.get(name)
    if menu is None:
        yield from _known(place, "menu", name, persona.menus)
    elif gathers and menu.gather is None:
        yield place, f"{name!r} has keys and collects nothing; write menu: {name}"
    elif not gathers and menu.gather is not None:
        yield place, f"{name!r} collects digits; write gather: {name}"


def _menus(persona: Persona, names: Names) -> Iterator[tuple[Place, str]]:
    leading: dict[str, str] = {}
    for name, menu in persona.menus.items():
        if menu.key is not None:
            other = leading.setdefault(menu.key, name)
            if other != name:
                yield ("menus", name, "key"), f"leads to the menu {other!r} already"
        if menu.gather and names.variables is not None:
            place = "menus", name, "gather", "into"
            yield from _known(place, "variable", menu.gather.into, names.variables)
        yield from _rungs(("menus", name), menu)


def _rungs(place: Place, menu: Menu) -> Iterator[tuple[Place, str]]:
    for ladder, steps in (("noinput", menu.noinput), ("nomatch", menu.nomatch)):
        for index, step in enumerate(steps):
            if step.do and step.replay:
                yield (*place, ladder, index), "expected either replay or do"


def _tools(persona: Persona, names: Names) -> Iterator[tuple[Place, str]]:
    for name, tool in persona.tools.items():
        place: Place = ("tools", name)
        if tool.menu is not None:
            yield from _menu((*place, "menu"), tool.menu, persona, gathers=True)
        options = {
            "targets": ("target", tool.targets, names.targets),
            "vars": ("variable", tool.vars, names.variables),
            "stages": ("stage", tool.stages, persona.stages),
            "requires": ("tool", tool.requires, persona.tools),
        }
        for key, (what, given, known) in options.items():
            for index, each in enumerate(given if known is not None else ()):
                yield from _known((*place, key, index), what, each, known or ())


def _abort_words(persona: Persona) -> Iterator[tuple[Place, str]]:
    """What means "I am listening" must not stop a transfer."""
    if persona.transfer.abort_words is None:
        return
    listening = {folded(phrase) for phrase in persona.barge_in.backchannel}
    words = abort_words(persona.transfer, persona.language)
    for index, phrase in enumerate(words):
        if folded(phrase) in listening:
            place = "transfer", "abort_words", index
            yield place, f"{phrase!r} is backchannel: callers say it to agree"


def _known(
    place: Place, what: str, name: str, names: Collection[str]
) -> Iterator[tuple[Place, str]]:
    if name not in names:
        yield place, f"there is no {what} {name!r}{nearest(name, names)}"


def _located(root: Node, place: Place, message: str) -> Problem:
    node, key = root, ""
    for part in place:
        if isinstance(part, int):
            key += f"[{part}]"
            node = node.items()[part]
        else:
            key += f".{part}" if key else part
            node = node.find(part) or node
    return node.problem(key, message)
