"""Servers under the same load, in turns: ours, a naive one, an older one of ours."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Final

from voicebot.bench.steps import NEURAL
from voicebot.errors import ConfigError
from voicebot.load.capacity import MOST, Step, callers_gave_up, find_capacity
from voicebot.load.cores import Cores, kept_apart
from voicebot.load.figures import Run
from voicebot.load.run import Plan, load
from voicebot.load.server import Target, our_server
from voicebot.load.verdicts import (
    ENOUGH_CALLS,
    ENOUGH_S,
    WORTH,
    Verdict,
    is_void,
    verdicts,
)

OURS: Final = "ours"
NAIVE: Final = "naive"
WORKERS: Final = "workers"

BEGIN: Final = Path(__file__).parents[1] / "load" / "begin.yaml"
LINES: Final = 20
"""On which calls begin and end, one after the other, to see what that costs."""
BEGIN_S: Final = 10.0

STEP_S: Final = 30.0
"""With all calls up, of each number that is tried for the capacity."""

STEP_RAMP_PER_S: Final = 8.0
"""There, calls begin so slowly that those that are on fill the core, not beginnings,
each of which costs as much as seconds of a call."""

FEW: Final = 50
"""Below so many calls, the ratio to the naive bridge isn't that of the budget."""


@dataclass(slots=True)
class Measured:
    """What came of one server, in all rounds."""

    runs: list[Run] = field(default_factory=list)
    begun: Run | None = None
    """In which calls began and ended."""

    def begun_ms(self) -> float | None:
        """For a call that begins and ends, without what its seconds cost."""
        each_second_ms = self.cpu_ms()
        if self.begun is None or each_second_ms is None:
            return None
        return self.begun.begun_ms(each_second_ms)

    def cpu_ms(self) -> float | None:
        """Per second of a call: the median of the rounds that count."""
        figures = [run.cpu_ms() for run in self.runs if not is_void(run)]
        known = [figure for figure in figures if figure is not None]
        return median(known) if known else None


@dataclass(frozen=True, slots=True)
class Report:
    """All that was measured."""

    calls: int
    seconds: float
    servers: Mapping[str, Measured]
    steps: Mapping[str, float]
    """Milliseconds for each second of a call."""
    cores: Cores | None = None
    """Who ran where, if they were kept apart."""
    capacity: Sequence[Step] = ()
    """What was tried to find the most calls, if that was wanted."""
    workers: int = 0
    """Of another server of ours, with so many times the calls; 0: there was none."""

    def most_calls(self) -> int | None:
        """The most at which nothing broke; None if it wasn't tried."""
        held = [each.calls for each in self.capacity if not (each.broke or each.void)]
        return max(held, default=0) if self.capacity else None

    def ratio(self, to: str) -> float | None:
        """
        Our CPU over another's: the median of the ratios of each round.

        Both had their turns one after the other, so that what else the machine did
        then is in both.
        """
        pairs = zip(self.servers[OURS].runs, self.servers[to].runs, strict=False)
        ratios = [
            mine / theirs
            for one, other in pairs
            if (mine := one.cpu_ms()) and (theirs := other.cpu_ms())
        ]
        return median(ratios) if ratios else None

    def verdicts(self) -> list[Verdict]:
        """The musts of the budget."""
        runs = self.servers[OURS].runs
        run = runs[-1]
        many = self.calls >= ENOUGH_CALLS and self.seconds >= ENOUGH_S
        found = {each.name: each for each in verdicts(run)}
        return [
            replace(
                found["CPU per second of a call"], value=self.servers[OURS].cpu_ms()
            ),
            Verdict(
                "CPU, of the naive bridge's",
                self.ratio(NAIVE),
                0.6,
                judged=self.calls >= FEW and self.seconds >= ENOUGH_S,
            ),
            self._most_calls(),
            *(
                found[f"{way}, p{at}"]
                for way in ("caller to StepFun", "StepFun to caller")
                for at in (50, 99)
            ),
            Verdict(
                "clear after the decision, p99, at most",
                run.late_ms(99),
                5,
                "ms",
                judged=many,
            ),
            # A later round finds the server grown by the one before.
            replace(found["memory per call"], value=runs[0].memory_mb()),
            found["loop late, p99.9"],
            found["loop late, most"],
            Verdict("neural detector", self.steps.get(NEURAL), 0.5, "ms"),
            *self._worth(),
        ]

    def _worth(self) -> list[Verdict]:
        """
        What workers carry: as many times what one process does as their calls cost.

        Each has a core then, and as many calls as the one process; the main process
        takes its part of their cores.
        """
        if not self.workers:
            return []
        ratio = self.ratio(WORKERS)
        return [
            Verdict(
                f"{self.workers} workers carry, of what one process does",
                None if ratio is None else self.workers * ratio,
                WORTH * self.workers,
                "times",
                at_least=True,
                judged=self.seconds >= ENOUGH_S,
            )
        ]

    def _most_calls(self) -> Verdict:
        most = self.most_calls()
        return Verdict(
            "calls on one core" if self.capacity else "calls on one core (--capacity)",
            None if most is None else float(most),
            MOST_CALLS,
            at_least=True,
            # If the callers gave up first, it may well be more.
            judged=most is None
            or most >= MOST_CALLS
            or not callers_gave_up(self.capacity),
        )


