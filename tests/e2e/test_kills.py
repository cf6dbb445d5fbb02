"""Few kills and few faults: what `tests.crash` does at length, and that it sees."""

from pathlib import Path

import pytest

from tests.crash import faults
from tests.crash.faults import FAULTS, Fault
from tests.crash.kills import verdicts
from tests.crash.starved import WINDOW_S
from tests.crash.trial import LATE_S, Plan, run

pytestmark = pytest.mark.timeout(120)  # servers start, one after the other


async def broken(plan: Plan, folder: Path) -> set[str]:
    """What doesn't hold after a trial."""
    seen = await run(plan, folder)
    assert seen.kills == plan.kills
    assert min(seen.live) >= plan.calls
    return {each.what for each in verdicts(seen) if not each.holds}


async def test_a_server_that_is_killed_under_calls_loses_nothing(
    tmp_path: Path,
) -> None:
    assert await broken(Plan(4, 4, seed=1), tmp_path) == set()


@pytest.mark.parametrize(
    ("sabotage", "moment_s", "found"),
    [
        ("acknowledges early", 0.2, "acknowledged events lost"),
        ("skips one", 0.5, "holes in what a server wrote"),
        # Even if it starved all the while, more than 2 s are missing.
        ("counts when closed", LATE_S + WINDOW_S + 0.5, f"lack more than {LATE_S:g} s"),
        ("forgets orphans", 0.2, "calls left open by the next server"),
        ("miscounts", 2.0, "rows that all events make otherwise"),
    ],
)
async def test_the_trial_finds_mistakes(
    tmp_path: Path, sabotage: str, moment_s: float, found: str
) -> None:
    plan = Plan(1, 3, seed=2, sabotage=sabotage, moment_s=moment_s)
    assert found in "; ".join(await broken(plan, tmp_path))


@pytest.mark.parametrize(
    "fault",
    [x for x in FAULTS if x.mishap == "EIO, database" or x.during is faults.gone],
    ids=lambda fault: fault.name,
)
async def test_a_log_that_fails_is_missed_by_no_call(
    tmp_path: Path, fault: Fault
) -> None:
    seen = await faults.run(fault, tmp_path, seconds=2.0)
    assert seen.holds(fault), seen
