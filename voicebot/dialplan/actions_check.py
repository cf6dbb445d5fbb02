"""What a persona's actions, menus and tools refer to, and what cannot be meant."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from voicebot.dialplan.actions import CALLER, Action, Sms
from voicebot.dialplan.director import NONE
from voicebot.dialplan.language import folded
from voicebot.dialplan.menus import Menu, NoMatch
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.source import Node, Problem
from voicebot.dialplan.stage_graph import endless, never_entered
from voicebot.dialplan.stages import Exit, Stage
from voicebot.dialplan.testing import named
from voicebot.dialplan.tools import THEIRS, Tool, param
from voicebot.dialplan.transfer import abort_words
from voicebot.dialplan.validate import nearest

Place = tuple[str | int, ...]

# What a call without a model can be left with.
ALONE = ("menu", "transfer", "voicemail", "goodbye", "hangup")

# In the `answers` of a test.
LOOKUP = "lookup"

# What a silence may end with: these end the call, or go somewhere else.
AWAY = (*ALONE, "gather", "goto")


@dataclass(frozen=True, slots=True)
class Names:
    """What may be referred to. None: it isn't known, and so not checked."""

    targets: Collection[str] | None = None
    numbers: Collection[str] = ()
    """Those of `targets` that have a number, not a SIP address."""

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
    yield from _director(persona)
    yield from _menus(persona, names)
    yield from _lookup(persona)
    yield from _answers(persona)
    yield from _stages(persona, names)
    lost = persona.fallback.do
    if lost and lost.name not in ALONE:
        said = f"expected one of {', '.join(ALONE)}, as there is nobody else to talk"
        yield ("fallback", "do"), said
    spent = persona.on_budget
    if spent and spent.name not in AWAY:
        yield ("on_budget",), f"expected one of {', '.join(AWAY)}"
    if persona.silence:
        last = persona.silence[-1]
        if last.do is None or last.do.name not in AWAY:
            place = "silence", len(persona.silence) - 1
            yield place, f"the last step must do one of {', '.join(AWAY)}"
    yield from _abort_words(persona)
    yield from _tests(persona, names)


def actions(persona: Persona) -> Iterator[tuple[Place, Action]]:
    """Every action of a persona, and where it stands."""
    for index, trigger in enumerate(persona.triggers):
        yield ("triggers", index, "do"), trigger.do
    for index, step in enumerate(persona.silence):
        if step.do:
            yield ("silence", index, "do"), step.do
    for name, choice in persona.director.actions.items() if persona.director else ():
        if choice.do:
            yield ("director", "actions", name, "do"), choice.do
    if persona.fallback.do:
        yield ("fallback", "do"), persona.fallback.do
    if persona.on_budget:
        yield ("on_budget",), persona.on_budget
    if persona.transfer.on_fail and persona.transfer.on_fail.do:
        yield ("transfer", "on_fail", "do"), persona.transfer.on_fail.do
    for name, stage in persona.stages.items():
        if stage.on_enter:
            yield ("stages", name, "on_enter"), stage.on_enter
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
        case Action(transfer=str(_)) if "on_fail" in place:
            yield place, "a call that nobody took isn't put through again by itself"
        case Action(transfer=str(name)) if names.targets is not None:
            yield from _known((*place, "transfer"), "target", name, names.targets)
        case Action(send_sms=Sms(to=str(name))) if names.targets is not None:
            yield from _textable((*place, "send_sms", "to"), name, names)
        case Action(goto=str(name)):
            yield from _known((*place, "goto"), "stage", name, persona.stages)
        case Action(tool=dict(used)):
            for name, args in used.items():
                yield from _used((*place, "tool", name), name, args, persona)
        case Action(set_=dict(values)) if names.variables is not None:
            for name in values:
                at = (*place, "set", name)
                yield from _known(at, "variable", name, names.variables)
        case Action(replay=True) if place[0] != "menus":
            yield place, "replay has no meaning outside of a menu"


def _textable(place: Place, name: str, names: Names) -> Iterator[tuple[Place, str]]:
    """Find targets that no text message can be sent to."""
    if name in (names.targets or ()) and name not in names.numbers:
        yield place, f"{name!r} has no number: a SIP address gets no text messages"
    elif name != CALLER:
        yield from _known(place, "target", name, names.targets or ())


def _used(
    place: Place, name: str, args: Mapping[str, str], persona: Persona
) -> Iterator[tuple[Place, str]]:
    tool = persona.tools.get(name)
    if tool is None:
        yield from _known(place, "tool", name, persona.tools)
    elif tool.kind != "http":
        yield place, f"expected a tool of kind: http, got one of kind: {tool.kind}"
    else:
        for key in args:
            yield from _known((*place, key), "argument", key, tool.params)
        for key, text in tool.params.items():
            if key not in args and not param(text).optional:
                yield place, f"{key} is missing, which the tool needs"


def _lookup(persona: Persona) -> Iterator[tuple[Place, str]]:
    for name in persona.lookup.map if persona.lookup else ():
        place = "lookup", "map", name
        yield from _known(place, "variable", name, persona.vars)
        if name in persona.vars and persona.vars[name].from_ != "lookup":
            yield place, f"vars.{name} is not from: lookup"


