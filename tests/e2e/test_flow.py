"""Menus, digits, triggers, silence and tools in real calls, over real sockets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
import soundfile
from structlog.testing import capture_logs

from tests.e2e.house import CALLER, DIALPLAN, OUR_NUMBER, PERSONA, house, says
from voicebot.audio.framing import ulaw_bytes
from voicebot.net import twilio
from voicebot.sim.stepfun.mind import Reply, Utterance
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line, Scenario, ScriptedMind
from voicebot.sim.twilio.agents import FarEnd
from voicebot.sim.twilio.mailbox import Message
from voicebot.sim.twilio.script import HangUp, Keys, Say, Wait
from voicebot.store.records import EndReason, Turn

DESK: Final = "+15550100777"
NOBODY: Final = "+15550100666"
SECRET: Final = "836194"
STAYS: Final = HangUp(wait_quiet_ms=8000)

PLAN: Final = DIALPLAN + f'targets: {{desk: {{number: "{DESK}"}}}}\n'
KEYPAD: Final = """\
menus:
  keypad:
    prompt: For the desk press zero.
    key: "9"
    keys: {"0": {transfer: desk}, "1": {say: We open at nine.}, "2": {voicemail: {}}}
"""
ANNOUNCED: Final = "One moment please, I'm putting you through."


class Attentive(ScriptedMind):
    """Remembers all that the model was told."""

    def __init__(self, *lines: Line) -> None:
        super().__init__(Scenario(lines))
        self.told: list[str] = []

    def answer(self, instructions: str, history: Sequence[Utterance]) -> Reply:
        self.told.append("\n".join([instructions, *(each.text for each in history)]))
        return super().answer(instructions, history)


def heard(turns: list[Turn]) -> list[str]:
    return [turn.heard_text for turn in turns if turn.who == "bot"]


async def test_a_key_opens_a_menu_and_a_key_in_it_puts_the_call_through(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, persona=PERSONA + KEYPAD, plan=PLAN) as home:
        report = await home.call(
            Wait(2000),
            Keys("9"),
            Wait(2500),
            Keys("0"),
            STAYS,
            far_ends={DESK: FarEnd()},
        )
        log, turns = await home.record(report)
        assert len(home.board.forwarding) == 0
    assert heard(turns) == ["Hello there.", "For the desk press zero.", ANNOUNCED]
    assert report.tally.dialled == [DESK]
    assert log.end_reason is EndReason.TRANSFERRED
    assert log.faults == ()


async def test_a_key_leads_to_the_voicemail(tmp_path: Path) -> None:
    async with house(tmp_path, persona=PERSONA + KEYPAD, plan=PLAN) as home:
        report = await home.call(Wait(2000), Keys("92"), STAYS, message=Message())
        log, _ = await home.record(report)
        messages = await home.board.store.messages(log.call_id)
    assert log.end_reason is EndReason.VOICEMAIL
    assert len(messages) == 1


async def test_digits_that_are_sensitive_are_written_nowhere(tmp_path: Path) -> None:
    persona = PERSONA + (
        "vars: {pin: {type: digits, from: digits, sensitive: true}}\n"
        "menus: {pin: {prompt: Please type your secret number now., key: '9', "
        "gather: {min: 6, max: 6, sensitive: true, into: pin}}}\n"
    )
    mind = Attentive()
    with capture_logs() as lines:
        async with house(tmp_path, mind=mind, persona=persona) as home:
            report = await home.call(
                Wait(2000),
                Keys("9"),
                Wait(3500),
                Keys(SECRET),
                HangUp(wait_quiet_ms=900),
            )
            log, turns = await home.record(report)
    assert heard(turns) == [
        "Hello there.",
        "Please type your secret number now.",
        "Is there anything else?",
    ]
    assert any("typed pin: not shown to you" in told for told in mind.told)
    events = [line for line in lines if line["event"] == "call event"]
    assert [(line["kind"], line["name"]) for line in events] == [
        ("menu", "pin"),
        ("collected", "pin"),
    ]
    written = [str(line).encode() for line in lines] + [
        told.encode() for told in mind.told
    ]
    written += [
        path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()
    ]
    for spoken in (SECRET, " ".join(SECRET), ", ".join(f"'{each}'" for each in SECRET)):
        assert not any(spoken.encode() in each for each in written)
    assert log.recording
    hello, prompt, after = (turn for turn in turns if turn.who == "bot")
    assert loudest(log.recording, hello) > 1000
    assert loudest(log.recording, prompt) == 0
    assert loudest(log.recording, after) > 1000


def loudest(path: str, turn: Turn) -> int:
    """Of both sides, while the bot said this."""
    samples, _ = soundfile.read(path, dtype="int16")
    said = samples[ulaw_bytes(turn.started_ms) : ulaw_bytes(turn.ended_ms)]
    return int(abs(said).max())


async def test_a_phrase_of_the_callers_says_something(tmp_path: Path) -> None:
    persona = PERSONA + (
        "triggers: [{name: human, says: [a human], do: {say: I am a machine.}}]\n"
    )
    line = Line("I want a human.", "Really?")
    async with house(tmp_path, line, persona=persona) as home:
        report = await home.call(
            Say(says(line.hear), "human"), HangUp(wait_quiet_ms=1500)
        )
        _, turns = await home.record(report)
    assert sorted(heard(turns)) == ["Hello there.", "I am a machine.", "Really?"]


async def test_silence_has_its_steps_and_then_the_bot_says_goodbye(
    tmp_path: Path,
) -> None:
    persona = PERSONA + (
        "silence: [{after: 2s, say: Are you still there?}, {after: 2s, do: goodbye}]\n"
    )
    async with house(tmp_path, persona=persona) as home:
        report = await home.call(STAYS)
        log, turns = await home.record(report)
    assert heard(turns) == ["Hello there.", "Are you still there?", "Good bye."]
    assert (log.end_reason, log.ended_by) == (EndReason.IDLE, "bot")


async def test_the_model_puts_calls_through_to_named_targets_only(
    tmp_path: Path,
) -> None:
    lines = (
        Line(
            "Call that number.", call="human", arguments={"target": NOBODY}, then="No."
        ),
        Line("Then the desk.", call="human", arguments={"target": "desk"}),
    )
    persona = PERSONA + "tools: {human: {use: transfer, targets: [desk]}}\n"
    with capture_logs() as logged:
        async with house(tmp_path, *lines, persona=persona, plan=PLAN) as home:
            report = await home.call(
                *(Say(says(line.hear), line.hear) for line in lines),
                STAYS,
                far_ends={DESK: FarEnd(), NOBODY: FarEnd()},
            )
            log, turns = await home.record(report)
    assert report.tally.dialled == [DESK]
    assert log.end_reason is EndReason.TRANSFERRED
    assert heard(turns) == ["Hello there.", "No.", ANNOUNCED]
    assert not any(NOBODY in str(line) for line in logged)
    refused = [line["detail"] for line in logged if line.get("kind") == "refused"]
    assert refused == ["not_a_target"]


async def test_a_stage_gives_the_model_other_instructions_and_tools(
    tmp_path: Path,
) -> None:
    persona = PERSONA + (
        "start_stage: first\n"
        "tools: {go_on: {use: goto_stage, stages: [second]}}\n"
        "stages:\n"
        "  first: {instructions: Ask what it is about., tools: [go_on]}\n"
        "  second: {instructions: Make an appointment.}\n"
    )
    line = Line("Go on.", call="go_on", arguments={"stage": "second"}, then="When?")
    mind = Attentive(line)
    async with house(tmp_path, mind=mind, persona=persona) as home:
        report = await home.call(
            Say(says(line.hear), "go on"), HangUp(wait_quiet_ms=900)
        )
        log, turns = await home.record(report)
    assert heard(turns) == ["Hello there.", "When?"]
    assert "Ask what it is about." in mind.told[0]
    assert "Make an appointment." in mind.told[-1]
    assert "Ask what it is about." not in mind.told[-1]
    assert log.faults == ()


async def test_a_call_that_loses_its_model_goes_on_with_its_keypad(
    tmp_path: Path,
) -> None:
    persona = PERSONA + KEYPAD + "fallback: {do: {menu: keypad}}\n"
    async with house(tmp_path, persona=persona, plan=PLAN, refusals=(401,) * 4) as home:
        report = await home.call(
            Wait(5000),
            Keys("1"),
            Wait(5000),
            Keys("0"),
            STAYS,
            far_ends={DESK: FarEnd()},
        )
        log, turns = await home.record(report)
    prompt = "For the desk press zero."
    assert heard(turns) == [
        *("Hello there.", prompt),
        *("We open at nine.", prompt),
        ANNOUNCED,
    ]
    assert report.tally.dialled == [DESK]
    assert log.end_reason is EndReason.TRANSFERRED
    assert all("blocked" not in fault for fault in log.faults)


async def test_the_route_and_the_caller_fill_in_what_is_said(tmp_path: Path) -> None:
    persona = PERSONA.replace(
        "greeting: {text: Hello there.}",
        'greeting: {text: "Hello {{name|there}}.", when: {anonymous: Who is it?}}',
    )
    persona += "vars: {name: {from: route}}\n"
    plan = DIALPLAN.replace("{persona: tester}", "{persona: tester, vars: {name: Ann}}")
    async with house(tmp_path, persona=persona, plan=plan, mood=Mood.burst()) as home:
        spoken = []
        for number in ("+15550100199", "anonymous"):
            report = await home.call(HangUp(wait_quiet_ms=900), from_number=number)
            _, turns = await home.record(report)
            spoken += heard(turns)
    assert spoken == ["Hello Ann.", "Who is it?"]


async def test_a_caller_whom_nobody_takes_after_all_hears_an_apology(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nowhere(*_: object) -> bool:
        return False

    async with house(tmp_path, persona=PERSONA + KEYPAD, plan=PLAN) as home:
        monkeypatch.setattr(home.board, "leave_stream", nowhere)
        report = await home.call(Wait(2000), Keys("90"), STAYS)
        log, _ = await home.record(report)
    assert report.tally.said == ["I am sorry."]
    assert (log.end_reason, log.faults) == (
        EndReason.TRANSFERRED,
        ("transfer.nowhere",),
    )


@pytest.mark.parametrize("failures", [0, 3])
async def test_a_call_is_put_through_though_its_stream_does_not_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    monkeypatch.setattr(twilio, "PAUSE_S", 0.0)
    monkeypatch.setattr("voicebot.runtime.call.STOP_S", 0.0)
    async with house(tmp_path, persona=PERSONA + KEYPAD, plan=PLAN) as home:
        home.rest._failures.extend([500] * failures)
        report = await home.call(
            Wait(2000), Keys("90"), STAYS, far_ends={DESK: FarEnd()}
        )
        log, _ = await home.record(report)
    assert report.tally.dialled == [DESK]
    assert log.end_reason is EndReason.TRANSFERRED


@pytest.mark.parametrize("code", [None, 21610])
async def test_the_model_sends_a_text_message_and_is_told_what_came_of_it(
    tmp_path: Path, code: int | None
) -> None:
    persona = PERSONA + "tools: {way: {use: send_sms, text: The way.}}\n"
    line = Line("Send it please.", call="way", then="There you are.")
    with capture_logs() as logged:
        async with house(tmp_path, line, persona=persona) as home:
            if code:
                home.rest.unreachable = {CALLER: code}
            report = await home.call(
                Say(says(line.hear), "way"), HangUp(wait_quiet_ms=900)
            )
            log, turns = await home.record(report)
            messages = home.rest.messages
    assert heard(turns) == ["Hello there.", "There you are."]
    assert log.faults == ()
    sent = [{"From": OUR_NUMBER, "To": CALLER, "Body": "The way."}]
    assert messages == ([] if code else sent)
    told = [line["detail"] for line in logged if line.get("kind") == "sms"]
    assert told == ["unsubscribed" if code else "sent"]
    assert not any(CALLER in str(line) or "The way" in str(line) for line in logged)


async def test_who_comes_back_is_told_that_nobody_is_there(tmp_path: Path) -> None:
    line = Line("To the desk.", call="human", arguments={"target": "desk"})
    persona = PERSONA + (
        "tools: {human: {use: transfer, targets: [desk]}}\n"
        "transfer: {on_fail: {say: Nobody is there now., do: {voicemail: {}}}}\n"
    )
    async with house(tmp_path, line, persona=persona, plan=PLAN) as home:
        report = await home.call(
            Say(says(line.hear), line.hear),
            STAYS,
            far_ends={DESK: FarEnd("busy")},
            message=Message(),
        )
        log, turns = await home.record(report)
    assert heard(turns) == ["Hello there.", ANNOUNCED, "Nobody is there now."]
    assert (log.end_reason, log.faults) == (EndReason.VOICEMAIL, ())
