"""One documented or observed frame of StepFun a line, by name: events.jsonl."""

import json
from pathlib import Path
from typing import Any

_LINES = Path(__file__).with_name("events.jsonl").read_text(encoding="utf-8")

EXAMPLES: dict[str, dict[str, Any]] = {
    line["example"]: line["event"] for line in map(json.loads, _LINES.splitlines())
}


def named(prefix: str) -> set[str]:
    """Names of the examples that begin so: `c.` client, `s.` server, `ht.` HTTP."""
    return {name for name in EXAMPLES if name.startswith(prefix)}
