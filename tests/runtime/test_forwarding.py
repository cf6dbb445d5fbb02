"""Calls outside their stream, with the real call log and a clock that we turn."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.dialplan.plans import persona
from tests.runtime.test_scribe import DECISION, TURN
from tests.store.noted import writing
from tests.store.test_calls import STARTED
from voicebot.errors import StoreError
from voicebot.runtime.answers import Connect, Dial, TakeMessage, Tell
from voicebot.runtime.forward import (
    FORWARD_S,
    OVER_S,
    SETTLED_S,
    Answer,
    Origin,
    Target,
)
from voicebot.runtime.forwarding import Forwarding, dial_to
from voicebot.runtime.live import Earlier
from voicebot.runtime.scribe import Scribe, ending
from voicebot.store.faults import Fault
from voicebot.store.records import Call, EndReason, Message
from voicebot.store.writer import Writer
from voicebot.twilio.webhooks import Dialed, Recorded, Transcribed

SORRY = Tell("Sorry.", "en")
RECORDING = "RE" + "1" * 32
BUSY = Dialed("CA1", "busy", "", None, bridged=False, caller_left=False)
SPOKE = Dialed("CA1", "completed", "CA2", 9, bridged=True, caller_left=False)
LEFT = Recorded("CA1", RECORDING, "https://h/RE1", 12, "hangup", is_callback=False)


class Desk:
    """Everything around a Forwarding that is a task of others."""

    def __init__(self, writer: Writer) -> None:
        self.now = 0.0
        self.room = True
        self.store = writer.store
        self.scribe = Scribe(writer)
        self.connected: list[Earlier] = []
        self.forwarding = Forwarding(
            self.scribe,
            clock=lambda: self.now,
            takes_back=lambda: self.room,
            connect=self._connect,
            booked=self._booked,
            apology=self._apology,
        )
        self.origin = Origin(
            "c1",
            "CA1",
            "AC1",
            "+15550100199",
            "+15550002222",
            persona(),
            {
                "desk": Target("desk", "+15550100777", whisper="Hi."),
                "shut": Target("shut", "+15550100778", fallback="hangup"),
            },
            is_open=lambda name: name != "shut",
        )

    def _connect(self, origin: Origin, earlier: Earlier) -> Connect:
        self.connected.append(earlier)
        return Connect(f"stream {len(self.connected)}")

    async def _booked(self, call_sid: str) -> None:
        pass

    async def _apology(self, call_sid: str) -> Tell:
        return SORRY

    def go(self, wanted: str) -> Answer | None:
        step = self.forwarding.step(self.origin, wanted)
        return self.forwarding.send(self.origin, step)

    def rings(self) -> Dial:
        answer = self.go("desk")
        assert isinstance(answer, Dial)
        return answer

    def asks(self) -> TakeMessage:
        answer = self.go("voicemail")
        assert isinstance(answer, TakeMessage)
        return answer

    async def record(self) -> Call:
        """The call's record, with all that was noted."""
        await self.scribe.stored()
        call = await self.store.get_call("c1")
        assert call
        return call


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with writing(tmp_path) as writer:
        desk = Desk(writer)
        assert await desk.scribe.started(replace(STARTED, started_at=datetime.now(UTC)))
        yield desk


async def test_a_conversation_ends_the_call(desk: Desk) -> None:
    dial = desk.rings()
    assert (await desk.record()).ended_at is None
    assert await desk.forwarding.dialed(dial.token, SPOKE) is None
    call = await desk.record()
    assert (call.end_reason, call.ended_by) == (EndReason.TRANSFERRED, "bot")
    assert len(desk.forwarding) == 0


async def test_a_webhook_that_is_repeated_gets_the_same_answer(desk: Desk) -> None:
    dial = desk.rings()
    answers = [await desk.forwarding.dialed(dial.token, BUSY) for _ in range(3)]
    assert answers == [Connect("stream 1")] * 3
    assert len(desk.connected) == 1


async def test_a_webhook_that_comes_twice_at_once_gets_the_same_answer(
    desk: Desk,
) -> None:
    dial = desk.rings()
    answers = await asyncio.gather(
        *(desk.forwarding.dialed(dial.token, BUSY) for _ in range(3))
    )
    assert answers == [Connect("stream 1")] * 3


async def test_a_process_that_ends_leaves_no_record_open(desk: Desk) -> None:
    desk.rings()
    desk.forwarding.close()
    assert (await desk.record()).end_reason is EndReason.TRANSFERRED
    assert len(desk.forwarding) == 0


