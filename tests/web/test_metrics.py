"""`/metrics` is for who runs the server, and nobody else."""

from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.e2e.house import House, house
from voicebot.sim.stepfun.mood import Mood


async def asked(home: House, **headers: str) -> tuple[int, str]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        ClientSession() as http,
        http.get(f"{home.url}/metrics", headers=names) as answer,
    ):
        return answer.status, await answer.text()


async def test_this_machine_may_read_it(tmp_path: Path) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:
        status, text = await asked(home)
        assert status == 200
        assert "\nvoicebot_calls_limit 100.0\n" in text


@pytest.mark.parametrize("name", ["X_Forwarded_For", "Forwarded", "Via"])
async def test_what_a_proxy_lets_in_may_not(tmp_path: Path, name: str) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:
        status, text = await asked(home, **{name: "127.0.0.1"})
        assert status == 403
        assert "voicebot_" not in text


async def test_with_a_token_the_token_counts_and_nothing_else(tmp_path: Path) -> None:
    token = "the-token-of-prometheus"
    async with house(tmp_path, mood=Mood.burst(), metrics_token=token) as home:
        assert (await asked(home))[0] == 403
        assert (await asked(home, Authorization="Bearer wrong"))[0] == 403
        assert (await asked(home, Authorization="Bearer \xff"))[0] == 403
        through_a_proxy = {"X_Forwarded_For": "192.0.2.1"}
        right = f"Bearer {token}"
        assert (await asked(home, Authorization=right, **through_a_proxy))[0] == 200
