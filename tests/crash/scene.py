"""What a trial needs: the vendors, a server that is forked, callers."""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from tests.crash.server import live
from tests.crash.witness import Witness
from tests.e2e.house import (
    ACCOUNT,
    CALLER,
    DIALPLAN,
    KEY,
    OUR_NUMBER,
    PERSONA,
    TOKEN,
)
from voicebot.config import Settings
from voicebot.sim.ports import free_port
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line, Scenario, ScriptedMind
from voicebot.sim.stepfun.server import OfflineStepFun
from voicebot.sim.twilio.caller import OnEvent, place_call
from voicebot.sim.twilio.report import CallReport
from voicebot.sim.twilio.rest import TwilioRest
from voicebot.sim.twilio.script import Script

UP_S: Final = 30.0
CALL_S: Final = 120.0

PATIENT: Final = PERSONA.replace("60s, idle: 10s", "180s, idle: 60s")

# It imports all that a server needs once, has no threads, and is forked for each.
PRELOADED: Final = ["tests.crash.trial", "voicebot.audio.neural"]


@dataclass(slots=True)
class Server:
    """
    One life of a server.

    Attributes:
        exit_code: once it is dead.
    """

    witness: Witness
    process: BaseProcess
    exit_code: int | None = None

    @property
    def pid(self) -> int:
        assert self.process.pid
        return self.process.pid

    async def ready(self) -> None:
        """Wait until it takes calls."""
        async with asyncio.timeout(UP_S):
            await self.witness.ready.wait()
        assert self.process.is_alive(), "the server ended by itself: see server.log"

    async def kill(self) -> float:
        """
        Kill it.

        Returns:
            When that was, in seconds since 1970.
        """
        self.process.kill()
        killed_s = time.time()
        await self._over()
        return killed_s

    async def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self.process.terminate()
        await self._over()

    async def _over(self) -> None:
        await asyncio.to_thread(self.process.join, UP_S)
        self.exit_code = self.process.exitcode
        await self.witness.end()


class Scene:
    """
    Forks servers with the same settings, and calls them.

    Attributes:
        log: what they log.
    """

    def __init__(self, settings: Settings, rest: TwilioRest, log: Path) -> None:
        self.settings, self.log = settings, log
        self._rest = rest
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(PRELOADED)
        self._servers: list[Server] = []

    def fork(self, mishap: str | None = None) -> Server:
        """
        Begin a life.

        Args:
            mishap: what goes wrong in it: see `live`.
        """
        ear, mouth = self._processes.Pipe(duplex=False)
        process = self._processes.Process(
            target=live, args=(self.settings, self.log, mouth, mishap), daemon=True
        )
        process.start()
        mouth.close()
        server = Server(Witness(ear), process)
        self._servers = [x for x in self._servers if x.exit_code is None] + [server]
        return server

    async def close(self) -> None:
        """Leave no process behind."""
        for server in self._servers:
            if server.exit_code is None:
                await server.kill()

    async def call(self, script: Script, on_event: OnEvent | None = None) -> CallReport:
        return await place_call(
            voice_url=f"{self.settings.public_url}/twilio/voice",
            status_url=f"{self.settings.public_url}/twilio/status",
            auth_token=TOKEN,
            account_sid=ACCOUNT,
            from_number=CALLER,
            to_number=OUR_NUMBER,
            script=script,
            rest=self._rest,
            on_event=on_event,
            max_call_s=CALL_S,
        )


@asynccontextmanager
async def scene(
    folder: Path, lines: Sequence[Line], url: str | None = None
) -> AsyncIterator[Scene]:
    """
    Set a scene.

    Args:
        folder: for everything.
        lines: what callers say, and the answers.
        url: of a database at PostgreSQL; None: SQLite's file.
    """
    plans = folder / "dialplans"
    (plans / "personas").mkdir(parents=True)
    (plans / "dialplan.yaml").write_text(DIALPLAN)
    (plans / "personas" / "tester.yaml").write_text(PATIENT)
    mind = ScriptedMind(Scenario(tuple(lines)))
    async with (
        OfflineStepFun(mind, Mood.burst(), api_key=KEY).running() as stepfun,
        TwilioRest(ACCOUNT, TOKEN).running() as rest,
    ):
        port = free_port()
        settings = Settings(
            stepfun_api_key=KEY,
            stepfun_base_url=stepfun.base_url,
            twilio_account_sid=ACCOUNT,
            twilio_auth_token=TOKEN,
            twilio_api_url=rest.api_url,
            public_url=f"http://127.0.0.1:{port}",
            dialplans=plans,
            data=folder / "data",
            database_url=url,
            port=port,
        )
        one = Scene(settings, rest, folder / "server.log")
        try:
            yield one
        finally:
            await one.close()
