"""The offline StepFun in a thread of its own, for commands that run a loop."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.net.stepfun import KEY, offline_stepfun
from voicebot.sim.stepfun.mind import Mind
from voicebot.sim.stepfun.server import OfflineStepFun

__all__ = ["KEY", "offline"]


@contextmanager
def offline(
    *, refusals: tuple[int, ...] = (), mind: Mind | None = None, **speech: Any
) -> Iterator[OfflineStepFun]:
    """Run it; `base_url` says where."""
    server = offline_stepfun(refusals=refusals, mind=mind, **speech)
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
