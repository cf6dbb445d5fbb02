"""A folder of dialplan files, read and checked as a whole."""

import hashlib
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from voicebot.dialplan.actions_check import Names, misreferred
from voicebot.dialplan.callers import Callers
from voicebot.dialplan.contradictions import contradictions, unknown_secrets
from voicebot.dialplan.language import own_words
from voicebot.dialplan.model import Dialplan, DialplanFile
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.plan import assembled, callers_of, checked
from voicebot.dialplan.prompt import compile_instructions
from voicebot.dialplan.section import Section
from voicebot.dialplan.source import MAX_BYTES, MAX_PROBLEMS, Node, Problem, parse
from voicebot.dialplan.tree import APPEND, not_of_a_mixin, resolved, settle
from voicebot.dialplan.validate import validated
from voicebot.dialplan.values import LABEL
from voicebot.dialplan.variables import misused
from voicebot.errors import DialplanError

PLAN: Final = "dialplan.yaml"
PERSONAS: Final = "personas"
MIXINS: Final = "mixins"

# Sent with every session: longer ones cost, and models lose track of them.
MAX_PROMPT_CHARACTERS: Final = 32_000
LONG: Final = ("facts", "faqs", "keyterms", "pronounce", "style")  # what makes it so

S = TypeVar("S", bound=Section)


def load(folder: Path) -> Dialplan:
    """
    Read and check `dialplan.yaml`, `personas/*.yaml` and `mixins/*.yaml`.

    Args:
        folder: as problems are to name it: a relative path stays relative.

    Raises:
        DialplanError: with every mistake of every file, sorted by position.
    """
    if folder.is_file():
        message = f"expected the folder that holds {PLAN}, got a file"
        raise DialplanError([Problem(folder, 1, 1, "", message)])
    problems: list[Problem] = []
    listed = _listed(folder / PERSONAS, problems)
    mixins = _listed(folder / MIXINS, problems, optional=True)
    paths = [folder / PLAN, *(listed or ()), *(mixins or ())]
    problems += _misnamed(folder, paths[1:])
    files = dict(_contents(paths, problems))
    cast = _cast(listed or [], mixins or [], files, problems)
    known = None if listed is None else {path.stem for path in listed} - cast.abstract
    plan = _plan(folder / PLAN, files, known, problems)
    targets = plan[1].targets if plan else None
    for name, persona in cast.personas.items():
        names = Names(targets=targets, variables=persona.vars)
        found = misreferred(cast.trees[name], persona, names)
        problems += islice(found, MAX_PROBLEMS)
    if problems or plan is None:
        raise DialplanError(sorted(set(problems)))
    whole = assembled(folder / PLAN, *plan, cast.personas, _revision(folder, files))
    return replace(whole, trees=MappingProxyType(cast.trees))


def _listed(
    folder: Path, problems: list[Problem], *, optional: bool = False
) -> list[Path] | None:
    """List the files of personas or mixins, or None if that cannot be done."""
    try:
        # glob() would take a folder that cannot be read for an empty one.
        return _visible(path for path in folder.iterdir() if path.suffix == ".yaml")
    except (FileNotFoundError, NotADirectoryError):
        if optional:
            return []
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
    found = (folder.glob(f"{where}*.yml") for where in ("", "personas/", "mixins/"))
    for path in _visible(chain.from_iterable(found)):
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
    files: dict[Path, bytes],
    personas: Collection[str] | None,
    problems: list[Problem],
) -> tuple[Node, DialplanFile, Callers] | None:
    root, plan = _section(DialplanFile, path, files, problems)
    if root is None:
        return None
    problems += checked(path, root, plan, personas)
    if plan is None:
        return None
    return root, plan, callers_of(path, root, plan, files, problems)


@dataclass(frozen=True, slots=True)
class _Cast:
    """All personas that can answer, and what their files say together."""

    personas: dict[str, Persona]
    trees: dict[str, Node]
    abstract: set[str]


