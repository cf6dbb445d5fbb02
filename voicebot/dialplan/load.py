"""A folder of dialplan files, read and checked as a whole."""

import hashlib
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from voicebot.dialplan.contradictions import contradictions
from voicebot.dialplan.model import Dialplan, DialplanFile
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.prompt import compile_instructions
from voicebot.dialplan.references import dangling, unanswered, unreachable
from voicebot.dialplan.section import Section
from voicebot.dialplan.source import MAX_BYTES, MAX_PROBLEMS, Node, Problem, parse
from voicebot.dialplan.validate import validated
from voicebot.dialplan.values import LABEL
from voicebot.errors import DialplanError

PLAN: Final = "dialplan.yaml"
PERSONAS: Final = "personas"

# Sent with every session: longer ones cost, and models lose track of them.
MAX_PROMPT_CHARACTERS: Final = 32_000

S = TypeVar("S", bound=Section)


def load(folder: Path) -> Dialplan:
    """
    Read and check `dialplan.yaml` and `personas/*.yaml`.

    Args:
        folder: as problems are to name it: a relative path stays relative.

    Raises:
        DialplanError: with every mistake of every file, sorted by position.
    """
    if folder.is_file():
        message = f"expected the folder that holds {PLAN}, got a file"
        raise DialplanError([Problem(folder, 1, 1, "", message)])
    problems: list[Problem] = []
    listed = _personas(folder / PERSONAS, problems)
    paths = [folder / PLAN, *(listed or ())]
    problems += _misnamed(folder, paths[1:])
    files = dict(_contents(paths, problems))
    known = None if listed is None else {path.stem for path in listed}
    plan = _plan(folder / PLAN, files, known, problems)
    personas = {
        path.stem: persona
        for path in paths[1:]
        if (persona := _persona(path, files, problems))
    }
    if problems or plan is None:
        raise DialplanError(sorted(problems))
    return Dialplan(
        numbers=MappingProxyType(plan.numbers),
        routes=plan.routes,
        personas=MappingProxyType(personas),
        revision=_revision(folder, files),
    )


def _personas(folder: Path, problems: list[Problem]) -> list[Path] | None:
    """List the files of personas, or None if that cannot be done."""
    try:
        # glob() would take a folder that cannot be read for an empty one.
        return _visible(path for path in folder.iterdir() if path.suffix == ".yaml")
    except (FileNotFoundError, NotADirectoryError):
        message = "missing folder; it holds one <id>.yaml for each persona"
    except OSError as exc:
        message = f"cannot be read: {exc.strerror}"
    problems.append(Problem(folder, 1, 1, "", message))
    return None


def _visible(paths: Iterable[Path]) -> list[Path]:
    """Leave out files that editors hide, such as `.#clinic.yaml`."""
    return sorted(path for path in paths if not path.name.startswith("."))


def _misnamed(folder: Path, personas: list[Path]) -> Iterator[Problem]:
    """Find what would silently not be read, or could not be referred to."""
    for path in _visible([*folder.glob("*.yml"), *folder.glob(f"{PERSONAS}/*.yml")]):
        yield Problem(path, 1, 1, "", f"rename it to {path.stem}.yaml")
    for path in personas:
        if not LABEL.fullmatch(path.stem):
            message = "expected a file name of a-z, 0-9, - and _, with a letter first"
            yield Problem(path, 1, 1, "", message)


def _contents(
    paths: list[Path], problems: list[Problem]
) -> Iterator[tuple[Path, bytes]]:
    for path in paths:
        try:
            # Opening a pipe would wait for somebody who writes to it.
            if not stat.S_ISREG(path.stat().st_mode):
                problems.append(Problem(path, 1, 1, "", "expected a regular file"))
                continue
            with path.open("rb") as file:
                yield path, file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            problems.append(Problem(path, 1, 1, "", "missing file"))
        except OSError as exc:
            message = f"cannot be read: {exc.strerror}"
            problems.append(Problem(path, 1, 1, "", message))


def _plan(
    path: Path,
    files: Mapping[Path, bytes],
    personas: Collection[str] | None,
    problems: list[Problem],
) -> DialplanFile | None:
    root, plan = _section(DialplanFile, path, files, problems)
    if root is None:
        return None
    found = dangling(path, root, personas)
    problems += islice(found, MAX_PROBLEMS)
    if plan:
        problems += islice(unreachable(path, root, plan), MAX_PROBLEMS)
        problems += islice(unanswered(path, root, plan), MAX_PROBLEMS)
    return plan


def _persona(
    path: Path, files: Mapping[Path, bytes], problems: list[Problem]
) -> Persona | None:
    # A file whose name is no id is reported already; its content still counts.
    name = path.stem if LABEL.fullmatch(path.stem) else "unnamed"
    root, persona = _section(Persona, path, files, problems, id=name)
    if root and (given := root.find("id")):
        message = "unknown key; the id of a persona is the name of its file"
        problems.append(Problem(path, given.line, given.column, "id", message))
    if root and persona:
        problems += islice(contradictions(path, root, persona), MAX_PROBLEMS)
    # Instructions without facts are not that long.
    if root and persona and (at := root.keys.get("facts")):
        size = len(compile_instructions(persona))
        if size > MAX_PROMPT_CHARACTERS:
            message = "expected at most {:,} characters with instructions, got {:,}"
            message = message.format(MAX_PROMPT_CHARACTERS, size)
            problems.append(Problem(path, *at, "facts", message))
    return persona


def _section(
    model: type[S],
    path: Path,
    files: Mapping[Path, bytes],
    problems: list[Problem],
    **given: str,
) -> tuple[Node | None, S | None]:
    """Parse and validate a file; one place in it gets only one problem."""
    if path not in files:
        return None, None
    root, unreadable = parse(path, files[path])
    problems += unreadable
    if root is None:
        return None, None
    if model is Persona:
        _read_facts(root)
    invalid: list[Problem] = []
    section = validated(model, path, root, invalid, **given)
    known = {(problem.line, problem.column) for problem in unreadable}
    problems += [p for p in invalid if (p.line, p.column) not in known]
    return root, section


def _read_facts(root: Node) -> None:
    """Take `- Price: 12.50`, a mapping to YAML, for the text it is."""
    facts = root.find("facts")
    if facts and isinstance(facts.value, list):
        facts.value[:] = map(_fact, facts.value)


def _fact(node: Node) -> Node:
    if isinstance(node.value, dict) and len(node.value) == 1:
        ((name, given),) = node.value.items()
        if given.text:
            text = f"{name}: {given.text}"
            return replace(node, value=text, text=text)
    return node


def _revision(folder: Path, files: Mapping[Path, bytes]) -> str:
    digest = hashlib.sha256()
    for path, data in files.items():
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:12]
