"""`voicebot prompts`: what personas say by themselves, rendered ahead."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.cli.account import Offline, data_of

if TYPE_CHECKING:
    from voicebot.cli.account import Account
    from voicebot.runtime.prompt_build import Built
    from voicebot.runtime.prompts import Words

app = typer.Typer(
    help="What personas say by themselves, rendered ahead.", no_args_is_help=True
)

# Before what StepFun couldn't do now is tried again: of a rate limit, say.
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)


@app.callback()
def _prompts() -> None:
    """Make `build` a command of its own, though it is the only one."""


@app.command("build")
def build(
    dialplans: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Another folder than the server's."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is missing.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what no persona says any more.")
    ] = False,
    at_a_time: Annotated[
        int, typer.Option("--at-a-time", min=1, max=32, help="Requests under way.")
    ] = 4,
    offline: Offline = False,
) -> None:
    """
    Render greetings, goodbyes, menus, fillers, apologies, each in its persona's voice.

    Only what isn't there, or has changed; each is kept as soon as it is rendered. A
    server does the same by itself when it starts, but callers come meanwhile.

    Exits with 0 if all is there then, and with 1 if something is missing.
    """
    from voicebot.cli.loop import run as run_loop
    from voicebot.config import load_settings
    from voicebot.dialplan.keypads import keypads
    from voicebot.dialplan.load import load
    from voicebot.runtime import prompt_build
    from voicebot.runtime.prompts import own_prompts, recorded_prompts

    settings = load_settings()
    folder = data_of(settings, offline=offline) / "prompts"
    plan = load(dialplans or settings.dialplans)
    personas = plan.personas.values()
    recorded = recorded_prompts(personas, plan.clips)
    routes = [(plan.personas[each.persona], each.vars) for each in keypads(plan)]
    words = [x for x in own_prompts(personas, routes) if x.name not in recorded]
    absent = prompt_build.missing(folder, words)
    count = len({each.name for each in words})
    print(f"{count} prompts, {count - len(absent)} are there")
    if check:
        _tell_missing(absent)
        raise typer.Exit(1 if absent else 0)
    failed = False
    if absent:
        try:
            failed = run_loop(_build(folder, absent, at_a_time, offline))
        except KeyboardInterrupt:
            left = len(prompt_build.missing(folder, words))
            typer.echo(f"stopped: {left} are missing; the rest is kept", err=True)
            raise typer.Exit(130) from None
    if prune:
        print(f"{prompt_build.prune(folder, words)} files removed")
    raise typer.Exit(1 if failed else 0)


async def _build(
    folder: Path, absent: "list[Words]", at_a_time: int, offline: bool
) -> bool:
    """Render them; whether some are missing still."""
    from voicebot.cli.account import stepfun_account
    from voicebot.config import load_settings
    from voicebot.stepfun.advice import advice

    async with stepfun_account(load_settings(), offline=offline) as account:
        built = await _render(account, folder, absent, at_a_time)
    seconds = built.spoken_ms / 1000
    print(f"{built.rendered} rendered, {seconds:.1f} s of speech")
    for words, error in built.failed:
        where = f"{words.persona} ({words.language}), {len(words.text)} characters"
        typer.echo(f"{where}: {advice(error, account.base_url)}", err=True)
    left = len(absent) - built.rendered
    if built.stopped:
        typer.echo(f"{left} are missing: the others weren't tried", err=True)
    return left > 0


async def _render(
    account: "Account", folder: Path, absent: "list[Words]", at_a_time: int
) -> "Built":
    from voicebot.cli.progress import progress
    from voicebot.net.tts import Tts
    from voicebot.runtime import prompt_build
    from voicebot.stepfun.prices import speech_ucny, told

    cost = sum(speech_ucny(each.text) for each in absent)
    print(f"{len(absent)} to be rendered, for {told(cost)} at most")
    tts = Tts(account.http, account.base_url, account.api_key, pauses_s=PAUSES_S)
    with progress("rendering", len(absent)) as advance:
        return await prompt_build.build(
            folder, tts, absent, at_a_time=at_a_time, done=lambda: advance(1)
        )


def _tell_missing(absent: "list[Words]") -> None:
    for who, count in Counter((x.persona, x.language) for x in absent).items():
        persona, language = who
        print(f"{persona} ({language}): {count} missing")
