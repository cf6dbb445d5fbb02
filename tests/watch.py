"""
Fails every test that leaks a canary, in all of the suite: a plugin of pytest's.

What a test logs (structlog, the standard library, what it captures itself), what it
prints, and the files that it leaves in its folder must hold no caller's number, card,
name and no key. What is let through, and why:

* Sound and flight records: they are what was said, and nobody reads them here.
* The call log and its spill say who called, and what was said but for what is masked:
  there only cards and keys are looked for.
* Dialplans, settings and scripts that a test writes are what it begins with.
* Exports, pages and plans are asked for by the test, with the words that it put in.
* What a command prints is taken by the test that runs it (`CliRunner`), and asked for.
"""

import base64
import traceback
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final, NoReturn

import pytest
import structlog.testing
from structlog.typing import EventDict, WrappedLogger

from tests.canary import ACCOUNT, CALLER, CARD, CARD_SPOKEN, KEY, NAME, TOKEN

CANARIES: Final = {
    "the caller's number": (CALLER[1:], "555-010-0199", "555 010 0199"),
    "the caller's name": (NAME, NAME.split()[1]),
    "the card": (CARD, CARD.replace(" ", ""), CARD.replace(" ", "-"), CARD_SPOKEN),
    "StepFun's key": (KEY,),
    "Twilio's token": (TOKEN, base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()),
}
"""What is looked for, in any of these ways to write it."""

LOGGED: Final = frozenset({"the card", "StepFun's key", "Twilio's token"})
NOTHING: Final = frozenset[str]()

# What is looked for in files, by the end of their names; all else: everything.
FILES: Final = {
    **dict.fromkeys((".wav", ".flac", ".opus", ".ogg", ".draft", ".gz"), NOTHING),
    **dict.fromkeys((".sqlite", ".sqlite-wal", ".sqlite-shm", "spill.jsonl"), LOGGED),
    **dict.fromkeys((".yaml", ".env", ".py"), NOTHING),
    **dict.fromkeys((".csv", ".jsonl", ".json", ".parquet", ".html"), LOGGED),
}

_FORMS: Final = {
    name: tuple(form.lower().encode() for form in forms)
    for name, forms in CANARIES.items()
}
_captured: list[str] = []  # what this test's `capture_logs` took


def canaries_in(data: bytes, wanted: frozenset[str] = frozenset(CANARIES)) -> list[str]:
    """Name the canaries that stand in some bytes."""
    plain = data.lower()
    return [
        name
        for name, forms in _FORMS.items()
        if name in wanted and any(form in plain for form in forms)
    ]


def _leaks(report: pytest.TestReport, folder: Path | None) -> Iterator[str]:
    for title, text in report.sections:
        for name in canaries_in(text.encode()):
            yield f"{name}: in the section {title!r}"
    for line in _captured:
        for name in canaries_in(line.encode()):
            yield f"{name}: in a log line that was captured"
    for path in folder.rglob("*") if folder else ():
        if path.is_file() and not path.is_symlink():
            for name in canaries_in(path.read_bytes(), wanted_in(path.name)):
                yield f"{name}: in the file {path.relative_to(folder or path)}"


def wanted_in(name: str) -> frozenset[str]:
    """Return which canaries are looked for in a file of this name."""
    for end, wanted in FILES.items():
        if name.endswith(end):
            return wanted
    return frozenset(CANARIES)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Look at all that a test left behind, when it is over."""
    report = yield
    if call.when != "teardown":
        return report
    given = getattr(item, "funcargs", {}).get("tmp_path")
    found = sorted(set(_leaks(report, given if isinstance(given, Path) else None)))
    _captured.clear()
    if found:
        report.outcome = "failed"
        report.longrepr = "\n".join([f"{item.nodeid} leaks:", *found])
    return report


def _take(
    self: structlog.testing.LogCapture,
    _: WrappedLogger,
    method_name: str,
    event_dict: EventDict,
) -> NoReturn:
    error = traceback.format_exc() if event_dict.get("exc_info") else ""
    _captured.append(f"{event_dict}{error}")
    _captures(self, _, method_name, event_dict)


_captures: Final = structlog.testing.LogCapture.__call__
structlog.testing.LogCapture.__call__ = _take  # type: ignore[method-assign]