def _answers(persona: Persona) -> Iterator[tuple[Place, str]]:
    """Of tests: who answers what nobody asks?"""
    asked = {name for name, tool in persona.tools.items() if tool.kind == "http"}
    if LOOKUP in asked:
        yield ("tools", LOOKUP), "expected another name: tests have a lookup of theirs"
    if persona.lookup:
        asked.add(LOOKUP)
    for index, test in enumerate(persona.tests):
        for name in test.answers:
            at = "tests", index, "answers", name
            yield from _known(at, "http tool", name, asked)


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
        yield from _digits_shown(name, menu, persona)
        yield from _rungs(("menus", name), menu)


def _digits_shown(
    name: str, menu: Menu, persona: Persona
) -> Iterator[tuple[Place, str]]:
    """Find digits that would be shown before they are a variable that isn't."""
    gather = menu.gather
    var = persona.vars.get(gather.into) if gather else None
    if gather and var and var.sensitive and not gather.sensitive:
        message = f"{gather.into} is sensitive: write sensitive: true here, too"
        yield ("menus", name, "gather", "into"), message


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
        if tool.to is not None and names.targets is not None:
            yield from _textable((*place, "to"), tool.to, names)
        options = {
            "targets": ("target", tool.targets, names.targets),
            "vars": ("variable", tool.vars, names.variables),
            "stages": ("stage", tool.stages, persona.stages),
            "requires": ("tool", tool.requires, persona.tools),
        }
        for key, (what, given, known) in options.items():
            for index, each in enumerate(given if known is not None else ()):
                yield from _known((*place, key, index), what, each, known or ())


def _director(persona: Persona) -> Iterator[tuple[Place, str]]:
    choices = persona.director.actions if persona.director else {}
    for number, test in enumerate(persona.tests):
        for index, line in enumerate(test.director):
            place: Place = ("tests", number, "director", index, "pick")
            yield from _known(place, "action", line.pick, (*choices, NONE))
    for name, choice in choices.items():
        place = "director", "actions", name
        if choice.tool is None:
            continue
        tool = persona.tools.get(choice.tool)
        if tool is None:
            yield from _known((*place, "tool"), "tool", choice.tool, persona.tools)
            continue
        if tool.kind == "http":
            yield from _used((*place, "args"), choice.tool, choice.args, persona)
            continue
        if tool.kind in THEIRS:
            yield (*place, "tool"), f"expected no tool of kind: {tool.kind}"
            continue
        wanted = dict(_arguments(tool))
        if tool.use == "transfer" and len(tool.targets) == 1 and not choice.args:
            continue
        if set(choice.args) != set(wanted):
            said = ", ".join(wanted) or "no args"
            yield (*place, "args"), f"expected {said}, as tools.{choice.tool} needs"
            continue
        for key, given in choice.args.items():
            what = "variable" if key == "name" else key
            if names := wanted[key]:
                yield from _known((*place, "args", key), what, given, names)


def _arguments(tool: Tool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What a tool is given, and the names of which each must be one."""
    match tool.use:
        case "transfer":
            yield "target", tool.targets
        case "goto_stage":
            yield "stage", tool.stages
        case "set_var":
            yield "name", tool.vars
            yield "value", ()
        case _:
            pass


def _tests(persona: Persona, names: Names) -> Iterator[tuple[Place, str]]:
    known: dict[str, Collection[str] | None] = {
        "tool": persona.tools,
        "menu": persona.menus,
        "stage": persona.stages,
        "trigger": [trigger.name for trigger in persona.triggers],
        "target": names.targets,
        "variable": names.variables,
    }
    for number, test in enumerate(persona.tests):
        for place, kind, name in named(test):
            if (there := known[kind]) is not None:
                yield from _known(("tests", number, *place), kind, name, there)


def _stages(persona: Persona, names: Names) -> Iterator[tuple[Place, str]]:
    for name, stage in persona.stages.items():
        for index, tool in enumerate(stage.tools):
            place: Place = ("stages", name, "tools", index)
            yield from _known(place, "tool", tool, persona.tools)
        for index, way in enumerate(stage.exit):
            yield from _exit(("stages", name, "exit", index), way, stage, persona)
            if way.var is not None and names.variables is not None:
                place = "stages", name, "exit", index, "var"
                yield from _known(place, "variable", way.var, names.variables)
    start = persona.start_stage
    if start is not None:
        yield from _known(("start_stage",), "stage", start, persona.stages)
    elif persona.stages:
        yield ("stages",), "start_stage is missing: which one does a call begin with?"
    gotos = [
        action.goto
        for place, action in actions(persona)
        if action.goto and place[0] != "stages"
    ]
    for name, message in (*never_entered(persona, gotos), *endless(persona)):
        yield ("stages", name), message


def _exit(
    place: Place, way: Exit, stage: Stage, persona: Persona
) -> Iterator[tuple[Place, str]]:
    yield from _known((*place, "to"), "stage", way.to, persona.stages)
    if way.tool is not None and way.tool not in stage.tools:
        yield (*place, "tool"), f"{way.tool!r} is no tool of this stage"
    gathers = [menu.gather for menu in persona.menus.values() if menu.gather]
    if way.digits is not None and way.digits not in {each.into for each in gathers}:
        yield (*place, "digits"), f"no menu collects digits into {way.digits!r}"


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
