"""Live calls, and a server that is killed under them, again and again."""

import asyncio
import multiprocessing
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from tests.crash import checks
from tests.crash.checks import Cut
from tests.crash.server import live
from tests.crash.witness import Noted, Witness
from tests.e2e.house import (
    ACCOUNT,
    CALLER,
    DIALPLAN,
    KEY,
    OUR_NUMBER,
    PERSONA,
    TOKEN,
    free_port,
    says,
)
from voicebot.config import Settings
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line, Scenario, ScriptedMind
from voicebot.sim.stepfun.server import OfflineStepFun
from voicebot.sim.twilio.caller import place_call
from voicebot.sim.twilio.rest import TwilioRest
from voicebot.sim.twilio.script import HangUp, Keys, Say, Script, Step, Wait
from voicebot.store.calls import open_store
from voicebot.store.database import open_database

UP_S: Final = 30.0
BUSY_S: Final = 30.0  # until all lines have a stream
OVER_S: Final = 10.0  # callers whose server died know that by then
ARCHIVED_S: Final = 300.0

PASSERS_BY: Final = 4
"""Lines on which calls are short: some begin and some end whenever it is."""

LATE_S: Final = 2.0
"""So much of a recording may be missing at its end."""

BOOTS: Final = 10
"""After so many kills there is one more, of a server that is still starting."""

LINES: Final = (Line("Is this a call?", "It is one."), Line("Yes?", "Of course it is."))
PERSONA_OF_THE_TRIAL: Final = PERSONA.replace("idle: 10s", "idle: 60s")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to try."""

    kills: int
    calls: int
    seed: int
    url: str | None = None
    """Of a database at PostgreSQL; None: SQLite's file."""
    sabotage: str | None = None


@dataclass(slots=True)
class Seen:
    """What a trial came to."""

    kills: int = 0
    boots: int = 0
    live: list[int] = field(default_factory=list)
    """Streams that were open at each kill."""
    noted: list[Noted] = field(default_factory=list)
    acknowledged: int = 0
    lost: int = 0
    holes: int = 0
    surplus: int = 0
    promised: set[str] = field(default_factory=set)
    """Calls whose webhook was answered, by call_sid."""
    unknown: int = 0
    twice: int = 0
    left_open: int = 0
    open_s: list[float] = field(default_factory=list)
    """From a restart until no call of a dead server was open."""
    cuts: list[Cut] = field(default_factory=list)
    badly_kept: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    changed_rows: int = 0
    deaths: list[str] = field(default_factory=list)
    """Servers that ended otherwise than by our hand."""
    seconds: float = 0.0


async def run(
    plan: Plan, folder: Path, tell: Callable[[str], None] = lambda _: None
) -> Seen:
    """Kill a server as often as planned, and see what is left."""
    began = time.monotonic()
    async with _trial(plan, folder) as trial:
        for number in range(plan.kills):
            await trial.life(number, tell)
        await trial.finish()
    trial.seen.seconds = time.monotonic() - began
    return trial.seen


@asynccontextmanager
async def _trial(plan: Plan, folder: Path) -> "AsyncIterator[Trial]":
    plans = folder / "dialplans"
    (plans / "personas").mkdir(parents=True)
    (plans / "dialplan.yaml").write_text(DIALPLAN)
    (plans / "personas" / "tester.yaml").write_text(PERSONA_OF_THE_TRIAL)
    mind = ScriptedMind(Scenario(LINES))
    async with (
        OfflineStepFun(mind, Mood.burst(), api_key=KEY).running() as stepfun,
        TwilioRest(ACCOUNT, TOKEN).running() as rest,
        AsyncExitStack() as stack,
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
            database_url=plan.url,
            port=port,
        )
        trial = Trial(plan, settings, rest, folder / "server.log")
        stack.push_async_callback(trial.close)
        yield trial


