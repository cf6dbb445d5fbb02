"""All tests of a folder of dialplans, each with what was wrong and where it stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicebot.dialplan.load import PERSONAS
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.source import Node
from voicebot.dialplan.testing import EXPECTATIONS, STEPS, CallTest
from voicebot.rehearse.call import RehearsedCall
from voicebot.rehearse.expect import Facts, judge
from voicebot.rehearse.timeline import timeline
from voicebot.runtime.forward import Target
from voicebot.runtime.reception import targets_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file, counted from 1."""

    path: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that wasn't as a test wants it."""

    place: Place
    key: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.place}: {self.key}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True, slots=True)
class Result:
    """One test that was run."""

    persona: str
    name: str
    place: Place
    call_s: float
    """How long the call was, on its own clock."""
    failures: tuple[Failure, ...]
    timeline: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.failures

    def as_json(self) -> dict[str, Any]:
        return {
            "persona": self.persona,
            "name": self.name,
            "ok": self.ok,
            **_as_json(self.place),
            "call_s": round(self.call_s, 3),
            "failures": [
                {
                    **_as_json(each.place),
                    "key": each.key,
                    "expected": each.expected,
                    "got": each.got,
                }
                for each in self.failures
            ],
            "timeline": list(self.timeline),
        }


def chosen(plan: Dialplan, wanted: str = "") -> list[tuple[Persona, CallTest]]:
    """
    List the tests of all personas.

    Args:
        wanted: only tests that have this in `persona: name`, whatever the case.
    """
    return [
        (persona, test)
        for persona in plan.personas.values()
        for test in persona.tests
        if wanted.casefold() in f"{persona.id}: {test.name}".casefold()
    ]


def run_all(plan: Dialplan, folder: Path, wanted: str = "") -> Iterator[Result]:
    """
    Run tests, one after the other.

    Args:
        folder: that the plan was loaded from, as failures are to name it.
        wanted: as of `chosen`.
    """
    targets = targets_of(plan)
    places: dict[str, Places] = {}
    for persona, test in chosen(plan, wanted):
        if persona.id not in places:
            path = folder / PERSONAS / f"{persona.id}.yaml"
            places[persona.id] = Places(path, plan.trees[persona.id])
        yield run(persona, test, places[persona.id], targets)


def run(
    persona: Persona,
    test: CallTest,
    places: "Places",
    targets: Mapping[str, Target],
) -> Result:
    """Run one test."""
    facts = Facts(RehearsedCall(persona, test, targets).run())
    failures = tuple(_failures(test, facts, places))
    return Result(
        persona.id,
        test.name,
        places.of(test.name),
        facts.record.ended_at,
        failures,
        tuple(timeline(facts)),
    )


def _failures(test: CallTest, facts: Facts, places: "Places") -> Iterator[Failure]:
    for number in range(len(facts.record.deeds), len(test.caller)):
        place, key = places.item(test.name, "caller", number, STEPS)
        got = "the call ended before"
        yield Failure(place, key, "the caller to come to this step", got)
    for number, wanted in enumerate(test.expect):
        if miss := judge(wanted, facts):
            place, key = places.item(test.name, "expect", number, EXPECTATIONS)
            yield Failure(place, key, miss.expected, miss.got)


class Places:
    """Where the tests of a persona stand."""

    def __init__(self, path: Path, root: Node) -> None:
        """
        Find the tests, inherited ones in the files that they are of.

        Args:
            path: of the persona's own file.
            root: all that it inherits and says, as a tree.
        """
        self._path = path
        tests = root.find("tests")
        self._tests: dict[str, Node] = {}
        for each in tests.items() if tests else []:
            if name := each.find("name"):
                self._tests[name.text.strip()] = each

    def of(self, test: str) -> Place:
        """Where a test begins; the beginning of the file if it is none of its own."""
        node = self._tests.get(test)
        return Place(node.path, node.line, node.column) if node else self._top

    def item(
        self, test: str, key: str, number: int, names: tuple[str, ...]
    ) -> tuple[Place, str]:
        """Where an item of a test's list stands, and which of these keys it has."""
        node = self._tests.get(test)
        listed = node.find(key) if node else None
        if listed is None:
            return self._top, f"{key}[{number}]"
        item = listed.items()[number]
        name = next(name for name in names if name in item.keys)
        return Place(item.path, *item.keys[name]), name

    @property
    def _top(self) -> Place:
        return Place(self._path, 1, 1)


def _as_json(place: Place) -> dict[str, Any]:
    return {"file": str(place.path), "line": place.line, "column": place.column}
