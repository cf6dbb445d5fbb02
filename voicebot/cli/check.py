"""Say whether the dialplans can be served, and if not, why not."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from voicebot.dialplan.coverage import Failure, Finding
    from voicebot.dialplan.model import Dialplan, Match, Route


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
    year: Annotated[
        int | None,
        typer.Option(
            min=1970, max=2200, help="Walk through this year, and tell of surprises."
        ),
    ] = None,
) -> None:
    """Say whether the dialplans can be served, and if not, why not.

    Exits with 0 if they can and their own tests hold, and with 1 and one
    `file:line:column: key: …` for each mistake if not. What --year finds is no
    mistake, nor is a secret that isn't set here.
    """
    from rich.console import Console

    from voicebot.cli.problems import as_json
    from voicebot.dialplan.coverage import failures, walk_year
    from voicebot.dialplan.load import load
    from voicebot.errors import DialplanError

    try:
        plan = load(dialplans)
    except DialplanError as exc:
        if json:
            print(_report(as_json(exc), None, (), ()))
        else:
            print(exc, file=sys.stderr)
        raise typer.Exit(1) from None
    for warning in _lacking(plan):
        print(f"warning: {warning}", file=sys.stderr)
    failed = tuple(failures(plan))
    findings = walk_year(plan, year) if year is not None else ()
    if json:
        print(_report([], plan, failed, findings))
        raise typer.Exit(1 if failed else 0)
    if failed:
        print("\n".join(str(dialplans / str(x)) for x in failed), file=sys.stderr)
        raise typer.Exit(1)
    print(
        f"{dialplans}: {_count(len(plan.routes), 'route')}, "
        f"{_count(len(plan.personas), 'persona')}, no problems, "
        f"revision {plan.revision}"
    )
    if unused := _unused(plan):
        print(f"no route uses: {', '.join(unused)}")
    if plan.tests:
        print(f"{_count(len(plan.tests), 'test')}, all good")
    Console().print(_table(plan))
    if year is not None:
        print(f"{year}: {_count(len(findings), 'surprise')}")
        for found in findings:
            place = f"{dialplans / found.place}: " if found.place else ""
            kind = found.kind.replace("_", " ")
            print(f"{place}{found.what}: {found.text} [{kind}]")


def _report(
    problems: list[dict[str, str | int]],
    plan: "Dialplan | None",
    failed: tuple["Failure", ...],
    findings: tuple["Finding", ...],
) -> str:
    from json import dumps

    report = {
        "ok": plan is not None and not failed,
        "problems": problems,
        "personas": list(plan.personas) if plan else [],
        "unused": _unused(plan) if plan else [],
        "routes": [route.name for route in plan.routes] if plan else [],
        "revision": plan.revision if plan else None,
        "failed_tests": [str(each) for each in failed],
        "surprises": [
            {
                "kind": found.kind,
                "what": found.what,
                "at": found.at.isoformat(),
                "text": found.text,
                "place": found.place,
            }
            for found in findings
        ],
    }
    return dumps(report, ensure_ascii=False, indent=2)


def _lacking(plan: "Dialplan") -> list[str]:
    """Say which secrets of requests aren't there: elsewhere they may be."""
    from voicebot.config import read_secret
    from voicebot.errors import ConfigError
    from voicebot.flow.survey import named_secrets

    found = []
    for name, persona in plan.personas.items():
        for secret, keys in named_secrets(persona):
            try:
                read_secret(secret.kind, secret.name)
            except ConfigError as exc:
                node = plan.trees[name].find(*keys)
                assert node
                place = f"{node.path}:{node.line}:{node.column}"
                found.append(f"{place}: {'.'.join(keys)}: {exc}")
    return list(dict.fromkeys(found))  # a persona's, and of those that extend it


def _unused(plan: "Dialplan") -> list[str]:
    """Name the personas that answer no call."""
    from voicebot.dialplan.keypads import keypads
    from voicebot.dialplan.model import Answer

    does = [route.do for route in plan.routes] + [plan.specials.anonymous]
    answers = [do for do in does if isinstance(do, Answer)]
    used = {do.persona for do in answers}
    used |= {do.rollout.to for do in answers if do.rollout}
    used |= {keypad.persona for keypad in keypads(plan)}
    return [name for name in plan.personas if name not in used]


def _table(plan: "Dialplan") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table("route", "called", "caller", "when", "what is done")
    for route in plan.routes:
        # Text: a `[` in a name is no markup.
        called = ", ".join(route.match.to) or "any"
        caller = ", ".join(_callers(route.match)) or "any"
        when = ", ".join(_conditions(route)) or "always"
        cells = (route.name, called, caller, when, _action(plan, route))
        table.add_row(*map(Text, cells))
    return table


def _callers(match: "Match") -> "Iterator[str]":
    yield from match.from_
    yield from (f"tag {tag}" for tag in match.caller_tag)
    yield from match.from_country


def _conditions(route: "Route") -> "Iterator[str]":
    """Whatever else must hold: of what is long, only that there is something."""
    match = route.match
    yield from match.hours
    for key in ("weekday", "date", "time", "header", "language", "percent"):
        if key in match.model_fields_set:
            yield key
    if match.load is not None:
        yield f"load {match.load:g}"
    if route.unless:
        yield "unless"


def _action(plan: "Dialplan", route: "Route") -> str:
    from voicebot.dialplan.model import (
        Answer,
        Goto,
        Keypad,
        Reject,
        Say,
        Transfer,
        Voicemail,
    )

    match route.do:
        case Answer(persona=name):
            persona = plan.personas[name]
            said = f"{name}: {persona.title} ({persona.language})"
            rollout = route.do.rollout
            return f"{said}; {rollout.percent} % {rollout.to}" if rollout else said
        case Keypad(menu=menu):
            return f"menu: {menu}"
        case Reject(reject=reason):
            return f"reject: {reason}"
        case Say(message=message):
            return f"message ({message.language})"
        case Transfer(transfer=target):
            return f"transfer: {target}"
        case Voicemail(voicemail=box):
            return f"voicemail ({box.language})"
        case Goto(goto=other):
            return f"as {other}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
