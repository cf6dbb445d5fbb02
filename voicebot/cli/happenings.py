"""What happened in a call, for its operator."""

from typing import TYPE_CHECKING, Final

from voicebot.cli.output import seconds

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from voicebot.store.events import Event

SAID: Final = {True: "words", False: "nothing"}
HAPPENED: Final = ("noted", "at", "kind", "what")


def event_shown(event: "Event") -> dict[str, object]:
    """An event without words and numbers: for those there are turns, and the call."""
    from voicebot.store.records import (
        FaultNote,
        FlowNote,
        Forwarded,
        ForwardOver,
        KeyPressed,
        Silenced,
        Transcribed,
    )

    shown: dict[str, object] = {"at": event.at, "kind": event.kind}
    record = event.record
    at_ms = getattr(record, "at_ms", getattr(record, "started_ms", None))
    match record:
        case FlowNote(_, _, kind, name, detail):
            what = f"{kind} {name}: {detail}" if detail else f"{kind} {name}"
        case KeyPressed(_, _, digit):
            what = digit
        case Silenced(_, _, spans):
            what = f"{len(spans)} places"
        case FaultNote(_, _, code):
            what = code
        case Forwarded(_, step, target):
            what = f"{step} {target}" if target else step
        case ForwardOver(_, status):
            what = status
        case Transcribed(_, seq, sid, _, found):
            what = f"{f'turn {seq}' if sid is None else sid}: {SAID[found]}"
        case _:
            what = str(getattr(record, "end_reason", getattr(record, "who", "")))
    return shown | {"at_ms": at_ms, "what": what}


def happening(event: "Event") -> tuple[str, ...]:
    """The same as HAPPENED names it, for people."""
    shown = event_shown(event)
    at_ms = shown["at_ms"]
    return (
        f"{event.at:%H:%M:%S.%f}"[:-3],
        seconds(at_ms if isinstance(at_ms, int) else None),
        str(event.kind),
        str(shown["what"]),
    )
