"""
Take the call log's disk or database away under live calls, and see who notices.

    python -m tests.crash.faults --seconds 30

Prints the table of docs/reliability.md.
"""

import argparse
import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    closing,
    contextmanager,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.crash import checks
from tests.crash.scene import Scene, Server, scene
from tests.crash.starved import waited_s
from tests.e2e.house import says
from tests.store.postgres import Postgres, running_postgres
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.report import CallReport, Outcome
from voicebot.sim.twilio.script import HangUp, Say, Script
from voicebot.store.calls import open_store
from voicebot.store.database import open_database
from voicebot.store.faults import Fault as Code
from voicebot.store.records import EndReason

CALLS: Final = 4
LATE_MS: Final = 100
BUSY_SHARE: Final = 0.1

HEADING: Final = (
    "| what fails | calls under way: affected, broken up | calls meanwhile: refused "
    "| longest wait | events: lost, disordered | back after |"
)
BUSY_S: Final = 20.0
BACK_S: Final = 60.0
LOOK_S: Final = 0.1
TURN_S: Final = 6.0  # a question, the answer, and the silence in between
AROUND_S: Final = 8.0  # calls begin before it and end after it

ANSWER: Final = "It is a quarter past ten, and it will be a nice and rather warm day."
LINE: Final = Line("What time is it?", ANSWER)
MANY: Final = 40  # more questions than are asked


@dataclass(frozen=True, slots=True)
class Fault:
    """What is taken away."""

    name: str
    during: Callable[["Stage"], AbstractAsyncContextManager[None]]
    mishap: str | None = None
    at_server: bool = False
    """The log is at PostgreSQL."""
    refuses: bool = False
    """New calls are refused: nothing takes them."""
    small: bool = False
    """The data folder is a disk of its own, and a small one: that takes root."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where it happens."""

    where: Scene
    server: Server
    database: Postgres | None


@dataclass(slots=True)
class Outcomes:
    """What came of it."""

    calls: int
    affected: int
    """Calls under way: they ended otherwise than their callers wanted."""
    broken_up: int
    """Calls under way: with a hole in what was heard, or anything else to note."""
    came: int
    refused: int
    unrecorded: int
    late_ms: int
    events: int
    lost: int
    disordered: int
    tried: bool
    """Whether the database was missed, and all calls outlasted that."""
    back_s: float
    starved: float
    """The share of the time for which server or callers were kept off the cores."""

    def holds(self, fault: Fault) -> bool:
        wrong = self.affected + self.lost + self.disordered
        refused = self.refused if not fault.refuses else 0
        return (
            not wrong and not refused and self.tried and (self.flows or self.was_busy)
        )

    @property
    def flows(self) -> bool:
        """Whether nobody had to wait: that is the fault's doing only if all may run."""
        return self.late_ms <= LATE_MS and not self.broken_up

    @property
    def was_busy(self) -> bool:
        return self.starved > BUSY_SHARE


async def run(fault: Fault, folder: Path, seconds: float) -> Outcomes:
    """Have a fault for so long, amid calls."""
    with running_postgres() if fault.at_server else _nothing() as database:
        url = database.url() if database else None
        async with scene(folder, [LINE] * MANY, url) as where:
            data = where.settings.data
            with _small_disk(data) if fault.small else _nothing():
                return await _run(fault, where, database, seconds)


