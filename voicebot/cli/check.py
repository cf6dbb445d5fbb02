"""Say whether the dialplans can be served, and if not, why not."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from voicebot.dialplan.model import Dialplan, Route


def run(
    dialplans: Annotated[
        Path,
        typer.Argument(
            envvar="VOICEBOT_DIALPLANS",
            help="The folder that holds dialplan.yaml and personas/.",
        ),
    ] = Path("dialplans"),
    json: Annotated[
        bool, typer.Option("--json", help="Print one object, for programs.")
    ] = False,
) -> None:
    """Say whether the dialplans can be served, and if not, why not.

    Exits with 0 if they can, and with 1 and one `file:line:column: key: …` for
    each mistake if they cannot.
    """
    from rich.console import Console

    from voicebot.dialplan.load import load
    from voicebot.errors import DialplanError

    try:
        plan = load(dialplans)
    except DialplanError as exc:
        if json:
            print(_report(exc.problems, None))
        else:
            print(exc, file=sys.stderr)
        raise typer.Exit(1) from None
    if json:
        print(_report((), plan))
        return
    print(
        f"{dialplans}: {_count(len(plan.routes), 'route')}, "
        f"{_count(len(plan.personas), 'persona')}, no problems, "
        f"revision {plan.revision}"
    )
    if unused := _unused(plan):
        print(f"no route uses: {', '.join(unused)}")
    Console().print(_table(plan))


def _report(problems: tuple[object, ...], plan: "Dialplan | None") -> str:
    from json import dumps

    from voicebot.dialplan.source import Problem

    report = {
        "ok": plan is not None,
        "problems": [
            {
                "file": str(problem.path),
                "line": problem.line,
                "column": problem.column,
                "key": problem.key,
                "message": problem.message,
            }
            for problem in problems
            if isinstance(problem, Problem)
        ],
        "personas": list(plan.personas) if plan else [],
        "unused": _unused(plan) if plan else [],
        "routes": [route.name for route in plan.routes] if plan else [],
        "revision": plan.revision if plan else None,
    }
    return dumps(report, ensure_ascii=False, indent=2)


def _unused(plan: "Dialplan") -> list[str]:
    """Name the personas that answer no call."""
    from voicebot.dialplan.model import Answer

    used = {route.do.persona for route in plan.routes if isinstance(route.do, Answer)}
    return [name for name in plan.personas if name not in used]


def _table(plan: "Dialplan") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table("route", "called", "caller", "what is done")
    for route in plan.routes:
        # Text: a `[` in a name is no markup.
        called = ", ".join(route.match.to) or "any"
        caller = ", ".join(route.match.from_) or "any"
        cells = (route.name, called, caller, _action(plan, route))
        table.add_row(*map(Text, cells))
    return table


def _action(plan: "Dialplan", route: "Route") -> str:
    from voicebot.dialplan.model import Answer, Reject, Say

    match route.do:
        case Answer(persona=name):
            persona = plan.personas[name]
            return f"{name}: {persona.title} ({persona.language})"
        case Reject(reject=reason):
            return f"reject: {reason}"
        case Say(message=message):
            return f"message ({message.language})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
