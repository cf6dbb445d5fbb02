"""Live calls, and a server that is killed under them, again and again."""

import asyncio
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.crash import checks
from tests.crash.checks import Cut
from tests.crash.scene import Scene, Server, scene
from tests.crash.starved import starving
from tests.crash.witness import Noted, Witness
from tests.e2e.house import says
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.script import HangUp, Keys, Say, Script, Wait
from voicebot.store.calls import open_store
from voicebot.store.database import open_database

BUSY_S: Final = 30.0  # until all lines have a stream
ARCHIVED_S: Final = 300.0
LOOK_S: Final = 0.1
SPILLS_S: Final = 1.2
"""A log that is locked for so long is spilled."""

PASSERS_BY: Final = 4
"""Lines on which calls are short: some begin and some end whenever it is."""

LATE_S: Final = 2.0
"""So much of a recording may be missing at its end."""

LATE_SHARE: Final = 0.06
"""Of the kills: recordings are long by then, and a log that is locked is spilled."""

BOOTS: Final = 10
"""After so many kills there is one more, of a server that is still starting."""

LINES: Final = (Line("Is this a call?", "It is one."), Line("Yes?", "Of course it is."))


@dataclass(frozen=True, slots=True)
class Plan:
    """What to try."""

    kills: int
    calls: int
    seed: int
    url: str | None = None
    """Of a database at PostgreSQL; None: SQLite's file."""
    sabotage: str | None = None
    moment_s: float | None = None
    """When each server is killed, once all lines are live; None: at random."""


@dataclass(slots=True)
class Seen:
    """What a trial came to."""

    kills: int = 0
    boots: int = 0
    live: list[int] = field(default_factory=list)
    """Streams that were open at each kill."""
    spilling: int = 0
    """Servers that died with a spill which the next one had to put into the log."""
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
    """
    Kill a server as often as planned, and see what is left.

    Args:
        folder: for everything; `server.log` in it is what the servers logged.
        tell: is told of each kill.
    """
    began = time.monotonic()
    async with scene(folder, LINES, plan.url) as where:
        trial = Trial(plan, where)
        try:
            for number in range(plan.kills):
                await trial.life(number)
                tell(f"kill {number + 1}: {trial.seen.live[-1]} calls live")
            await trial.finish()
        finally:
            await trial.close()
    trial.seen.seconds = time.monotonic() - began
    return trial.seen


