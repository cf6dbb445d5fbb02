"""The offline StepFun in a thread of its own, for commands that run a loop."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from voicebot.sim.stepfun.mind import Mind
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Scenario, ScriptedMind
from voicebot.sim.stepfun.server import OfflineStepFun
from voicebot.sim.stepfun.speech_mood import SpeechMood

KEY = "key"


@contextmanager
def offline(
    *, refusals: tuple[int, ...] = (), mind: Mind | None = None, **speech: Any
) -> Iterator[OfflineStepFun]:
    """Run it; `base_url` says where."""
    mood = Mood(speech=replace(SpeechMood.burst(), **speech))
    server = OfflineStepFun(
        mind or ScriptedMind(Scenario(())), mood, api_key=KEY, speech_refusals=refusals
    )
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    started = threading.Event()

    async def serve() -> None:
        async with server.running():
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
