"""From `dialplan.yaml` to the plan: all of it but the personas."""

from collections.abc import Collection, Iterator, Mapping, MutableMapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from voicebot.dialplan.beside import read_beside
from voicebot.dialplan.callers import ALLOWED, BLOCKED, Callers
from voicebot.dialplan.hours import Calendar, Rule
from voicebot.dialplan.ics import MAX_EVENTS, Holiday, read_ics
from voicebot.dialplan.model import (
    CalendarFile,
    CallerFile,
    Dialplan,
    DialplanFile,
)
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.references import dangling, items, unanswered, unreachable
from voicebot.dialplan.source import MAX_BYTES, MAX_PROBLEMS, Node, Problem
from voicebot.dialplan.times import WEEKDAYS, weekdays
from voicebot.dialplan.values import ANONYMOUS, E164, PREFIX

MAX_LIST_BYTES: Final = 1024 * 1024
MAX_CALLERS: Final = 20_000

Holidays: TypeAlias = Mapping[str, tuple[Rule, ...]]
"""What files of holidays close, by the name of the calendar."""


def checked(
    path: Path,
    root: Node,
    file: DialplanFile | None,
    personas: Collection[str] | None,
) -> Iterator[Problem]:
    """
    Find what is wrong between the parts of `dialplan.yaml`.

    Args:
        file: None if it could not be read in full.
        personas: ids of those that there are files of; None if that is unknown.
    """
    yield from islice(dangling(root, personas), MAX_PROBLEMS)
    if file:
        yield from _homeless(root, file)
        yield from islice(unreachable(root, file), MAX_PROBLEMS)
        yield from islice(unanswered(root, file), MAX_PROBLEMS)


def callers_of(
    path: Path,
    root: Node,
    file: DialplanFile,
    files: MutableMapping[Path, bytes],
    problems: list[Problem],
) -> Callers:
    """
    Gather the lists of callers.

    Args:
        path: of `dialplan.yaml`; lists in files of their own are below its folder.
        files: gets the content of these, so that the plan's revision knows it.
        problems: gets what is wrong with them.
    """
    patterns: dict[str, tuple[str, ...]] = {}
    for tag, given in file.callers.items():
        if isinstance(given, CallerFile):
            node = root.find("callers", tag, "file") or root
            patterns[tag] = tuple(_listed(path, node, tag, given, files, problems))
        else:
            patterns[tag] = given
    for tag, given in ((BLOCKED, file.block), (ALLOWED, file.allow)):
        patterns[tag] = tuple(
            one for name in given for one in patterns.get(name, (name,))
        )
    return Callers(patterns)


def _listed(
    path: Path,
    node: Node,
    tag: str,
    given: CallerFile,
    files: MutableMapping[Path, bytes],
    problems: list[Problem],
) -> Iterator[str]:
    def wrong(at: Path, line: int, column: int, message: str) -> None:
        key = f"callers.{tag}.file" if at == node.path else ""
        problems.append(Problem(at, line, column, key, message))

    data = read_beside(path.parent, given.file, MAX_LIST_BYTES)
    if isinstance(data, str):
        return wrong(node.path, node.line, node.column, data)
    there = path.parent / given.file
    files[there] = data
    lines = data.decode("utf-8-sig", "replace").splitlines()
    if len(data) > MAX_LIST_BYTES or len(lines) > MAX_CALLERS:
        return wrong(there, 1, 1, f"expected at most {MAX_CALLERS} lines, and 1 MiB")
    mistakes = 0
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if text == ANONYMOUS or E164.fullmatch(text) or PREFIX.fullmatch(text):
            yield text
            continue
        # Not what stands there: lists hold people's numbers.
        wrong(there, number, 1, "expected a phone number, '+44*' or anonymous")
        mistakes += 1
        if mistakes == MAX_PROBLEMS:
            break
    return None


