"""Calls that other processes conduct."""

from pathlib import Path

from tests.e2e.house import house, says
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.report import Outcome
from voicebot.sim.twilio.script import Interrupt, Say
from voicebot.store.records import EndReason

LINES = (
    Line("My phone is broken.", "I am sorry to hear that. " * 4),
    Line("How long will it take?", "About two hours, I think."),
    Line("Thank you, goodbye!", "You are welcome."),
)


async def test_a_worker_greets_answers_is_interrupted_and_ends(tmp_path: Path) -> None:
    async with house(tmp_path, *LINES, workers=2) as home:
        report = await home.call(
            Say(says("My phone is broken."), "broken"),
            Interrupt(says("How long will it take?"), "how long", after_ms=1500),
            Say(says("Thank you, goodbye!"), "goodbye"),
        )
        call, turns = await home.record(report)
        page, _ = await home.board.metrics.page(home.board.load(), "")
    assert (report.outcome, report.warnings) == (Outcome.COMPLETED, [])
    assert (call.end_reason, call.ended_by) == (EndReason.BOT_GOODBYE, "bot")
    assert call.faults == ()
    said = [turn.generated_text for turn in turns if turn.who == "caller"]
    assert said == [line.hear for line in LINES]
    assert turns[0].heard_text == "Hello there."
    assert call.cost_ucny > 0
    assert call.recording
    text = page.decode()
    assert "voicebot_stepfun_dials_total 1.0" in text
    assert 'voicebot_event_loop_lag_seconds_count{process="worker-2"}' in text
    assert "voicebot_greeting_delay_seconds_count 1.0" in text
