"""`voicebot doctor`: does all that calls count on hold, at StepFun, at Twilio, here?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.cli.account import Offline
from voicebot.doctor.finding import STEPFUN, Finding, Part, Verdict, exit_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

    from voicebot.config import Settings
    from voicebot.runtime.probes.checkup import Report
    from voicebot.runtime.probes.services import Clip

STYLES = {
    Verdict.HOLDS: "green",
    Verdict.TOLD: "dim",
    Verdict.DIFFERS: "yellow",
    Verdict.FAILS: "bold red",
    Verdict.UNKNOWN: "magenta",
}
MODEL = "stepaudio-2.5-realtime"
TTS_MODEL = "stepaudio-2.5-tts"  # whose voices the realtime model is said to have
VOICE = "linjiajiejie"  # a persona's, unless it says so


def run(
    only: Annotated[
        list[Part] | None,
        typer.Option(help="Check this alone; may be given more than once."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Don't ask before money is spent.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one object, for programs.")
    ] = False,
    model: Annotated[
        str, typer.Option(help="The realtime model that is tried.")
    ] = MODEL,
    offline: Offline = False,
) -> None:
    """
    Say what of all that calls count on holds, and what to do about the rest.

    Tries out StepFun's APIs with your key, reads how your Twilio numbers are set up,
    and comes to your public address as Twilio would. Says what that costs before it
    is spent. What it learns of the model is kept for servers that start later.

    Exits with 0 if all holds, with 1 if something fails, and with 3 if nothing fails
    but something couldn't be checked.
    """
    from voicebot.cli.account import data_of
    from voicebot.cli.loop import run as run_loop
    from voicebot.config import load_settings
    from voicebot.doctor.costs import estimate_ucny
    from voicebot.runtime.learnt import keep_learnt
    from voicebot.stepfun.prices import told

    settings = load_settings()
    possible = STEPFUN if offline else Part
    parts = [part for part in possible if not only or part in only]
    is_paid = settings.stepfun_api_key is not None and not offline
    estimate = estimate_ucny(parts) if is_paid else 0
    if estimate and not yes:
        typer.echo(f"This spends about {told(estimate)} at StepFun.", err=True)
        typer.confirm("Go on?", abort=True, err=True)
    report = run_loop(_check(settings, parts, model, offline=offline, is_quiet=json))
    data = data_of(settings, offline=offline)
    kept = keep_learnt(data, report.learnt) if report.learnt else None
    if json:
        _print_json(report, estimate, kept)
    else:
        _print(report, kept)
    raise typer.Exit(exit_code(report.findings))


async def _check(
    settings: "Settings",
    parts: "Sequence[Part]",
    model: str,
    *,
    offline: bool,
    is_quiet: bool,
) -> "Report":
    from contextlib import AsyncExitStack

    from aiohttp import ClientSession
    from pydantic import SecretStr
    from rich.console import Console

    from voicebot.cli.offline import KEY, offline_stepfun
    from voicebot.runtime.probes.checkup import Checkup
    from voicebot.stepfun.official_voices import OFFICIAL

    console = Console(stderr=True, quiet=is_quiet)
    async with AsyncExitStack() as stack, ClientSession() as http:
        if offline:
            server = await stack.enter_async_context(offline_stepfun(console))
            place = {"stepfun_base_url": server.base_url}
            settings = settings.model_copy(
                update=place | {"stepfun_api_key": SecretStr(KEY)}
            )
        with console.status("checking") as status:
            checkup = Checkup(
                settings,
                http,
                model=model,
                clip=_clip(),
                needed=_voices(settings.dialplans),
                others=[each.voice for each in OFFICIAL if TTS_MODEL in each.models],
                begins=lambda part: status.update(f"checking: {part}"),
            )
            return await checkup.run(parts)


def _voices(dialplans: Path) -> list[str]:
    """The voices of the personas; the default one if they can't be read."""
    from voicebot.dialplan.load import load
    from voicebot.errors import DialplanError

    try:
        personas = load(dialplans).personas.values()
    except DialplanError:  # `voicebot check` says why
        return [VOICE]
    return list(dict.fromkeys(persona.model.voice for persona in personas)) or [VOICE]


def _clip() -> "Clip":
    """A human voice, recorded (sim/voices/ATTRIBUTION.md), as a phone brings it."""
    from voicebot.audio.g711 import ulaw_to_pcm16
    from voicebot.audio.resample import UlawToPcm24
    from voicebot.cli.demo import VOICES
    from voicebot.runtime.probes.services import Clip
    from voicebot.sim.twilio.wav import read_voice

    ulaw = read_voice(VOICES / "circuits.wav")
    pcm24 = UlawToPcm24().push(ulaw)
    return Clip("All circuits are busy now.", ulaw_to_pcm16(ulaw), pcm24)


def _print(report: "Report", kept: Path | None) -> None:
    from voicebot.cli.output import print_out
    from voicebot.stepfun.prices import told

    print_out(_table(report.findings))
    counts = {
        verdict: sum(each.verdict is verdict for each in report.findings)
        for verdict in Verdict
    }
    print(", ".join(f"{count} {name}" for name, count in counts.items() if count))
    if report.realtime_ucny is not None:
        print(f"The realtime model's tokens came to {told(report.realtime_ucny)}.")
    if kept:
        print(f"What was learnt is kept in {kept}; servers read it when they start.")


def _table(findings: "Iterable[Finding]") -> "Table":
    from itertools import groupby

    from rich.text import Text

    from voicebot.cli.output import stranger, table

    rows = table()
    for part, its in groupby(findings, lambda each: each.part):
        rows.add_row(Text(part, "bold"))
        for each in its:
            found = stranger(f"{each.what}: {each.says}")
            if each.todo:
                found.append(f"\n→ {each.todo}", "bold")
            rows.add_row(Text(f" {each.verdict}", STYLES[each.verdict]), found)
    return rows


def _print_json(report: "Report", estimate: int, kept: Path | None) -> None:
    from dataclasses import asdict

    from voicebot.cli.output import print_json

    print_json(
        {
            "findings": [asdict(finding) for finding in report.findings],
            "exit": exit_code(report.findings),
            "estimate_ucny": estimate,
            "realtime_ucny": report.realtime_ucny,
            "learnt": str(kept) if kept else None,
        }
    )
