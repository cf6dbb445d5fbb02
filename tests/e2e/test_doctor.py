"""`voicebot doctor` against a whole house: our server, offline StepFun and Twilio."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.e2e.house import ACCOUNT, TOKEN, House, house
from voicebot.cli import app
from voicebot.sim.stepfun import Line, Mood

HEARD = Line("all circuits are busy now", "Certainly.")


async def doctor(house: House, *words: str, **other: str | None) -> tuple[int, str]:
    """Run it on another thread: this one is the house's."""
    settings = house.settings
    assert settings.stepfun_api_key
    env = {
        "VOICEBOT_STEPFUN_API_KEY": settings.stepfun_api_key.get_secret_value(),
        "VOICEBOT_STEPFUN_BASE_URL": settings.stepfun_base_url,
        "VOICEBOT_TWILIO_ACCOUNT_SID": ACCOUNT,
        "VOICEBOT_TWILIO_AUTH_TOKEN": TOKEN,
        "VOICEBOT_TWILIO_API_URL": settings.twilio_api_url,
        "VOICEBOT_PUBLIC_URL": settings.public_url,
        "VOICEBOT_DIALPLANS": str(settings.dialplans),
        "VOICEBOT_DATA": str(settings.data),
        "COLUMNS": "200",
    }
    run = CliRunner().invoke
    command = ["doctor", *words]
    result = await asyncio.to_thread(run, app, command, env={**env, **other})
    return result.exit_code, result.output


async def test_x(tmp_path: Path) -> None:
    async with house(tmp_path, HEARD) as home:
        code, out = await doctor(home, "--yes")
        print(code)
        print(out)
    assert 0
