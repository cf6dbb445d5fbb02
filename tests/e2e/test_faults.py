"""Peers that break the rules: what must not end a call, and what must not begin one."""

from pathlib import Path

import pytest

from tests.e2e.house import PERSONA, house, says
from voicebot.sim.stepfun.mood import At, Mood
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.misbehaviour import (
    BINARY,
    GARBAGE,
    OVERSIZED,
    Misbehaviour,
    Signing,
)
from voicebot.sim.twilio.report import Outcome
from voicebot.sim.twilio.script import HangUp, Say
from voicebot.store.records import EndReason

LINES = (Line("Hello?", "Yes, I am listening."),)
UNKNOWN = '{"event":"weather","sequenceNumber":"4","streamSid":"MZ0"}'
HUGE = '{"event":"media","media":{"payload":"' + "A" * 2_000_000 + '"}}'


@pytest.mark.parametrize(
    "misbehave",
    [
        Misbehaviour(webhook=Signing.WRONG),
        Misbehaviour(webhook=Signing.MISSING),
        Misbehaviour(upgrade=Signing.WRONG),
        Misbehaviour(upgrade=Signing.MISSING),
        Misbehaviour(stream_url="/twilio/media/abcdefgh"),
        Misbehaviour(start_call_sid="CA" + "9" * 32),
    ],
    ids=str,
)
async def test_who_cannot_prove_to_be_twilio_never_speaks_to_the_model(
    tmp_path: Path, misbehave: Misbehaviour
) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:
        url = misbehave.stream_url
        if url:
            url = home.url.replace("http", "ws") + url
            misbehave = Misbehaviour(stream_url=url)
        await home.call(HangUp(wait_quiet_ms=100), misbehave=misbehave)
        statistics = home.stepfun.statistics
    # A webhook that Twilio signed opens a session ahead, if there is time; that is all.
    signed = misbehave.webhook is Signing.RIGHT
    assert statistics.opened == statistics.closed <= signed
    assert statistics.heard_s == statistics.said_s == 0


async def test_a_token_admits_one_stream_only(tmp_path: Path) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:
        first = await home.call(HangUp(wait_quiet_ms=100))
        used = first.tally.stream_urls[0]
        second = await home.call(HangUp(100), misbehave=Misbehaviour(stream_url=used))
        assert second.http_status("upgrade") == 403


async def test_a_webhook_sent_again_is_one_call_and_later_none(tmp_path: Path) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:
        done = await home.call(HangUp(wait_quiet_ms=100))
        assert "<Reject" in await home.webhook(done.call_sid)  # a replay
        fresh = "CA" + "7" * 32
        first, second = await home.webhook(fresh), await home.webhook(fresh)  # a retry
        assert "<Stream" in first
        assert "<Stream" in second
        assert len(home.board.live) == 1


@pytest.mark.parametrize(
    "misbehave",
    [
        Misbehaviour(inject=(BINARY, GARBAGE, OVERSIZED, UNKNOWN, HUGE, "", "[]")),
        Misbehaviour(duplicate_start=True),
        Misbehaviour(out_of_order=True),
        Misbehaviour(gap_ms=5000),
        Misbehaviour(flood_frames=500),
        Misbehaviour(never_echoes_marks=True),
    ],
    ids=["bad frames", "two starts", "early audio", "gap", "flood", "no marks"],
)
async def test_no_frame_of_twilios_ends_a_call(
    tmp_path: Path, misbehave: Misbehaviour
) -> None:
    async with house(tmp_path, *LINES, mood=Mood.burst()) as home:
        report = await home.call(
            Say(says("Hello?"), "hello"), HangUp(800), misbehave=misbehave
        )
        call, turns = await home.record(report)
    assert report.outcome is Outcome.COMPLETED
    assert call.end_reason is EndReason.CALLER_HANGUP
    assert turns[-1].heard_text == "Yes, I am listening."


@pytest.mark.parametrize(
    ("misbehave", "reason"),
    [
        (Misbehaviour(closes_without_stop=True), EndReason.CALLER_HANGUP),
        (Misbehaviour(stops_without_close=True), EndReason.CALLER_HANGUP),
    ],
    ids=["no stop", "no close"],
)
async def test_every_way_of_hanging_up_is_one_ending(
    tmp_path: Path, misbehave: Misbehaviour, reason: EndReason
) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:
        report = await home.call(HangUp(100), misbehave=misbehave)
        call, _ = await home.record(report)
        statistics = home.stepfun.statistics
        assert statistics.opened == statistics.closed
    assert call.end_reason is reason


