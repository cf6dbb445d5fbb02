"""What commands print: text and tables for a person, or JSON."""

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


def table(*columns: str) -> "Table":
    from rich.table import Table

    return Table(*columns, box=None, show_header=bool(columns))


def print_out(what: "Table | str") -> None:
    from rich.console import Console

    Console().print(what)


def print_json(what: object) -> None:
    import orjson

    print(orjson.dumps(what, option=orjson.OPT_INDENT_2).decode())


def when(at: datetime) -> str:
    """The operator's own time: they compare it with their watch."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def clock(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    return f"{minutes}:{seconds:02}"


def seconds(milliseconds: int | None) -> str:
    return "" if milliseconds is None else f"{milliseconds / 1000:.2f} s"


def stranger(value: str) -> "Text":
    """Not markup, and nothing for the terminal to obey: it is a stranger's text."""
    from rich.text import Text

    from voicebot.observe.logs import printable

    return Text(printable(value), overflow="fold")
