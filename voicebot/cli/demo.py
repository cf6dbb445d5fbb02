"""`voicebot demo`: a whole phone call on this machine, without any account."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voicebot.cli.offline import ACCOUNT, TOKEN, offline_vendors

if TYPE_CHECKING:
    from rich.console import Console

    from voicebot.runtime.switchboard import Switchboard
    from voicebot.sim.twilio.caller import OnEvent
    from voicebot.sim.twilio.report import CallReport
    from voicebot.sim.twilio.rest import TwilioRest
    from voicebot.sim.twilio.script import Script
    from voicebot.store.records import Call, Turn

VOICES = Path(__file__).parents[1] / "sim" / "voices"

NUMBER = "+12025550100"  # `main` of the sample dialplan
CALLER = "+12025550142"

POLL_S = 0.2
MIN_RECORDING_MS = 20_000


def run(
    dialplans: Annotated[Path, typer.Option(help="The dialplan that answers.")] = Path(
        "dialplans"
    ),
    data: Annotated[
        Path, typer.Option(help="Where the call log and the recording go.")
    ] = Path("data/demo"),
    engine: Annotated[
        Literal["realtime", "cascade"],
        typer.Option(help="What hears and speaks: one model, or a cascade of three."),
    ] = "realtime",
) -> None:
    """
    Listen in on a whole call: greeting, answers, an interruption, goodbye.

    A simulated caller with a recorded human voice dials in through the real webhook
    and the real media stream; the offline StepFun understands and answers. Nothing
    leaves this machine.
    """
    import logging

    from rich.console import Console

    from voicebot.cli.loop import run as run_loop
    from voicebot.observe.logs import configure

    configure(json=False)
    logging.getLogger().setLevel(logging.ERROR)  # the rest is told in other words
    console = Console()
    console.print("[bold]voicebot demo[/]: no account, and no network but loopback\n")
    report, call, turns = run_loop(_demo(console, dialplans, data, engine))
    _show(console, data, report, call, turns, engine)
    if problem := _problem(report, call, turns):
        typer.echo(f"voicebot: the demo call went wrong: {problem}", err=True)
        raise typer.Exit(1)


async def _demo(
    console: "Console", dialplans: Path, data: Path, engine: str
) -> "tuple[CallReport, Call, list[Turn]]":
    import asyncio

    from voicebot.sim.twilio.caller import place_call

    async with _house(console, dialplans, data, engine) as (board, url, rest):
        watch = asyncio.create_task(_watch(console, board))  # awaited below
        try:
            report = await place_call(
                voice_url=f"{url}/twilio/voice",
                status_url=f"{url}/twilio/status",
                auth_token=TOKEN,
                account_sid=ACCOUNT,
                from_number=CALLER,
                to_number=NUMBER,
                script=_script(),
                on_event=_printer(console),
                rest=rest,
                max_call_s=120,
            )
        finally:
            watch.cancel()
            await asyncio.wait([watch])
        await board.quiet()
        call = await board.store.call_by_sid(report.call_sid)
        assert call
        return report, call, await board.store.turns(call.call_id)


@asynccontextmanager
async def _house(
    console: "Console", dialplans: Path, data: Path, engine: str
) -> "AsyncIterator[tuple[Switchboard, str, TwilioRest]]":
    """Everything that a call needs, on this machine."""
    from voicebot.sim.ports import free_port
    from voicebot.web.server import running

    async with offline_vendors(console) as vendors:
        port = free_port()
        settings = vendors.settings(dialplans=dialplans, data=data, port=port)
        settings = settings.model_copy(update={"engine": engine})
        async with running(settings) as board:
            with console.status("rendering greetings"):
                await board.prepare_prompts()
            yield board, f"http://127.0.0.1:{port}", vendors.rest


def _script() -> "Script":
    """What the caller does: a human voice, recorded (sim/voices/ATTRIBUTION.md)."""
    from voicebot.sim.twilio.script import Interrupt, Say, Script
    from voicebot.sim.twilio.wav import read_voice

    def voice(name: str) -> bytes:
        return read_voice(VOICES / f"{name}.wav")

    return Script(
        [
            Say(voice("hello_weasels"), "hello, weasels …"),
            Interrupt(voice("sorry_interrupt"), "into the answer", after_ms=3000),
            Say(voice("thanks_goodbye"), "thanks, goodbye"),
        ]
    )


async def _watch(console: "Console", board: "Switchboard") -> None:
    """Print each turn when the call log has it, until cancelled."""
    import asyncio

    from rich.markup import escape
    from rich.padding import Padding

    printed: set[tuple[int, str]] = set()
    while True:
        await asyncio.sleep(POLL_S)
        for call in await board.store.list_calls(1):
            for turn in await board.store.turns(call.call_id):
                key = turn.seq, turn.heard_text
                if key not in printed and turn.heard_text and call.ended_at is None:
                    printed.add(key)
                    cut = "  [yellow]… cut off[/]" if turn.interrupted else ""
                    colour = "cyan" if turn.who == "caller" else "green"
                    words = f"{turn.who}: {escape(turn.heard_text)}{cut}"
                    console.print(Padding(f"[{colour}]{words}[/]", (0, 0, 0, 11)))


def _printer(console: "Console") -> "OnEvent":
    """Show what happens on the line, as it does."""

    from rich.markup import escape

    def show(kind: str, at_s: float, detail: str) -> None:
        what = f"{kind.replace('_', ' ')} {escape(detail)}"
        console.print(f"{at_s:7.2f} s  [dim]{what}[/]")

    return show


def _show(
    console: "Console",
    data: Path,
    report: "CallReport",
    call: "Call",
    turns: "list[Turn]",
    engine: str,
) -> None:
    from rich.table import Table

    from voicebot.cli.calls_show import print_call

    console.print("\n[bold]The call record[/]")
    print_call(call, turns)
    over = " (cascade)" if engine == "cascade" else ""
    console.print(f"\n[bold]At the caller's ear[/]{over}")
    table = Table("what", "seconds", box=None)
    table.add_row("greeting after the stream's start", _s(report.greeting_delay_s))
    for turn in report.turns:
        if turn.barge_in_stop_s is not None:
            table.add_row(
                f"bot silent after «{turn.label}» began", _s(turn.barge_in_stop_s)
            )
        if turn.reply_gap_s is not None:
            table.add_row(f"answer after «{turn.label}»", _s(turn.reply_gap_s))
    console.print(table)
    console.print("\n[bold]Recording[/] (caller left, bot right):")
    console.print(call.recording, soft_wrap=True)
    console.print("\n[bold]Again[/]:")
    command = Path(sys.argv[0])
    again = f"VOICEBOT_DATA={data} {command} calls show {call.call_id[:8]}"
    console.print(again, soft_wrap=True, highlight=False)


def _problem(report: "CallReport", call: "Call", turns: "list[Turn]") -> str | None:
    """What is missing of a call as it should be; None if nothing is."""
    expected = {
        "the bot hung up after its goodbye": str(call.end_reason) == "bot_goodbye",
        "an interruption was handled": any(turn.interrupted for turn in turns),
        "the call was recorded": (call.recording_ms or 0) >= MIN_RECORDING_MS,
        "Twilio had nothing to complain about": not report.warnings,
        "nothing failed": not call.faults,
    }
    missing = [what for what, held in expected.items() if not held]
    return f"expected that {missing[0]}" if missing else None


def _s(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
