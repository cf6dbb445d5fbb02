"""messages.jsonl: one example of each thing that we and Twilio say to each other.

All ids, numbers and tokens in it are invented.
"""

import json
from pathlib import Path
from typing import Any, Final

EXAMPLES: Final[dict[str, Any]] = {
    line["id"]: line["message"]
    for line in map(
        json.loads,
        Path(__file__)
        .with_name("messages.jsonl")
        .read_text(encoding="utf-8")
        .splitlines(),
    )
}


def frame(name: str) -> bytes:
    """Write an example as Twilio does on the wire: without spaces."""
    return json.dumps(EXAMPLES[name], separators=(",", ":")).encode()


def form(name: str) -> dict[str, str]:
    fields: dict[str, str] = EXAMPLES[name]["form"]
    return dict(fields)
