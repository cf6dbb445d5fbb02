"""What is recorded of whole calls, and where that ends up."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
import soundfile

from tests.canary import CARD_SPOKEN
from tests.e2e.house import (
    ACCOUNT,
    CALLER,
    DIALPLAN,
    KEY,
    OUR_NUMBER,
    PERSONA,
    TOKEN,
    House,
    house,
    says,
)
from tests.e2e.test_call_log import LINES, answered, process
from tests.e2e.test_process import environment
from tests.store.s3 import S3, running_s3
from voicebot.runtime.housekeeping import archive_of
from voicebot.sim.ports import free_port
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line, Scenario, ScriptedMind
from voicebot.sim.stepfun.server import OfflineStepFun
from voicebot.sim.twilio.caller import place_call
from voicebot.sim.twilio.report import CallReport
from voicebot.sim.twilio.rest import TwilioRest
from voicebot.sim.twilio.script import Keys, Say, Script, Wait
from voicebot.store.calls import open_store
from voicebot.store.events import EventKind
from voicebot.store.records import Call, FlowNote, Silenced

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


async def test_a_recording_of_a_killed_server_plays_up_to_its_last_seconds(
    tmp_path: Path,
) -> None:
    """And is silent where its caller said something private."""
    plans = tmp_path / "dialplans"
    (plans / "personas").mkdir(parents=True)
    (plans / "dialplan.yaml").write_text(DIALPLAN)
    (plans / "personas" / "tester.yaml").write_text(PERSONA)
    lines = (Line(f"Is my card {CARD_SPOKEN}?", "I see."),)
    vendor = OfflineStepFun(ScriptedMind(Scenario(lines)), Mood.burst(), api_key=KEY)
    path = tmp_path / "data" / "calls.sqlite"
    async with (
        vendor.running() as stepfun,
        TwilioRest(ACCOUNT, TOKEN).running() as rest,
    ):
        port = str(free_port())
        url = f"http://127.0.0.1:{port}"
        env = environment(
            VOICEBOT_STEPFUN_API_KEY=KEY,
            VOICEBOT_STEPFUN_BASE_URL=stepfun.base_url,
            VOICEBOT_TWILIO_API_URL=rest.api_url,
            VOICEBOT_PUBLIC_URL=url,
            VOICEBOT_PORT=port,
        )
        async with process(tmp_path, env) as server:
            calling = asyncio.create_task(  # cancelled below
                place_call(
                    voice_url=f"{url}/twilio/voice",
                    status_url=f"{url}/twilio/status",
                    auth_token=TOKEN,
                    account_sid=ACCOUNT,
                    from_number=CALLER,
                    to_number=OUR_NUMBER,
                    script=Script((Say(says("Is this a call?"), "ask"), Wait(20_000))),
                    rest=rest,
                    max_call_s=30.0,
                )
            )
            async with asyncio.timeout(30):
                while not await answered(path):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.1)
            killed_at = datetime.now(UTC)
            server.kill()
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)
        async with process(tmp_path, env), open_store(path) as store:
            async with asyncio.timeout(20):
                while True:
                    (call,) = await store.list_calls(9)
                    if call.recording:
                        break
                    await asyncio.sleep(0.05)
            silenced = await store.events(call.call_id, [EventKind.SILENCED])
    assert call.answered_at
    lasted_ms = (killed_at - call.answered_at) / timedelta(milliseconds=1)
    samples, rate = soundfile.read(call.recording, dtype="int16")
    assert lasted_ms - 2000 <= len(samples) * 1000 / rate <= lasted_ms + 100
    assert (abs(samples[:, 1]) > 1000).any()
    (note,) = (x.record for x in silenced if isinstance(x.record, Silenced))
    ((channel, start_ms, end_ms),) = note.spans
    assert (channel, end_ms - start_ms > 500) == (0, True)
    assert (samples[start_ms * 8 : end_ms * 8, 0] == 0).all()
