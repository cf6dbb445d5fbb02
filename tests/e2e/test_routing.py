"""Calls that no persona answers, by real sockets: put through, recorded, refused."""

import re
from pathlib import Path

import pytest

from tests.e2e.house import CALLER, DIALPLAN, OUR_NUMBER, House, house
from tests.web.test_routes import told
from voicebot.store.records import EndReason

ROUTES = """\
targets: {desk: {number: "+15550100300", fallback: voicemail}}
capacity: {per_caller: 1}
specials: {failure: {transfer: desk}}
routes:
  - {name: through, match: {weekday: daily, to: main}, do: {transfer: desk}}
"""


async def test_a_call_is_put_through_and_asked_twice_the_same(tmp_path: Path) -> None:
    plan = DIALPLAN.partition("routes:")[0] + "timezone: UTC\n" + ROUTES
    async with house(tmp_path) as home:
        (home.settings.dialplans / "dialplan.yaml").write_text(plan)
        await home.board.plans.reload()
        first = await home.webhook("CA" + "1" * 32)
        assert "<Number>+15550100300" in first
        assert await home.webhook("CA" + "1" * 32) == first
        call = await home.board.store.call_by_sid("CA" + "1" * 32)
        assert call
        assert call.route == "through"
        assert call.ended_at is None
        assert home.stepfun.statistics.opened == 0


async def test_one_caller_gets_so_many_calls_at_once(tmp_path: Path) -> None:
    plan = DIALPLAN.replace("routes:", "capacity: {per_caller: 1}\nroutes:")
    plan = plan.partition("  - name: nobody")[0]
    plan += "  - {name: a, do: {persona: tester}}"
    async with house(tmp_path) as home:
        (home.settings.dialplans / "dialplan.yaml").write_text(plan)
        await home.board.plans.reload()
        assert "<Stream" in await home.webhook("CA" + "1" * 32)
        assert 'reason="busy"' in await home.webhook("CA" + "2" * 32)
        assert "<Stream" in await home.webhook("CA" + "1" * 32)
        await home.board.scribe.written()
        call = await home.board.store.call_by_sid("CA" + "2" * 32)
        assert call
        assert call.faults == ("admission.caller_full",)


async def test_who_is_put_through_as_there_is_no_room_has_that_in_the_record(
    tmp_path: Path,
) -> None:
    plan = (
        DIALPLAN.partition("routes:")[0]
        + """\
targets: {desk: {number: "+15550100300", fallback: hangup}}
capacity: {per_caller: 1}
specials: {overload: {transfer: desk}}
routes:
  - {name: a, do: {persona: tester}}
"""
    )
    async with house(tmp_path) as home:
        (home.settings.dialplans / "dialplan.yaml").write_text(plan)
        await home.board.plans.reload()
        assert "<Stream" in await home.webhook("CA" + "1" * 32)
        assert "<Number>+15550100300" in await home.webhook("CA" + "2" * 32)
        await home.board.forwarding.call_over("CA" + "2" * 32)
        home.board.forwarding.close()
        await home.board.scribe.written()
        call = await home.board.store.call_by_sid("CA" + "2" * 32)
        assert call
        assert call.faults == ("admission.caller_full",)


async def test_who_was_told_that_there_is_no_room_is_told_so_again(
    tmp_path: Path,
) -> None:
    plan = (
        DIALPLAN.partition("routes:")[0]
        + """\
capacity: {per_caller: 1}
specials: {overload: {message: {text: We are full., language: en}}}
routes:
  - {name: a, do: {persona: tester}}
"""
    )
    async with house(tmp_path) as home:
        (home.settings.dialplans / "dialplan.yaml").write_text(plan)
        await home.board.plans.reload()
        assert "<Stream" in await home.webhook("CA" + "1" * 32)
        for _ in range(2):
            assert "We are full." in await home.webhook("CA" + "2" * 32)


FAILURE = """\
targets: {desk: {number: "+15550100300", fallback: persona}}
specials: {failure: {transfer: desk}}
routes:
  - {name: a, do: {persona: tester}}
"""


async def broken(home: House, call_sid: str, **fields: str) -> None:
    """A call whose stream broke."""
    plan = DIALPLAN.partition("routes:")[0] + FAILURE
    (home.settings.dialplans / "dialplan.yaml").write_text(plan)
    await home.board.plans.reload()
    _, twiml = await told(home, "voice", CallSid=call_sid, **fields)
    found = re.search(r"/media/([\w-]+)", twiml)
    ticket = found and home.board.redeem(found[1])
    assert ticket
    home.board.never_started(ticket, EndReason.INTERNAL_ERROR)
    await home.board.scribe.written()


@pytest.mark.parametrize(
    "fields",
    [
        {"Direction": "inbound", "From": CALLER, "To": OUR_NUMBER},
        {"Direction": "outbound-api", "From": OUR_NUMBER, "To": CALLER},
    ],
)
async def test_whose_call_broke_is_put_through_and_may_leave_a_message(
    tmp_path: Path, fields: dict[str, str]
) -> None:
    sid = "CA" + "4" * 32
    async with house(tmp_path) as home:
        await broken(home, sid, **fields)
        _, twiml = await told(home, "after", CallSid=sid, CallStatus="in-progress")
        assert "<Number>+15550100300" in twiml
        assert f'callerId="{OUR_NUMBER}"' in twiml
        token = re.search(r"/dialed/([\w-]+)", twiml)
        assert token
        path = f"dialed/{token[1]}"
        _, again = await told(home, "after", CallSid=sid, CallStatus="in-progress")
        assert again == twiml  # a webhook that is repeated
        _, twiml = await told(home, path, CallSid=sid, DialCallStatus="busy")
        found = re.search(r'action="[^"]*/(recorded/[\w-]+)"', twiml)
        assert found
        await told(home, found[1], CallSid=sid)
        await home.board.scribe.written()
        call = await home.board.store.call_by_sid(sid)
        assert call
        assert call.end_reason is EndReason.VOICEMAIL
        assert call.faults == ("internal_error", "specials.failure")


async def test_nobody_is_rung_for_a_caller_who_has_left(tmp_path: Path) -> None:
    sid = "CA" + "5" * 32
    async with house(tmp_path) as home:
        await broken(home, sid, From=CALLER, To=OUR_NUMBER)
        _, twiml = await told(home, "after", CallSid=sid, CallStatus="completed")
        assert "<Hangup" in twiml
        assert len(home.board.forwarding) == 0
