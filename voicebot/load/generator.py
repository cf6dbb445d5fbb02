"""
Some of the simulated callers, as a process: `python -m voicebot.load.generator`.

Each has a line of its own on which it makes one call after the other. Reads what to do
from standard input, one line of JSON; prints `up` for each stream that was connected,
and the figures of each call that is over. With no lines in its orders, it makes a call
for each number of a line that it reads from then on, until there is no more to read.
"""

import asyncio
import sys
import time
from dataclasses import asdict, dataclass
from typing import Final

import orjson
import uvloop

from voicebot.errors import ConfigError
from voicebot.load.collector import restrain
from voicebot.load.figures import CallFigures
from voicebot.load.listener import Listener
from voicebot.load.mix import Scenario, dealt, load_mix
from voicebot.load.upstream import tell
from voicebot.load.watermark import CALLS
from voicebot.sim.twilio.caller import place_call
from voicebot.sim.twilio.report import CallReport, Outcome
from voicebot.sim.twilio.script import AS_PLANNED
from voicebot.sim.twilio.tape import Turn

MAX_CALL_S: Final = 180.0
REST_S: Final = 0.5
"""Between two calls of one line."""

AGAIN_S: Final = 5.0
"""And if there was no room for the first."""

MOMENTS: Final = ("rejected", "twilio_says", "stream_started")

FRAME_S: Final = 0.02
APART: Final = 0.618
"""Of a frame, from one line's beginning to the next's: their frames would all come at
the same instants else, as no real callers' do."""

MADE_UP: Final = "+1555"
"""With seven digits of the line, the caller's number."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What the callers of one process are to do."""

    voice_url: str
    public_url: str | None
    account_sid: str
    auth_token: str
    to_number: str
    yours: bool
    mix: list[str]
    lines: list[int]
    """Numbers of the lines, of all that there are."""
    ramp_per_s: float
    starts_s: float
    """When the first line of all dials."""
    until_s: float
    """No call is begun after this."""
    once: bool = False
    """Each line makes one call only."""
    stays: bool = False
    """It lasts until the time is up; then they hang up as they began, one by one."""


class Line:
    """One caller."""

    def __init__(self, orders: Orders, mix: list[Scenario], number: int) -> None:
        self._orders, self._mix, self._number = orders, mix, number
        self._calls = 0

    async def run(self) -> None:
        """Call, and call again, until the time is up."""
        orders = self._orders
        await _until(orders.starts_s + begins_s(self._number, orders.ramp_per_s))
        while time.monotonic() < orders.until_s:
            done = await self.call()
            if orders.once:
                return
            await asyncio.sleep(AGAIN_S if done.turned_away else REST_S)

    async def call(self) -> CallFigures:
        """Make one call, and tell of it."""
        figures = await self._call()
        self._calls += 1
        tell({"over": asdict(figures), "line": self._number})
        return figures

    async def _call(self) -> CallFigures:
        # Two numbers a line, in turns: what is left of the last call is not our own.
        call = (2 * self._number + self._calls % 2) % CALLS
        scenario = dealt(self._mix, self._number + 7 * self._calls)
        script, pings = await asyncio.to_thread(
            scenario.script, call, stays=self._orders.stays
        )
        listener = Listener(call, pings, time.monotonic)
        moments: dict[str, float] = {}

        def note(kind: str, at_s: float, detail: str) -> None:
            if kind in MOMENTS and kind not in moments:
                moments[kind] = at_s
                if kind == "stream_started":
                    tell({"up": time.monotonic()})

        orders, max_call_s = self._orders, MAX_CALL_S
        dialled_s = time.monotonic()
        if orders.stays:
            leaves_s = orders.until_s + self._number / orders.ramp_per_s - dialled_s
            asyncio.get_running_loop().call_later(leaves_s, script.leave)
            max_call_s += leaves_s
        report = await place_call(
            voice_url=orders.voice_url,
            public_url=orders.public_url,
            auth_token=orders.auth_token,
            account_sid=orders.account_sid,
            from_number=f"{MADE_UP}{self._number:07}",
            to_number=orders.to_number,
            script=script,
            on_event=note,
            i_own_this=orders.yours,
            max_call_s=max_call_s,
            watch=listener,
        )
        for _ in listener.reading():
            await asyncio.sleep(0)  # other callers' frames are due
        return _figures(call, scenario, dialled_s, moments, report, listener)


def _figures(
    call: int,
    scenario: Scenario,
    dialled_s: float,
    moments: dict[str, float],
    report: CallReport,
    listener: Listener,
) -> CallFigures:
    turns, greeting_s = report.turns, report.greeting_delay_s
    up_s = moments.get("stream_started")
    replies_ms = [1000 * gap for gap in map(_gap, turns) if gap is not None]
    streamed = bool(report.tally.stream_sids)
    return CallFigures(
        call=call,
        scenario=scenario.name,
        dialled_s=dialled_s,
        ended_s=dialled_s + report.duration_s,
        outcome=report.outcome,
        ended_by=report.ended_by,
        ending=report.ending,
        as_planned=report.outcome is Outcome.COMPLETED and report.ending == AS_PLANNED,
        turned_away=report.outcome in (Outcome.REJECTED, Outcome.COMPLETED)
        and not streamed,
        told_ms=_ms(moments.get("twilio_says", moments.get("rejected"))),
        setup_ms=_ms(up_s),
        stream_s=None if up_s is None else dialled_s + up_s,
        greeting_ms=_ms(greeting_s),
        replies_ms=replies_ms,
        stops_ms=[
            1000 * each.barge_in_stop_s for each in turns if each.barge_in_stop_s
        ],
        dead_air_ms=max([*replies_ms, *_greeted_after(greeting_s)], default=0.0),
        underruns=len(report.underruns),
        underrun_ms=sum(hole.ms for hole in report.underruns),
        warnings=[warning.code for warning in report.warnings],
        **asdict(listener.finish()),
    )


def _gap(turn: Turn) -> float | None:
    return turn.reply_gap_s


def _greeted_after(greeting_s: float | None) -> list[float]:
    return [] if greeting_s is None else [1000 * greeting_s]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def begins_s(number: int, ramp_per_s: float) -> float:
    """When a line calls first, counted from the first one's call."""
    return number / ramp_per_s + APART * number % 1 * FRAME_S


async def _until(at_s: float) -> None:
    await asyncio.sleep(max(0.0, at_s - time.monotonic()))


async def _at_call(
    orders: Orders, mix: list[Scenario], tasks: asyncio.TaskGroup
) -> None:
    """Make calls as they are asked for."""
    loop = asyncio.get_running_loop()
    lines: dict[int, Line] = {}
    while number := await loop.run_in_executor(None, sys.stdin.readline):
        line = lines.setdefault(int(number), Line(orders, mix, int(number)))
        tasks.create_task(line.call())


async def main() -> None:
    """Run all lines to their end."""
    orders = Orders(**orjson.loads(sys.stdin.readline()))
    mix = load_mix(orders.mix)
    restrain()
    try:
        async with asyncio.TaskGroup() as tasks:
            for number in orders.lines:
                tasks.create_task(Line(orders, mix, number).run())
            if not orders.lines:
                await _at_call(orders, mix, tasks)
    except* ConfigError as group:
        tell({"problem": str(group.exceptions[0])})


if __name__ == "__main__":
    uvloop.run(main())
