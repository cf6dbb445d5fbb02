"""The call log, as commands read it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from voicebot.cli.output import clock, when
from voicebot.errors import StoreError

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from voicebot.store.calls import CallStore
    from voicebot.store.records import Call

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Numbers = Annotated[
    bool, typer.Option("--numbers", help="Show the callers' numbers in full.")
]
CallId = Annotated[
    str, typer.Argument(metavar="CALL", help="Its ID or SID, or how that begins.")
]


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


async def placed(store: "CallStore", call: "Call") -> list[tuple[str, int]]:
    """List where the recordings of a call are, and when in it each begins, in ms."""
    recordings = await store.recordings(call.call_id)
    known = [(each.place, each.began_ms) for each in recordings if each.place]
    return known or ([(call.recording, 0)] if call.recording else [])


def masked_call(call: "Call") -> "Call":
    """Return the record with enough of the caller's number to tell callers apart."""
    from voicebot.observe.logs import masked

    return replace(call, from_number=masked(call.from_number))


async def found(store: "CallStore", call_id: str) -> "Call":
    """
    Find a call.

    Raises:
        StoreError: there is none, or several.
    """
    call = await store.get_call(call_id)
    if call is None:
        raise StoreError(f"no call begins with {call_id!r}")
    return call


def ending(call: "Call") -> str:
    return f"{call.end_reason} by {call.ended_by}" if call.ended_at else "not yet"


def facts_of(call: "Call") -> dict[str, str]:
    """What there is to tell of a call, for people."""
    from voicebot.store.usage import shown

    return {
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
        "waited": "not at all" if call.waited_ms is None else clock(call.waited_ms),
        "cost": shown(call.cost_ucny),
        "usage": ", ".join(f"{name} {n}" for name, n in call.usage.items()) or "none",
    }
