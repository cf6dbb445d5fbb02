"""The offline StepFun, for clients of speech and voices."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from voicebot.sim.stepfun.mind import Mind
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Scenario, ScriptedMind
from voicebot.sim.stepfun.server import OfflineStepFun
from voicebot.sim.stepfun.speech_mood import SpeechMood

KEY = "key"
LIMIT_S = 20  # a test that waits for longer has failed


def offline_stepfun(
    *, refusals: tuple[int, ...] = (), mind: Mind | None = None, **speech: Any
) -> OfflineStepFun:
    """
    Args:
        refusals: statuses of the first answers.
        speech: of its `SpeechMood`, which says all at once otherwise.
    """
    mood = Mood(speech=replace(SpeechMood.burst(), **speech))
    mind = mind or ScriptedMind(Scenario(()))
    return OfflineStepFun(mind, mood, api_key=KEY, speech_refusals=refusals)


@asynccontextmanager
async def offline(
    *, refusals: tuple[int, ...] = (), **speech: Any
) -> AsyncIterator[OfflineStepFun]:
    """Run one."""
    async with (
        asyncio.timeout(LIMIT_S),
        offline_stepfun(refusals=refusals, **speech).running() as server,
    ):
        yield server
