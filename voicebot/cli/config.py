"""`voicebot config`: what is set, and where."""

from typing import Annotated

import typer


def run(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every setting and where it comes from; of a secret only its tail."""
    import orjson
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from voicebot.config import load_settings, provenance

    rows = provenance(load_settings())
    if json:
        names = ("name", "value", "source")
        settings = [dict(zip(names, row, strict=True)) for row in rows]
        print(orjson.dumps(settings, option=orjson.OPT_INDENT_2).decode())
        return
    table = Table("setting", "value", "source", box=None)
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
