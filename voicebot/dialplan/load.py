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
from voicebot.dialplan.include import included, whole
from voicebot.dialplan.keypads import misled
from voicebot.dialplan.language import own_words
from voicebot.dialplan.languages import in_languages
from voicebot.dialplan.model import FRAGMENTS, Dialplan, DialplanFile
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.plan import Holidays, assembled, callers_of, checked, holidays_of
from voicebot.dialplan.prompt import compile_instructions
from voicebot.dialplan.recordings import Clip, clip_of
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
    if plan:
        problems += misled(plan[0], known, cast.personas)
    targets = plan[1].targets if plan else None
    numbers = {name for name, target in (targets or {}).items() if target.number}
    for name, persona in cast.personas.items():
        names = Names(targets, numbers, persona.vars)
        found = misreferred(cast.trees[name], persona, names)
        problems += islice(found, MAX_PROBLEMS)
        for language, variant in persona.variants.items():
            found = misreferred(cast.variants[name, language], variant, names)
            known_places = {(x.path, x.line, x.column) for x in problems}
            problems += [
                replace(each, key=f"in.{language}.{each.key}")
                for each in islice(found, MAX_PROBLEMS)
                if (each.path, each.line, each.column) not in known_places
            ]
    clips = dict(_clips(folder, cast, files, problems))
    if problems or plan is None:
        raise DialplanError(sorted(set(problems)))
    whole = assembled(folder / PLAN, *plan, cast.personas, _revision(folder, files))
    return replace(
        whole, trees=MappingProxyType(cast.trees), clips=MappingProxyType(clips)
    )


def _clips(
    folder: Path, cast: "_Cast", files: dict[Path, bytes], problems: list[Problem]
) -> Iterator[tuple[tuple[str, str], Clip]]:
    """Read the recordings of all greetings, by persona and language."""
    for name, persona in cast.personas.items():
        trees = {persona.language: cast.trees[name]}
        for language, each in persona.family.items():
            tree = trees.get(language) or cast.variants[name, language]
            found = clip_of(folder, tree, each, files)
            if isinstance(found, Problem):
                problems.append(found)
            elif found:
                yield (name, language), found


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
) -> tuple[Node, DialplanFile, Callers, Holidays] | None:
    unreadable: list[Problem] = []
    root = _root(path, files, unreadable)
    if root is None:
        problems += unreadable
        return None
    root, is_whole = _with_fragments(path, root, files, unreadable)
    problems += unreadable
    invalid: list[Problem] = []
    plan = validated(DialplanFile, path, root, invalid)
    # One place gets only one problem.
    known = {(problem.path, problem.line, problem.column) for problem in unreadable}
    problems += [p for p in invalid if (p.path, p.line, p.column) not in known]
    if not is_whole:
        return None  # what the rest refers to may be where nobody could read it
    problems += checked(path, root, plan, personas)
    if plan is None:
        return None
    callers = callers_of(path, root, plan, files, problems)
    return root, plan, callers, holidays_of(path, root, plan, files, problems)


def _with_fragments(
    path: Path, root: Node, files: dict[Path, bytes], problems: list[Problem]
) -> tuple[Node, bool]:
    """Read what `include` names, and put it into the plan; say if that is all of it."""
    named = root.find("include")
    if named is None:
        return root, True
    # What is no pattern is reported by the model.
    patterns = [node for node in named.items() if FRAGMENTS.fullmatch(node.text)]
    paths = included(path, root, patterns, problems)
    files |= dict(_contents(paths, problems))
    read = [_root(each, files, problems) for each in paths]
    return whole(root, filter(None, read), problems), None not in read


@dataclass(frozen=True, slots=True)
class _Cast:
    """All personas that can answer, and what their files say together."""

    personas: dict[str, Persona]
    trees: dict[str, Node]
    abstract: set[str]
    variants: dict[tuple[str, str], Node]
    """Their trees in other languages: see `languages`."""


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
    cast = _Cast({}, {}, set(), {})
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
            variants = {}

            def read(
                tree: Node, wrong: list[Problem], name: str = name
            ) -> Persona | None:
                settled = settle(tree, _own_words(tree))
                return _persona(name, settled, files, wrong, partial=False)

            given = merged.find("in")
            wrong: list[Problem] = []
            for found_in in in_languages(tree, given, persona, read, wrong):
                language, variants[language], cast.variants[name, language] = found_in
            # What `in` doesn't say is the persona's, mistakes included.
            known = {(p.path, p.line, p.column) for p in found}
            found += [p for p in wrong if (p.path, p.line, p.column) not in known]
            cast.personas[name] = persona.speaking(variants)
            cast.trees[name] = tree
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
    own = own_words(plain)
    return own | {"stages": _of_stages(settle(tree, own), own)}


def _of_stages(tree: Node, own: dict[str, Any]) -> dict[str, Any]:
    """Return what `key+` of a stage appends to: the lists of the persona."""
    plain, stages = tree.plain(), tree.find("stages")
    assert isinstance(plain, dict)
    lists: dict[str, Any] = {}
    for key in ("barge_in", "listening"):
        given = plain.get(key)
        lists[key] = own[key] | (given if isinstance(given, dict) else {})
    return dict.fromkeys(stages.keys if stages else (), lists)


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
