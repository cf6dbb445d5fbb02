"""
What a persona's file, its mixins and the personas it extends say together.

Files are merged as trees, before anything is validated: so one look at a node says
which file a value comes from, and a mistake is reported in the file that has it.
The persona it extends counts least, then its mixins in their order, then its own
file. Maps are merged key by key, lists of maps with a `name` by that name; all
other values replace. `key+` appends to a list.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from voicebot.dialplan.source import Node, Plain, Problem, shown_key
from voicebot.dialplan.validate import nearest
from voicebot.dialplan.values import LABEL

MAX_CHAIN: Final = 8

# About the file, so not inherited.
OWN: Final = ("abstract", "extends", "mixins")

APPEND: Final = "+"

EMPTY: Final = Node(1, 1, {})


def resolved(
    name: str,
    personas: Mapping[str, Node | None],
    mixins: Mapping[str, Node | None],
    problems: list[Problem],
) -> Node | None:
    """
    Put a persona together.

    Args:
        personas: the roots of the files of personas, by id, None for a file that
            could not be read; `name` is one.
        mixins: those of mixins.
        problems: gets what is wrong, perhaps again if another persona has it, too.

    Returns:
        All that it says, or None if a file that it needs isn't there.
    """
    chain = _chain(name, personas, problems)
    if chain is None:
        return None
    merged, complete = EMPTY, True
    for node in chain:
        merged = _heritage(merged)
        for index, named in enumerate(_mixins(node)):
            if mixin := mixins.get(named.text):
                merged = merge(merged, _heritage(mixin), problems)
                continue
            complete = False
            if named.text in mixins:
                continue
            message = f"there is no file mixins/{named.text}.yaml"
            message += nearest(named.text, mixins)
            problems.append(named.problem(f"mixins[{index}]", message))
        merged = merge(merged, node, problems)
    return merged if complete else None


def not_of_a_mixin(node: Node) -> Iterator[Problem]:
    """Find keys in a mixin that only a persona has."""
    for key in OWN:
        if found := node.find(key):
            line, column = node.keys[key]
            message = "unknown key; only a persona has it, and a mixin stands alone"
            yield replace(found, line=line, column=column).problem(key, message)


def _chain(
    name: str, personas: Mapping[str, Node | None], problems: list[Problem]
) -> list[Node] | None:
    """Return what a persona extends, the farthest first, and itself."""
    names, chain = [name], [personas[name]]
    while (last := chain[-1]) and (parent := last.find("extends")) and is_name(parent):
        if parent.text in names:
            loop = [*names[names.index(parent.text) :], parent.text]
            message = f"expected a chain that ends, got {' -> '.join(loop)}"
        elif parent.text not in personas:
            message = f"there is no persona {parent.text!r}"
            message += nearest(parent.text, personas)
        elif len(names) == MAX_CHAIN:
            message = f"expected a chain of at most {MAX_CHAIN} personas, "
            message += f"got {' -> '.join(reversed(names))} and more"
        else:
            names.append(parent.text)
            chain.append(personas[parent.text])
            continue
        problems.append(parent.problem("extends", message))
        return None
    known = [node for node in chain if node]
    return known[::-1] if len(known) == len(chain) else None


def _mixins(node: Node) -> list[Node]:
    found = node.find("mixins")
    items = found.value if found and isinstance(found.value, list) else []
    return [item for item in items if is_name(item)]


def _heritage(node: Node) -> Node:
    """Leave out what is not inherited."""
    if not isinstance(node.value, dict):
        return EMPTY
    values = {key: item for key, item in node.value.items() if key not in OWN}
    return replace(node, value=values)


def merge(below: Node, above: Node, problems: list[Problem], key: str = "") -> Node:
    """
    Put one tree over another.

    Args:
        problems: gets what cannot be merged.
        key: the path at which both stand.

    Returns:
        A tree that stands where `above` does, without any `key+` that could be
        appended to something.
    """
    match below.value, above.value:
        case dict(under), dict(over):
            return _maps(below, under, above, over, problems, key)
        case list(under), list(over) if _named(under) and _named(over):
            return replace(above, value=_by_name(under, over, problems, key))
        case _, dict(over):
            return _maps(EMPTY, {}, above, over, problems, key)
        case _:
            return above


def _maps(
    below: Node,
    under: dict[str, Node],
    above: Node,
    over: dict[str, Node],
    problems: list[Problem],
    path: str,
) -> Node:
    values, keys = dict(under), dict(below.keys)
    for key, node in over.items():
        name = key.removesuffix(APPEND)
        here = f"{path}.{shown_key(key)}" if path else shown_key(key)
        at = replace(node, line=above.keys[key][0], column=above.keys[key][1])
        if name == key or not name:
            values.pop(key + APPEND, None)
            values[key] = merge(values.get(key, EMPTY), node, problems, here)
            keys[key] = above.keys[key]
        elif name in over:
            problems.append(at.problem(here, f"expected {name} or {key}, got both"))
        elif not isinstance(node.value, list):
            message = f"expected a list to append to {name}, got {node.shown()}"
            problems.append(node.problem(here, message))
        else:
            # Without a list to append to it stays: our own words may be that list.
            to = name if name in under else key
            before = values[to].items() if to in under else []
            values[to] = replace(node, value=[*before, *node.value])
            keys[to] = above.keys[key]
    return replace(above, value=values, keys=keys)


def settle(root: Node, own_words: Mapping[str, Plain]) -> Node:
    """
    Append what is left of `key+` to our own words, or to nothing.

    Args:
        own_words: what a persona says if it doesn't, as its file would.
    """
    if not isinstance(root.value, dict):
        return root
    values: dict[str, Node] = {}
    keys: dict[str, tuple[int, int]] = {}
    for key, node in root.value.items():
        name = key.removesuffix(APPEND)
        own = own_words.get(name)
        if name != key and name and isinstance(node.value, list):
            before = own if isinstance(own, list | tuple) else ()
            first = [_built_in(item) for item in before]
            node = replace(node, value=[*first, *node.value])
        else:
            name = key
            node = settle(node, own if isinstance(own, dict) else {})
        values[name], keys[name] = node, root.keys[key]
    return replace(root, value=values, keys=keys)


def _built_in(value: Plain) -> Node:
    match value:
        case dict(pairs):
            items = {key: _built_in(item) for key, item in pairs.items()}
            return Node(0, 0, items, keys=dict.fromkeys(items, (0, 0)))
        case _:
            return Node(0, 0, str(value), str(value))


def _by_name(
    under: list[Node], over: list[Node], problems: list[Problem], key: str
) -> list[Node]:
    merged = {_name(node): node for node in under}
    for index, node in enumerate(over):
        old = merged.get(_name(node), EMPTY)
        merged[_name(node)] = merge(old, node, problems, f"{key}[{index}]")
    return list(merged.values())


def _named(items: list[Node]) -> bool:
    """Whether these are maps that each have a name of their own."""
    names = [_name(node) for node in items]
    return bool(names) and all(names) and len(set(names)) == len(names)


def _name(node: Node) -> str:
    name = node.find("name")
    return name.text if name else ""


def is_name(node: Node) -> bool:
    """Whether this may be a name; if not, that is reported elsewhere."""
    return isinstance(node.value, str) and bool(LABEL.fullmatch(node.value))