class Trial:
    """The lines, the server of now, and what was seen of all servers before."""

    def __init__(
        self, plan: Plan, settings: Settings, rest: TwilioRest, log: Path
    ) -> None:
        self.seen = Seen()
        self._plan, self._settings, self._rest, self._log = plan, settings, rest, log
        self._random = random.Random(plan.seed)
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload([__name__, "voicebot.audio.neural"])
        self._up = asyncio.Event()  # a server takes calls
        self._streams: set[object] = set()  # lines that have one
        self._full = asyncio.Event()  # all of them that are to
        self._lines: list[asyncio.Task[None]] = []
        self._server: BaseProcess | None = None
        self._last: Witness | None = None  # of the server before
        self._placed = 0  # calls that aren't over
        self._empty = asyncio.Event()

    async def close(self) -> None:
        """Leave nothing behind that runs."""
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)
        if self._server:
            self._server.kill()
            await asyncio.to_thread(self._server.join)

    # ---- one life after the other ----------------------------------------------

    async def life(self, number: int, tell: Callable[[str], None]) -> None:
        """Start a server, check what the one before left, call it, kill it."""
        if number and number % BOOTS == 0:
            await self._killed_at_boot()
        witness = await self._start()
        await self._check_the_last()
        self._begin_lines()
        self._up.set()
        async with asyncio.timeout(BUSY_S):
            await self._full.wait()
        await asyncio.sleep(self._moment_s())
        self.seen.live.append(len(self._streams))
        await self._kill(witness)
        self.seen.kills += 1
        tell(f"kill {number + 1}: {self.seen.live[-1]} calls live")

    async def finish(self) -> None:
        """Let the last server put all in order, and look at everything."""
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)
        witness = await self._start()
        await self._check_the_last()
        folder = self._settings.recordings_folder
        async with asyncio.timeout(ARCHIVED_S):
            while any(folder.glob("*/*/*/*.wav")):
                await asyncio.sleep(0.1)
        assert self._server
        self._server.terminate()
        await self._join(-0, witness)
        self._account(witness)
        async with open_store(self._settings.call_log) as store:
            log, seen = store.database, self.seen
            there = await checks.found(log, {x.call_id for x in seen.noted})
            seen.surplus = checks.surplus(seen.noted, there)
            seen.lost += checks.missing(witness, there)[0]
            seen.left_open += await checks.left_open(log)
            sids = await checks.rows_by_sid(log)
            seen.unknown = len(seen.promised - sids.keys())
            seen.twice = sum(count - 1 for count in sids.values())
            seen.badly_kept = await checks.badly_kept(log, folder, seen.cuts)
            seen.changed_rows = await checks.rows_that_change(store)
        if isinstance(path := self._settings.call_log, Path):
            seen.damage = checks.damage(path)

    def _moment_s(self) -> float:
        """When a server is killed: mostly soon, so that there are many; at times late."""
        if self._random.random() < 0.1:
            return self._random.uniform(1.0, 3.0)
        return self._random.uniform(0.0, 0.5)

    async def _start(self) -> Witness:
        witness = self._fork()
        async with asyncio.timeout(UP_S):
            await witness.ready.wait()
        return witness

    def _fork(self) -> Witness:
        ear, mouth = self._processes.Pipe(duplex=False)
        self._server = self._processes.Process(
            target=live,
            args=(self._settings, self._log, mouth, self._plan.sabotage),
            daemon=True,
        )
        self._server.start()
        mouth.close()
        return Witness(ear)

    async def _killed_at_boot(self) -> None:
        witness = self._fork()
        await asyncio.sleep(self._random.uniform(0.0, 0.3))
        await self._kill(witness)
        self.seen.boots += 1

    async def _kill(self, witness: Witness) -> None:
        assert self._server
        self._up.clear()
        self._empty.clear()
        self._server.kill()
        killed_s = time.time()
        await self._join(-signal.SIGKILL, witness)
        self._account(witness)
        answered = witness.answered().values()
        folder = self._settings.recordings_folder
        self.seen.cuts += checks.cut(folder, answered, killed_s)
        self._streams.clear()
        self._full.clear()
        self._last = witness

    async def _join(self, code: int, witness: Witness) -> None:
        assert self._server
        await asyncio.to_thread(self._server.join, UP_S)
        await witness.end()
        if self._server.exitcode != code:
            self.seen.deaths.append(f"exit code {self._server.exitcode}")
        self._server = None

    def _account(self, witness: Witness) -> None:
        self.seen.noted += witness.noted
        self.seen.acknowledged += len(witness.acknowledged)

    async def _check_the_last(self) -> None:
        """See that a server that has just started has all of the one before."""
        if self._last is None:
            return
        last, self._last = self._last, None
        ids = {x.call_id for x in last.noted}
        async with open_database(self._settings.call_log) as log:
            there = await checks.found(log, ids)
            self.seen.left_open += await checks.left_open(log)
        lost, holes = checks.missing(last, there)
        self.seen.lost += lost
        self.seen.holes += holes

    # ---- the lines -------------------------------------------------------------

    def _begin_lines(self) -> None:
        if not self._lines:
            self._lines = [
                asyncio.create_task(self._line(number))
                for number in range(self._plan.calls + PASSERS_BY)
            ]

    async def _line(self, number: int) -> None:
        """Call, and call again when that is over, until cancelled."""
        stays = number < self._plan.calls
        chance = random.Random(self._plan.seed + number)
        while True:
            await self._up.wait()
            await self._call(self._script(chance, stays=stays), stays=stays)

    async def _call(self, script: Script, *, stays: bool) -> None:
        line = object()

        def heard(kind: str, _at: float, _detail: str) -> None:
            if kind == "stream_started" and stays and self._up.is_set():
                self._streams.add(line)
                if len(self._streams) == self._plan.calls:
                    self._full.set()
            elif kind == "ended":
                self._streams.discard(line)

        report = await place_call(
            voice_url=f"{self._settings.public_url}/twilio/voice",
            status_url=f"{self._settings.public_url}/twilio/status",
            auth_token=TOKEN,
            account_sid=ACCOUNT,
            from_number=CALLER,
            to_number=OUR_NUMBER,
            script=script,
            rest=self._rest,
            on_event=heard,
            max_call_s=60.0,
        )
        if report.http_status("voice") == 200:
            self.seen.promised.add(report.call_sid)

    def _script(self, chance: random.Random, *, stays: bool) -> Script:
        keys = Keys("".join(chance.choices("0123456789*#", k=chance.randint(1, 30))))
        if not stays:
            return Script([keys, Wait(chance.randint(0, 800)), HangUp()])
        ask = Say(ASK, "ask")
        steps: list[Step] = [keys, ask, Say(YES, "yes"), Wait(60_000)]
        return Script(steps)


ASK: Final = says("Is this a call?")
YES: Final = says("Yes?")