async def _run(
    fault: Fault, where: Scene, database: Postgres | None, seconds: float
) -> Outcomes:
    server = where.fork(fault.mishap)
    await server.ready()
    stage = Stage(where, server, database)
    turns = round((seconds + AROUND_S) / TURN_S)
    on_line, all_on_line = set[int](), asyncio.Event()

    async def stay(number: int) -> CallReport:
        def heard(kind: str, _at: float, _detail: str) -> None:
            if kind == "stream_started":
                on_line.add(number)
                if len(on_line) == CALLS:
                    all_on_line.set()

        ask = Say(says(LINE.hear), "ask")
        return await where.call(Script([ask] * turns + [HangUp(700)]), heard)

    passing: list[CallReport] = []

    async def pass_by() -> None:
        while True:
            passing.append(await where.call(Script([HangUp(300)])))

    stayers = [asyncio.create_task(stay(number)) for number in range(CALLS)]
    async with asyncio.timeout(BUSY_S):
        await all_on_line.wait()
    held_back, waited_before_s = False, _waited_s(server)
    async with fault.during(stage):
        passer_by = asyncio.create_task(pass_by())
        over_s = time.monotonic() + seconds
        while time.monotonic() < over_s:
            await asyncio.sleep(LOOK_S)
            held_back |= _spilled(where) > 0 or _waits(server)
        passer_by.cancel()
        await asyncio.gather(passer_by, return_exceptions=True)
    starved = (_waited_s(server) - waited_before_s) / seconds
    tried = held_back and not any(call.done() for call in stayers)
    mended_s = time.monotonic()
    spill_empty = asyncio.create_task(_until_empty(where, mended_s))
    reports = await asyncio.gather(*stayers)
    back_s = await spill_empty
    await _all_is_back(where, server)
    await server.stop()
    assert server.exit_code == 0
    return await _judge(where, server, reports, passing, tried, back_s, starved)


async def _until_empty(where: Scene, mended_s: float) -> float:
    """Wait until nothing is in the spill; return how long after the fault that is."""
    async with asyncio.timeout(BACK_S):
        while _spilled(where):  # noqa: ASYNC110 - another process
            await asyncio.sleep(LOOK_S)
    return time.monotonic() - mended_s


async def _all_is_back(where: Scene, server: Server) -> None:
    """Wait until the database has all that was noted, and recordings are kept."""
    async with asyncio.timeout(BACK_S), open_database(where.settings.call_log) as log:
        while True:
            noted = list(server.witness.noted)
            there = await checks.found(log, {x.call_id for x in noted})
            waiting = checks.waiting(where.settings.recordings_folder)
            if len(there) >= len(noted) and not waiting:
                return
            await asyncio.sleep(LOOK_S)


async def _judge(
    where: Scene,
    server: Server,
    reports: Sequence[CallReport],
    passing: Sequence[CallReport],
    tried: bool,
    back_s: float,
    starved: float,
) -> Outcomes:
    noted = server.witness.noted
    async with open_store(where.settings.call_log) as store:
        there = await checks.found(store.database, {x.call_id for x in noted})
        affected = broken_up = unrecorded = 0
        for report in reports:
            call = await store.call_by_sid(report.call_sid)
            assert call
            harmless = {Code.RECORDING_LOST}
            affected += (
                report.outcome is not Outcome.COMPLETED
                or call.end_reason is not EndReason.CALLER_HANGUP
            )
            broken_up += bool(
                report.underruns or report.warnings or set(call.faults) - harmless
            )
            unrecorded += Code.RECORDING_LOST in call.faults
    order = [x.seq for x in noted]
    return Outcomes(
        calls=len(reports),
        affected=affected,
        broken_up=broken_up,
        came=len(passing),
        refused=sum(x.outcome is not Outcome.COMPLETED for x in passing),
        unrecorded=unrecorded,
        late_ms=server.witness.late_ms,
        events=len(noted),
        lost=sum((x.call_id, x.seq) not in there for x in noted),
        disordered=int(order != sorted(set(order))) + checks.surplus(noted, there),
        tried=tried,
        back_s=back_s,
        starved=starved,
    )


def _waited_s(server: Server) -> float:
    """How long the server, and its callers, have waited for a core, in all."""
    return waited_s(server.pid) + waited_s(os.getpid())


def _spilled(where: Scene) -> int:
    return (where.settings.data / "spill.jsonl").stat().st_size


def _waits(server: Server) -> bool:
    """Whether something noted isn't safe though a second has passed."""
    noted = server.witness.noted
    unsafe = [x for x in noted if x.seq > server.witness.safe]
    return bool(unsafe) and time.time() - unsafe[0].at_s > 1.5


# ---- the faults -------------------------------------------------------------------


@asynccontextmanager
async def _measured(stage: Stage) -> AsyncIterator[None]:
    """Have the server's disk fail, if it is one of ours; measure it anyway."""
    os.kill(stage.server.pid, signal.SIGUSR1)
    try:
        yield
    finally:
        os.kill(stage.server.pid, signal.SIGUSR2)


