"""Calls that leave their stream, over real sockets: put through, back, recorded."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.house import CALLER, OUR_NUMBER, House, house
from voicebot.net import twilio
from voicebot.runtime.forward import Answer, Mailbox, Origin, Target
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.twilio.agents import FarEnd
from voicebot.sim.twilio.mailbox import Message as Left
from voicebot.sim.twilio.misbehaviour import Misbehaviour
from voicebot.sim.twilio.report import CallReport, Outcome
from voicebot.sim.twilio.script import HangUp, Step
from voicebot.store.records import CallStarted, EndReason
from voicebot.twilio.webhooks import IncomingCall

DESK = "+15550100777"
DESK_FOR_LATE = Target("desk", DESK, whisper="A call for you.")
MAILBOX = Mailbox("Please leave a message.", "en", 20.0)


async def origin_of(home: House, *targets: Target) -> Origin:
    """The only call that is there."""
    (call,) = await home.board.store.list_calls(1)
    return Origin(
        call_id=call.call_id,
        call_sid=call.call_sid,
        account_sid=call.account_sid,
        caller=call.from_number,
        called=call.to_number,
        persona=next(iter(home.board.plans.current.personas.values())),
        targets={target.name: target for target in targets},
        mailbox=MAILBOX,
    )


Act = Callable[[], Awaitable[object]]


async def call(
    home: House,
    act: Act,
    *steps: Step,
    far_ends: Mapping[str, FarEnd] | None = None,
    message: Left | None = None,
    misbehave: Misbehaviour | None = None,
    rest: bool = True,
) -> CallReport:
    """Call, and let `act` happen when the greeting is over for the first time."""
    acting: list[asyncio.Task[object]] = []

    def on_event(kind: str, _: float, __: str) -> None:
        if kind == "bot_silent" and not acting:
            acting.append(asyncio.create_task(_run(act)))

    report = await home.call(
        *steps,
        far_ends=far_ends,
        message=message,
        misbehave=misbehave,
        on_event=on_event,
        rest=rest,
    )
    await asyncio.gather(*acting)
    return report


async def _run(act: Act) -> object:
    return await act()


STAYS = HangUp(wait_quiet_ms=6000)


async def test_a_live_call_is_put_through_and_who_answers_is_told(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:

        async def act() -> None:
            origin = await origin_of(home, DESK_FOR_LATE)
            assert await home.board.leave_stream(origin, "desk")

        report = await call(home, act, STAYS)
        log, turns = await home.record(report)
        assert len(home.board.forwarding) == 0
    assert report.tally.dialled == [DESK]
    assert report.tally.whispered == ["A call for you."]
    assert (report.outcome, report.ended_by) == (Outcome.COMPLETED, "bot")
    assert log.end_reason is EndReason.TRANSFERRED
    assert [turn.heard_text for turn in turns] == ["Hello there."]
    assert log.recording  # of the part that was ours
    assert log.faults == ()
    # Nobody hung up what had been put through.
    assert [form.keys() for _, form, _ in home.rest.requests] == [{"Twiml"}]


async def test_if_it_is_busy_the_persona_takes_the_call_back(tmp_path: Path) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:

        async def act() -> None:
            origin = await origin_of(home, Target("desk", DESK))
            assert await home.board.leave_stream(origin, "desk")

        report = await call(
            home,
            act,
            HangUp(wait_quiet_ms=1500),
            far_ends={DESK: FarEnd("busy")},
        )
        log, turns = await home.record(report)
        opened = home.stepfun.statistics.opened
        files = sorted((tmp_path / "data" / "recordings").rglob("*.flac"))
    assert len(report.tally.stream_sids) == 2
    assert opened == 2
    assert (log.end_reason, log.ended_by) == (EndReason.CALLER_HANGUP, "caller")
    assert [turn.heard_text for turn in turns] == ["Hello there."] * 2
    assert turns[0].ended_ms < turns[1].started_ms
    assert log.duration_ms is not None
    assert turns[1].ended_ms < log.duration_ms
    assert len(files) == 2
    assert str(files[0]) == log.recording or str(files[1]) == log.recording


async def test_if_nobody_answers_a_message_is_taken(tmp_path: Path) -> None:
    wrong = Misbehaviour(callbacks_reversed=True, callbacks_twice=True)
    async with house(tmp_path, mood=Mood.burst()) as home:

        async def act() -> None:
            desk = Target("desk", DESK, fallback="mobile")
            mobile = Target("mobile", "+15550100778", fallback="voicemail")
            origin = await origin_of(home, desk, mobile)
            assert await home.board.leave_stream(origin, "desk")

        report = await call(
            home,
            act,
            STAYS,
            far_ends={
                DESK: FarEnd("no-answer"),
                "+15550100778": FarEnd("failed"),
            },
            message=Left(text="Call me back.", long_s=17),
            misbehave=wrong,
        )
        log, _ = await home.record(report)
        messages = await home.board.store.messages(log.call_id)
    assert report.tally.dialled == [DESK, "+15550100778"]
    assert report.tally.said == [MAILBOX.greeting]
    assert log.end_reason is EndReason.VOICEMAIL
    (message,) = messages
    assert (message.transcription, message.duration_s) == ("Call me back.", 17)
    assert message.url
    assert message.url.endswith(message.recording_sid)


@pytest.mark.parametrize("ends", ["#", "hangup"])
async def test_a_caller_is_sent_to_the_voicemail_at_once(
    tmp_path: Path, ends: str
) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:

        async def act() -> None:
            origin = replace(await origin_of(home), mailbox=None)
            assert await home.board.leave_stream(origin, "voicemail")

        report = await call(home, act, STAYS, message=Left(text=None, ends=ends))
        log, _ = await home.record(report)
        messages = await home.board.store.messages(log.call_id)
    assert report.tally.said == ["Please leave a message after the tone."]
    assert report.ended_by == ("bot" if ends == "#" else "caller")
    assert log.end_reason is EndReason.VOICEMAIL
    assert [message.transcription for message in messages] == [None]


async def test_if_twilio_cannot_be_told_it_asks_when_the_stream_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio, "PAUSE_S", 0.0)
    async with house(tmp_path, mood=Mood.burst()) as home:
        home.rest._failures.extend([500, 500, 500])

        async def act() -> None:
            origin = await origin_of(home, Target("desk", DESK))
            assert await home.board.leave_stream(origin, "desk")

        report = await call(home, act, STAYS)
        log, _ = await home.record(report)
    assert report.tally.dialled == [DESK]
    assert report.http_status("action") == 200
    assert log.end_reason is EndReason.TRANSFERRED
    assert log.faults == ("twilio.redirect_failed",)


async def test_a_call_that_is_gone_when_it_is_to_leave_ended_as_it_did(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:

        async def act() -> None:
            origin = await origin_of(home, Target("desk", DESK))
            assert await home.board.leave_stream(origin, "desk")

        # Not registered there: for Twilio's REST this call isn't there any more.
        report = await call(home, act, HangUp(wait_quiet_ms=900), rest=False)
        log, _ = await home.record(report)
        assert len(home.board.forwarding) == 0
    assert [status for _, _, status in home.rest.requests] == [404]
    assert log.end_reason is EndReason.CALLER_HANGUP


async def test_who_hangs_up_while_it_rings_is_written_down_as_such(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:

        async def act() -> None:
            origin = await origin_of(home, Target("desk", DESK))
            assert await home.board.leave_stream(origin, "desk")

        report = await call(home, act, STAYS, far_ends={DESK: FarEnd("caller leaves")})
        log, _ = await home.record(report)
    assert report.ended_by == "caller"
    assert log.end_reason is EndReason.CALLER_HANGUP


async def test_a_call_with_nowhere_to_go_stays_with_the_persona(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:

        async def act() -> None:
            origin = await origin_of(home, Target("desk", DESK))
            closed = replace(origin, is_open=lambda name: False)
            assert not await home.board.leave_stream(closed, "desk")
            assert not await home.board.leave_stream(origin, "hangup")

        report = await call(home, act, HangUp(wait_quiet_ms=900))
        log, _ = await home.record(report)
    assert len(report.tally.stream_sids) == 1
    assert log.end_reason is EndReason.CALLER_HANGUP


@pytest.mark.parametrize(
    ("far", "said"),
    [
        (FarEnd(talks_s=1.0), []),
        (FarEnd("busy", rings_s=1.0), ["I am sorry."]),
    ],
)
async def test_a_process_that_ends_closes_the_books_on_who_was_put_through(
    tmp_path: Path, far: FarEnd, said: list[str]
) -> None:
    async with house(tmp_path, mood=Mood.burst()) as home:

        async def act() -> None:
            origin = await origin_of(home, Target("desk", DESK))
            assert await home.board.leave_stream(origin, "desk")
            await asyncio.sleep(0.3)
            home.board.forwarding.close()

        report = await call(home, act, STAYS, far_ends={DESK: far})
        log, _ = await home.record(report)
    assert log.end_reason is EndReason.TRANSFERRED
    assert report.http_status("dial") == 200  # asked of a process that knows nothing
    assert report.tally.said == said


async def test_a_route_may_put_a_call_through_without_any_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a route that transfers does with the webhook's answer."""
    async with house(tmp_path, mood=Mood.burst()) as home:

        async def incoming(call: IncomingCall) -> Answer | None:
            await home.board.scribe.started(
                CallStarted(
                    call_id="c1",
                    call_sid=call.call_sid,
                    account_sid=call.account_sid,
                    from_number=call.from_number,
                    to_number=call.to_number,
                    direction=call.direction,
                    persona="",
                    route="office",
                    dialplan_revision="abc",
                    started_at=datetime.now(UTC),
                )
            )
            origin = Origin(
                "c1",
                call.call_sid,
                call.account_sid,
                CALLER,
                OUR_NUMBER,
                None,
                {"desk": Target("desk", None, "sip:desk@example.com;transport=tls")},
            )
            forwarding = home.board.forwarding
            return forwarding.send(origin, forwarding.step(origin, "desk"))

        monkeypatch.setattr(home.board, "incoming", incoming)
        report = await home.call()
        log, turns = await home.record(report)
        opened = home.stepfun.statistics.opened
    assert report.tally.dialled == ["sip:desk@example.com;transport=tls"]
    assert report.outcome is Outcome.COMPLETED
    assert (log.end_reason, turns, opened) == (EndReason.TRANSFERRED, [], 0)
