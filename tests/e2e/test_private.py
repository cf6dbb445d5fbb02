"""What is private in calls stays so, wherever it came from; consent goes on."""

from pathlib import Path
from typing import Final

import pytest

from tests.canary import NAME
from tests.e2e.house import CALLER, PERSONA, House, house, says
from tests.e2e.test_flow import DESK, KEYPAD, PLAN
from voicebot.sim.api import OfflineApi
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.agents import FarEnd
from voicebot.sim.twilio.script import HangUp, Keys, Say, Wait
from voicebot.store.records import Call, FlowNote, KeyPressed

ALWAYS: Final = "recording: {mode: always}"
ASKS: Final = "recording: {mode: ask, consent: May we record this?}"
BOOKING: Final = "482913"
LOOKUP: Final = """\
vars:
  phone: {type: phone, from: caller}
  name: {from: lookup, sensitive: true}
  booking: {type: digits, from: digits}
lookup:
  url: "${env:TEST_API}/by-phone/{{phone}}"
  map: {name: customer.name}
menus:
  booking:
    prompt: Type your booking.
    key: "9"
    gather: {min: 6, max: 6, into: booking}
privacy: {redact: [booking]}
"""


async def noted(home: House, call: Call) -> tuple[list[str], list[str]]:
    """What was noted of consent, and which keys were."""
    records = [x.record for x in await home.board.store.events(call.call_id)]
    return (
        [x.name for x in records if isinstance(x, FlowNote) and x.kind == "consent"],
        [x.digit for x in records if isinstance(x, KeyPressed)],
    )


async def test_consent_that_was_given_holds_after_a_transfer_that_nobody_took(
    tmp_path: Path,
) -> None:
    persona = PERSONA.replace(ALWAYS, ASKS) + KEYPAD
    async with house(tmp_path, persona=persona, plan=PLAN, mood=Mood.burst()) as home:
        report = await home.call(
            *(Wait(1500), Keys("1"), Wait(1500), Keys("9"), Wait(1500), Keys("0")),
            HangUp(wait_quiet_ms=3000),
            far_ends={DESK: FarEnd("busy")},
        )
        call, _ = await home.record(report)
        first, second = await home.board.store.recordings(call.call_id)
        assert await noted(home, call) == (["given", "held"], ["1", "9", "0"])
    assert (first.began_ms, first.place) == (0, call.recording)
    assert second.place
    assert second.began_ms > 0
    assert (second.recording_ms or 0) > 1000


async def test_values_that_come_up_in_a_call_are_kept_out_of_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (
        Line(f"I am {NAME}, booking {BOOKING}.", f"Hello {NAME}."),
        Line("Goodbye.", "Bye then."),
    )
    path = f"GET /by-phone/{CALLER.replace('+', '%2B')}"
    api = OfflineApi({path: {"customer": {"name": NAME}}})
    async with api.running() as base:
        monkeypatch.setenv("TEST_API", base)
        async with house(
            tmp_path, *lines, persona=PERSONA + LOOKUP, mood=Mood.burst()
        ) as home:
            report = await home.call(
                *(Wait(1500), Keys("9"), Wait(1500), Keys(BOOKING), Wait(1500)),
                Say(says("I am here."), "name"),
                Say(says("Goodbye."), "bye"),
            )
            call, turns = await home.record(report)
            assert (await noted(home, call))[1] == ["9", *[""] * 6]
            stored = str(await home.board.store.events(call.call_id))
    words = [turn.generated_text for turn in turns]
    assert "I am [name], booking [booking]." in words
    assert "Hello [name]." in words
    assert NAME not in stored
    assert BOOKING not in stored
