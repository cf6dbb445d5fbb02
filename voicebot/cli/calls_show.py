"""`voicebot calls show`: one call."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.cli.call_log import (
    CallId,
    Json,
    Numbers,
    ending,
    found,
    masked_call,
    read_log,
)
from voicebot.cli.clips import cut_clips
from voicebot.cli.output import (
    clock,
    print_json,
    print_out,
    seconds,
    stranger,
    table,
    when,
)
from voicebot.errors import ConfigError

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from rich.table import Table

    from voicebot.store.calls import CallStore
    from voicebot.store.events import Event
    from voicebot.store.records import Call, Decision, Message, Turn


def show(
    call_id: CallId,
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
        call = await found(store, call_id)
        decided = await store.decisions(call.call_id) if decisions else []
        turns = await store.turns(call.call_id)
        happened = await store.events(call.call_id) if events else []
        return call, turns, decided, await store.messages(call.call_id), happened

    call, turns, decided, messages, happened = read_log(work)
    if not numbers:
        call = masked_call(call)
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


def _left(message: "Message") -> str:
    """That there is a message: what it says is for who asks for JSON."""
    seconds = "" if message.duration_s is None else f" of {message.duration_s} s"
    written = "" if message.transcription is None else ", transcribed"
    return f"a message{seconds}{written}: {message.recording_sid}"


def print_call(call: "Call", turns: "list[Turn]") -> None:
    """Print a call's record and its turns for a person."""
    print_out(_facts(call))
    print_out(_transcript(turns) if turns else "nothing was said")


def _facts(call: "Call") -> "Table":
    facts = {
        "call": f"{call.call_id} ({call.call_sid})",
        "from": call.from_number,
        "to": call.to_number,
        "persona": f"{call.persona}, by route {call.route} of {call.dialplan_revision}",
        "began": when(call.started_at),
        "lasted": clock(call.duration_ms),
        "ended": ending(call),
        "faults": ", ".join(call.faults) or "none",
        "recording": "none"
        if call.recording is None
        else f"{call.recording} ({clock(call.recording_ms)})",
        "usage": ", ".join(f"{name} {n}" for name, n in call.usage.items()) or "none",
    }
    shown = table()
    for name, value in facts.items():
        shown.add_row(name, stranger(value))
    return shown


def _transcript(turns: "list[Turn]") -> "Table":
    shown = table("at", "for", "who", "said", "heard", "reply after")
    for turn in turns:
        shown.add_row(
            seconds(turn.started_ms),
            seconds(turn.heard_ms),
            turn.who,
            stranger(turn.generated_text),
            stranger(_heard(turn)),
            seconds(turn.reply_ms),
        )
    return shown


def _decisions(decisions: "list[Decision]") -> "Table":
    from voicebot.cli.decisions import HEADINGS, rows

    shown = table(*HEADINGS)
    for row in rows(decisions):
        shown.add_row(*map(stranger, row))
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
            seconds(at_ms if isinstance(at_ms, int) else None),
            str(event["kind"]),
            stranger(str(event["what"])),
        )
    return shown


def _heard(turn: "Turn") -> str:
    if turn.who == "caller":
        return ""
    if turn.interrupted:
        return f"cut off: {turn.heard_text or 'nothing'}"
    return "all" if turn.heard_text == turn.generated_text else turn.heard_text
