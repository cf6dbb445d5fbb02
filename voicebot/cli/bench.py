"""`voicebot bench`: what a call costs, step by step, and against a naive bridge."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # numpy and the bridge take longer to import than help to print
    from collections.abc import Mapping

    from rich.table import Table

    from voicebot.bench.run import Report

STEP_ROUNDS = 5
RAMP_PER_S = 5.0


def run(
    calls: Annotated[int, typer.Option(min=1, max=1000, help="At once.")] = 100,
    rounds: Annotated[int, typer.Option(min=1, help="Of all servers, in turns.")] = 3,
    seconds: Annotated[
        float, typer.Option(min=2, help="With all calls up, each time.")
    ] = 30,
    capacity: Annotated[
        bool,
        typer.Option("--capacity", help="Find the most calls on one core, too."),
    ] = False,
    compare: Annotated[
        str | None,
        typer.Option(metavar="REV", help="Another revision of ours, by git's name."),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(help="Of another server, with so many times the calls; 0: none."),
    ] = 0,
    steps_only: Annotated[
        bool, typer.Option("--steps", help="Only what each step costs: it takes 5 s.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print nothing but the figures, as JSON.")
    ] = False,
) -> None:
    """
    Measure the CPU that a second of a call costs, and print the budget's targets.

    Exit code 1 if one of them doesn't hold.
    """
    from voicebot.bench.steps import best_of, measure_steps
    from voicebot.cli.loop import run as run_loop
    from voicebot.cli.output import print_json, print_out
    from voicebot.observe.build import code_of

    steps = best_of(STEP_ROUNDS, measure_steps)
    if steps_only:
        if as_json:
            print_json({"code": code_of(), "steps": steps})
        else:
            print_out(f"The frame path is {code_of()}.\n")
            print_out(_steps(steps, None))
        return
    report = run_loop(
        _bench(
            *(calls, rounds, seconds, compare, steps, capacity, workers),
            quiet=as_json,
        )
    )
    if as_json:
        print_json(_figures(report))
    else:
        _show(report)
    if any(each.holds is False for each in report.verdicts()):
        raise typer.Exit(1)


async def _bench(
    calls: int,
    rounds: int,
    seconds: float,
    compare: str | None,
    steps: dict[str, float],
    capacity: bool,
    workers: int,
    *,
    quiet: bool,
) -> "Report":
    from contextlib import AsyncExitStack

    from voicebot.bench.run import bench, revision
    from voicebot.load.mix import STEADY
    from voicebot.load.run import Plan
    from voicebot.observe.build import code_of

    def say(what: str) -> None:
        if not quiet:
            typer.echo(what, err=True)

    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="voicebot-bench-")))
        other = None
        if compare is not None:
            other = await stack.enter_async_context(revision(compare, folder))
            if code_of() == "compiled":
                say(f"We are compiled, and {compare} isn't: it runs from its source.")
        return await bench(
            Plan(calls, max(RAMP_PER_S, calls / 10), seconds / 60, [str(STEADY)], True),
            rounds,
            folder,
            compare=other,
            steps=steps,
            capacity=capacity,
            workers=workers,
            say=say,
        )


def _show(report: "Report") -> None:
    from voicebot.cli.output import print_out, table
    from voicebot.load.capacity import gave_up, told
    from voicebot.load.report import verdict_table
    from voicebot.load.verdicts import is_void
    from voicebot.observe.build import code_of

    print_out(f"The frame path of ours is {code_of()}.\n")
    servers = table(
        "server",
        "CPU ms per call-second",
        "of the naive bridge's",
        "ms per call begun and ended",
        "bot talks",
        "callers' ms",
        "void",
    )
    for name, measured in report.servers.items():
        servers.add_row(
            name,
            ", ".join(_number(each.cpu_ms()) for each in measured.runs),
            "" if name == "naive" else _number(_share(report, name)),
            _number(measured.begun_ms()),
            ", ".join(_percent(each.talk_share()) for each in measured.runs),
            ", ".join(_number(each.callers_ms()) for each in measured.runs),
            str(sum(map(is_void, measured.runs)) or ""),
        )
    print_out(servers)
    where = report.cores or "all processes share all cores"
    print_out(f"{report.calls} calls at once; {where}")
    for step in report.capacity:
        print_out(told(step))
    if report.capacity:
        print_out(
            f"{report.most_calls()} calls on one core; {gave_up(report.capacity)}"
        )
    print_out("")
    print_out(_steps(report.steps, report.servers["ours"].cpu_ms()))
    print_out("")
    print_out(verdict_table(report.verdicts()))


def _steps(steps: "Mapping[str, float]", whole: float | None) -> "Table":
    from voicebot.cli.output import table

    shown = table("step", "ms per call-second")
    for name, spent in sorted(steps.items(), key=lambda item: -item[1]):
        shown.add_row(name, _number(spent))
    shown.add_row("all steps", _number(sum(steps.values())))
    if whole is not None:
        rest = max(0.0, whole - sum(steps.values()))
        shown.add_row("sockets, tasks, call log: the rest", _number(rest))
    return shown


def _share(report: "Report", name: str) -> float | None:
    theirs = report.servers["naive"].cpu_ms()
    mine = report.servers[name].cpu_ms()
    if name == "ours":
        return report.ratio("naive")
    return mine / theirs if mine and theirs else None


def _figures(report: "Report") -> dict[str, object]:
    from dataclasses import asdict

    from voicebot.load.capacity import told
    from voicebot.load.report import summary
    from voicebot.observe.build import code_of

    return {
        "code": code_of(),
        "calls": report.calls,
        "seconds": report.seconds,
        "cpu_ms": {name: each.cpu_ms() for name, each in report.servers.items()},
        "ratio": {
            name: report.ratio(name) for name in report.servers if name != "ours"
        },
        "begun_ms": {name: each.begun_ms() for name, each in report.servers.items()},
        "most_calls": report.most_calls(),
        "capacity": [told(step) for step in report.capacity],
        "apart": None if report.cores is None else str(report.cores),
        "steps": report.steps,
        "verdicts": [
            {**asdict(each), "holds": each.holds} for each in report.verdicts()
        ],
        "rounds": {
            name: [summary(each, []) for each in measured.runs]
            for name, measured in report.servers.items()
        },
    }


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
