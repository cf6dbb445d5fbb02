"""What the documents show is what the code does."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.dialplan.plans import PERSONA, written
from voicebot.bridge.evidence import WEIGHTS
from voicebot.bridge.model import TRANSITIONS, Outcome, Rule
from voicebot.bridge.settings import BargeIn
from voicebot.cli import app
from voicebot.dialplan.load import load
from voicebot.dialplan.source import parse
from voicebot.rehearse.run import run_all
from voicebot.store.dictation import MAX_CHARACTERS
from voicebot.store.private_kinds import LABELS

DOCS = Path(__file__).parents[1] / "docs"


def diagram() -> str:
    """Draw the phases as Mermaid."""
    arrows = [
        f"    {before} --> {after}: {moment}"
        for (before, moment), after in TRANSITIONS.items()
    ]
    return "\n".join(["    [*] --> listening", *sorted(arrows), "    ended --> [*]"])


def test_the_diagram_of_the_phases_is_the_table() -> None:
    assert diagram() in (DOCS / "architecture.md").read_text()


def test_every_rule_outcome_and_letter_is_explained() -> None:
    text = (DOCS / "turn-taking.md").read_text()
    names = [*Rule, *Outcome, *(letter for letter in WEIGHTS if letter != ".")]
    missing = [name for name in names if f"| `{name}` |" not in text]
    assert missing == []


def test_the_defaults_of_barge_in_are_those_of_the_bridge() -> None:
    text = (DOCS / "dialplans.md").read_text()
    wants = BargeIn()
    for key in ("min_ms", "confirm_ms", "decide_ms"):
        (row,) = (line for line in text.splitlines() if f"| `barge_in.{key}` |" in line)
        assert f"| `{getattr(wants, key)}ms` |" in row


def test_every_kind_of_private_data_is_explained() -> None:
    text = (DOCS / "privacy.md").read_text(encoding="utf-8")
    for kind, label in LABELS.items():
        (row,) = (
            line for line in text.splitlines() if line.startswith(f"| `{kind}` |")
        )
        assert row.endswith(f"| `[{label}]` |")
    assert f"{MAX_CHARACTERS:,} characters" in text


def followed(blocks: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Do what a tutorial says; return what it shows and what was printed, each."""
    desk = Path("my-plans/personas/desk.yaml")
    seen = []
    for kind, text in blocks:
        if kind == "yaml" and text.startswith("version:"):
            Path("my-plans/dialplan.yaml").write_text(text, encoding="utf-8")
        elif kind == "yaml" and text.startswith("tests:"):
            desk.write_text(desk.read_text() + text, encoding="utf-8")
        elif kind == "yaml":
            assert text in desk.read_text()
        for command in re.findall(r"^\$ voicebot (.*)\n((?:(?!\$).*\n)*)", text, re.M):
            if "'dsk'" in command[1]:
                plan = Path("my-plans/dialplan.yaml")
                plan.write_text(
                    plan.read_text().replace("persona: desk", "persona: dsk")
                )
            result = CliRunner().invoke(app, shlex.split(command[0]))
            seen.append((command[1], result.output))
    return seen


def test_the_tutorial_shows_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (DOCS / "dialplans.md").read_text(encoding="utf-8")
    part = text.partition("## A first dialplan\n")[2].partition("\nNow put ")[0]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("VOICEBOT_PUBLIC_URL", raising=False)
    seen = followed(re.findall("```(yaml|console)\n(.*?)```", part, re.DOTALL))
    assert len(seen) == 6
    for shown, printed in seen:
        took = re.compile(r"in [0-9.]+ s$", re.MULTILINE)
        wanted = took.sub("in a moment", shown).removesuffix("…\n")
        assert took.sub("in a moment", printed).startswith(wanted)


def merged(one: Any, other: Any) -> Any:
    """Two parts of one file."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return other
    return one | {key: merged(one.get(key, {}), other[key]) for key in other}


def test_the_examples_of_tools_are_one_persona_that_passes_its_tests(
    tmp_path: Path,
) -> None:
    text = (DOCS / "tools.md").read_text(encoding="utf-8")
    part = text.partition("## Tools that ask a server of yours\n")[2]
    plain: Any = yaml.safe_load(PERSONA)
    for block in re.findall("```yaml\n(.*?)```", part, re.DOTALL):
        root, problems = parse(Path("tools.md"), block.encode())
        assert root, problems
        assert not problems
        plain = merged(plain, root.plain())
    desk = yaml.safe_dump(plain, allow_unicode=True)
    plan = load(written(tmp_path, desk=desk))
    results = list(run_all(plan, tmp_path))
    assert [str(failure) for each in results for failure in each.failures] == []
    assert len(results) == 2