MOST_CALLS: Final = 280

Say = Callable[[str], None]


async def bench(
    plan: Plan,
    rounds: int,
    folder: Path,
    *,
    compare: Path | None,
    steps: Mapping[str, float],
    capacity: bool,
    workers: int,
    say: Say,
) -> Report:
    """
    Load each server in turns; each has a core of its own, if there are two.

    Args:
        plan: of each turn.
        capacity: whether to find out how many calls ours takes, from the plan's on.
        compare: a folder with another revision of ours.
        workers: of another server of ours, which gets as many times the calls.
        say: told of each turn that begins.

    Raises:
        ConfigError: a server takes no calls.
        ChildError: a process fails.
    """
    servers = {OURS: Measured(), NAIVE: Measured()}
    if compare:
        servers["other"] = Measured()
    plans = dict.fromkeys(servers, plan)
    if workers:
        servers[WORKERS] = Measured()
        plans[WORKERS] = replace(plan, calls=workers * plan.calls)
    steps_tried: list[Step] = []
    async with AsyncExitStack() as stack:
        cores = stack.enter_context(kept_apart(max(1, workers)))
        targets: dict[str, Target] = {}
        for name in servers:
            place = folder / name
            await asyncio.to_thread(place.mkdir)
            source = compare if name == "other" else None
            server = our_server(
                place,
                max_calls=2 * (MOST if capacity else plans[name].calls) + 20,
                workers=workers if name == WORKERS else 0,
                cores=cores if name == WORKERS or not cores else cores.for_one(),
                source=source,
                module="voicebot.bench.naive" if name == NAIVE else None,
            )
            targets[name] = await stack.enter_async_context(server)
        for number in range(rounds):
            for name, target in targets.items():
                say(f"round {number + 1} of {rounds}: {name}")
                run = await load(
                    plans[name],
                    target,
                    folder / name,
                    lambda _: None,
                    warm=not number,
                    rests=False,
                )
                servers[name].runs.append(run)
        for name, target in targets.items():
            say(f"calls that begin and end: {name}")
            servers[name].begun = await load(
                Plan(LINES, LINES / 2, BEGIN_S / 60, [str(BEGIN)]),
                target,
                folder / name,
                lambda _: None,
                warm=False,
            )
        if capacity:
            steps_tried = await _capacity(plan, targets[OURS], folder / OURS, say)
    return Report(
        plan.calls,
        60 * plan.minutes,
        servers,
        steps,
        cores and cores.for_one(),
        steps_tried,
        workers,
    )


async def _capacity(plan: Plan, target: Target, folder: Path, say: Say) -> list[Step]:
    async def try_(step: Plan) -> Run:
        say(f"capacity: {step.calls} calls")
        return await load(step, target, folder, lambda _: None, warm=False, rests=False)

    first = replace(plan, ramp_per_s=STEP_RAMP_PER_S, minutes=STEP_S / 60)
    return [step async for step in find_capacity(first, try_)]


@asynccontextmanager
async def revision(name: str, folder: Path) -> AsyncIterator[Path]:
    """
    Check out another revision of ours beside this one, or of where we are called.

    Raises:
        ConfigError: there is no such revision, or this is no checkout.
    """
    ours, there = Path(__file__).parents[2], folder / "revision"
    root = ours if (ours / ".git").exists() else Path.cwd()  # else we are installed
    await _git(root, "worktree", "add", "--detach", str(there), name)
    try:
        yield there
    finally:
        await _git(root, "worktree", "remove", "--force", str(there))


async def _git(root: Path, *words: str) -> None:
    command = ["git", "-C", str(root), *words]
    try:
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=False
        )
    except OSError:
        raise ConfigError("--compare: git isn't installed") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["git says nothing"]
        raise ConfigError(f"--compare: {said[-1]}")
