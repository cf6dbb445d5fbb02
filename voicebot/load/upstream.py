"""
Both vendors offline, as a process: `python -m voicebot.load.upstream`.

Prints where they are, then one line of JSON for each sound that it can time. Ends when
its standard input does.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import orjson
import uvloop

from voicebot.load.collector import restrain
from voicebot.load.mind import MarkedMind, call_heard
from voicebot.load.watermark import has_ping
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.server import OfflineStepFun
from voicebot.sim.twilio.rest import TwilioRest

TYPE_WITHIN: Final = 160
"""Characters of a frame in which its type stands."""

APART_S: Final = 0.2
"""A ping is one, even if it comes in two appends."""

# The first delta holds what our bridge waits for before it begins an answer (300 ms),
# so that no time is counted in which nobody could have gone on. An answer that begins
# with its first delta has nothing ahead of the caller's ear but what the pace gives:
# 130 ms before the second is late (1.05 gives 19, less than this process may be late
# itself; with smaller deltas the bridge has begun with the second, and has 190).
MOOD: Final = replace(Mood.kind(), first_delta_bytes=19_200, pace=(1.5, 1.5))

Tell = Callable[[Mapping[str, object]], None]


class Meter:
    """Times the sounds of one session, as soon as it is known whose they are."""

    def __init__(self, tell: Tell, clock: Callable[[], float]) -> None:
        self._tell, self._clock = tell, clock
        self._call: int | None = None
        self._times: list[tuple[str, float]] = []
        self._pinged_s = 0.0
        self._answer_is_due = False

    def heard(self, pcm16: bytes) -> None:
        if has_ping(pcm16):
            now = self._clock()
            if now > self._pinged_s + APART_S:
                self._times.append(("ping_s", now))
            self._pinged_s = now

    def sends(self, frame: str) -> None:
        head = frame[:TYPE_WITHIN]
        if '"response.audio.delta"' in head:
            if self._answer_is_due:
                self._times.append(("said_s", self._clock()))
                self._answer_is_due = False
                self._flush()
        elif '"response.created"' in head:
            self._answer_is_due = True
        elif "input_audio_transcription.completed" in head:
            self._now_known(call_heard(frame))

    def _now_known(self, call: int | None) -> None:
        if self._call is not None and call not in (None, self._call):
            self._tell({"swapped": True})
        self._call = call if call is not None else self._call
        self._flush()

    def _flush(self) -> None:
        if self._call is None:
            return
        for what, at_s in self._times:
            self._tell({"call": self._call, what: at_s})
        self._times.clear()


async def main() -> None:
    """Serve until nobody wants it any more."""
    loop = asyncio.get_running_loop()
    wanted = orjson.loads(sys.stdin.readline())
    stepfun = OfflineStepFun(
        MarkedMind(),
        MOOD,
        api_key=wanted["key"],
        watch=lambda: Meter(tell, time.monotonic),
    )
    rest = TwilioRest(wanted["account_sid"], wanted["auth_token"])
    async with stepfun.running(), rest.running():
        restrain()
        tell({"stepfun": stepfun.base_url, "rest": rest.api_url})
        await loop.run_in_executor(None, sys.stdin.read)


def tell(event: Mapping[str, object]) -> None:
    """Write a line for the process that started us."""
    sys.stdout.write(orjson.dumps(event).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main())
