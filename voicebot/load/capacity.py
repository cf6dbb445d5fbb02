"""How many calls at once: raise the load until a target breaks, then look closer."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from voicebot.load.figures import Run
from voicebot.load.run import Plan
from voicebot.load.verdicts import Verdict, is_void, verdicts

FACTOR: Final = 1.5
CLOSE: Final = 0.1
"""The answer is known when what holds and what doesn't are so near to each other."""

MOST: Final = 2000

# What says that a machine is full. CPU and memory a call don't: they are figures of
# the server, not of how much of it is used.
FULL: Final = frozenset(
    {
        "calls set up",
        "wrong endings",
        "heard of another call",
        "lost of answers",
        "repeated of answers",
        "holes in answers",
        "set-up, p99",
        "caller to StepFun, p99",
        "StepFun to caller, p99",
        "silent after a caller's onset, p95",
    }
)
ADDED_MS: Final = 20.0
"""Added latency beyond which a machine is full: what the budget counts calls by."""

BATCHED_MS: Final = 40.0
"""The first of three frames waits so long for the third: so batching has it."""

LIMITS_MS: Final = {
    "caller to StepFun, p99": BATCHED_MS + ADDED_MS,
    "StepFun to caller, p99": ADDED_MS,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One load that was tried."""

    calls: int
    run: Run
    broke: list[Verdict]
    """Empty: everything held."""

    @property
    def void(self) -> bool:
        """Whether the callers gave up before the server."""
        return is_void(self.run)


async def find_capacity(
    plan: Plan, load: Callable[[Plan], Awaitable[Run]]
) -> AsyncIterator[Step]:
    """
    Try loads, from the plan's number of calls upwards.

    Yields each step. The largest that broke nothing is the answer; it is at least that
    if the one above it was void: then the callers' machine was full.
    """
    held, broken, calls = 0, MOST + 1, plan.calls
    while True:
        step = judge(calls, await load(replace(plan, calls=calls)))
        yield step
        if step.void or step.broke:
            broken = calls
        else:
            held = calls
        calls = following(held, broken)
        if calls in (held, broken):
            return


def following(held: int, broken: int) -> int:
    """What to try next; one of the two if there is nothing left to find out."""
    if broken > MOST:
        return min(MOST, round(held * FACTOR) + (held < 2))
    if broken - held <= max(1, CLOSE * broken):
        return held
    return (held + broken) // 2


def judge(calls: int, run: Run) -> Step:
    """Say whether a load was too much."""
    found = [
        replace(each, limit=LIMITS_MS.get(each.name, each.limit))
        for each in verdicts(run)
        if each.name in FULL
    ]
    return Step(calls, run, [each for each in found if each.holds is False])


def told(step: Step) -> str:
    """Say in a line how a step went."""
    cores, callers = step.run.cores(), step.run.callers_cores()
    used = "" if cores is None else f"; server {100 * cores:.0f} % of a core"
    used += "" if callers is None else f", callers {100 * callers:.0f} %"
    if step.void:
        late = 100 * step.run.late_share()
        return (
            f"{step.calls} calls: void, {late:.1f} % of the callers' frames were late"
            f"{used}"
        )
    if not step.broke:
        return f"{step.calls} calls: all holds{used}"
    first = step.broke[0]
    return (
        f"{step.calls} calls: {first.name} is {first.value:.1f} {first.unit}, "
        f"and may be {first.limit:g}{used}"
    )


def callers_gave_up(steps: Sequence[Step]) -> bool:
    """Whether, of the steps that were too much, the smallest is void."""
    too_much = [step for step in steps if step.void or step.broke]
    return bool(too_much) and min(too_much, key=lambda step: step.calls).void


def gave_up(steps: Sequence[Step]) -> str:
    """Say who was at the end first, the server or those who measure it."""
    if callers_gave_up(steps):
        return "the callers gave up first: nothing is known of the server beyond that"
    if any(step.broke for step in steps):
        return "the server gave up first"
    return f"nobody gave up at {max(step.calls for step in steps)}"
