"""The import rules of the README's architecture table, enforced."""

import ast
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "voicebot"

IMPURE = {
    "aiohttp",
    "asyncio",
    "os",
    "random",
    "secrets",
    "socket",
    "sqlalchemy",
    "sqlite3",
    "threading",
    "time",
    "uuid",
    "websockets",
}

# Folder -> what it may import from voicebot, besides itself. P marks the pure
# ones: no socket, no clock, no task, no randomness, no environment.
PURE: dict[str, set[str]] = {
    "errors": set(),
    "fields": {"errors"},
    "websocket": set(),
    "audio": set(),
    "twilio": {"errors", "fields"},
    "stepfun": {"errors", "fields"},
    "cascade": {"errors", "fields", "audio", "stepfun"},
    "dialplan": {"errors"},
    "bridge": {"errors", "audio"},
    "flow": {"errors", "fields", "bridge", "dialplan"},
    "doctor": {"errors", "fields", "stepfun", "twilio"},
}
# What the call log decides, and what its records mean.
PURE_MODULES = [
    f"store/{name}"
    for name in (
        "events",
        "faults",
        "latency",
        "project",
        "recent",
        "records",
        "traces",
        "triage",
        "usage",
    )
]
CORE = {"errors", "fields", "audio", "twilio", "stepfun", "config"}
SHELL: dict[str, set[str]] = {
    "config": {"errors"},
    "store": CORE,
    "net": CORE | {"websocket"},
    "observe": CORE,
    "runtime": CORE
    | {"bridge", "cascade", "dialplan", "doctor", "flow", "store", "net", "observe"},
    "web": CORE | {"bridge", "dialplan", "store", "net", "observe", "runtime"},
    "sim": {"audio", "errors"},
    "measure": CORE | {"bridge", "flow", "runtime", "sim"},
    "load": {"audio", "errors", "sim"},
    "bench": CORE | {"bridge", "runtime", "sim", "load"},
    "rehearse": CORE | {"bridge", "dialplan", "flow", "runtime", "sim", "measure"},
}
ALLOWED = PURE | SHELL

# Where time and tasks may be touched at all.
ASYNC = {"net", "store", "runtime", "web", "sim", "load", "bench", "cli"}
CLOCK = {"runtime", "store", "sim", "load", "bench", "cli"}


def modules(folder: str) -> list[Path]:
    file = SOURCE / f"{folder}.py"
    return [file] if file.exists() else sorted((SOURCE / folder).rglob("*.py"))


def imports(module: Path) -> Iterator[str]:
    """Absolute dotted names of all that a module imports, wherever it does so."""
    package = ".".join(module.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def test_every_folder_has_a_rule() -> None:
    paths = [path for path in SOURCE.iterdir() if path.is_dir() or path.suffix == ".py"]
    found = {path.stem for path in paths if not path.name.startswith("__")}
    assert found == {*ALLOWED, "cli"}


@pytest.mark.parametrize("folder", [*PURE, *PURE_MODULES])
def test_a_pure_folder_stays_pure(folder: str) -> None:
    for module in modules(folder):
        for name in imports(module):
            top = name.partition(".")[0]
            assert top not in IMPURE, f"{module}: {name}: no I/O, no clock here"


@pytest.mark.parametrize("folder", ALLOWED)
def test_a_folder_imports_only_what_the_table_allows(folder: str) -> None:
    for module in modules(folder):
        for name in imports(module):
            top, _, rest = name.partition(".")
            if top == "voicebot":
                allowed = ALLOWED[folder] | {folder}
                assert rest.split(".")[0] in allowed, f"{module}: {name}"


@pytest.mark.parametrize("folder", [*ALLOWED, "cli"])
def test_tasks_and_clocks_stay_where_they_belong(folder: str) -> None:
    for module in modules(folder):
        for name in imports(module):
            top = name.partition(".")[0]
            assert top != "asyncio" or folder in ASYNC, f"{module}: {name}"
            assert top != "time" or folder in CLOCK, f"{module}: {name}"