class Trial:
    """The lines, and what was seen of all servers so far."""

    def __init__(self, plan: Plan, where: Scene) -> None:
        self.seen = Seen()
        self._plan, self._scene = plan, where
        self._random = random.Random(plan.seed)
        self._up = asyncio.Event()  # a server takes calls
        self._streams: set[object] = set()  # lines that have one
        self._full = asyncio.Event()  # all of them that are to
        self._lines: list[asyncio.Task[None]] = []
        self._last: Witness | None = None  # of the server before

    async def close(self) -> None:
        """Let nobody call any more."""
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    # ---- one life after the other ----------------------------------------------

    async def life(self, number: int) -> None:
        """Start a server, check what the one before left, call it, kill it."""
        if number and number % BOOTS == 0:
            await self._killed_at_boot()
        server = await self._start()
        self._begin_lines()
        self._up.set()
        async with starving(server.pid) as starved:
            async with asyncio.timeout(BUSY_S):
                await self._full.wait()
            moment_s = self._moment_s()
            with self._maybe_locked(moment_s):
                await asyncio.sleep(moment_s)
                starved.look()
                self.seen.live.append(len(self._streams))
                await self._kill(server, starved.recently_s())
        self.seen.kills += 1

    async def finish(self) -> None:
        """Let the last server put all in order, and look at everything."""
        await self.close()
        server = await self._start()
        settings, seen = self._scene.settings, self.seen
        folder = settings.recordings_folder
        async with asyncio.timeout(ARCHIVED_S):
            while checks.waiting(folder):  # noqa: ASYNC110 - another process
                await asyncio.sleep(LOOK_S)
        await server.stop()
        self._account(server, 0)
        async with open_store(settings.call_log) as store:
            log = store.database
            there = await checks.found(log, {x.call_id for x in seen.noted})
            seen.surplus = checks.surplus(seen.noted, there)
            seen.lost += checks.missing(server.witness, there)[0]
            seen.left_open += await checks.left_open(log)
            sids = await checks.rows_by_sid(log)
            seen.unknown = len(seen.promised - sids.keys())
            seen.twice = sum(count - 1 for count in sids.values())
            kept = await checks.kept(log)
            seen.badly_kept = checks.badly_kept(kept, folder, seen.cuts)
            seen.changed_rows = await checks.rows_that_change(store)
        if isinstance(path := settings.call_log, Path):
            seen.damage = checks.damage(path)

    def _moment_s(self) -> float:
        """When a server is killed: mostly soon, so that there are many."""
        if self._plan.moment_s is not None:
            return self._plan.moment_s
        if self._random.random() < LATE_SHARE:
            return self._random.uniform(1.0, 3.0)
        return self._random.uniform(0.0, 0.3)

    @contextmanager
    def _maybe_locked(self, moment_s: float) -> Iterator[None]:
        """Let every other server that is killed late die while it spills."""
        path = self._scene.settings.call_log
        if moment_s < SPILLS_S or self._random.random() < 0.5 or isinstance(path, str):
            yield
            return
        with closing(sqlite3.connect(path, timeout=0.3, isolation_level=None)) as other:
            with suppress(sqlite3.OperationalError):  # the server itself has it now
                other.execute("BEGIN EXCLUSIVE")
            yield

    async def _start(self) -> Server:
        server = self._scene.fork(self._plan.sabotage)
        await server.ready()
        await self._check_the_last()
        return server

    async def _killed_at_boot(self) -> None:
        server = self._scene.fork(self._plan.sabotage)
        await asyncio.sleep(self._random.uniform(0.0, 0.3))
        await server.kill()
        self._account(server, -signal.SIGKILL)
        self.seen.boots += 1

    async def _kill(self, server: Server, starved_s: float) -> None:
        self._up.clear()
        killed_s = await server.kill()
        self._account(server, -signal.SIGKILL)
        answered = server.witness.answered()
        folder = self._scene.settings.recordings_folder
        self.seen.cuts += checks.cut(folder, answered, killed_s, starved_s)
        spill = self._scene.settings.data / "spill.jsonl"
        self.seen.spilling += spill.stat().st_size > 0
        self._streams.clear()
        self._full.clear()
        self._last = server.witness

    def _account(self, server: Server, code: int) -> None:
        self.seen.noted += server.witness.noted
        self.seen.acknowledged += len(server.witness.acknowledged)
        if server.exit_code != code:
            self.seen.deaths.append(f"exit code {server.exit_code}")

    async def _check_the_last(self) -> None:
        """See that a server that has just started has all of the one before."""
        if self._last is None:
            return
        last, self._last = self._last, None
        async with open_database(self._scene.settings.call_log) as log:
            there = await checks.found(log, {x.call_id for x in last.noted})
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
            await self._call(script(chance, stays=stays), stays=stays)

    async def _call(self, what: Script, *, stays: bool) -> None:
        line = object()

        def heard(kind: str, _at: float, _detail: str) -> None:
            if kind == "stream_started" and stays and self._up.is_set():
                self._streams.add(line)
                if len(self._streams) == self._plan.calls:
                    self._full.set()
            elif kind == "ended":
                self._streams.discard(line)

        report = await self._scene.call(what, heard)
        if report.http_status("voice") == 200:
            self.seen.promised.add(report.call_sid)


ASK: Final = says("Is this a call?")
YES: Final = says("Yes?")


def script(chance: random.Random, *, stays: bool) -> Script:
    """What a caller does: press keys, which are events at once, and talk."""
    keys = Keys("".join(chance.choices("0123456789*#", k=chance.randint(1, 30))))
    if stays:
        return Script([keys, Say(ASK, "ask"), Say(YES, "yes"), Wait(60_000)])
    return Script([keys, Wait(chance.randint(0, 800)), HangUp()])
