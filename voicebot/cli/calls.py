"""`voicebot calls`: the calls that were taken."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from voicebot.cli.clips import cut_clips
from voicebot.errors import ConfigError, StoreError

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from rich.table import Table
    from rich.text import Text

    from voicebot.store.calls import CallStore
    from voicebot.store.events import Event
    from voicebot.store.records import Call, Decision, Message, Turn

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Numbers = Annotated[
    bool, typer.Option("--numbers", help="Show the callers' numbers in full.")
]

app = typer.Typer(help="Look at the calls that were taken.", no_args_is_help=True)


@app.command("list")
def list_calls(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 20,
    numbers: Numbers = False,
    json: Json = False,
) -> None:
    """List the newest calls, newest first."""
    found = read_log(lambda store: store.list_calls(limit))
    calls = found if numbers else [_masked(call) for call in found]
    if json:
        print_json(calls)
        return
    if not calls:
        print("no calls yet")
        return
    listed = table("when", "from", "to", "persona", "lasted", "ended", "call")
    for call in calls:
        listed.add_row(
            _when(call.started_at),
            _text(call.from_number),
            _text(call.to_number),
            _text(call.persona),
            _clock(call.duration_ms),
            _ending(call),
            _text(call.call_id[:8]),  # `show` takes the beginning of one
        )
    print_out(listed)


@app.command("show")
def show(
    call_id: Annotated[
        str, typer.Argument(metavar="CALL", help="Its ID or SID, or how that begins.")
    ],
    numbers: Numbers = False,
    decisions: Annotated[
        bool,
        typer.Option(
            "--decisions", help="Show why the bot stopped, went on and answered."
        ),
    ] = False,
    clips: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="With --decisions: cut what both sides said around each, 2 s before "
            "and after, out of the call's recording.",
        ),
    ] = None,
    events: Annotated[
        bool,
        typer.Option(
            "--events", help="Show all that was noted, in order, but what was said."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Show one call: what was said, what of it was heard, how fast, how it ended."""
    if clips and not decisions:
        raise ConfigError("--clips: expected it together with --decisions")

    async def work(
        store: "CallStore",
    ) -> "tuple[Call, list[Turn], list[Decision], list[Message], list[Event]]":
        call = await store.get_call(call_id)
        if call is None:
            raise StoreError(f"no call begins with {call_id!r}")
        decided = await store.decisions(call.call_id) if decisions else []
        turns = await store.turns(call.call_id)
        happened = await store.events(call.call_id) if events else []
        return call, turns, decided, await store.messages(call.call_id), happened

    call, turns, decided, messages, happened = read_log(work)
    if not numbers:
        call = _masked(call)
    cut = cut_clips(call, decided, clips) if clips else {}
    if json:
        shown = {"call": call, "turns": turns, "messages": messages}
        if decisions:
            shown["decisions"] = decided
        if events:
            shown["events"] = [_event(event) for event in happened]
        print_json(shown)
        return
    print_call(call, turns)
    for message in messages:
        print(_left(message))
    if decisions:
        print_out(_decisions(decided) if decided else "nothing was decided")
    if events:
        print_out(_events(happened))
    if clips:
        print(f"{len(cut)} of {len(decided)} decisions cut out into {clips}")


@app.command("rebuild")
def rebuild() -> None:
    """
    Make the rows of all calls anew, of what was noted.

    Nobody needs to, unless rows were changed by hand. A server may go on meanwhile.
    """
    calls = read_log(lambda store: store.rebuild())
    print(f"the rows of {calls} calls were made anew")


def _left(message: "Message") -> str:
    """That there is a message: what it says is for who asks for JSON."""
    seconds = "" if message.duration_s is None else f" of {message.duration_s} s"
    written = "" if message.transcription is None else ", transcribed"
    return f"a message{seconds}{written}: {message.recording_sid}"


def print_call(call: "Call", turns: "list[Turn]") -> None:
    """Print a call's record and its turns for a person."""
    print_out(_facts(call))
    print_out(_transcript(turns) if turns else "nothing was said")


def read_log(work: "Callable[[CallStore], Awaitable[T]]") -> T:
    """
    Read the call log.

    Raises:
        StoreError: there is none yet, or it cannot be read.
    """
    from voicebot.config import load_settings
    from voicebot.store.calls import open_store

    where = load_settings().call_log
    if isinstance(where, Path) and not where.is_file():
        raise StoreError(f"{where}: no call log yet: the first call makes it")

    async def reading() -> T:
        async with open_store(where) as store:
            return await work(store)

    return asyncio.run(reading())


