"""`voicebot load`: how many calls a machine carries, measured at the caller's ear."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from voicebot.errors import ConfigError

if TYPE_CHECKING:  # numpy and aiohttp take longer to import than help to print
    from voicebot.load.capacity import Step
    from voicebot.load.figures import Run
    from voicebot.load.run import Look, Plan, Progress
    from voicebot.load.server import Target
    from voicebot.load.verdicts import Verdict

FAILED: Final = 1
VOID: Final = 3
RATE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:/s)?")
STAY_MINUTES: Final = 8.0
"""The server that is started ends a call after ten."""
STEP_MINUTES: Final = 0.5
"""With all calls up, at each step of --find-capacity."""


def run(
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="More scenarios, as of --mix.")
    ] = None,
    calls: Annotated[int, typer.Option(min=1, max=2000, help="At once.")] = 20,
    ramp: Annotated[str, typer.Option(help="New calls a second, such as 5/s.")] = "5/s",
    minutes: Annotated[
        float, typer.Option(min=0.05, max=1440, help="With all calls up.")
    ] = 1.0,
    mix: Annotated[
        list[str] | None,
        typer.Option(help="Scenarios, such as 'scenarios/*.yaml'; see docs/load.md."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="Voice webhook of a running server; its Twilio settings are needed. "
            "Without it, a server is started that rests on offline vendors."
        ),
    ] = None,
    yours: Annotated[
        bool, typer.Option("--yours", help="That isn't on this machine, and yours.")
    ] = False,
    to_number: Annotated[
        str | None, typer.Option("--to", help="E.164, with --url.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Of the server that is started; 0: none.")
    ] = 0,
    stays: Annotated[
        bool,
        typer.Option("--stay", help="One call each, which lasts until the time is up."),
    ] = False,
    renew_every: Annotated[
        float | None,
        typer.Option(min=5, help="Seconds after which the workers are replaced."),
    ] = None,
    room: Annotated[
        int | None,
        typer.Option(min=1, help="VOICEBOT_MAX_CALLS of it: the rest is turned away."),
    ] = None,
    find_capacity: Annotated[
        bool,
        typer.Option("--find-capacity", help="Raise the load until a target breaks."),
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write a report with plots.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print nothing but the figures, as JSON.")
    ] = False,
) -> None:
    """
    Load a server with simulated calls, and say whether its targets hold.

    Exit code 0: they do; 1: one doesn't; 3: the callers couldn't keep up.
    """
    from voicebot.cli.loop import run as run_loop
    from voicebot.load.mix import load_mix
    from voicebot.load.run import Plan

    patterns = [*(mix or []), *(scenarios or [])]
    load_mix(patterns)
    mixed = [_whole(each) for each in patterns]
    plan = Plan(calls, _rate(ramp), minutes, mixed, stays, renew_every)
    if url is None and (yours or to_number):
        raise ConfigError("--yours and --to: expected --url with them")
    if url is not None and (room or workers):
        raise ConfigError("--room and --workers: expected no --url with them")
    if renew_every and not workers:
        raise ConfigError("--renew-every: expected --workers with it")
    if stays and minutes > STAY_MINUTES:
        raise ConfigError(f"--stay: expected --minutes of at most {STAY_MINUTES:g}")
    if find_capacity and room:
        raise ConfigError("--find-capacity: expected no --room with it")
    if html is not None and not html.parent.is_dir():
        raise ConfigError(f"--html: {html.parent}: no such folder")
    chosen = None if url is None else _target(url, to_number, yours=yours)
    work = _capacity if find_capacity else _once
    code = run_loop(work(plan, chosen, workers, room, html, as_json))
    if code:
        raise typer.Exit(code)


async def _once(
    plan: "Plan",
    chosen: "Target | None",
    workers: int,
    room: int | None,
    html: Path | None,
    as_json: bool,
) -> int:
    from voicebot.cli.output import print_json, print_out
    from voicebot.load.report import summary, verdict_table
    from voicebot.load.run import load
    from voicebot.load.verdicts import is_void, verdicts

    async with _place(plan, chosen, workers, room) as (target, folder):
        with _shown(plan) as look:
            done = await load(plan, target, folder, look)
    found = verdicts(done, room=room)
    _write(html, plan, done, found)
    if as_json:
        print_json({**summary(done, found), "apart": _apart(target)})
    else:
        print_out(verdict_table(found))
        typer.echo(_where(target))
        _say(done, found)
    if is_void(done):
        return VOID
    return FAILED if any(each.holds is False for each in found) else 0


async def _capacity(
    plan: "Plan",
    chosen: "Target | None",
    workers: int,
    room: int | None,
    html: Path | None,
    as_json: bool,
) -> int:
    from dataclasses import replace

    from voicebot.cli.output import print_json
    from voicebot.load.capacity import (
        MOST,
        callers_gave_up,
        find_capacity,
        gave_up,
        told,
    )
    from voicebot.load.mix import STEADY
    from voicebot.load.run import load
    from voicebot.load.verdicts import verdicts

    plan = replace(
        plan,
        minutes=min(plan.minutes, STEP_MINUTES),
        mix=plan.mix or [str(STEADY)],
        stays=True,
    )
    steps: list[Step] = []
    async with _place(replace(plan, calls=MOST), chosen, workers, room) as (
        target,
        folder,
    ):

        async def try_(step: "Plan") -> "Run":
            with _shown(step) as look:
                return await load(
                    step, target, folder, look, warm=not steps, rests=False
                )

        async for step in find_capacity(plan, try_):
            steps.append(step)
            if not as_json:
                typer.echo(told(step))
    best = max((step.calls for step in steps if _held(step)), default=0)
    void = callers_gave_up(steps)
    last = next(
        (step for step in steps if _held(step) and step.calls == best), steps[0]
    )
    _write(html, replace(plan, calls=last.calls), last.run, verdicts(last.run))
    if as_json:
        found = [
            {
                "calls": step.calls,
                "void": step.void,
                "broke": [each.name for each in step.broke],
                "cores": step.run.cores(),
                "callers_cores": step.run.callers_cores(),
            }
            for step in steps
        ]
        print_json(
            {"capacity": best, "void": void, "steps": found, "apart": _apart(target)}
        )
    else:
        at_least = "at least " if void else ""
        typer.echo(f"capacity: {at_least}{best} calls at once; {gave_up(steps)}")
        typer.echo(_where(target))
    return 0 if best else FAILED


def _held(step: "Step") -> bool:
    return not step.broke and not step.void


def _apart(target: "Target") -> dict[str, list[int]] | None:
    cores = target.cores
    if cores is None:
        return None
    return {"server": sorted(cores.server), "others": sorted(cores.others)}


def _where(target: "Target") -> str:
    if target.cores:
        return str(target.cores)
    return "the server shares its cores with whoever else runs there"


@asynccontextmanager
async def _place(
    plan: "Plan", chosen: "Target | None", workers: int, room: int | None
) -> "AsyncIterator[tuple[Target, Path]]":
    """A target, and a folder for what the processes say."""
    from tempfile import TemporaryDirectory

    from voicebot.load.cores import kept_apart
    from voicebot.load.server import our_server

    with TemporaryDirectory(prefix="voicebot-load-") as name:
        folder = Path(name)
        if chosen is not None:
            yield chosen, folder
            return
        # Some are dialled while others still end.
        max_calls = room or 2 * plan.calls + 20
        with kept_apart(max(1, workers)) as cores:
            async with our_server(
                folder, max_calls=max_calls, workers=workers, cores=cores
            ) as target:
                yield target, folder


def _target(url: str, to_number: str | None, *, yours: bool) -> "Target":
    from voicebot.config import load_settings
    from voicebot.dialplan.values import E164
    from voicebot.load.server import NUMBER, Target
    from voicebot.sim.twilio.addresses import Addresses

    settings = load_settings()
    if settings.twilio_account_sid is None or settings.twilio_auth_token is None:
        raise ConfigError(
            "a call is signed: it needs VOICEBOT_TWILIO_ACCOUNT_SID and "
            "VOICEBOT_TWILIO_AUTH_TOKEN, those of the server"
        )
    if to_number is not None and not E164.fullmatch(to_number):
        raise ConfigError("--to: expected a phone number such as +12025550123")
    hint = ""
    try:
        Addresses(url, settings.public_url, i_own_this=True)
        hint = "; --yours if that server is yours"
        Addresses(url, settings.public_url, i_own_this=yours)
    except ConfigError as exc:
        raise ConfigError(f"--url: {exc}{hint}") from None
    return Target(
        voice_url=url,
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        to_number=to_number or NUMBER,
        public_url=settings.public_url,
        yours=yours,
    )


def _rate(text: str) -> float:
    found = RATE.fullmatch(text)
    if not found or not 0 < float(found[1]) <= 1000:
        raise ConfigError(f"--ramp: expected calls a second such as 5/s, got {text!r}")
    return float(found[1])


def _whole(pattern: str) -> str:
    """The callers' processes run elsewhere."""
    return str(Path.cwd() / pattern)


