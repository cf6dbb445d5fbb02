"""`voicebot measure`: how well the bot does what can be measured offline."""

import sys
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.cli.progress import progress

if TYPE_CHECKING:  # numpy and the bridge take longer to import than help to print
    from voicebot.measure.call import Neural
    from voicebot.measure.run import Owner

app = typer.Typer(help="Measure the bot, offline.", no_args_is_help=True)

QUICK = 2000  # interleavings that a measurement of all calls tries by the way


class WhichOwner(StrEnum):
    """Whose turn detection is measured."""

    LOCAL = "local"
    SERVER = "server"
    BOTH = "both"


class WhichNeural(StrEnum):
    """Whether the bridge has the neural VAD."""

    ON = "on"
    OFF = "off"
    BOTH = "both"


@app.command("turn-taking")
def turn_taking(
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON: all figures, of all calls.")
    ] = False,
    owner: Annotated[
        WhichOwner, typer.Option(help="Whose turn detection: ours or the model's.")
    ] = WhichOwner.BOTH,
    neural: Annotated[
        WhichNeural,
        typer.Option(help="With the neural VAD, without, or one after the other."),
    ] = WhichNeural.ON,
    condition: Annotated[
        list[str] | None,
        typer.Option(help="Only this row of the report; may be given several times."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Try another setting, such as barge_in.min_ms=200 or lead_ms=160.",
        ),
    ] = None,
    twilio_ms: Annotated[
        float,
        typer.Option(
            min=0,
            max=500,
            help="How far away Twilio is, each way: ms, and up to 10 ms more.",
        ),
    ] = 5.0,
    interleavings: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="How many random interleavings of each owner's are tried, too; "
            f"{QUICK} unless --condition is given.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if something doesn't hold.")
    ] = False,
) -> None:
    """
    Measure how the bot takes turns.

    Makes hundreds of short calls with recorded voices, through the real bridge, the
    offline StepFun and a model of Twilio's playout, under a virtual clock.
    """
    from rich.console import Console

    from voicebot.measure.conditions import chosen, conditions
    from voicebot.measure.record import Network
    from voicebot.measure.report import show
    from voicebot.measure.run import measure

    calls = chosen(condition) if condition else conditions()
    owners: list[Owner] = ["local", "server"]
    if owner is not WhichOwner.BOTH:
        owners = ["local"] if owner is WhichOwner.LOCAL else ["server"]
    vads = _vads(neural)
    if interleavings is None:
        interleavings = 0 if condition else QUICK
    rounds = len(vads) * sum(map(len, calls.values()))
    with progress("calls", len(owners) * (rounds + interleavings)) as advance:
        report = measure(
            calls,
            owners,
            set_ or [],
            Network(twilio_ms=twilio_ms),
            neural=vads,
            interleavings=interleavings,
            advance=advance,
        )
    if json:
        import orjson

        print(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        # A pipe has no width: lines that are cut would be worth nothing.
        width = None if sys.stdout.isatty() else 200
        show(report, Console(width=width))
    if strict and not report.ok:
        raise typer.Exit(1)


@app.command("interleavings")
def interleavings_(
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 100_000,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the first call; each has one more.")
    ] = 1,
) -> None:
    """
    Let everybody do anything at any time: is what was given up ever heard?

    An interleaving is all that happens from one clear to the next: audio, events of the
    model's, marks and the caller's voice, in any order and with any delay; with either
    turn owner, and with a bot that stops or pauses. Exit 1 if a frame of an answer that
    was given up is sent, or heard after the clear.
    """
    from voicebot.measure.storm import storms

    began_at = time.monotonic()
    with progress("interleavings", count) as advance:
        found = storms(count, seed, advance=advance)
    took_s = time.monotonic() - began_at
    print(
        f"{found.interleavings} interleavings in {found.calls} calls: "
        f"{found.interleavings} clears, {found.given_up} answers given up, "
        f"{found.stale} stale frames; {took_s:.0f} s"
    )
    if found.seed is not None:
        print(f"again: voicebot measure interleavings --count 1 --seed {found.seed}")
        raise typer.Exit(1)


def _vads(wanted: WhichNeural) -> "list[Neural | None]":
    """The neural VADs to measure with; None: without."""
    from voicebot.runtime.neural import load_neural

    vad = load_neural().listen
    vads: dict[WhichNeural, list[Neural | None]] = {
        WhichNeural.ON: [vad],
        WhichNeural.OFF: [None],
        WhichNeural.BOTH: [None, vad],
    }
    return vads[wanted]
