"""`voicebot tune`: what other settings would have done, on calls that were taken."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from inspect import cleandoc
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.cli.call_log import read_log
from voicebot.cli.output import print_json, print_out, table
from voicebot.errors import ConfigError, StoreError

if TYPE_CHECKING:  # SQLAlchemy and numpy take longer to import than the rest to run
    from rich.table import Table

    from voicebot.bridge.model import NoteDecision
    from voicebot.bridge.tuning import Comparison, Past, Spread
    from voicebot.store.calls import CallStore
    from voicebot.store.records import Decision, JournalEntry

LAST = "last-"
MOST_CALLS = 10_000


def run(
    calls: Annotated[
        str,
        typer.Option(
            metavar="last-N|CALL",
            help="The newest N; or one: its ID or SID, or how that begins.",
        ),
    ] = "last-200",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=MS",
            help="barge_in.min_ms, barge_in.confirm_ms or listening.end_silence_ms; "
            "repeatable.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """
    Replay recorded decisions under other settings.

    Prints, for the settings then in force and for the same with what you set: stops,
    false stops, missed stops, turns that ended too early, and delays.

    An interruption was meant if the bot gave the caller the floor and the caller's turn
    had words, or a word or a key had decided it; or if the bot ignored it and it became
    a turn with words all the same. A stop is false if it wasn't meant; a stop is missed
    if it was meant and the bot spoke on. A turn ended too early if the caller went on.
    Each decision is replayed for itself. What doesn't rest on these settings (a key,
    protected words, the neural VAD, the model's own VAD, a turn that was too long)
    stands as it fell.
    """
    from voicebot.bridge.tuning import compare

    changes = _changes(settings or [])
    entries = read_log(lambda store: _entries(store, calls))
    if not entries:
        raise StoreError(f"{calls}: no decisions were recorded")
    compared = compare(_pasts(entries), changes)
    if json:
        print_json({"calls": calls, "set": changes, **asdict(compared)})
        return
    print_out(_barge_ins(compared))
    print_out(_ends(compared))
    print(cleandoc(run.__doc__ or "").rpartition("\n\n")[2])


def _changes(settings: list[str]) -> dict[str, int]:
    from voicebot.bridge.tuning import TUNABLE

    if not settings:
        raise ConfigError(f"--set: expected KEY=MS, KEY one of {', '.join(TUNABLE)}")
    changes = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        if key not in TUNABLE:
            known = ", ".join(TUNABLE)
            raise ConfigError(f"--set: expected one of {known}, got {key!r}")
        allowed = TUNABLE[key]
        milliseconds = _whole(value)
        if milliseconds not in allowed:
            raise ConfigError(
                f"--set {key}: expected {allowed[0]} to {allowed[-1]} milliseconds, "
                f"got {value!r}"
            )
        changes[key] = milliseconds
    return changes


def _whole(text: str) -> int:
    """A whole number; -1 of anything else."""
    return int(text) if re.fullmatch("[0-9]{1,6}", text) else -1


async def _entries(store: "CallStore", calls: str) -> "list[JournalEntry]":
    if calls.startswith(LAST):
        count = _whole(calls.removeprefix(LAST))
        if 0 < count <= MOST_CALLS:
            return await store.recent_decisions(count)
        raise ConfigError(
            f"--calls: expected last-1 to last-{MOST_CALLS}, got {calls!r}"
        )
    call = await store.get_call(calls)
    if call is None:
        raise StoreError(f"no call begins with {calls!r}")
    return await store.journal(call.call_id)


def _pasts(entries: "list[JournalEntry]") -> "Iterator[Past]":
    """What the replay takes: an interruption together with the turn that it made."""
    from voicebot.bridge.tuning import Past

    ends: dict[tuple[str, int | None], NoteDecision] = {}
    for decision in (entry.decision for entry in entries):
        if decision.kind == "end_of_turn":
            turn_id = (decision.call_id, decision.caller_seq)
            ends.setdefault(turn_id, _note(decision))  # the first, if it was too early
    for entry in entries:
        decision = entry.decision
        turn = ends.get((decision.call_id, decision.caller_seq))
        yield Past(_note(decision), entry.has_words, turn)


def _note(decision: "Decision") -> "NoteDecision":
    from voicebot.bridge.model import NoteDecision, Outcome, Rule

    return NoteDecision(
        seq=decision.seq,
        kind=decision.kind,
        at_ms=decision.at_ms,
        decided_ms=decision.decided_ms,
        rule=Rule(decision.rule),
        outcome=Outcome(decision.outcome),
        caller_seq=decision.caller_seq,
        trace=decision.trace,
        features=decision.features,
    )


def _barge_ins(compared: "Comparison") -> "Table":
    then, now = compared.barge_in_then, compared.barge_in_now
    added = compared.added_delay_ms
    rows: Mapping[str, tuple[object, ...]] = {
        "sounds of the caller": (then.onsets, now.onsets),
        "stops": (then.stops, now.stops),
        "false stops": (then.false_stops, now.false_stops),
        "of these, the bot didn't go on": (then.false_yields, now.false_yields),
        "missed stops": (then.missed_stops, now.missed_stops),
        "can't be told": (then.unknown, now.unknown),
        "stopped after, p50 / p95": (_ms(then.delay_ms), _ms(now.delay_ms)),
        "added delay, p50 / p95": ("", _ms(added, sign="+")),
        "not up to these settings": (compared.barge_in_standing, ""),
    }
    return _side_by_side("while the bot speaks", rows)


def _ends(compared: "Comparison") -> "Table":
    then, now = compared.end_then, compared.end_now
    added = compared.added_reply_ms
    rows: Mapping[str, tuple[object, ...]] = {
        "turns of the caller": (then.turns, now.turns),
        "ended too early": (then.too_early, now.too_early),
        "replied after, p50 / p95": (_ms(then.reply_ms), _ms(now.reply_ms)),
        "added delay, p50 / p95": ("", _ms(added, sign="+")),
        "not up to these settings": (compared.end_standing, ""),
    }
    return _side_by_side("at the end of a turn", rows)


def _side_by_side(title: str, rows: Mapping[str, tuple[object, ...]]) -> "Table":
    found = table(title, "then", "now")
    for name, cells in rows.items():
        found.add_row(name, *map(str, cells))
    return found


def _ms(spread: "Spread | None", sign: str = "") -> str:
    return f"{spread.p50:{sign}} / {spread.p95:{sign}} ms" if spread else "unknown"
