"""Menus without any model, over real sockets: as a route, and when things go wrong."""

import re
from pathlib import Path
from typing import Final

from tests.e2e.house import CALLER, DIALPLAN, OUR_NUMBER, PERSONA, House, house
from tests.web.test_routes import told
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.twilio.agents import FarEnd
from voicebot.sim.twilio.script import HangUp, Keys, Wait
from voicebot.store.records import EndReason

DESK: Final = "+15550100777"
HEAD: Final = DIALPLAN.partition("routes:")[0] + (
    f'targets: {{desk: {{number: "{DESK}"}}}}\n'
)
BY_KEYS: Final = HEAD + "routes: [{name: keys, do: {menu: tester/keypad}}]\n"
KEYPAD: Final = (
    PERSONA
    + """\
menus:
  keypad:
    prompt: For the desk press zero.
    keys: {"0": {transfer: desk}, "1": {say: We open at nine.}, "2": goodbye}
"""
)
PROMPT: Final = "For the desk press zero."
ANNOUNCED: Final = "One moment please, I'm putting you through."
STAYS: Final = HangUp(wait_quiet_ms=8000)


async def test_a_route_runs_a_menu_and_no_model_is_dialled(tmp_path: Path) -> None:
    async with house(tmp_path, persona=KEYPAD, plan=BY_KEYS, max_calls=1) as home:
        report = await home.call(
            Wait(2000),
            Keys("1"),
            Wait(3000),
            Keys("0"),
            STAYS,
            far_ends={DESK: FarEnd()},
        )
        log, turns = await home.record(report)
        assert home.stepfun.statistics.opened == 0
    assert [turn.heard_text for turn in turns][-1] == ANNOUNCED
    assert turns[0].generated_text == PROMPT
    assert (log.persona, log.route, log.faults) == ("tester", "keys", ())
    assert log.end_reason is EndReason.TRANSFERRED
    assert report.tally.dialled == [DESK]


async def test_a_call_that_nobody_took_comes_back_to_its_menu(tmp_path: Path) -> None:
    async with house(tmp_path, persona=KEYPAD, plan=BY_KEYS) as home:
        report = await home.call(
            Wait(1500),
            Keys("0"),
            Wait(5500),
            Keys("2"),
            STAYS,
            far_ends={DESK: FarEnd("busy")},
        )
        log, turns = await home.record(report)
        assert home.stepfun.statistics.opened == 0
    assert len(report.tally.stream_sids) == 2
    assert [turn.generated_text for turn in turns].count(PROMPT) == 2
    assert (log.end_reason, log.faults) == (EndReason.BOT_GOODBYE, ())


async def test_a_menu_takes_over_when_there_is_no_room(tmp_path: Path) -> None:
    plan = HEAD + (
        "capacity: {max_calls: 1}\n"
        "specials: {overload: {menu: tester/keypad}}\n"
        "routes: [{name: a, do: {persona: tester}}]\n"
    )
    async with house(tmp_path, persona=KEYPAD, plan=plan) as home:
        assert "<Stream" in await home.webhook("CA" + "1" * 32)
        report = await home.call(Wait(1500), Keys("2"), STAYS)
        log, _ = await home.record(report)
        assert home.stepfun.statistics.opened == 1
    assert log.end_reason is EndReason.BOT_GOODBYE
    assert log.faults == ("admission.full",)


async def test_words_that_could_not_be_rendered_are_not_left_out_in_silence(
    tmp_path: Path,
) -> None:
    async with house(
        tmp_path, persona=KEYPAD, plan=BY_KEYS, speech_refusals=(402,) * 99
    ) as home:
        for _ in range(2):
            assert "I am sorry." in await home.webhook("CA" + "1" * 32)
        await home.board.scribe.written()
        log = await home.board.store.call_by_sid("CA" + "1" * 32)
    assert log
    assert (log.end_reason, log.faults) == (EndReason.REJECTED, ("menu.unrendered",))


FAILURE: Final = HEAD + (
    "specials: {failure: {menu: tester/keypad}}\n"
    "routes: [{name: a, do: {persona: tester}}]\n"
)
SID: Final = "CA" + "6" * 32


async def breaks(home: House, twiml: str) -> str:
    """The stream comes and breaks; what Twilio is told then."""
    found = re.search(r"/media/([\w-]+)", twiml)
    ticket = found and home.board.redeem(found[1])
    assert ticket
    home.board.never_started(ticket, EndReason.INTERNAL_ERROR)
    await home.board.scribe.written()
    _, twiml = await told(home, "after", CallSid=SID, CallStatus="in-progress")
    return twiml


async def test_a_menu_takes_over_once_when_our_part_broke(tmp_path: Path) -> None:
    async with house(tmp_path, persona=KEYPAD, plan=FAILURE, mood=Mood.burst()) as home:
        _, twiml = await told(home, "voice", CallSid=SID, From=CALLER, To=OUR_NUMBER)
        twiml = await breaks(home, twiml)
        assert "<Stream" in twiml
        assert home.stepfun.statistics.opened == 1
        _, again = await told(home, "after", CallSid=SID, CallStatus="in-progress")
        assert "<Stream" in again
        assert len(home.board.live) == 1
        assert "I am sorry." in await breaks(home, twiml)
        await home.board.scribe.written()
        log = await home.board.store.call_by_sid(SID)
    assert log
    assert log.end_reason is EndReason.INTERNAL_ERROR
    assert log.faults == ("internal_error", "specials.failure")


async def test_nobody_gets_a_menu_of_a_server_that_stops(tmp_path: Path) -> None:
    async with house(tmp_path, persona=KEYPAD, plan=FAILURE) as home:
        _, twiml = await told(home, "voice", CallSid=SID, From=CALLER, To=OUR_NUMBER)
        home.board.live.draining = True
        assert "I am sorry." in await breaks(home, twiml)
