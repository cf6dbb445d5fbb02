"""Servers in turns: what is made of the rounds, and other revisions of ours."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.load.test_figures import CALL, run, sample
from voicebot.bench.run import NAIVE, OURS, Measured, Report, revision
from voicebot.errors import ConfigError
from voicebot.load.capacity import Step
from voicebot.load.figures import Run


def used(cores: float, *, late: int = 0) -> Run:
    """A round of a server that used so many cores for two calls."""
    done = run(*([replace(CALL, frames_late=late)] * 2))
    done.samples = [sample(100.0 + n, cores * n) for n in range(61)]
    return done


def report(ours: list[Run], naive: list[Run]) -> Report:
    servers = {OURS: Measured(ours), NAIVE: Measured(naive)}
    return Report(100, 60.0, servers, {"bridge": 1.0, "neural detector": 0.6})


def test_the_ratio_is_that_of_neighbours() -> None:
    # The machine got busier from round to round: both did.
    done = report([used(0.1), used(0.2), used(0.4)], [used(0.2), used(0.4), used(0.5)])
    assert done.ratio(NAIVE) == pytest.approx(0.5)
    assert done.servers[OURS].cpu_ms() == pytest.approx(100.0)


def test_memory_is_what_the_first_calls_took() -> None:
    first, second = used(0.1), used(0.1)
    for each, idle_mb in ((first, 20), (second, 29)):
        each.idle = replace(sample(99.0, 0.0), rss_bytes=idle_mb * 10**6)
        each.samples = [replace(x, rss_bytes=30 * 10**6) for x in each.samples]
    found = {x.name: x for x in report([first, second], [used(0.2)] * 2).verdicts()}
    assert found["memory per call"].value == pytest.approx(10 / first.wanted)


def test_a_void_round_is_no_figure() -> None:
    done = report([used(0.1, late=200)], [used(0.2)])
    assert done.servers[OURS].cpu_ms() is None


def test_every_must_of_the_budget_has_a_verdict() -> None:
    found = {each.name: each for each in report([used(0.1)], [used(0.2)]).verdicts()}
    assert found["CPU, of the naive bridge's"].value == pytest.approx(0.5)
    assert found["CPU, of the naive bridge's"].holds
    assert found["CPU per second of a call"].limit == 3.5
    assert found["clear after the decision, p99, at most"].holds
    assert found["neural detector"].holds is False
    assert found["calls on one core (--capacity)"].holds is None
    assert len(found) == 12


def test_the_capacity_is_judged_unless_the_callers_gave_up_first() -> None:
    done = report([used(0.1)], [used(0.2)])
    held, broken = Step(300, used(0.1), []), Step(400, used(0.1), done.verdicts()[:1])
    fewer, void = Step(200, used(0.1), []), Step(250, used(0.1, late=200), [])
    for steps, most, holds in (
        ([held, broken], 300, True),
        ([fewer, replace(broken, calls=250)], 200, False),
        ([fewer, void], 200, None),
        ([held, void], 300, True),
    ):
        tried = replace(done, capacity=steps)
        assert tried.most_calls() == most
        (found,) = (
            each for each in tried.verdicts() if each.name == "calls on one core"
        )
        assert found.holds is holds


def test_what_beginning_a_call_costs_needs_a_round_that_counts() -> None:
    measured = Measured([used(0.2)])
    assert measured.begun_ms() is None
    measured.begun = used(0.1)
    assert measured.begun_ms() == pytest.approx((6200 - 100 * 120) / 2)
    assert Measured([used(0.2, late=200)], used(0.1)).begun_ms() is None


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
    )
    return done.stdout


async def test_another_revision_stands_beside_ours_and_is_gone_again(
    tmp_path: Path,
) -> None:
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        pytest.skip("this is no checkout")
    async with revision("HEAD", tmp_path) as there:
        assert (there / "voicebot" / "__main__.py").exists()
        assert str(there) in git(root, "worktree", "list")
    assert str(there) not in git(root, "worktree", "list")


async def test_a_revision_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="^--compare: "):
        async with revision("no-such-revision", tmp_path):
            pass
