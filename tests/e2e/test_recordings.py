"""What is recorded of whole calls, and where that ends up."""

import asyncio
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
import soundfile

from tests.e2e.house import PERSONA, House, house, says
from tests.store.s3 import S3, running_s3
from voicebot.runtime.housekeeping import archive_of
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.report import CallReport
from voicebot.sim.twilio.script import Keys, Say, Wait
from voicebot.store.records import Call, FlowNote

LINES = (Line("Is this a call?", "It is one."), Line("Goodbye.", "Bye then."))
ALWAYS = "recording: {mode: always}"
ASKS = PERSONA.replace(ALWAYS, "recording: {mode: ask, consent: May we record this?}")
TELLS = PERSONA.replace(
    ALWAYS, "recording: {mode: announce, consent: We record it., retention: 30d}"
)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with running_s3() as server:
        yield server


async def talked(home: House, *first: Keys | Wait) -> CallReport:
    return await home.call(
        *first,
        Say(says("Is this a call?"), "ask"),
        Say(says("Goodbye."), "bye"),
    )


async def consents(home: House, call: Call) -> list[tuple[str, int]]:
    events = await home.board.store.events(call.call_id)
    notes = [x.record for x in events if isinstance(x.record, FlowNote)]
    return [(x.name, x.at_ms) for x in notes if x.kind == "consent"]


async def test_a_call_is_recorded_from_when_the_caller_knows(tmp_path: Path) -> None:
    async with house(tmp_path, *LINES, mood=Mood.burst(), persona=TELLS) as home:
        report = await talked(home)
        call, turns = await home.record(report)
        (noted,) = await consents(home, call)
        (recording,) = await home.board.store.recordings(call.call_id)
    assert noted[0] == "announced"
    assert recording.keep_days == 30
    assert recording.place == call.recording
    assert str(call.recording).endswith(f"{call.call_id}.flac")
    samples, rate = soundfile.read(call.recording, dtype="int16")
    known = noted[1] * rate // 1000
    assert turns[0].generated_text == "We record it."
    assert noted[1] >= turns[0].ended_ms - 20
    assert (samples[: known - 8] == 0).all()
    assert (abs(samples[known:]) > 1000).any(axis=0).all()
    # The file's time is the call's: an answer is where its row says.
    (said,) = (x for x in turns if x.generated_text == "It is one.")
    first = (said.started_ms - 400) * rate // 1000
    bot = abs(samples[first : first + rate, 1]) > 300
    assert abs(bot.argmax() * 1000 / rate - 400) < 40


async def test_who_does_not_agree_leaves_no_byte(tmp_path: Path) -> None:
    async with house(tmp_path, *LINES, mood=Mood.burst(), persona=ASKS) as home:
        report = await talked(home, Wait(1500), Keys("2"))
        call, _ = await home.record(report)
        assert [name for name, _ in await consents(home, call)] == ["refused"]
    assert (call.recording, call.faults) == (None, ())
    assert not await asyncio.to_thread((tmp_path / "data" / "recordings").exists)


async def test_who_agrees_is_recorded_into_the_bucket(tmp_path: Path, s3: S3) -> None:
    async with house(
        tmp_path,
        *LINES,
        mood=Mood.burst(),
        persona=ASKS,
        **s3.settings("e2e"),
    ) as home:
        report = await talked(home, Wait(1500), Keys("1"))
        call, _ = await home.record(report)
        assert [name for name, _ in await consents(home, call)] == ["given"]
        assert call.recording
        data = await archive_of(home.settings).read(call.recording)
    assert s3.keys("e2e") == [call.recording.removeprefix("s3://recordings/")]
    samples, rate = soundfile.read(BytesIO(data))
    assert abs(len(samples) * 1000 / rate - (call.recording_ms or 0)) < 1
    left = await asyncio.to_thread(list, (tmp_path / "data").rglob("*.wav"))
    assert left == []
