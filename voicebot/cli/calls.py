"""`voicebot calls`: the calls that were taken. One module a command."""

import typer

from voicebot.cli import (
    calls_export,
    calls_list,
    calls_replay,
    calls_search,
    calls_show,
    calls_stats,
)
from voicebot.cli.call_log import read_log

app = typer.Typer(help="Look at the calls that were taken.", no_args_is_help=True)
app.command("list")(calls_list.list_calls)
app.command("search")(calls_search.search)
app.command("show")(calls_show.show)
app.command("export")(calls_export.export)
app.command("replay")(calls_replay.replay)
app.command("stats")(calls_stats.stats)


@app.command("rebuild")
def rebuild() -> None:
    """
    Make the rows of all calls anew, of what was noted.

    Nobody needs to, unless rows were changed by hand. A server may go on meanwhile.
    """
    calls = read_log(lambda store: store.rebuild())
    print(f"the rows of {calls} calls were made anew")
