"""`voicebot calls show`: one call."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.cli.call_log import (
    CallId,
    Json,
    Numbers,
    facts_of,
    found,
    masked_call,
    placed,
    read_log,
)
from voicebot.cli.clips import cut_clips
from voicebot.cli.files import written
from voicebot.cli.happenings import HAPPENED, event_shown, happening
from voicebot.cli.output import (
    print_json,
    print_out,
    seconds,
    stranger,
    table,
)
from voicebot.errors import ConfigError, StoreError

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from rich.table import Table

    from voicebot.cli.waveform import Peaks
    from voicebot.store.calls import CallStore
    from voicebot.store.events import Event
    from voicebot.store.records import Call, Decision, Latency, Message, Turn

    Shown = tuple[
        Call,
        list[Turn],
        list[Decision],
        list[Message],
        list[Event],
        list[Latency],
        list[tuple[str, int]],
    ]


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
    latency: Annotated[
        bool,
        typer.Option("--latency", help="Show where the time before each answer went."),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Write all of it into one page, with a picture of the recording.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show one call: what was said, what of it was heard, how fast, how it ended."""
    if clips and not decisions:
        raise ConfigError("--clips: expected it together with --decisions")
    whole = html is not None

    async def work(
        store: "CallStore",
    ) -> "Shown":
        call = await found(store, call_id)
        decided = await store.decisions(call.call_id) if decisions or whole else []
        turns = await store.turns(call.call_id)
        happened = await store.events(call.call_id) if events or whole else []
        waits = await store.latencies(call.call_id) if latency or whole else []
        messages = await store.messages(call.call_id)
        sounds = await placed(store, call) if whole else []
        return call, turns, decided, messages, happened, waits, sounds

    call, turns, decided, messages, happened, waits, sounds = read_log(work)
    if not numbers:
        call = masked_call(call)
    cut = cut_clips(call, decided, clips) if clips else {}
    if html is not None:
        with written(html) as file:
            sound = _sound(sounds)
            file.write(_page(call, turns, decided, messages, happened, waits, sound))
        print(f"{html} written")
        return
    if json:
        shown = {"call": call, "turns": turns, "messages": messages}
        if decisions:
            shown["decisions"] = decided
        if latency:
            shown["latencies"] = waits
        if events:
            shown["events"] = [event_shown(event) for event in happened]
        print_json(shown)
        return
    print_call(call, turns)
    for message in messages:
        print(_left(message))
    if decisions:
        print_out(_decisions(decided) if decided else "nothing was decided")
    if events:
        print_out(_events(happened))
    if latency:
        _print_latencies(waits)
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


def _page(
    call: "Call",
    turns: "list[Turn]",
    decided: "list[Decision]",
    messages: "list[Message]",
    happened: "list[Event]",
    waits: "list[Latency]",
    sound: "Peaks | str",
) -> bytes:
    from voicebot.cli.call_page import Section, page
    from voicebot.cli.decisions import HEADINGS, rows
    from voicebot.store import latency

    left = [(_left(each), each.transcription or "") for each in messages]
    return page(
        f"Call {call.call_id}",
        facts_of(call).items(),
        turns,
        decided,
        sound,
        [
            Section("Messages", ("message", "what was understood"), left),
            Section(
                "Where the time before each answer went",
                latency.HEADINGS,
                [*latency.lines(waits)],
            ),
            Section("What was decided", HEADINGS, list(rows(decided))),
            Section("What happened", HAPPENED, [*map(happening, happened)]),
        ],
    )


def _sound(places: "list[tuple[str, int]]") -> "Peaks | str":
    from voicebot.cli.waveform import joined, peaks
    from voicebot.config import load_settings
    from voicebot.runtime.housekeeping import archive_of

    if not places:
        return "There is no recording."
    archive = archive_of(load_settings())

    async def fetched() -> list[bytes]:
        return [await archive.read(place) for place, _ in places]

    try:
        data = asyncio.run(fetched())
        drawn = [peaks(at, each) for (at, _), each in zip(places, data, strict=True)]
    except StoreError as exc:
        return str(exc)
    return joined(zip((began_ms for _, began_ms in places), drawn, strict=True))


def _facts(call: "Call") -> "Table":
    shown = table()
    for name, value in facts_of(call).items():
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


def _print_latencies(waits: "list[Latency]") -> None:
    from voicebot.store.latency import EXPLAINED, HEADINGS, lines

    if not waits:
        print("no answer was waited for")
        return
    shown = table(*HEADINGS)
    for row in lines(waits):
        shown.add_row(*row)
    print_out(shown)
    print(EXPLAINED)


def _events(events: "list[Event]") -> "Table":
    shown = table(*HAPPENED)
    for event in events:
        shown.add_row(*map(stranger, happening(event)))
    return shown


def _heard(turn: "Turn") -> str:
    if turn.who == "caller":
        return ""
    if turn.interrupted:
        return f"cut off: {turn.heard_text or 'nothing'}"
    return "all" if turn.heard_text == turn.generated_text else turn.heard_text
