"""Whole calls over real sockets, in real time."""

import asyncio
import gc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.e2e.house import PERSONA, house, says
from voicebot.bridge.bridge import Bridge
from voicebot.runtime.call import Call
from voicebot.runtime.model_leg import ModelLeg
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.report import Outcome
from voicebot.sim.twilio.script import HangUp, Interrupt, Say
from voicebot.store.records import EndReason

LINES = (
    Line("My phone is broken.", "I am sorry to hear that. " * 4),
    Line("How long will it take?", "About two hours, I think."),
    Line("Thank you, goodbye!", "You are welcome."),
)


@pytest.mark.parametrize("vad", ["local", "server"])
async def test_a_call_is_greeted_answered_interrupted_and_ended(
    tmp_path: Path, vad: str
) -> None:
    persona = PERSONA + f"model: {{vad: {vad}}}\n"
    async with house(tmp_path, *LINES, persona=persona) as home:
        report = await home.call(
            Say(says("My phone is broken."), "broken"),
            Interrupt(says("How long will it take?"), "how long", after_ms=1500),
            Say(says("Thank you, goodbye!"), "goodbye"),
        )
        call, turns = await home.record(report)
        received = home.stepfun.statistics.received

    assert (report.outcome, report.warnings) == (Outcome.COMPLETED, [])
    assert report.greeting_delay_s is not None  # how long: `make demo` measures
    assert (call.end_reason, call.ended_by) == (EndReason.BOT_GOODBYE, "bot")
    assert call.faults == ()

    said = [turn.generated_text for turn in turns if turn.who == "caller"]
    assert said == [line.hear for line in LINES]
    cut = next(turn for turn in turns if turn.interrupted and turn.heard_ms)
    assert cut.heard_text != cut.generated_text
    assert cut.generated_text.startswith(cut.heard_text)
    assert turns[0].heard_text == "Hello there."
    assert turns[-1].heard_text == "Good bye."
    assert report.turns[1].barge_in_stop_s is not None
    # What the caller didn't hear is taken out of the model's memory.
    assert received["conversation.item.delete"] == 1
    assert received["conversation.item.create"] == 1


async def test_the_recording_holds_both_sides_as_they_were_heard(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, Line("Hello?", "Yes, I am here.")) as home:
        report = await home.call(
            Say(says("Hello?"), "hello"), HangUp(wait_quiet_ms=500)
        )
        call, turns = await home.record(report)
    assert call.recording
    assert call.duration_ms
    assert call.recording_ms == pytest.approx(call.duration_ms, abs=40)
    samples, rate_hz = soundfile.read(call.recording, dtype="int16")
    assert (rate_hz, samples.shape[1]) == (8000, 2)

    def level(side: int, from_ms: int, to_ms: int) -> float:
        part = samples[from_ms * 8 : to_ms * 8, side].astype(float)
        return float(np.sqrt(np.mean(part**2)))

    for turn in turns:
        speaker = 0 if turn.who == "caller" else 1
        middle = turn.started_ms + 100, turn.ended_ms - 100
        assert level(speaker, *middle) > 300, turn
        assert level(1 - speaker, *middle) < 50, turn


async def test_without_a_rendered_greeting_the_model_speaks_it(tmp_path: Path) -> None:
    mute = (500,) * 9  # each of the three prompts, however often it is tried
    async with house(tmp_path, mood=Mood.burst(), speech_refusals=mute) as home:
        report = await home.call(HangUp(wait_quiet_ms=300))
        _, turns = await home.record(report)
    assert [turn.heard_text for turn in turns] == ["Hello there."]
    assert turns[0].response_id
    assert not turns[0].response_id.startswith("prompt:")


async def test_a_good_save_of_the_dialplan_is_live_soon_a_broken_one_never(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:
        plan = home.settings.dialplans / "dialplan.yaml"
        good = plan.read_text()
        plan.write_text(good.replace("persona: tester", "persona: nobody"))
        await asyncio.sleep(0.7)  # broken: what was good before stays in force
        kept = await home.call(HangUp(wait_quiet_ms=100))
        assert kept.outcome is Outcome.COMPLETED
        plan.write_text(good.replace("{persona: tester}", "{reject: busy}"))
        outcome: Outcome = kept.outcome
        while outcome is not Outcome.REJECTED:  # or the test's own time is up
            outcome = (await home.call(HangUp(0))).outcome


async def test_a_drain_lets_live_calls_finish_and_nobody_new_in(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, Line("Hello?", "Yes, I am here.")) as home:
        live = asyncio.create_task(
            home.call(Say(says("Hello?"), "hello"), HangUp(wait_quiet_ms=300))
        )
        await asyncio.sleep(0.5)
        drain = asyncio.create_task(home.board.drain(30))
        await asyncio.sleep(0.1)
        late = await home.call()
        report = await live
        await drain
        call, turns = await home.record(report)
    assert late.outcome is Outcome.REJECTED
    assert call.end_reason is EndReason.CALLER_HANGUP
    assert len(turns) == 3


async def test_no_more_calls_are_let_in_than_there_is_room_for(tmp_path: Path) -> None:
    async with house(tmp_path, mood=Mood.burst(), max_calls=2) as home:
        reports = await asyncio.gather(
            *(home.call(HangUp(wait_quiet_ms=500)) for _ in range(4))
        )
        outcomes = sorted(report.outcome for report in reports)
        opened = home.stepfun.statistics.opened
        rejected = [r for r in reports if r.outcome is Outcome.REJECTED]
        call, _ = await home.record(rejected[0])
    assert outcomes == [Outcome.COMPLETED] * 2 + [Outcome.REJECTED] * 2
    assert opened == 2
    assert call.faults == ("admission.full",)


async def test_the_dialplan_may_refuse_a_caller_or_tell_it_something(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:
        refused = await home.call(from_number="+15550190001")
        told = await home.call(from_number="+441632960001")
        opened = home.stepfun.statistics.opened
    assert refused.outcome is Outcome.REJECTED
    assert told.tally.said == ["We are closed."]
    assert opened == 0


async def test_a_hundred_short_turns_leave_no_task_and_no_call_behind(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, *LINES, mood=Mood.burst()) as home:
        await home.call(HangUp(wait_quiet_ms=100))
        await home.board.quiet()
        before = len(asyncio.all_tasks())
        await asyncio.gather(*(home.call(HangUp(wait_quiet_ms=100)) for _ in range(10)))
        await home.board.quiet()
        assert len(home.board.live) == 0
        async with asyncio.timeout(20):  # a busy machine takes its time
            while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - tells nobody
                await asyncio.sleep(0.05)
        statistics = home.stepfun.statistics
        assert statistics.opened == statistics.closed == 11


@pytest.mark.parametrize("engine", ["realtime", "cascade"])
async def test_a_call_that_is_over_is_gone_without_the_garbage_collector(
    tmp_path: Path, engine: str
) -> None:
    def left() -> list[str]:
        kinds = (Call, ModelLeg, Bridge)
        return [type(x).__name__ for x in gc.get_objects() if type(x) in kinds]

    async with house(tmp_path, *LINES, mood=Mood.burst(), engine=engine) as home:
        gc.collect()  # what other tests have left
        gc.disable()
        try:
            await home.call(
                Say(says("My phone is broken."), "broken"), HangUp(wait_quiet_ms=100)
            )
            await home.board.quiet()
            await asyncio.sleep(0.1)  # the tasks that knew it end
            assert left() == []
        finally:
            gc.enable()