async def test_no_frame_of_stepfuns_ends_a_call(tmp_path: Path) -> None:
    mood = Mood(
        all_at_once=True,
        garbage=0.5,
        unknown_events=0.5,
        ragged_deltas=True,
        rate_limits=True,
        doubles_done=True,
        flat_errors=True,
    )
    async with house(tmp_path, *LINES, mood=mood) as home:
        report = await home.call(Say(says("Hello?"), "hello"), HangUp(400))
        call, turns = await home.record(report)
    assert call.end_reason is EndReason.CALLER_HANGUP
    assert turns[-1].heard_text == "Yes, I am listening."


async def test_a_refused_upgrade_is_tried_again(tmp_path: Path) -> None:
    async with house(tmp_path, *LINES, mood=Mood.burst(), refusals=(500,)) as home:
        report = await home.call(Say(says("Hello?"), "hello"), HangUp(400))
        call, turns = await home.record(report)
    assert call.faults == ("stepfun.server_error",)
    assert turns[-1].heard_text == "Yes, I am listening."


async def test_without_quota_the_caller_hears_an_apology(tmp_path: Path) -> None:
    async with house(tmp_path, mood=Mood.burst(), refusals=(402, 402)) as home:
        report = await home.call(HangUp(20_000))
        call, turns = await home.record(report)
    assert turns[-1].heard_text == "I am sorry."
    assert (call.end_reason, call.ended_by) == (EndReason.STEPFUN_REFUSED, "stepfun")
    assert call.faults == ("stepfun.quota_exceeded",)


async def test_when_the_model_is_lost_in_an_answer_the_caller_hears_an_apology(
    tmp_path: Path,
) -> None:
    mood = Mood(drops=At(1, 1))
    async with house(tmp_path, Line("Hello?", "Yes. " * 20), mood=mood) as home:
        report = await home.call(Say(says("Hello?"), "hello"), HangUp(20_000))
        call, turns = await home.record(report)
    assert turns[-1].heard_text == "I am sorry."
    assert call.end_reason is EndReason.STEPFUN_LOST


async def test_a_call_that_cannot_be_ended_at_twilio_is_ended_by_its_stream(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, Line("Goodbye.", "Bye."), mood=Mood.burst()) as home:
        report = await home.call(Say(says("Goodbye."), "bye"), rest=False)
        call, _ = await home.record(report)
    assert report.outcome is Outcome.COMPLETED
    assert report.http_status("action") == 200
    assert report.tally.said == []  # it has heard a goodbye already
    assert call.end_reason is EndReason.BOT_GOODBYE


async def test_a_caller_who_heard_nothing_hears_twilio_apologise(
    tmp_path: Path,
) -> None:
    async with house(
        tmp_path,
        mood=Mood.burst(),
        refusals=(402, 402),
        speech_refusals=(402,) * 9,
    ) as home:
        report = await home.call(HangUp(20_000))
        call, _ = await home.record(report)
    assert report.tally.said == ["I am sorry."]
    assert call.end_reason is EndReason.STEPFUN_REFUSED


async def test_a_voice_that_is_refused_is_another_voice_not_no_call(
    tmp_path: Path,
) -> None:
    persona = PERSONA + "model: {voice: nobody}\n"
    async with house(tmp_path, *LINES, persona=persona, mood=Mood.burst()) as home:
        report = await home.call(Say(says("Hello?"), "hello"), HangUp(400))
        call, turns = await home.record(report)
    assert call.faults == ("stepfun.bad_voice",)
    assert turns[-1].heard_text == "Yes, I am listening."


async def test_a_folder_that_takes_no_prompts_costs_nobody_a_call(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "prompts").write_text("not a folder")
    async with house(tmp_path, mood=Mood.burst()) as home:
        report = await home.call(HangUp(200))
    assert report.outcome is Outcome.COMPLETED
    assert report.greeting_delay_s is not None


async def test_a_session_that_is_lost_in_an_answer_is_resumed(tmp_path: Path) -> None:
    lines = (
        Line("Hello?", "Let me see what there is for you on that day, please."),
        Line("Anything?", "Monday at nine."),
    )
    async with house(tmp_path, *lines, mood=Mood(drops=At(1, 3))) as home:

        def heal(kind: str, at_s: float, detail: str) -> None:
            """The session is open: those after it are as they should be."""
            if home.stepfun.statistics.opened:
                home.stepfun.mood = Mood.kind()

        said = Say(says("Hello?"), "hello"), Say(says("Anything?"), "any")
        report = await home.call(*said, HangUp(1500), on_event=heal)
        call, turns = await home.record(report)
        statistics = home.stepfun.statistics
    assert call.end_reason is EndReason.CALLER_HANGUP
    assert call.faults == ("stepfun.lost",)
    assert turns[-1].heard_text == "Monday at nine."
    broken = next(turn for turn in turns if turn.generated_text.startswith("Let me"))
    assert broken.interrupted
    assert broken.heard_text
    assert statistics.opened == statistics.closed == 2
