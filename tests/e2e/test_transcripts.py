"""What has no words when a real call is over gets some: messages, and turns."""

import asyncio
from pathlib import Path

from tests.e2e.house import DIALPLAN, PERSONA, House, house, says
from tests.runtime.test_transcripts import speech
from voicebot.runtime.transcripts import wav_of
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.mailbox import Message
from voicebot.sim.twilio.script import HangUp, Say
from voicebot.store.events import Event, EventKind

MAILBOX = """\
  - name: at night
    match: {from: "+4477*"}
    do:
      voicemail: {greeting: Please speak., language: en-GB, transcribe: stepfun}
"""
PLAN = DIALPLAN.replace("  - name: a message\n", MAILBOX + "  - name: a message\n")
ASK = "Is this a call?"


async def transcribed(home: House, call_id: str) -> Event:
    """Wait until a call was transcribed; what its log says of it."""
    async with asyncio.timeout(20):
        while True:
            for event in await home.board.store.events(call_id):
                if event.kind is EventKind.TRANSCRIPTION:
                    return event
            await asyncio.sleep(0.05)


async def test_a_message_for_a_route_is_transcribed(tmp_path: Path) -> None:
    line = Line("Please call me back.")
    async with house(tmp_path, line, plan=PLAN) as home:
        message = Message(text=None, wav=wav_of(speech(1500)))
        report = await home.call(from_number="+447700900123", message=message)
        call, _ = await home.record(report)
        await transcribed(home, call.call_id)
        [left] = await home.board.store.messages(call.call_id)
        after = await home.board.store.get_call(call.call_id)
    assert left.transcription == "Please call me back."
    assert after
    assert after.cost["transcription"] > 0


async def test_a_turn_whose_words_were_lost_is_heard_from_the_recording(
    tmp_path: Path,
) -> None:
    persona = PERSONA + "after_call: {transcribe: true}\n"
    deaf = Mood(lost_transcripts=1.0)
    async with house(
        tmp_path, Line(ASK, "It is one."), mood=deaf, persona=persona
    ) as home:
        report = await home.call(Say(says(ASK), "ask"), HangUp(wait_quiet_ms=300))
        call, turns = await home.record(report)
        assert [turn.heard_text for turn in turns if turn.who == "caller"] == [""]
        await transcribed(home, call.call_id)
        [asked] = [
            turn
            for turn in await home.board.store.turns(call.call_id)
            if turn.who == "caller"
        ]
    assert asked.heard_text == ASK
