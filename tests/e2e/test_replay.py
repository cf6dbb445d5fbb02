"""A call over real sockets is done again to the last action."""

import gzip
from pathlib import Path

import pytest

from tests.e2e.house import PERSONA, house, says
from voicebot.bridge.flight import fly
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.report import Outcome
from voicebot.sim.twilio.script import Interrupt, Keys, Say
from voicebot.store.recordings import FLIGHTS

LINES = (
    Line(
        "Is this a call?", "It is one, and it goes on for quite a while, as you hear."
    ),
    Line("Stop.", "Very well."),
    Line("Goodbye.", "Bye then."),
)
STEPS = (
    Say(says("Is this a call?"), "ask"),
    Keys("1"),
    Interrupt(says("Stop."), "stop", after_ms=500),
    Say(says("Goodbye."), "bye"),
)


def flights(data: Path) -> list[Path]:
    return sorted((data / FLIGHTS).rglob("*.jsonl.gz"))


async def test_what_the_bridge_did_in_a_call_it_does_again(tmp_path: Path) -> None:
    async with house(tmp_path, *LINES, flight_records=True) as home:
        report = await home.call(*STEPS)
        assert report.outcome is Outcome.COMPLETED
        call, _ = await home.record(report)
    (path,) = flights(home.settings.data)
    assert path.name == f"{call.call_id}.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines()
    flown = fly(lines)
    assert flown.difference is None
    assert flown.steps == len(lines) - 1 > 200
    assert flown.until_ms > 2000
    assert not any(b'"digit":"1"' in line for line in lines)


@pytest.mark.parametrize("asked", [True, False])
async def test_calls_leave_no_record_unless_both_are_asked_for(
    tmp_path: Path, asked: bool
) -> None:
    persona = PERSONA.replace("always", "never") if asked else PERSONA
    async with house(tmp_path, *LINES, persona=persona, flight_records=asked) as home:
        await home.record(await home.call(STEPS[0]))
    assert flights(home.settings.data) == []
