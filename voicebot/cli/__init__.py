"""The `voicebot` command: one module a subcommand, errors in one sentence."""

import os
import sys
from io import TextIOWrapper

import typer

from voicebot.cli import (
    bench,
    call,
    calls,
    chat,
    check,
    config,
    demo,
    doctor,
    erase,
    explain,
    load,
    measure,
    migrate,
    new,
    offline,
    play,
    prompts,
    say,
    schema,
    serve,
    show,
    test,
    transcribe,
    tune,
    voices,
    worker,
)
from voicebot.errors import UpstreamError, VoicebotError

app = typer.Typer(
    help="A telephony voice bot: Twilio on one side, StepFun on the other.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("serve")(serve.run)
app.command("worker", hidden=True)(worker.run)
app.command("demo")(demo.run)
app.command("check")(check.run)
app.command("doctor")(doctor.run)
app.command("test")(test.run)
app.command("explain")(explain.run)
app.add_typer(show.app, name="show")
app.command("new")(new.run)
app.command("schema")(schema.run)
app.command("migrate")(migrate.run)
app.command("offline")(offline.run)
app.add_typer(prompts.app, name="prompts")
app.command("say")(say.run)
app.add_typer(voices.app, name="voices")
app.command("chat")(chat.run)
app.command("transcribe")(transcribe.run)
app.command("config")(config.run)
app.command("call")(call.run)
calls.app.command("play")(play.play)
calls.app.command("purge")(erase.purge)
calls.app.command("erase")(erase.erase)
app.add_typer(calls.app, name="calls")
app.command("tune")(tune.run)
app.add_typer(measure.app, name="measure")
app.command("load")(load.run)
app.command("bench")(bench.run)


def main() -> None:
    """Run the command line; a mistake of the operator's is one sentence, exit 1."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no Chinese, and no ✓, is told all the same.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Before numpy is imported: its threads make small products slower, and late.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app()
    except VoicebotError as exc:
        print(f"voicebot: {_told(exc)}", file=sys.stderr)
        sys.exit(1)


def _told(error: VoicebotError) -> str:
    """What an operator is told: StepFun's refusals in words, with what to do."""
    from voicebot.stepfun.advice import advice
    from voicebot.stepfun.upstream import SERVICE

    if not isinstance(error, UpstreamError) or error.service != SERVICE:
        return str(error)
    from voicebot.config import load_settings

    return advice(error, load_settings().stepfun_base_url)