async def test_a_call_that_comes_back_writes_behind_what_it_wrote(desk: Desk) -> None:
    desk.scribe.turn("c1", replace(TURN, seq=4))
    desk.scribe.decision("c1", replace(DECISION, seq=2))
    dial = desk.rings()
    end = ending(
        "c1", EndReason.CALLER_HANGUP, 5000, (Fault.TWILIO_RESET,), usage={"input": 1}
    )
    assert desk.forwarding.stream_over("CA1", end) is None
    await desk.forwarding.dialed(dial.token, BUSY)
    (earlier,) = desk.connected
    assert (earlier.turns, earlier.decisions) == (5, 3)
    assert 5000 <= earlier.ms < 7000
    last = ending("c1", EndReason.BOT_GOODBYE, 3000, (), usage={"input": 2})
    whole = desk.forwarding.stream_over("CA1", last)
    assert whole
    assert (whole.end_reason, whole.usage) == (EndReason.BOT_GOODBYE, {"input": 3})
    assert whole.faults == (Fault.TWILIO_RESET,)


async def test_a_call_without_a_stream_may_get_one_later(desk: Desk) -> None:
    dial = desk.rings()
    await desk.forwarding.dialed(dial.token, BUSY)
    (earlier,) = desk.connected
    assert (earlier.turns, earlier.decisions) == (0, 0)
    assert 0 <= earlier.ms < 2000
    end = ending("c1", EndReason.IDLE, 5, ())
    assert desk.forwarding.stream_over("CA1", end) == end


async def test_without_room_the_call_goes_to_the_voicemail(desk: Desk) -> None:
    dial = desk.rings()
    desk.room = False
    answer = await desk.forwarding.dialed(dial.token, BUSY)
    assert isinstance(answer, TakeMessage)
    await desk.forwarding.recorded(answer.token, LEFT)
    assert (await desk.record()).end_reason is EndReason.VOICEMAIL


async def test_a_call_with_nobody_to_take_it_is_hung_up(desk: Desk) -> None:
    assert desk.go("shut") is None
    assert (await desk.record()).end_reason is EndReason.TRANSFER_FAILED


@pytest.mark.parametrize(
    ("news", "answer"),
    [
        (BUSY, SORRY),
        (replace(SPOKE, bridged=False), SORRY),
        (SPOKE, None),
        (replace(BUSY, caller_left=True), None),
    ],
)
async def test_of_a_transfer_that_another_process_began_little_is_known(
    desk: Desk, news: Dialed, answer: Tell | None
) -> None:
    assert await desk.forwarding.dialed("unknown", news) == answer


async def test_a_token_is_good_for_its_own_call_only(desk: Desk) -> None:
    dial = desk.rings()
    stranger = replace(BUSY, call_sid="CA9")
    assert await desk.forwarding.dialed(dial.token, stranger) == SORRY
    assert desk.connected == []


def test_a_whisper_says_what_is_known_of_the_caller() -> None:
    target = Target("desk", "+15550100777", whisper="It is {{name|somebody}}.")
    origin = Origin("c1", "CA1", "AC1", "+15550100123", "+15550100500", persona())
    assert dial_to(target, origin, "t").whisper == "It is somebody."
    known = replace(origin, values={"name": "Ann"})
    assert dial_to(target, known, "t").whisper == "It is Ann."


async def test_only_who_is_rung_hears_the_whisper(desk: Desk) -> None:
    dial = desk.rings()
    assert desk.forwarding.whisper(dial.token) == ("Hi.", "en")
    assert desk.forwarding.whisper("unknown") == ("", "")
    assert desk.forwarding.whisper(desk.asks().token) == ("", "")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_a_message_is_whole_in_whatever_order_its_parts_come(
    desk: Desk, order: tuple[int, ...]
) -> None:
    token = desk.asks().token
    news = replace(LEFT, is_callback=True, digits="")
    parts = [
        lambda: desk.forwarding.recorded(token, LEFT),
        lambda: desk.forwarding.recorded(token, news),
        lambda: desk.forwarding.transcribed(Transcribed("CA1", RECORDING, "Hello.")),
    ]
    for _ in range(2):  # and told twice
        for number in order:
            await parts[number]()
    (message,) = await desk.store.messages("c1")
    assert message == Message(
        RECORDING, "c1", "https://h/RE1", 12, "Hello.", message.received_at
    )
    assert (await desk.record()).end_reason is EndReason.VOICEMAIL


async def test_a_message_without_a_sound_is_none(desk: Desk) -> None:
    silent = Recorded("CA1", None, "", None, "", is_callback=False)
    await desk.forwarding.recorded(desk.asks().token, silent)
    assert await desk.store.messages("c1") == []
    assert (await desk.record()).end_reason is EndReason.VOICEMAIL


