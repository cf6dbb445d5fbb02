"""Saving while it serves: seen within two seconds, however the files are saved."""

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from tests.e2e.house import PERSONA, House, house
from voicebot.sim.stepfun.mood import Mood

SHOWN_S = 2.0

Seen = dict[str, Any]


async def state(home: House) -> Seen:
    async with (
        ClientSession() as http,
        http.get(f"{home.url}/healthz/dialplan") as answer,
    ):
        assert answer.status == 200
        body: Seen = await answer.json()
        return body


async def shown(home: House, wanted: Callable[[Seen], bool]) -> float:
    """Wait until the state is as wanted; how long that took, in seconds."""
    began = time.monotonic()
    async with asyncio.timeout(10):
        while not wanted(await state(home)):  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_every_way_to_save_is_seen_and_a_bad_one_is_told(tmp_path: Path) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:
        folder = home.settings.dialplans
        personas = folder / "personas"
        (desk,) = personas.glob("*.yaml")
        revision = (await state(home))["revision"]
        took: list[float] = []

        async def good() -> None:
            nonlocal revision
            old = revision
            took.append(
                await shown(home, lambda s: s["revision"] != old and not s["rejected"])
            )
            revision = (await state(home))["revision"]

        desk.write_text(PERSONA + "owner: in place\n")
        await good()
        draft = personas / ".draft"
        draft.write_text(PERSONA + "owner: renamed\n")
        draft.replace(desk)
        await good()

        desk.write_text(PERSONA + "owner: [\n")  # half-written
        took.append(await shown(home, lambda s: bool(s["rejected"])))
        told = await state(home)
        assert told["revision"] == revision
        assert any("owner" in x or ":" in x for x in told["rejected"]["problems"])

        desk.write_text(PERSONA + "owner: mended\n")
        await good()
        for nth in range(2):  # Kubernetes swaps a link
            version = personas / f"..v{nth}"
            version.mkdir()
            (version / desk.name).write_text(PERSONA + f"owner: map {nth}\n")
            (personas / "..tmp").symlink_to(version.name)
            (personas / "..tmp").replace(personas / "..data")
            if not desk.is_symlink():
                desk.unlink()
                desk.symlink_to(f"..data/{desk.name}")
            await good()

        # The folder itself becomes a link to another: only a look can tell.
        shutil.copytree(folder, tmp_path / "other", symlinks=True)
        new = tmp_path / "other" / "personas" / desk.name
        new.unlink()
        new.write_text(PERSONA + "owner: elsewhere\n")
        folder.rename(tmp_path / "gone")
        folder.symlink_to(tmp_path / "other")
        await good()
        assert max(took) < SHOWN_S, took
