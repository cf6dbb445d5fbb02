"""What routes want of personas: menus that are there, variables that they have."""

from collections.abc import Collection, Iterator, Mapping

from voicebot.dialplan.model import Dialplan, Keypad
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.references import SPECIALS, items
from voicebot.dialplan.source import Node, Problem, shown_key
from voicebot.dialplan.validate import nearest


def keypads(plan: Dialplan) -> Iterator[Keypad]:
    """Every menu that a call may get without a model."""
    specials = plan.specials
    does = [route.do for route in plan.routes]
    for do in (*does, specials.failure, specials.overload, specials.anonymous):
        if isinstance(do, Keypad):
            yield do


def misled(
    root: Node, known: Collection[str] | None, personas: Mapping[str, Persona]
) -> Iterator[Problem]:
    """
    Find routes that lead to a menu that isn't there, or that has no keys, and values
    for variables that there aren't.

    Args:
        root: of `dialplan.yaml`, in which all names are well formed.
        known: ids of the personas that there are files of; None if that is unknown.
        personas: those that could be read.
    """
    does = [
        (f"routes[{n}].do", route.find("do"))
        for n, route in enumerate(items(root, "routes"))
    ]
    does += [(f"specials.{name}", root.find("specials", name)) for name in SPECIALS]
    for key, do in does:
        node = do.find("menu") if do else None
        if node:
            name, _, menu = node.text.partition("/")
            message = _wrong(name, menu, known, personas)
            if message:
                yield node.problem(f"{key}.menu", message)
        if do:
            yield from _given(key, do, personas)


def _given(key: str, do: Node, personas: Mapping[str, Persona]) -> Iterator[Problem]:
    """Find values for variables that none of those who may answer has."""
    named = (do.find("persona"), do.find("menu"), do.find("rollout", "to"))
    ids = [node.text.partition("/")[0] for node in named if node]
    if not all(name in personas for name in ids):
        return  # what is wrong with it is reported already
    who = [personas[name] for name in ids]
    taken = [name for each in who for name in each.vars]
    given = do.find("vars")
    for name, (line, column) in given.keys.items() if given else ():
        if name not in taken:
            message = f"{ids[0]} has no variable {name!r}{nearest(name, taken)}"
            where = f"{key}.vars.{shown_key(name)}"
            yield Problem(do.path, line, column, where, message)


def _wrong(
    name: str,
    menu: str,
    known: Collection[str] | None,
    personas: Mapping[str, Persona],
) -> str:
    if known is not None and name not in known:
        return f"there is no persona {name!r}{nearest(name, known)}"
    if name not in personas:
        return ""  # what is wrong with it is reported already
    menus = personas[name].menus
    if menu not in menus:
        return f"{name} has no menu {menu!r}{nearest(menu, menus)}"
    if menus[menu].gather:
        return f"{menu!r} collects digits; name a menu that has keys"
    return ""