async def test_what_was_not_understood_and_whose_call_nobody_knows_is_not_noted(
    desk: Desk,
) -> None:
    await desk.forwarding.transcribed(Transcribed("CA1", RECORDING, None))
    await desk.forwarding.recorded("t", replace(LEFT, call_sid="CA9"))
    assert await desk.store.messages("c1") == []


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [("desk", EndReason.CALLER_HANGUP), ("voicemail", EndReason.VOICEMAIL)],
)
async def test_a_call_that_is_over_at_twilio_is_over_here(
    desk: Desk, wanted: str, reason: EndReason
) -> None:
    desk.go(wanted)
    await desk.forwarding.call_over("CA9")
    assert (await desk.record()).ended_at is None
    await desk.forwarding.call_over("CA1")
    desk.now += OVER_S + 1  # nothing more is told of it
    desk.forwarding.reap()
    assert (await desk.record()).end_reason is reason


@pytest.mark.parametrize(
    ("news", "reason"),
    [(SPOKE, EndReason.TRANSFERRED), (BUSY, EndReason.CALLER_HANGUP)],
)
async def test_how_a_transfer_went_may_be_told_after_the_call_is_over(
    desk: Desk, news: Dialed, reason: EndReason
) -> None:
    dial = desk.rings()
    await desk.forwarding.call_over("CA1")
    assert await desk.forwarding.dialed(dial.token, news) is None
    assert (await desk.record()).end_reason is reason
    assert desk.connected == []


async def test_a_call_that_nobody_knows_is_hung_up_if_the_log_cannot_be_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(call_sid: str) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(desk.forwarding, "_apology", fails)
    assert await desk.forwarding.dialed("unknown", BUSY) is None


async def test_a_call_that_goes_on_after_its_stream_broke_ends_as_it_does(
    desk: Desk,
) -> None:
    faults = (Fault.TWILIO_RESET,)
    broke = ending("c1", EndReason.INTERNAL_ERROR, 5000, faults, usage={"input": 1})
    desk.scribe.ended(broke)
    desk.forwarding.reopen(await desk.record())
    dial = desk.rings()
    assert (await desk.record()).ended_at is None
    await desk.forwarding.dialed(dial.token, SPOKE)
    call = await desk.record()
    assert call.end_reason is EndReason.TRANSFERRED
    assert call.faults == ("twilio.reset", "internal_error", "specials.failure")
    assert call.usage == {"input": 1}
    assert call.duration_ms is not None
    assert call.duration_ms >= 5000


async def test_a_call_that_was_still_open_goes_on_as_one_that_broke(desk: Desk) -> None:
    desk.forwarding.reopen(await desk.record())
    dial = desk.rings()
    await desk.forwarding.dialed(dial.token, SPOKE)
    assert (await desk.record()).faults == ("specials.failure",)


async def test_what_was_all_that_a_call_was_told_is_told_again_for_two_minutes(
    desk: Desk,
) -> None:
    desk.forwarding.tell("CA1", SORRY)
    assert desk.forwarding.again("CA1") == SORRY
    assert desk.forwarding.again("CA2") is None
    desk.now = SETTLED_S + 1
    desk.forwarding.reap()
    assert desk.forwarding.again("CA1") is None


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [("desk", EndReason.TRANSFERRED), ("voicemail", EndReason.VOICEMAIL)],
)
async def test_a_call_of_which_nobody_speaks_any_more_is_closed(
    desk: Desk, wanted: str, reason: EndReason
) -> None:
    desk.go(wanted)
    desk.now = FORWARD_S
    desk.forwarding.reap()
    assert (await desk.record()).ended_at is None
    desk.now += 1
    desk.forwarding.reap()
    assert (await desk.record()).end_reason is reason


async def test_a_call_that_never_asked_where_to_go_had_hung_up(desk: Desk) -> None:
    desk.rings()
    desk.forwarding.untold("CA1", "<Response/>")
    desk.now = 61
    assert desk.forwarding.after_stream("CA9") is None
    desk.forwarding.reap()
    assert (await desk.record()).end_reason is EndReason.CALLER_HANGUP
    assert desk.forwarding.after_stream("CA1") is None


@pytest.mark.parametrize("stream_first", [True, False])
async def test_a_call_that_was_over_before_it_left_ended_as_its_stream_did(
    desk: Desk, stream_first: bool
) -> None:
    desk.rings()
    end = ending("c1", EndReason.CALLER_HANGUP, 5, ())
    if stream_first:
        assert desk.forwarding.stream_over("CA1", end) is None
        desk.forwarding.cancel("CA1")
    else:
        desk.forwarding.cancel("CA1")
        assert desk.forwarding.stream_over("CA1", end) == end
        desk.scribe.ended(end)
    assert (await desk.record()).end_reason is EndReason.CALLER_HANGUP
