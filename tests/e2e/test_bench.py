"""`voicebot bench` as a process, and the naive bridge that it contains."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.test_process import command, environment
from voicebot.load.mix import STEADY
from voicebot.load.run import Plan, load
from voicebot.load.server import our_server


def test_the_steps_are_measured_without_a_server(tmp_path: Path) -> None:
    done = subprocess.run(
        command("bench", "--steps", "--json"),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=55,
        check=True,
    )
    assert json.loads(done.stdout)["steps"]["bridge"] > 0


@pytest.mark.timeout(120)
async def test_the_naive_bridge_takes_calls_and_answers_them(tmp_path: Path) -> None:
    async with our_server(
        tmp_path, max_calls=10, module="voicebot.bench.naive"
    ) as target:
        plan = Plan(2, 2.0, 0.2, [str(STEADY)], stays=True)
        run = await load(plan, target, tmp_path, lambda _: None, warm=False)
    assert [call.as_planned for call in run.calls] == [True, True]
    assert all(call.ended_s >= run.steady[1] for call in run.calls)
    assert all(call.own > 100 and not call.foreign for call in run.calls)
