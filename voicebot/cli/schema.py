"""Print the JSON Schema of a kind of dialplan file, for editors."""

from typing import Annotated, Literal

import typer


def run(
    kind: Annotated[
        Literal["dialplan", "persona", "mixin"],
        typer.Argument(help="The kind of file.", show_default=False),
    ],
) -> None:
    """Print the JSON Schema of a kind of file, for an editor's completion.

    Save it, and begin files with `# yaml-language-server: $schema=<its path>`.
    """
    from json import dumps

    from voicebot.dialplan.schema import json_schema

    print(dumps(json_schema(kind), ensure_ascii=False, indent=2))
