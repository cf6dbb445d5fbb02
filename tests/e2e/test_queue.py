"""Callers who wait for room, over real sockets: let in, gone, given up."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.e2e.house import CALLER, DIALPLAN, OUR_NUMBER, House, house
from tests.web.test_routes import told
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.twilio.caller import OnEvent
from voicebot.sim.twilio.script import HangUp
from voicebot.store.records import Call, EndReason

HEAD: Final = DIALPLAN.partition("routes:")[0]
QUEUE: Final = """\
targets: {desk: {number: "+15550100777"}}
capacity: {max_calls: 1}
specials:
  overload:
    queue:
      text: All lines are busy.
      language: en
      max: 1
      longest: 10s
      then: %s
routes:
  - {name: a, do: {persona: tester}}
"""
REJECT: Final = HEAD + QUEUE % "{reject: busy}"
FIRST: Final = "CA" + "1" * 32
SECOND: Final = "CA" + "2" * 32
THIRD: Final = "CA" + "3" * 32


async def comes(home: House, call_sid: str, to: str = "voice") -> str:
    _, twiml = await told(
        home,
        to,
        CallSid=call_sid,
        From=CALLER,
        To=OUR_NUMBER,
        CallStatus="in-progress" if to != "voice" else "ringing",
    )
    return twiml


def queue_of(twiml: str) -> str:
    found = re.search(r"/twilio/(queue/[\w-]+)<", twiml)
    assert found, twiml
    return found[1]


async def leaves(home: House, twiml: str) -> None:
    """A call that was admitted comes to nothing: there is room."""
    found = re.search(r"/media/([\w-]+)", twiml)
    ticket = found and home.board.redeem(found[1])
    assert ticket
    home.board.never_started(ticket, EndReason.NEVER_CONNECTED)


async def log_of(home: House, call_sid: str) -> Call:
    await home.board.scribe.written()
    call = await home.board.store.call_by_sid(call_sid)
    assert call
    return call


def wait_less(home: House) -> None:
    """Let all who wait have waited for an hour."""
    line = home.board.queueing._line
    for sid, place in line._places.items():
        line._places[sid] = replace(place, since=place.since - 3600)


def _says(said: asyncio.Event) -> OnEvent:
    def on_event(kind: str, _: float, __: str) -> None:
        if kind == "twilio_says":
            said.set()

    return on_event


async def test_a_caller_hears_that_they_wait_and_is_let_in(tmp_path: Path) -> None:
    async with house(tmp_path, plan=REJECT, mood=Mood.burst()) as home:
        first = await comes(home, FIRST)
        held = asyncio.Event()
        call = asyncio.create_task(
            home.call(HangUp(wait_quiet_ms=900), on_event=_says(held))
        )
        await held.wait()
        await leaves(home, first)
        log, turns = await home.record(report := await call)
    assert report.tally.said == ["All lines are busy."]
    assert [turn.heard_text for turn in turns] == ["Hello there."]
    assert log.waited_ms is not None
    assert 1900 < log.waited_ms < 6000
    assert turns[0].started_ms >= log.waited_ms
    assert log.duration_ms is not None
    assert log.duration_ms > turns[0].ended_ms
    assert (log.end_reason, log.persona) == (EndReason.CALLER_HANGUP, "tester")
    assert log.faults == ("admission.full",)


async def test_a_caller_who_hangs_up_in_line_is_written_down_as_such(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, plan=REJECT, mood=Mood.burst()) as home:
        first = await comes(home, FIRST)
        report = await home.call(patience_s=0.5)
        log = await log_of(home, report.call_sid)
        assert len(home.board.queueing) == 0
        await leaves(home, first)
        assert "<Stream" in await comes(home, SECOND)
    assert report.ended_by == "caller"
    assert log.end_reason is EndReason.CALLER_HANGUP
    assert log.waited_ms is not None
    assert log.waited_ms >= 400


async def test_nobody_overtakes_who_waits_and_room_goes_to_them(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, plan=REJECT, mood=Mood.burst()) as home:
        first = await comes(home, FIRST)
        held = await comes(home, SECOND)
        assert "All lines are busy." in held
        assert await comes(home, SECOND) == held  # a webhook that is repeated
        assert 'reason="busy"' in await comes(home, THIRD)  # the line is full
        assert 'reason="busy"' in await comes(home, THIRD)
        still = await comes(home, SECOND, queue_of(held))
        assert "<Say" not in still
        await leaves(home, first)
        late = await comes(home, "CA" + "4" * 32)
        assert 'reason="busy"' in late  # there is room, and somebody waits for it
        let_in = await comes(home, SECOND, queue_of(held))
        assert "<Stream" in let_in
        assert await comes(home, SECOND, queue_of(held)) == let_in
        assert await comes(home, THIRD, queue_of(held)) == let_in  # no use without ids
        assert len(home.board.live) == 1


async def test_who_waits_in_vain_is_hung_up_or_gets_what_the_plan_says(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, plan=REJECT, mood=Mood.burst()) as home:
        folder = home.settings.dialplans
        await comes(home, FIRST)
        for sid, then, said in (
            ("CA" + "5" * 32, "{reject: busy}", "<Hangup"),
            ("CA" + "6" * 32, "{message: {text: Later., language: en}}", "Later."),
            ("CA" + "7" * 32, "{transfer: desk}", "<Number>+15550100777"),
        ):
            (folder / "dialplan.yaml").write_text(HEAD + QUEUE % then)
            await home.board.plans.reload()
            held = await comes(home, sid)
            wait_less(home)
            twiml = await comes(home, sid, queue_of(held))
            assert said in twiml
            assert "<Reject" not in twiml
        await home.board.forwarding.call_over("CA" + "7" * 32)
        home.board.forwarding.close()
        logs = [await log_of(home, "CA" + n * 32) for n in "567"]
    ends = [log.end_reason for log in logs]
    assert ends == [EndReason.REJECTED, EndReason.REJECTED, EndReason.CALLER_HANGUP]
    assert all(log.waited_ms is not None for log in logs)
    assert {log.faults for log in logs} == {("admission.full",)}


async def test_a_server_that_stops_lets_nobody_wait(tmp_path: Path) -> None:
    async with house(tmp_path, plan=REJECT, mood=Mood.burst()) as home:
        await comes(home, FIRST)
        held = await comes(home, SECOND)
        home.board.live.draining = True
        assert 'reason="busy"' in await comes(home, THIRD)
        assert "<Hangup" in await comes(home, SECOND, queue_of(held))
        log = await log_of(home, SECOND)
    assert log.end_reason is EndReason.REJECTED


async def test_a_process_that_ends_leaves_no_record_of_who_waits_open(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, plan=REJECT, mood=Mood.burst()) as home:
        await comes(home, FIRST)
        held = await comes(home, SECOND)
        home.board.forwarding.close()
        log = await log_of(home, SECOND)
        # And the next one apologises, as it knows nothing of a line.
        assert "I am sorry." in await comes(home, SECOND, queue_of(held))
    assert log.end_reason is EndReason.NEVER_CONNECTED


async def test_who_hung_up_and_of_whom_nobody_told_is_closed(tmp_path: Path) -> None:
    async with house(tmp_path, plan=REJECT, mood=Mood.burst()) as home:
        await comes(home, FIRST)
        await comes(home, SECOND)
        line = home.board.queueing._line
        place = line._places[SECOND]
        line._places[SECOND] = replace(place, asks_by=place.asks_by - 3600)
        await home.board.queueing.reap()
        log = await log_of(home, SECOND)
    assert log.end_reason is EndReason.CALLER_HANGUP


async def test_a_menu_waits_for_nobody(tmp_path: Path) -> None:
    keys = """\
title: A test
language: en
instructions: You are a test.
greeting: {text: Hello there.}
menus: {keys: {prompt: Press one., keys: {"1": hangup}}}
"""
    route = '  - {name: keys, match: {from: "+44*"}, do: {menu: tester/keys}}\n'
    plan = REJECT.replace("routes:\n", f"routes:\n{route}")
    async with house(tmp_path, plan=plan, persona=keys, max_calls=1) as home:
        fields = {"From": "+442079460000", "To": OUR_NUMBER}
        _, twiml = await told(home, "voice", CallSid=FIRST, **fields)
        assert "<Stream" in twiml
        _, twiml = await told(home, "voice", CallSid=SECOND, **fields)
        assert 'reason="busy"' in twiml
