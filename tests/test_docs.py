"""What the documents show is what the code does."""

from pathlib import Path

from voicebot.bridge.model import TRANSITIONS

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
