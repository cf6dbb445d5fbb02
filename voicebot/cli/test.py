"""Rehearse the calls of the personas' `tests:`."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.errors import ConfigError, DialplanError

if TYPE_CHECKING:
    from voicebot.rehearse.run import Result


def run(
    dialplans: Annotated[
        Path,
        typer.Argument(
            envvar="VOICEBOT_DIALPLANS",
            help="The folder that holds dialplan.yaml and personas/.",
        ),
    ] = Path("dialplans"),
    name: Annotated[
        str,
        typer.Option("-k", metavar="NAME", help="Only tests with this in their name."),
    ] = "",
    json: Annotated[
        bool, typer.Option("--json", help="Print one object, for programs.")
    ] = False,
) -> None:
    """Rehearse the calls of the personas' `tests:`.

    Each goes through the real bridge, with the offline StepFun, on a clock of its own:
    nothing is dialled, and a call of minutes takes a moment. Exits with 0 if all is as
    the tests expect, and with 1 if something isn't, if the dialplans have mistakes, or
    if no test has the name; --json prints its object in each of these cases.
    """
    from voicebot.cli.progress import progress
    from voicebot.dialplan.load import load
    from voicebot.rehearse.run import chosen, run_all

    try:
        plan = load(dialplans)
        count = len(chosen(plan, name))
        if name and not count:
            raise ConfigError(f"-k {name}: no test of {dialplans} has this in its name")
    except ConfigError as exc:
        if not json:
            raise
        print(_report([], exc))
        raise typer.Exit(1) from None
    results: list[Result] = []
    began_at = time.perf_counter()
    with progress("calls", count) as advance:
        for result in run_all(plan, dialplans, name):
            results.append(result)
            if not json:
                _show(result)
            advance(1)
    took_s = time.perf_counter() - began_at
    failed = sum(not each.ok for each in results)
    if json:
        print(_report(results))
    else:
        call_s = sum(each.call_s for each in results)
        print(
            f"{_count(len(results), 'test')}, {failed} failed; "
            f"{call_s:.0f} s of calls in {took_s:.1f} s"
        )
    if failed:
        raise typer.Exit(1)


def _show(result: "Result") -> None:
    """Print a line for a test that passed; for one that failed, what happened."""
    title = f"{result.persona}: {result.name}"
    if result.ok:
        print(f"ok      {title}")
        return
    print(f"FAILED  {title}")
    for failure in result.failures:
        print(f"  {failure}")
    for line in result.timeline:
        print(f"    {line}")
    sys.stdout.flush()


def _report(results: "list[Result]", error: ConfigError | None = None) -> str:
    from json import dumps

    from voicebot.cli.problems import as_json

    problems = as_json(error) if isinstance(error, DialplanError) else []
    report = {
        "ok": error is None and all(each.ok for each in results),
        "error": str(error) if error and not problems else None,
        "problems": problems,
        "tests": [each.as_json() for each in results],
    }
    return dumps(report, ensure_ascii=False, indent=2)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
