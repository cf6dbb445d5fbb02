"""Servers under the same load, in turns: ours, a naive one, an older one of ours."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Final

from voicebot.errors import ConfigError
from voicebot.load.figures import Run
from voicebot.load.run import Plan, load
from voicebot.load.server import Target, our_server
from voicebot.load.verdicts import ENOUGH_CALLS, ENOUGH_S, Verdict, is_void, verdicts

OURS: Final = "ours"
NAIVE: Final = "naive"

FEW: Final = 50
"""Below so many calls, the ratio to the naive bridge isn't that of the budget."""


@dataclass(slots=True)
class Measured:
    """What came of one server, in all rounds."""

    runs: list[Run] = field(default_factory=list)

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
    neural_ms: float | None
    """Of the neural detector, if it is installed."""

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
        run = self.servers[OURS].runs[-1]
        many = self.calls >= ENOUGH_CALLS and self.seconds >= ENOUGH_S
        lags = sorted(run.lags_ms)
        found = {each.name: each for each in verdicts(run)}
        late_ms = lags[len(lags) * 99 // 100] if lags else None
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
            Verdict(
                "calls on one core: see voicebot load --find-capacity",
                None,
                280,
                at_least=True,
            ),
            *(
                found[f"{way}, p{at}"]
                for way in ("caller to StepFun", "StepFun to caller")
                for at in (50, 99)
            ),
            Verdict(
                "clear after the decision, p99, at most", late_ms, 5, "ms", judged=many
            ),
            found["memory per call"],
            found["loop late, p99.9"],
            found["loop late, most"],
            Verdict("neural detector, a second of a line", self.neural_ms, 0.5, "ms"),
        ]


Say = Callable[[str], None]


async def bench(
    plan: Plan,
    rounds: int,
    folder: Path,
    *,
    compare: Path | None,
    steps: Mapping[str, float],
    neural_ms: float | None,
    say: Say,
) -> Report:
    """
    Load each server in turns.

    Args:
        plan: of each turn.
        compare: a folder with another revision of ours.
        say: told of each turn that begins.

    Raises:
        ConfigError: a server takes no calls.
        ChildError: a process fails.
    """
    servers = {OURS: Measured(), NAIVE: Measured()}
    if compare:
        servers["other"] = Measured()
    async with AsyncExitStack() as stack:
        targets: dict[str, Target] = {}
        for name in servers:
            place = folder / name
            await asyncio.to_thread(place.mkdir)
            source = compare if name == "other" else None
            server = our_server(
                place,
                max_calls=2 * plan.calls + 20,
                source=source,
                module="voicebot.bench.naive" if name == NAIVE else None,
            )
            targets[name] = await stack.enter_async_context(server)
        for number in range(rounds):
            for name, target in targets.items():
                say(f"round {number + 1} of {rounds}: {name}")
                run = await load(
                    plan, target, folder / name, lambda _: None, warm=not number
                )
                servers[name].runs.append(run)
    return Report(plan.calls, 60 * plan.minutes, servers, steps, neural_ms)


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
