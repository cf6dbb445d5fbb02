"""What one file says about another, and one route about the next."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from voicebot.dialplan.actions import CALLER
from voicebot.dialplan.model import ENDS, DialplanFile, Goto
from voicebot.dialplan.routing import called as called_by
from voicebot.dialplan.source import Node, Problem
from voicebot.dialplan.validate import nearest
from voicebot.dialplan.values import ANONYMOUS, LABEL

KINDS: Final = {
    "personas": "there is no persona {}",
    "numbers": "no number is labelled {}",
    "calendars": "there is no calendar {}",
    "callers": "no callers are tagged {}",
    "targets": "there is no target {}",
}

# What cannot be done where, and why.
SPECIALS: Final = {
    "failure": {
        "persona": "cannot answer here: it is what has failed",
        "reject": "comes too late here: the call is answered",
        "goto": "leads nowhere here: no route is asked",
    },
    "overload": {
        "persona": "cannot answer here: there is no room",
        "goto": "leads nowhere here: the routes were asked",
    },
    "anonymous": {"goto": "leads nowhere here: no route is asked"},
}

ANY: Final = ""  # where a number or a caller's pattern stands


def dangling(root: Node, personas: Collection[str] | None) -> Iterator[Problem]:
    """
    Find names that lead nowhere and names that are given twice.

    Works on nodes, so that a mistake elsewhere in the file does not hide these.

    Args:
        personas: ids of those that there are files of; None if that is unknown.
    """
    names = _Names(root, personas)
    numbers = root.find("numbers")
    labels = list(numbers.keys) if numbers else []
    phones = [(f"numbers.{x}.e164", root.find("numbers", x, "e164")) for x in labels]
    routes = [(f"routes[{n}]", node) for n, node in enumerate(items(root, "routes"))]
    yield from _repeated(phones)
    yield from _repeated([(f"{key}.name", x.find("name")) for key, x in routes])
    for key, route in routes:
        yield from names.in_match(f"{key}.match", route.find("match"))
        for n, group in enumerate(items(route, "unless")):
            yield from names.in_match(f"{key}.unless[{n}]", group)
        yield from names.in_do(f"{key}.do", route.find("do"))
    yield from _jumps(routes)
    for special in SPECIALS:
        do = root.find("specials", special)
        yield from names.in_do(f"specials.{special}", do)
        then = do.find("queue", "then") if do else None
        yield from names.in_do(f"specials.{special}.queue.then", then)
        yield from _not_for(special, do)
    yield from names.in_targets()
    if limits := root.find("capacity", "per_number"):
        for label, (line, column) in limits.keys.items():
            at = replace(limits, line=line, column=column, value=label, text=label)
            yield from names.missing(f"capacity.per_number.{label}", at, "numbers")
    for key in ("block", "allow"):
        for n, one in enumerate(items(root, key)):
            if one.value != ANONYMOUS:
                yield from names.missing(f"{key}[{n}]", one, "callers")
    expected = {node.text for _, x in routes if (node := x.find("name"))}
    expected |= {"block", "no route", "specials.anonymous"}
    for n, test in enumerate(items(root, "tests")):
        key = f"tests[{n}]"
        yield from names.missing(f"{key}.to", test.find("to"), "numbers")
        node = test.find("expect")
        if node and isinstance(node.value, str) and node.value not in expected:
            message = f"there is no route {node.value!r}"
            message += nearest(node.value, expected)
            yield node.problem(f"{key}.expect", message)


class _Names:
    """Looks names up, each where names of its kind are given."""

    def __init__(self, root: Node, personas: Collection[str] | None) -> None:
        self._root = root
        self._known: dict[str, Collection[str] | None] = {"personas": personas}
        for kind in ("numbers", "calendars", "callers", "targets"):
            self._known[kind] = list(node.keys) if (node := root.find(kind)) else []
        self._tags = {
            tag.text
            for label in self._known["numbers"] or ()
            for tag in items(root, "numbers", label, "tags")
        }

    def missing(self, key: str, node: Node | None, kind: str) -> Iterator[Problem]:
        """Report a name that nothing has."""
        known = self._known[kind]
        if node is None or known is None or not is_name(node):
            return
        if node.value not in known:
            said = KINDS[kind].format(repr(node.value))
            message = said + nearest(str(node.value), known)
            yield node.problem(key, message)

    def in_match(self, key: str, match: Node | None) -> Iterator[Problem]:
        if match is None:
            return
        for node in items(match, "to"):
            tag = node.text.removeprefix("tag:")
            if tag == node.text:
                yield from self.missing(f"{key}.to", node, "numbers")
            elif tag not in self._tags:
                message = f"no number has the tag {tag!r}{nearest(tag, self._tags)}"
                yield node.problem(f"{key}.to", message)
        for node in items(match, "caller_tag"):
            yield from self.missing(f"{key}.caller_tag", node, "callers")
        for node in items(match, "hours"):
            yield from self.missing(f"{key}.hours", _affirmed(node), "calendars")

    def in_do(self, key: str, do: Node | None) -> Iterator[Problem]:
        if do:
            yield from self.missing(f"{key}.persona", do.find("persona"), "personas")
            to = do.find("rollout", "to")
            yield from self.missing(f"{key}.rollout.to", to, "personas")
            yield from self.missing(f"{key}.transfer", do.find("transfer"), "targets")

    def in_targets(self) -> Iterator[Problem]:
        root = self._root
        targets = self._known["targets"] or ()
        fallbacks = {
            name: node
            for name in targets
            if (node := root.find("targets", name, "fallback"))
        }
        in_circle = _in_circle(fallbacks)
        for name in targets:
            hours = root.find("targets", name, "hours")
            key = f"targets.{name}.hours"
            yield from self.missing(key, hours and _affirmed(hours), "calendars")
            key = f"targets.{name}.fallback"
            if name in (*ENDS, CALLER):
                at = root.find("targets") or root
                what = "the caller" if name == CALLER else "an end"
                message = f"a target cannot be called {name}: that is {what}"
                path = (root.find("targets", name) or at).path
                yield Problem(path, *at.keys[name], f"targets.{name}", message)
            node = fallbacks.get(name)
            if node is None or node.value in ENDS:
                continue
            yield from self.missing(key, node, "targets")
            if name in in_circle:
                message = f"{node.text} leads back to {name}: nobody would ever answer"
                yield node.problem(key, message)


def _affirmed(node: Node) -> Node:
    """Take the name of a calendar out of `!clinic`."""
    text = node.text.removeprefix("!")
    return replace(node, value=text, text=text) if text != node.text else node


def _in_circle(fallbacks: Mapping[str, Node]) -> set[str]:
    """Name the targets that come round to themselves; each is walked over once."""
    circles: set[str] = set()
    seen: set[str] = set()
    for name in fallbacks:
        way: dict[str, None] = {}  # in order
        while name not in seen and name in fallbacks and name not in ENDS:
            seen.add(name)
            way[name] = None
            name = fallbacks[name].text
        if name in way:
            walked = list(way)
            circles.update(walked[walked.index(name) :])
    return circles


def _jumps(routes: list[tuple[str, Node]]) -> Iterator[Problem]:
    """Find routes that go on where no later route is."""
    names = [node.text if (node := x.find("name")) else "" for _, x in routes]
    for index, (key, route) in enumerate(routes):
        node = route.find("do", "goto")
        if node is None or not isinstance(node.value, str):
            continue
        later = names[index + 1 :]
        if node.value in names[: index + 1]:
            message = f"expected the name of a later route, got {node.value!r}"
            yield node.problem(f"{key}.do.goto", message)
        elif node.value not in later:
            message = f"there is no route {node.value!r}{nearest(node.value, later)}"
            yield node.problem(f"{key}.do.goto", message)


def _not_for(special: str, do: Node | None) -> Iterator[Problem]:
    """Find what cannot be done in a situation."""
    for action, why in SPECIALS[special].items():
        if do and do.find(action):
            line, column = do.keys[action]
            key = f"specials.{special}.{action}"
            yield Problem(do.path, line, column, key, why)


def unreachable(root: Node, file: DialplanFile) -> Iterator[Problem]:
    """
    Find routes that no call takes.

    Only what is certain: a route that looks at more than numbers hides no other.
    """
    # Called number -> callers of earlier routes.
    taken: dict[str, set[str]] = {ANY: set()}
    if file.specials.anonymous:
        taken[ANY].add(ANONYMOUS)
    jumps = {route.do.goto for route in file.routes if isinstance(route.do, Goto)}
    for index, node in enumerate(items(root, "routes")):
        route = file.routes[index]
        called = called_by(file.numbers, route.match.to) if route.match.to else {ANY}
        callers = set(route.match.from_) or {ANY}
        # Without numbers, its tag stands for none: that is reported already.
        if (
            called
            and route.name not in jumps
            and all(
                _covers(taken[ANY], caller) or _covers(taken.get(to, set()), caller)
                for to in called
                for caller in callers
            )
        ):
            message = "never reached: the routes before it take all of its calls"
            yield node.problem(f"routes[{index}]", message)
        if route.match.model_fields_set <= {"to", "from_"} and not route.unless:
            for to in called:
                taken.setdefault(to, set()).update(callers)
        for number, group in enumerate(route.unless):
            if not group.model_fields_set:
                message = "expected at least one key: this excludes every call"
                at = items(node, "unless")[number]
                yield at.problem(f"routes[{index}].unless[{number}]", message)


def unanswered(root: Node, file: DialplanFile) -> Iterator[Problem]:
    """Find numbers that no route is for."""
    if not all(route.match.to for route in file.routes):
        return  # one is for all
    wanted = [called_by(file.numbers, route.match.to) for route in file.routes]
    for label, number in file.numbers.items():
        node = root.find("numbers", label)
        if node and not any(number.e164 in called for called in wanted):
            message = "no route is for this number; add one, or a last one for all"
            yield node.problem(f"numbers.{label}", message)


def _covers(patterns: set[str], caller: str) -> bool:
    """Whether patterns hold a caller, or all callers of a narrower pattern."""
    beginnings = (f"{caller[:end]}*" for end in range(2, len(caller)))
    return (
        ANY in patterns or caller in patterns or any(b in patterns for b in beginnings)
    )


def items(node: Node, *path: str) -> list[Node]:
    """Return the items of a list at the end of a path, if there is one."""
    found = node.find(*path)
    return found.items() if found else []


def is_name(node: Node) -> bool:
    """Whether this may be a label or an id; if not, that is reported elsewhere."""
    return isinstance(node.value, str) and bool(LABEL.fullmatch(node.value))


def _repeated(named: Iterable[tuple[str, Node | None]]) -> Iterator[Problem]:
    known: dict[str, Node] = {}
    for key, node in named:
        if node and isinstance(node.value, str):
            if first := known.get(node.value):
                where = "" if first.path == node.path else f" of {first.path}"
                message = f"{node.shown()} stands on line {first.line}{where} already"
                yield node.problem(key, message)
            known.setdefault(node.value, node)
