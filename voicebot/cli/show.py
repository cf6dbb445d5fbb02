"""Show what a persona comes to: its settings, or what the model is told."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicebot.dialplan.model import Dialplan

app = typer.Typer(
    help="Show what a persona comes to, with all that it inherits.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="The persona's id.", show_default=False)]
Folder = Annotated[
    Path,
    typer.Option(
        "--dialplans",
        envvar="VOICEBOT_DIALPLANS",
        help="The folder that holds dialplan.yaml and personas/.",
    ),
]
FOLDER = Path("dialplans")


@app.command("effective")
def show_effective(
    persona: Name,
    dialplans: Folder = FOLDER,
    stage: Annotated[
        str | None,
        typer.Option("--stage", help="While in this stage of the conversation."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one object, for programs.")
    ] = False,
) -> None:
    """Print every setting in force, and the file and line that says so."""
    from voicebot.dialplan.effective import effective

    plan = plan_of(dialplans, persona)
    if stage is not None:
        _check_stage(plan, persona, stage)
    values = effective(plan, persona, stage)
    if json:
        from json import dumps

        rows = [{"key": v.key, "value": v.value, "place": v.place} for v in values]
        print(dumps(rows, ensure_ascii=False, indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, expand=True)
    table.add_column("key", overflow="fold", ratio=1)
    table.add_column("value", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("from", no_wrap=True)
    for value in values:
        # Text: a `[` in a value is no markup.
        place = value.place.removeprefix(f"{dialplans}/")
        cells = (value.key, " ".join(value.value.split()), place)
        table.add_row(*map(Text, cells))
    Console().print(table)


@app.command("prompt")
def show_prompt(
    persona: Name,
    dialplans: Folder = FOLDER,
    var: Annotated[
        list[str] | None,
        typer.Option("--var", help="name=value; what a call would know."),
    ] = None,
) -> None:
    """Print what the model is told, word for word."""
    from voicebot.dialplan.prompt import compile_instructions

    plan = plan_of(dialplans, persona)
    print(compile_instructions(plan.personas[persona], pairs_of(var)))


def pairs_of(given: "Sequence[str] | None") -> dict[str, str]:
    """Read `name=value`, each of them, or say why not and exit with 2."""
    pairs = {}
    for each in given or ():
        name, equals, value = each.partition("=")
        if not equals:
            raise typer.BadParameter(f"expected name=value, got {each!r}")
        pairs[name] = value
    return pairs


def _check_stage(plan: "Dialplan", persona: str, stage: str) -> None:
    from voicebot.dialplan.validate import nearest
    from voicebot.errors import ConfigError

    known = plan.personas[persona].stages
    if stage not in known:
        hint = nearest(stage, known) or f"; there is {', '.join(known) or 'none'}"
        raise ConfigError(f"there is no stage {stage!r} of {persona}{hint}")


def plan_of(folder: Path, persona: str) -> "Dialplan":
    """Load a dialplan that has this persona, or say why not and exit with 1."""
    from voicebot.dialplan.load import load
    from voicebot.dialplan.validate import nearest
    from voicebot.errors import ConfigError

    plan = load(folder)
    if persona not in plan.personas:
        hint = (
            nearest(persona, plan.personas) or f"; there is {', '.join(plan.personas)}"
        )
        raise ConfigError(f"there is no persona {persona!r} in {folder}{hint}")
    return plan
