"""The scenarios on Locust, which lives in an environment of its own."""

import asyncio
import csv
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.e2e.house import ACCOUNT, OUR_NUMBER, TOKEN, house
from tests.e2e.test_load import SHORT
from voicebot.load.mind import MarkedMind
from voicebot.sim.stepfun.mood import Mood

FOLDER = Path(__file__).parents[2] / "deploy" / "locust"
LOCUST = os.environ.get("LOCUST") or shutil.which("locust")


@pytest.mark.skipif(
    LOCUST is None,
    reason="Locust isn't installed: name its command in LOCUST "
    "(its own environment, from deploy/locust/requirements.txt)",
)
@pytest.mark.timeout(120)
async def test_callers_of_locust_are_measured_as_ours_are(tmp_path: Path) -> None:
    assert LOCUST
    scenario = tmp_path / "short.yaml"
    scenario.write_text(SHORT)
    async with house(
        tmp_path / "house", mind=MarkedMind(), mood=Mood.burst(), max_calls=10
    ) as there:
        locust = await asyncio.create_subprocess_exec(
            *(LOCUST, "--headless", "--users", "1", "--run-time", "30s"),
            *("--voicebot", sys.executable, "--mix", str(scenario)),
            *("--voice-url", f"{there.url}/twilio/voice", "--to-number", OUR_NUMBER),
            *("--csv", str(tmp_path / "figures"), "--only-summary"),
            cwd=FOLDER,
            env=os.environ
            | {
                "VOICEBOT_TWILIO_ACCOUNT_SID": ACCOUNT,
                "VOICEBOT_TWILIO_AUTH_TOKEN": TOKEN,
            },
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(100):
            await locust.wait()
    figures = (tmp_path / "figures_stats.csv").read_text().splitlines()
    rows = {row["Name"]: row for row in csv.DictReader(figures)}
    calls = [row for name, row in rows.items() if name.startswith(("call: ", "void"))]
    assert calls, rows
    if "call: short" in rows:  # else this machine was too busy to tell
        assert rows["call: short"]["Failure Count"] == "0"
        assert rows["heard of another call"]["Failure Count"] == "0"
        assert int(rows["set-up"]["Request Count"]) >= 1
