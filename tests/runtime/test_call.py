"""A call's orders to its caller: what one event brings leaves in one write."""

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from tests.net.test_media_socket import Blocked
from tests.twilio.examples import frame
from voicebot.bridge.model import (
    CallerKey,
    ClearCaller,
    CommitAudio,
    Ending,
    MarkCaller,
    PeerLost,
    PlayToCaller,
)
from voicebot.flow.flow import Flow
from voicebot.flow.model import Input, Order
from voicebot.net.media_socket import WRITE_S, MediaSocket
from voicebot.runtime.alarms import Alarms
from voicebot.runtime.call import Call
from voicebot.runtime.errands import Errands
from voicebot.runtime.legs import ModelAction
from voicebot.runtime.no_model import NoModel
from voicebot.runtime.scribe import Diary
from voicebot.store.faults import Fault
from voicebot.twilio.stream import MediaStream
from voicebot.websocket.frames import text_frames

ULAW = bytes(160)
KEY = CallerKey("1")


class Script:
    """A flow that answers events with orders made up beforehand."""

    def __init__(self, *orders: list[Order]) -> None:
        self.orders = [*orders]
        self.happened: list[Input] = []

    def handle(self, event: Input, now: float) -> list[Order]:
        self.happened.append(event)
        return self.orders.pop(0) if self.orders else []

    def next_deadline(self) -> float | None:
        return None


def line(
    script: Script, model: NoModel | None = None
) -> tuple[Call, Blocked, MediaSocket, MediaStream]:
    """A call that runs a script, and what it writes to."""
    transport, stream = Blocked(), MediaStream()
    stream.receive(frame("ws.start"))
    socket = MediaSocket(web.WebSocketResponse(), transport)
    call = Call(
        call_sid="CA",
        account_sid="AC",
        socket=socket,
        stream=stream,
        conduct=lambda began_at: cast(Flow, script),
        apologises=False,
        model=model or NoModel(),
        director=None,
        errands=cast(Errands, None),
        stage=cast(Any, None),
        diary=cast(Diary, SimpleNamespace(fault=lambda code, at_ms: None)),
        spend=lambda spent: [],
        leave=cast(Any, None),
        private=frozenset(),
        text=lambda order, deliver: None,
        recorder=None,
        rest=None,
        alarms=Alarms(),
    )
    return call, transport, socket, stream


async def test_what_one_event_brings_leaves_in_one_write_and_in_order() -> None:
    orders: list[Order] = [ClearCaller(1.0), PlayToCaller(ULAW, 1.0), MarkCaller("m")]
    call, transport, _, stream = line(Script(orders, [MarkCaller("n")], []))
    for _ in range(3):
        call.deliver(KEY)
    assert transport.written == [
        text_frames([stream.clear(), stream.play(ULAW), stream.mark("m")]),
        text_frames([stream.mark("n")]),
    ]


async def test_what_a_bug_comes_after_is_written_all_the_same() -> None:
    bug = cast(Order, "no order")
    call, transport, _, stream = line(Script([PlayToCaller(ULAW, 1.0), bug]))
    with pytest.raises(AssertionError):
        call.deliver(KEY)
    assert transport.written == [text_frames([stream.play(ULAW)])]


async def test_an_event_in_the_midst_of_orders_overtakes_nothing() -> None:
    class Hasty(NoModel):
        def send(self, action: ModelAction) -> None:
            call.deliver(KEY)

    orders: list[Order] = [PlayToCaller(ULAW, 1.0), CommitAudio(), MarkCaller("m")]
    script = Script(orders, [MarkCaller("n")])
    call, transport, _, stream = line(script, Hasty())
    call.deliver(KEY)
    assert b"".join(transport.written) == text_frames(
        [stream.play(ULAW), stream.mark("n"), stream.mark("m")]
    )


async def test_a_caller_whose_line_takes_nothing_is_lost() -> None:
    loop = asyncio.get_running_loop()
    script = Script([PlayToCaller(ULAW, 1.0)], [PlayToCaller(ULAW, 1.0)])
    now = 100.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", lambda: now)
        call, transport, socket, stream = line(script)
        socket.pause_writing()
        now += WRITE_S - 0.01
        call.deliver(KEY)
        assert transport.written == [text_frames([stream.play(ULAW)])]
        now += 0.01
        call.deliver(KEY)
        assert len(transport.written) == 1
        assert call.faults == Counter({Fault.TWILIO_WRITE_BLOCKED: 1})
    await asyncio.sleep(0)
    assert script.happened == [KEY, KEY, PeerLost(Ending.TWILIO_LOST)]