@contextmanager
def _shown(plan: "Plan") -> "Iterator[Look]":
    """Show a bar and a table while it runs, if somebody looks."""
    import time

    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from voicebot.load.report import live_table

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    task = bar.add_task(f"{plan.calls} calls", total=None)
    looked: list[Progress] = []
    with Live(
        console=console,
        transient=True,
        refresh_per_second=2,
        get_renderable=lambda: Group(bar, *(live_table(each) for each in looked[-1:])),
    ):

        def look(progress: "Progress") -> None:
            looked[:] = [progress]
            total = progress.ends_s - progress.begins_s
            bar.update(
                task,
                total=total,
                completed=min(total, time.monotonic() - progress.begins_s),
            )

        yield look


def _write(
    html: Path | None, plan: "Plan", done: "Run", found: "list[Verdict]"
) -> None:
    from voicebot.load.page import page

    if html is None:
        return
    title = f"{plan.calls} calls at once, {plan.minutes:g} minutes"
    try:
        html.write_bytes(page(title, done, found))
    except OSError as exc:
        raise ConfigError(f"--html: {html}: {exc.strerror}") from None


def _say(done: "Run", found: "list[Verdict]") -> None:
    from voicebot.load.verdicts import is_void

    typer.echo(f"{len(done.calls)} calls, {done.call_seconds():.0f} seconds of calls")
    if used := done.by_process():
        told = ", ".join(f"{name} {100 * part:.1f} %" for name, part in used.items())
        typer.echo(f"of a core: {told}")
    wrong = [call for call in done.calls if not (call.as_planned or call.turned_away)]
    for call in wrong[:5]:
        typer.echo(f"wrong ending ({call.scenario}): {call.outcome}: {call.ending}")
    if is_void(done):
        late = 100 * done.late_share()
        typer.echo(
            f"void: {late:.1f} % of the callers' frames were sent late, so it is their "
            "machine that was full: fewer calls, or more cores"
        )
        return
    failed = [each.name for each in found if each.holds is False]
    typer.echo(f"does not hold: {', '.join(failed)}" if failed else "all holds")
