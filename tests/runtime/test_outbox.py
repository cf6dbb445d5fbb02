"""What waits to be written is bounded, in order, and never waits for ever."""

import asyncio

import pytest

from voicebot.runtime import outbox
from voicebot.runtime.outbox import Outbox


async def test_frames_leave_in_order() -> None:
    box, sent = Outbox(10), list[bytes]()
    for frame in (b"1", b"2", b"3"):
        assert box.put(frame)

    async def send(frame: bytes) -> None:
        sent.append(frame)
        if len(sent) == 3:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await box.write(send)
    assert sent == [b"1", b"2", b"3"]


def test_a_full_box_takes_nothing() -> None:
    box = Outbox(1)
    assert box.put(b"1")
    assert not box.put(b"2")


async def test_a_peer_that_does_not_read_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "WRITE_S", 0.0)
    box = Outbox(1)
    box.put(b"1")

    async def send(frame: bytes) -> None:
        await asyncio.Event().wait()

    with pytest.raises(ConnectionError, match="it doesn't read"):
        await box.write(send)