def _masked(call: "Call") -> "Call":
    from voicebot.observe.logs import masked

    return replace(call, from_number=masked(call.from_number))


def _facts(call: "Call") -> "Table":
    from voicebot.store.usage import shown as yuan_shown

    facts = {
        "call": f"{call.call_id} ({call.call_sid})",
        "from": call.from_number,
        "to": call.to_number,
        "persona": f"{call.persona}, by route {call.route} of {call.dialplan_revision}",
        "began": _when(call.started_at),
        "lasted": _clock(call.duration_ms),
        "ended": _ending(call),
        "faults": ", ".join(call.faults) or "none",
        "recording": "none"
        if call.recording is None
        else f"{call.recording} ({_clock(call.recording_ms)})",
        "waited": "not at all" if call.waited_ms is None else _clock(call.waited_ms),
        "cost": yuan_shown(call.cost_ucny),
        "usage": ", ".join(f"{name} {n}" for name, n in call.usage.items()) or "none",
    }
    shown = table()
    for name, value in facts.items():
        shown.add_row(name, _text(value))
    return shown


def _transcript(turns: "list[Turn]") -> "Table":
    shown = table("at", "for", "who", "said", "heard", "reply after")
    for turn in turns:
        shown.add_row(
            _seconds(turn.started_ms),
            _seconds(turn.heard_ms),
            turn.who,
            _text(turn.generated_text),
            _text(_heard(turn)),
            _seconds(turn.reply_ms),
        )
    return shown


def _decisions(decisions: "list[Decision]") -> "Table":
    from voicebot.cli.decisions import HEADINGS, rows

    shown = table(*HEADINGS)
    for row in rows(decisions):
        shown.add_row(*map(_text, row))
    return shown


def _event(event: "Event") -> dict[str, object]:
    """An event without words and numbers: for those there are turns, and the call."""
    from voicebot.store.records import FaultNote, FlowNote, Forwarded, ForwardOver

    shown: dict[str, object] = {"at": event.at, "kind": event.kind}
    record = event.record
    at_ms = getattr(record, "at_ms", getattr(record, "started_ms", None))
    match record:
        case FlowNote(_, _, kind, name, detail):
            what = f"{kind} {name}: {detail}" if detail else f"{kind} {name}"
        case FaultNote(_, _, code):
            what = code
        case Forwarded(_, step, target):
            what = f"{step} {target}" if target else step
        case ForwardOver(_, status):
            what = status
        case _:
            what = str(getattr(record, "end_reason", getattr(record, "who", "")))
    return shown | {"at_ms": at_ms, "what": what}


def _events(events: "list[Event]") -> "Table":
    shown = table("noted", "at", "kind", "what")
    for event in map(_event, events):
        at_ms = event["at_ms"]
        shown.add_row(
            f"{event['at']:%H:%M:%S.%f}"[:-3],
            _seconds(at_ms if isinstance(at_ms, int) else None),
            str(event["kind"]),
            _text(str(event["what"])),
        )
    return shown


def _heard(turn: "Turn") -> str:
    if turn.who == "caller":
        return ""
    if turn.interrupted:
        return f"cut off: {turn.heard_text or 'nothing'}"
    return "all" if turn.heard_text == turn.generated_text else turn.heard_text


def _ending(call: "Call") -> str:
    return f"{call.end_reason} by {call.ended_by}" if call.ended_at else "not yet"


def _when(at: datetime) -> str:
    """The operator's own time: they compare it with their watch."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def _clock(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    return f"{minutes}:{seconds:02}"


def _seconds(milliseconds: int | None) -> str:
    return "" if milliseconds is None else f"{milliseconds / 1000:.2f} s"


def _text(value: str) -> "Text":
    """Not markup, and nothing for the terminal to obey: it is a stranger's text."""
    from rich.text import Text

    from voicebot.observe.logs import printable

    return Text(printable(value), overflow="fold")


def table(*columns: str) -> "Table":
    from rich.table import Table

    return Table(*columns, box=None, show_header=bool(columns))


def print_out(what: "Table | str") -> None:
    from rich.console import Console

    Console().print(what)


def print_json(what: object) -> None:
    import orjson

    print(orjson.dumps(what, option=orjson.OPT_INDENT_2).decode())
