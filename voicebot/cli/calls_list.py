"""`voicebot calls list`: the newest calls, or those that are asked for."""

from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.cli.call_log import Json, Numbers, ending, found, masked_call, read_log
from voicebot.cli.calls_which import (
    Ended,
    Limit,
    MinDuration,
    Number,
    Persona,
    Since,
    Until,
    which_calls,
)
from voicebot.cli.output import clock, print_json, print_out, stranger, table, when

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from voicebot.store.calls import CallStore
    from voicebot.store.records import Call


def list_calls(
    limit: Limit = 20,
    since: Since = None,
    until: Until = None,
    persona: Persona = None,
    number: Number = None,
    end_reason: Ended = None,
    min_duration: MinDuration = None,
    past: Annotated[
        str | None,
        typer.Option(
            metavar="CALL", help="The last call of the page before: list older ones."
        ),
    ] = None,
    numbers: Numbers = False,
    json: Json = False,
) -> None:
    """List the newest calls, newest first."""
    which = which_calls(since, until, persona, number, end_reason, min_duration)

    async def work(store: "CallStore") -> "list[Call]":
        last = await found(store, past) if past else None
        return await store.list_calls(limit, which, last)

    listed = read_log(work)
    calls = listed if numbers else [masked_call(call) for call in listed]
    if json:
        print_json(calls)
        return
    if not calls:
        print("no such calls" if past or which_calls() != which else "no calls yet")
        return
    shown = table("when", "from", "to", "persona", "lasted", "ended", "call")
    for call in calls:
        shown.add_row(
            when(call.started_at),
            stranger(call.from_number),
            stranger(call.to_number),
            stranger(call.persona),
            clock(call.duration_ms),
            ending(call),
            stranger(call.call_id[:8]),  # `show` takes the beginning of one
        )
    print_out(shown)
    if len(calls) == limit:
        print(f"older ones: --past {calls[-1].call_id[:8]}")