def _cast(
    listed: list[Path],
    mixed: list[Path],
    files: Mapping[Path, bytes],
    problems: list[Problem],
) -> _Cast:
    unreadable: list[Problem] = []
    personas, mixins = (
        {path.stem: _root(path, files, unreadable) for path in paths}
        for paths in (listed, mixed)
    )
    cast = _Cast({}, {}, set())
    found: list[Problem] = []
    for name, node in mixins.items():
        if node:
            found += not_of_a_mixin(node)
            _persona(name, settle(node, {}), files, found, partial=True)
    for name, node in personas.items():
        abstract = node.find("abstract") if node else None
        if abstract and abstract.value is True:
            cast.abstract.add(name)
        merged = resolved(name, personas, mixins, found)
        if merged is None:
            continue
        tree = settle(merged, _own_words(merged))
        partial = name in cast.abstract
        persona = _persona(name, tree, files, found, partial=partial)
        if persona and not partial:
            cast.personas[name], cast.trees[name] = persona, tree
    # One place gets only one problem.
    known = {(problem.path, problem.line, problem.column) for problem in unreadable}
    problems += unreadable
    problems += [p for p in found if (p.path, p.line, p.column) not in known]
    return cast


def _own_words(tree: Node) -> dict[str, Any]:
    plain = tree.plain()
    if not isinstance(plain, dict):
        return {}
    barge_in = plain.get("barge_in")
    if isinstance(barge_in, dict):
        plain["barge_in"] = {key.rstrip(APPEND): x for key, x in barge_in.items()}
    return own_words(plain)


def _persona(
    name: str,
    root: Node,
    files: Mapping[Path, bytes],
    problems: list[Problem],
    *,
    partial: bool,
) -> Persona | None:
    # A file whose name is no id is reported already; its content still counts.
    given = {"id": name if LABEL.fullmatch(name) else "unnamed"}
    persona = validated(Persona, root.path, root, problems, partial=partial, **given)
    if named := root.find("id"):
        message = "unknown key; the id of a persona is the name of its file"
        problems.append(named.problem("id", message))
    if persona is None:
        return None
    problems += islice(contradictions(root, persona), MAX_PROBLEMS)
    if not partial:  # who extends it may declare what it lacks
        problems += islice(misused(root, persona, files), MAX_PROBLEMS)
        problems += unknown_secrets(root, persona)
    size = len(compile_instructions(persona))
    if size > MAX_PROMPT_CHARACTERS:
        # Instructions alone are not that long.
        key = next(key for key in LONG if key in root.keys)
        message = f"expected at most {MAX_PROMPT_CHARACTERS:,} characters"
        message += f" with instructions, got {size:,}"
        at, path = root.keys[key], root.find(key)
        assert path
        problems.append(Problem(path.path, *at, key, message))
    return persona


def _section(
    model: type[S],
    path: Path,
    files: Mapping[Path, bytes],
    problems: list[Problem],
) -> tuple[Node | None, S | None]:
    """Parse and validate a file; one place in it gets only one problem."""
    unreadable: list[Problem] = []
    root = _root(path, files, unreadable)
    problems += unreadable
    if root is None:
        return None, None
    invalid: list[Problem] = []
    section = validated(model, path, root, invalid)
    known = {(problem.line, problem.column) for problem in unreadable}
    problems += [p for p in invalid if (p.line, p.column) not in known]
    return root, section


def _root(
    path: Path, files: Mapping[Path, bytes], problems: list[Problem]
) -> Node | None:
    """Parse a file; None if that is impossible, which has been reported."""
    if path not in files:
        return None
    root, unreadable = parse(path, files[path])
    problems += unreadable
    if root:
        for key in ("facts", f"facts{APPEND}"):
            _read_facts(root.find(key))
    return root


def _read_facts(facts: Node | None) -> None:
    """Take `- Price: 12.50`, a mapping to YAML, for the text it is."""
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