@asynccontextmanager
async def locked(stage: Stage) -> AsyncIterator[None]:
    """Another process has SQLite's lock, and doesn't give it back."""
    path = stage.where.settings.call_log
    with closing(sqlite3.connect(path, timeout=20, check_same_thread=False)) as other:
        await asyncio.to_thread(other.execute, "BEGIN EXCLUSIVE")
        async with _measured(stage):
            yield


@asynccontextmanager
async def gone(stage: Stage) -> AsyncIterator[None]:
    """The file is somewhere else; in its place is a folder that can't be written."""
    path = stage.where.settings.data / "calls.sqlite"
    away = path.with_name("away")
    away.mkdir()
    files = [path.with_name(path.name + x) for x in ("", "-wal", "-shm")]
    for file in files:
        file.rename(away / file.name)
    path.mkdir(mode=0o555)
    async with _measured(stage):
        yield
    path.rmdir()
    for file in files:
        (away / file.name).rename(file)


@asynccontextmanager
async def full(stage: Stage) -> AsyncIterator[None]:
    """No byte is left on the disk."""
    ballast = stage.where.settings.data / "ballast"
    await asyncio.to_thread(_fill, ballast)
    async with _measured(stage):
        yield
    ballast.unlink()


@asynccontextmanager
async def killed(stage: Stage) -> AsyncIterator[None]:
    """PostgreSQL is killed, and started again at once."""
    assert stage.database
    async with _measured(stage):
        await asyncio.to_thread(stage.database.kill)
        await asyncio.to_thread(stage.database.start)
        yield


@asynccontextmanager
async def down(stage: Stage) -> AsyncIterator[None]:
    """PostgreSQL is killed, and started again when it is over."""
    assert stage.database
    async with _measured(stage):
        await asyncio.to_thread(stage.database.kill)
        yield
        await asyncio.to_thread(stage.database.start)


@asynccontextmanager
async def hung(stage: Stage) -> AsyncIterator[None]:
    """PostgreSQL is there, and does nothing any more."""
    assert stage.database
    async with _measured(stage):
        stage.database.freeze()
        yield
        stage.database.thaw()


FAULTS: Final = (
    Fault("SQLite's file is locked by another process", locked),
    Fault("SQLite's file is gone, a read-only folder in its place", gone),
    Fault("the disk is full", full, small=True),
    Fault("the database's disk fails (EIO)", _measured, "EIO, database"),
    Fault("the whole disk fails (EIO)", _measured, "EIO, all", refuses=True),
    Fault("the disk is slow: 0.1 s a page, 2 s a sync", _measured, "slow"),
    Fault("PostgreSQL is killed (-9) and restarted", killed, at_server=True),
    Fault("PostgreSQL is killed (-9) and stays down", down, at_server=True),
    Fault("PostgreSQL hangs (SIGSTOP)", hung, at_server=True),
)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    size = "size=40m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _fill(ballast: Path) -> None:
    with open(ballast, "wb", 0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass  # full, but for what is smaller than that


def may_mount() -> bool:
    return os.geteuid() == 0 and shutil.which("mount") is not None


def _row(fault: Fault, found: Outcomes) -> str:
    lost = f", {found.unrecorded} unrecorded" if found.unrecorded else ""
    busy = f" ({found.starved:.0%} starved)" if found.was_busy else ""
    return (
        f"| {fault.name} "
        f"| {found.calls}: {found.affected}, {found.broken_up}{lost} "
        f"| {found.came}: {found.refused} "
        f"| {found.late_ms} ms{busy} "
        f"| {found.events}: {found.lost}, {found.disordered} "
        f"| {found.back_s:.1f} s |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().split("\n")[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--only", help="faults whose name has this in it", default="")
    wanted = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    print(HEADING)
    print("|---|---|---|---|---|---|")
    broken = 0
    for fault in FAULTS:
        if wanted.only not in fault.name:
            continue
        if fault.small and not may_mount():
            print(f"| {fault.name} | not tried: it takes root | | | | |")
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(run(fault, Path(folder), wanted.seconds))
        holds = found.holds(fault)
        broken += not holds
        print(_row(fault, found), flush=True)
        if not holds:
            print(f"BROKEN: {found}", flush=True)
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
