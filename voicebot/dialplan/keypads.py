"""Menus that routes lead to: which there are, and whether they are there."""

from collections.abc import Collection, Iterator, Mapping

from voicebot.dialplan.model import Dialplan, Keypad
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.references import SPECIALS, items
from voicebot.dialplan.source import Node, Problem
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
    Find routes that lead to a menu that isn't there, or that has no keys.

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