def holidays_of(
    path: Path,
    root: Node,
    file: DialplanFile,
    files: MutableMapping[Path, bytes],
    problems: list[Problem],
) -> Holidays:
    """
    Read the calendar files that calendars name; arguments as of `callers_of`.

    A file that several calendars name is read once.
    """
    read: dict[str, list[Holiday]] = {}
    for name in file.calendars:
        for index, node in enumerate(items(root, "calendars", name, "ics")):
            if node.text in read:
                continue
            read[node.text] = []
            data = read_beside(path.parent, node.text, MAX_BYTES)
            if isinstance(data, str):
                problems.append(node.problem(f"calendars.{name}.ics[{index}]", data))
                continue
            there = path.parent / node.text
            files[there] = data
            read[node.text], wrong = read_ics(there, data)
            problems += wrong
        sources = root.find("calendars", name, "ics")
        if sources and sum(len(read[x.text]) for x in sources.items()) > MAX_EVENTS:
            message = f"expected at most {MAX_EVENTS} events in all its files"
            problems.append(sources.problem(f"calendars.{name}.ics", message))
    return {
        name: tuple(
            Rule("closed", (), f"{Path(source).as_posix()}:{x.line}", x.days, x.reason)
            for source in given.ics
            for x in read[source]
        )
        for name, given in file.calendars.items()
    }


def assembled(
    path: Path,
    root: Node,
    file: DialplanFile,
    callers: Callers,
    holidays: Holidays,
    personas: MutableMapping[str, Persona],
    revision: str,
) -> Dialplan:
    """Put a plan together of which everything is checked."""
    calendars = {
        name: _calendar(path, root, file, name, given, holidays[name])
        for name, given in file.calendars.items()
    }
    plan = Dialplan(
        numbers=MappingProxyType(file.numbers),
        routes=file.routes,
        personas=MappingProxyType(personas),
        revision=revision,
        calendars=MappingProxyType(calendars),
        targets=MappingProxyType(file.targets),
        callers=callers,
        specials=file.specials,
        capacity=file.capacity,
        budgets=file.budgets,
        tests=file.tests,
        places=MappingProxyType(dict(_places(path, root))),
    )
    return replace(plan, zone=file.timezone) if file.timezone else plan


def _calendar(
    path: Path,
    root: Node,
    file: DialplanFile,
    name: str,
    given: CalendarFile,
    holidays: tuple[Rule, ...],
) -> Calendar:
    node = root.find("calendars", name) or root
    zone = given.timezone or file.timezone
    assert zone, "asked for by _homeless"
    week = [Rule("weekly", (), _place(path, node)) for _ in WEEKDAYS]
    weekly = node.find("weekly")
    for days, hours in given.weekly.items():
        at = weekly.keys[days][0] if weekly else node.line
        for day in weekdays(days):
            week[day] = Rule("weekly", hours, _place(path, weekly or node, at))
    return Calendar(
        name,
        zone,
        tuple(week),
        tuple(
            Rule("closed", (), _place(path, at), one.span, one.reason or "")
            for at, one in zip(items(node, "closed"), given.closed, strict=True)
        )
        + holidays,
        tuple(
            Rule("special", one.open, _place(path, at), one.span, one.reason or "")
            for at, one in zip(items(node, "special"), given.special, strict=True)
        ),
        _place(path, node),
    )


def _places(path: Path, root: Node) -> Iterator[tuple[str, str]]:
    for key in ("routes", "tests"):
        for index, node in enumerate(items(root, key)):
            yield f"{key}[{index}]", _place(path, node)
    for keys in (("block",), ("specials", "anonymous"), ("specials", "overload")):
        if found := root.find(*keys):
            yield ".".join(keys), _place(path, found)


def _place(path: Path, node: Node, line: int | None = None) -> str:
    """Say where something stands, by the folder of `dialplan.yaml`."""
    file = node.path.relative_to(path.parent).as_posix()
    return f"{file}:{line or node.line}"


def _homeless(root: Node, file: DialplanFile) -> Iterator[Problem]:
    """Find times of day of which nobody knows where: the first is enough."""
    if file.timezone:
        return
    nodes: list[Node | None] = [
        root.find("calendars", name)
        for name, calendar in file.calendars.items()
        if calendar.timezone is None
    ]
    for route in items(root, "routes"):
        groups = [route.find("match"), *items(route, "unless")]
        nodes += [
            x.find(key) for x in groups if x for key in ("weekday", "date", "time")
        ]
    nodes += [test.find("at") for test in items(root, "tests")]
    for at in filter(None, nodes):
        message = "timezone is missing, such as Europe/London: it says where this is"
        yield at.problem("timezone", message)
        return
