"""What the documents show is what the code does."""

from pathlib import Path

from voicebot.bridge.evidence import WEIGHTS
from voicebot.bridge.model import TRANSITIONS, Outcome, Rule
from voicebot.bridge.settings import BargeIn

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
