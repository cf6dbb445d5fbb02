"""The director in real calls, over real sockets."""

from pathlib import Path
from typing import Final

from structlog.testing import capture_logs

from tests.e2e.house import DIALPLAN, PERSONA, House, house, says
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.agents import FarEnd
from voicebot.sim.twilio.report import CallReport
from voicebot.sim.twilio.script import HangUp, Say
from voicebot.store.records import EndReason

DESK: Final = "+15550100777"
PLAN: Final = DIALPLAN + f'targets: {{desk: {{number: "{DESK}"}}}}\n'
DIRECTOR: Final = """\
director:
  actions:
    human: {when: The caller asks for a person., do: {transfer: desk}}
    end: {when: The caller is done with machines., do: hangup}
"""
LINE: Final = Line("Some real person should help me.", "Let me see what I can do.")
ANNOUNCED: Final = "One moment please, I'm putting you through."


async def called(home: House, wait_ms: int = 4000) -> CallReport:
    return await home.call(
        Say(says(LINE.hear), LINE.hear),
        HangUp(wait_quiet_ms=wait_ms),
        far_ends={DESK: FarEnd()},
    )


async def test_a_caller_is_put_through_by_the_director(tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with house(tmp_path, LINE, persona=PERSONA + DIRECTOR, plan=PLAN) as home:
            report = await called(home)
            log, turns = await home.record(report)
    heard = [turn.heard_text for turn in turns if turn.who == "bot"]
    assert heard == ["Hello there.", LINE.say, ANNOUNCED]  # it delayed no answer
    assert report.tally.dialled == [DESK]
    assert log.end_reason is EndReason.TRANSFERRED
    assert log.faults == ()
    assert log.usage["director_prompt_tokens"] > 0
    events = [line for line in lines if line["event"] == "call event"]
    assert (events[0]["kind"], events[0]["name"]) == ("director", "human")
    (answered,) = (line for line in lines if line["event"] == "director answered")
    assert 350 < answered["ms"] < 2000
    assert LINE.hear not in str(lines)


async def test_what_the_director_may_not_do_is_refused(tmp_path: Path) -> None:
    persona = PERSONA + DIRECTOR.replace("asks for a person", "is happy")
    persona = persona.replace("is done with machines", "asks for a person")
    with capture_logs() as lines:
        async with house(tmp_path, LINE, persona=persona, plan=PLAN) as home:
            report = await called(home, 1500)
            log, _ = await home.record(report)
    assert log.end_reason is EndReason.CALLER_HANGUP
    refused = [line for line in lines if line.get("kind") == "refused"]
    assert [(line["name"], line["detail"]) for line in refused] == [
        ("end", "not_said_goodbye")
    ]


async def test_a_call_goes_on_without_its_director(tmp_path: Path) -> None:
    async with house(
        tmp_path, LINE, persona=PERSONA + DIRECTOR, plan=PLAN, mood=Mood.kind()
    ) as home:
        home.stepfun._chat_refusals.append(402)
        report = await called(home, 1500)
        log, turns = await home.record(report)
    assert [turn.heard_text for turn in turns if turn.who == "bot"][1:] == [LINE.say]
    assert log.end_reason is EndReason.CALLER_HANGUP
    assert log.faults == ("director.refused",)
    assert report.tally.dialled == []
