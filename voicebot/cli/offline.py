"""Both vendors on this machine, for `demo` and `serve --offline`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from voicebot.config import Settings
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
async def offline_stepfun(console: "Console") -> "AsyncIterator[OfflineStepFun]":
    """
    Run the offline StepFun, which hears and speaks.

    Raises:
        ConfigError: the `demo` extra isn't installed.
    """
    import asyncio

    from voicebot.sim.stepfun.mood import Mood
    from voicebot.sim.stepfun.server import OfflineStepFun
    from voicebot.sim.stepfun.talking import TalkingMind

    with console.status("waking the offline StepFun (speech models load)"):
        mind = await asyncio.to_thread(TalkingMind)
    async with OfflineStepFun(mind, Mood.kind(), api_key=KEY).running() as stepfun:
        yield stepfun
