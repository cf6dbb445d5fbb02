"""Both vendors on this machine: `demo`, `serve --offline`, `voicebot offline`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from voicebot.config import Settings
    from voicebot.sim.stepfun.mood import Mood
    from voicebot.sim.stepfun.server import OfflineStepFun
    from voicebot.sim.twilio.rest import TwilioRest

# Made up; they open nothing outside this machine.
ACCOUNT = "AC" + "0" * 32
TOKEN = "offline-token"
KEY = "offline-key"


@dataclass(frozen=True, slots=True)
class Vendors:
    """They listen on loopback."""

    stepfun_url: str
    rest: "TwilioRest"

    def settings(self, *, dialplans: Path, data: Path, port: int) -> "Settings":
        """Settings of a server that calls them, and that they call."""
        from voicebot.config import Settings

        return Settings(
            stepfun_api_key=KEY,
            stepfun_base_url=self.stepfun_url,
            twilio_account_sid=ACCOUNT,
            twilio_auth_token=TOKEN,
            twilio_api_url=self.rest.api_url,
            public_url=f"http://127.0.0.1:{port}",
            dialplans=dialplans,
            data=data,
            webhook_secret=None,  # others are told of real calls only
            database_url=None,  # a real log is none of a rehearsal
            recordings=None,
            host="127.0.0.1",
            port=port,
        )


@asynccontextmanager
async def offline_vendors(console: "Console") -> AsyncIterator[Vendors]:
    """
    Run the offline StepFun, which hears and speaks, and the simulated Twilio's REST.

    Raises:
        ConfigError: the `demo` extra isn't installed.
    """
    from voicebot.sim.twilio.rest import TwilioRest

    async with (
        offline_stepfun(console) as stepfun,
        TwilioRest(ACCOUNT, TOKEN).running() as rest,
    ):
        yield Vendors(stepfun.base_url, rest)


@asynccontextmanager
async def offline_stepfun(
    console: "Console", mood: "Mood | None" = None, port: int = 0
) -> "AsyncIterator[OfflineStepFun]":
    """
    Run the offline StepFun, which hears and speaks.

    Args:
        mood: a kind one, unless another is wanted.
        port: 0 takes any that is free.

    Raises:
        ConfigError: the `demo` extra isn't installed.
        OSError: the port is taken.
    """
    import asyncio

    from voicebot.sim.stepfun.mood import Mood
    from voicebot.sim.stepfun.server import OfflineStepFun
    from voicebot.sim.stepfun.talking import TalkingMind

    with console.status("waking the offline StepFun (speech models load)"):
        mind = await asyncio.to_thread(TalkingMind)
    stepfun = OfflineStepFun(mind, mood or Mood.kind(), api_key=KEY)
    async with stepfun.running(port=port):
        yield stepfun


class Temper(StrEnum):
    """How the offline StepFun behaves."""

    KIND = "kind"
    REAL = "real"
    BURST = "burst"
    NASTY = "nasty"


def run(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where it listens; 0: anywhere.")
    ] = 8431,
    mood: Annotated[
        Temper,
        typer.Option(
            help="Without a surprise; as measured; all at once; or on a bad day."
        ),
    ] = Temper.KIND,
    seed: Annotated[int, typer.Option(help="Which bad day it is.")] = 0,
) -> None:
    """
    Serve StepFun's APIs on this machine, for your programs and voicebot's commands.

    Realtime, chat, speech over HTTP and WebSocket, voices, recognition; until Ctrl-C.
    It understands English, and speaks English and Chinese. Nothing leaves the machine.
    """
    from voicebot.cli.loop import run as run_loop

    _check_free(port)
    run_loop(_serve(port, _mood(mood, seed)))


def _check_free(port: int) -> None:
    """Say that a port is taken before seconds are spent on speech models."""
    import socket

    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as exc:
        why = (exc.strerror or str(exc)).partition(" (while ")[0]
        raise ConfigError(f"--port: {port} can't be listened on: {why}") from exc


def _mood(temper: Temper, seed: int) -> "Mood":
    from voicebot.sim.stepfun.mood import Mood

    match temper:
        case Temper.KIND:
            return Mood.kind()
        case Temper.REAL:
            return Mood.real()
        case Temper.BURST:
            return Mood.burst()
        case Temper.NASTY:
            return Mood.nasty(seed)


async def _serve(port: int, mood: "Mood") -> None:
    import asyncio
    import signal

    from rich.console import Console

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    async with offline_stepfun(Console(stderr=True), mood, port) as stepfun:
        print("The offline StepFun listens. Use it as an account:\n")
        print(f"export VOICEBOT_STEPFUN_API_KEY={KEY}")
        print(f"export VOICEBOT_STEPFUN_BASE_URL={stepfun.base_url}", flush=True)
        await stop.wait()
