"""How long recordings are kept, as a persona's file says it."""

import re
from pathlib import Path

from tests.dialplan.plans import PERSONA, mistakes, written
from tests.flow.personas import persona

DOCS = Path(__file__).parents[2] / "docs"


def test_retention_is_days() -> None:
    assert persona().recording.keep_days is None
    assert persona(recording={"retention": "60d"}).recording.keep_days == 60


def test_the_example_of_the_page_is_good(tmp_path: Path) -> None:
    text = (DOCS / "recordings.md").read_text(encoding="utf-8")
    (example,) = re.findall("```yaml\n(.*?)```", text, re.DOTALL)
    assert mistakes(written(tmp_path, desk=PERSONA + example)) == []
