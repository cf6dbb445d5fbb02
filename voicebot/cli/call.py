"""`voicebot call`: place one simulated call to a bot on this machine."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # numpy and aiohttp take longer to import than help to print
    from rich.console import Console

    from voicebot.sim.twilio.caller import OnEvent
    from voicebot.sim.twilio.report import CallReport
    from voicebot.sim.twilio.script import Step

REFUSALS = {
    "rejected": "the bot rejected the call",
    "refused": "the bot did not take the call",
    "broken": "the bot broke the call",
    "gave-up": "the caller gave up",
    "too-long": "nobody hung up",
}
ENDED_BY = {
    "caller": "by the caller",
    "bot": "by the bot",
    "rest": "by the bot (REST)",
    "twilio": "by Twilio",
}


class Language(StrEnum):
    """What the offline voice speaks."""

    EN = "en"
    ZH = "zh"


def run(
    url: Annotated[
        str,
        typer.Argument(help="voice webhook, e.g. http://127.0.0.1:8080/twilio/voice"),
    ],
    wav: Annotated[
        list[Path] | None, typer.Option(help="A turn of the caller; repeatable.")
    ] = None,
    say: Annotated[
        list[str] | None,
        typer.Option(help="A turn in words, spoken by the offline voice; repeatable."),
    ] = None,
    language: Annotated[Language, typer.Option(help="Of the words.")] = Language.EN,
    from_number: Annotated[
        str, typer.Option("--from", help="E.164, or anonymous.")
    ] = "+15550100123",
    to_number: Annotated[str, typer.Option("--to", help="E.164.")] = "+15550100777",
    script: Annotated[
        Path | None,
        typer.Option(
            help="A YAML file: steps say, interrupt, keys, wait_ms, hang_up; "
            "see docs/calls.md."
        ),
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Write a stereo WAV: caller left, bot right.")
    ] = None,
    status_url: Annotated[
        str | None, typer.Option(help="Gets the call status callback.")
    ] = None,
    max_s: Annotated[float, typer.Option(help="Hang up after so many seconds.")] = 600,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print nothing but the result, as JSON.")
    ] = False,
) -> None:
    """
    Place one simulated call, show it live and measure it.

    The caller waits for the bot, takes its turns, lets the bot answer the last one,
    and hangs up. It needs the Twilio settings of the server that it calls.
    """
    import asyncio

    import orjson
    from rich.console import Console

    from voicebot.config import load_settings
    from voicebot.errors import ConfigError
    from voicebot.sim.twilio.caller import place_call
    from voicebot.sim.twilio.script import HangUp, Script
    from voicebot.sim.twilio.script_file import load_script
    from voicebot.sim.twilio.wav import read_voice, write_stereo

    if script is not None and (wav or say):
        raise ConfigError("--script: expected it without --wav and --say")
    _check(from_number, to_number, max_s, record)
    settings = load_settings()
    if settings.twilio_account_sid is None or settings.twilio_auth_token is None:
        raise ConfigError(
            "a call is signed: it needs VOICEBOT_TWILIO_ACCOUNT_SID and "
            "VOICEBOT_TWILIO_AUTH_TOKEN, those of the server"
        )
    acts = (
        load_script(script, read_voice)
        if script is not None
        else Script([*_turns(wav or [], say or [], language), HangUp(1000)])
    )
    console = Console()
    report = asyncio.run(
        place_call(
            voice_url=url,
            auth_token=settings.twilio_auth_token.get_secret_value(),
            account_sid=settings.twilio_account_sid,
            from_number=from_number,
            to_number=to_number,
            script=acts,
            on_event=None if as_json else _printer(console),
            public_url=settings.public_url,
            status_url=status_url,
            max_call_s=max_s,
        )
    )
    if record is not None:
        write_stereo(record, report.tape.stereo())
    if as_json:
        print(orjson.dumps(report.summary(), option=orjson.OPT_INDENT_2).decode())
    elif report.outcome not in ("refused", "rejected"):
        _show(console, report)
    if problem := _problem(report, url):
        typer.echo(f"voicebot: {problem}", err=True)
        raise typer.Exit(1)


def _check(from_number: str, to_number: str, max_s: float, record: Path | None) -> None:
    """Refuse what would only be noticed after the call, or by the bot."""
    from voicebot.dialplan.values import ANONYMOUS, E164
    from voicebot.errors import ConfigError

    example = "a phone number such as +12025550123"
    if from_number != ANONYMOUS and not E164.fullmatch(from_number):
        raise ConfigError(f"--from: expected {example}, or {ANONYMOUS}")
    if not E164.fullmatch(to_number):
        raise ConfigError(f"--to: expected {example}")
    if not max_s > 0:
        raise ConfigError(f"--max-s: expected more than 0 seconds, got {max_s:g}")
    if record is not None and record.is_dir():
        raise ConfigError(f"--record: {record}: is a folder")
    if record is not None and not record.parent.is_dir():
        raise ConfigError(f"--record: {record.parent}: no such folder")


def _problem(report: "CallReport", url: str) -> str | None:
    """Say in a sentence why the call was no success; None if it was one."""
    from urllib.parse import urlsplit

    outcome = report.outcome.value
    if outcome == "completed":
        return "the caller heard nothing" if report.heard_nothing else None
    if outcome == "refused":
        first, host = report.tally.http[0], urlsplit(url).netloc.rpartition("@")[2]
        if not first.listens:
            return f"nothing listens at {host}: is `voicebot serve` running?"
        if first.status == 403:
            return (
                f"{host} refused the signature: "
                "is VOICEBOT_TWILIO_AUTH_TOKEN the server's?"
            )
    return f"{REFUSALS[outcome]}: {report.ending}"


def _turns(wavs: list[Path], words: list[str], language: str) -> "list[Step]":
    from voicebot.sim.twilio.script import Say
    from voicebot.sim.twilio.wav import pcm24_to_ulaw, read_voice

    turns: list[Step] = [Say(read_voice(path), path.stem) for path in wavs]
    if words:
        # Only then: it loads speech models that not everybody has installed.
        from voicebot.sim.stepfun.talking import TalkingMind

        mind = TalkingMind()
        for number, text in enumerate(words, 1):
            pcm16 = mind.speak(text, "caller", language)
            turns.append(Say(pcm24_to_ulaw(pcm16), f"words {number}"))
    return turns


def _printer(console: "Console") -> "OnEvent":
    def show(kind: str, at_s: float, detail: str) -> None:
        text = kind.replace("_", " ")
        detail = ENDED_BY[detail] if kind == "ended" else detail
        console.print(f"{at_s:8.2f} s  {text:16} {detail}", markup=False)

    return show


def _show(console: "Console", report: "CallReport") -> None:
    from rich.table import Table

    table = Table(
        title=f"Call {report.outcome}: {report.ending}",
        caption="counted from the beginning of the first stream",
    )
    for column in ("turn", "began", "ended", "answer after", "bot silent after"):
        table.add_column(column, justify="left" if column == "turn" else "right")
    greeting = _seconds(report.greeting_delay_s)
    table.add_row("(greeting)", "", "", greeting, "")
    for turn in report.turns:
        table.add_row(
            turn.label,
            _seconds(turn.started_s),
            _seconds(turn.ended_s),
            _seconds(turn.reply_gap_s),
            _seconds(turn.barge_in_stop_s),
        )
    console.print(table)
    for text in report.tally.said:
        console.print(f"Twilio said: {text}", markup=False)
    holes = len(report.underruns)
    holes_ms = sum(hole.ms for hole in report.underruns)
    tally = report.tally
    console.print(
        f"{report.duration_s:.1f} s; ended {ENDED_BY[report.ended_by]}; "
        f"{holes} {'underrun' if holes == 1 else 'underruns'} ({holes_ms:.0f} ms); "
        f"marks {tally.marks_sent} sent, {tally.marks_played} played, "
        f"{tally.marks_cleared} cleared"
    )
    for warning in report.warnings:
        console.print(f"warning {warning.code}: {warning.text}", markup=False)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
