"""The model's side of a call that has none: a menu by itself."""

import asyncio
from collections import Counter
from collections.abc import Callable

from voicebot.flow.model import Input
from voicebot.runtime.legs import ModelAction
from voicebot.stepfun.realtime.commands import SessionConfig
from voicebot.store.faults import Fault


class NoModel:
    """Takes what a model would get, and says nothing. The flow knows of it."""

    def __init__(self) -> None:
        self.faults: Counter[Fault] = Counter()
        self.usage: Counter[str] = Counter()

    def send(self, action: ModelAction) -> None:
        """Drop it."""

    def instruct(self, config: SessionConfig) -> None:
        """Drop it."""

    async def run(self, deliver: Callable[[Input], None]) -> None:
        """Wait to be cancelled, when the call is over."""
        await asyncio.Event().wait()
