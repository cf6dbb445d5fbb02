"""Two ends of one socket pair, in one process."""

import asyncio
import os
import pickle
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest

from voicebot.dialplan.load import load
from voicebot.runtime import pipe as module
from voicebot.runtime.forward import Origin, always
from voicebot.runtime.live import Earlier, Ticket
from voicebot.runtime.orders import Conduct, Forget, Noted, Over, Ready
from voicebot.runtime.pipe import MAX_QUEUED, Pipe, packed, unpacked
from voicebot.runtime.scribe import ending
from voicebot.store.records import EndReason, KeyPressed

DIALPLANS = Path(__file__).parents[2] / "dialplans"


@dataclass
class End:
    """What came in at one end."""

    pipe: Pipe
    got: asyncio.Queue[tuple[object, int | None]]
    lost: asyncio.Event

    async def next(self) -> tuple[object, int | None]:
        async with asyncio.timeout(5):
            return await self.got.get()


def end_of(one: socket.socket) -> End:
    got: asyncio.Queue[tuple[object, int | None]] = asyncio.Queue()
    lost = asyncio.Event()
    pipe = Pipe(one, lambda *each: got.put_nowait(each), lost.set)
    return End(pipe, got, lost)


@pytest.fixture
async def ends() -> tuple[End, End]:
    one, other = socket.socketpair()
    return end_of(one), end_of(other)


@pytest.fixture(autouse=True)
def _nothing_is_left(ends: tuple[End, End]) -> Iterator[None]:
    yield
    for end in ends:
        end.pipe.close()


async def test_messages_come_in_order_however_large_they_are(
    ends: tuple[End, End],
) -> None:
    here, there = ends
    sent = [Forget("x" * size) for size in (1, 3_000_000, 10, 0)]
    for message in sent:
        here.pipe.send(message)
    assert [(await there.next())[0] for _ in sent] == sent


async def test_a_socket_comes_with_its_message_and_is_the_others_then(
    ends: tuple[End, End],
) -> None:
    here, there = ends
    for word in (b"one", b"two"):
        reads, writes = os.pipe()
        os.write(writes, word)
        os.close(writes)
        here.pipe.send(Forget("before"))
        here.pipe.send(Forget(word.decode()), reads)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(reads)
    for word in (b"one", b"two"):
        assert await there.next() == (Forget("before"), None)
        message, descriptor = await there.next()
        assert message == Forget(word.decode())
        assert descriptor is not None
        assert os.read(descriptor, 10) == word
        os.close(descriptor)


async def test_the_other_end_is_told_once_that_one_is_gone(
    ends: tuple[End, End],
) -> None:
    here, there = ends
    here.pipe.close()
    async with asyncio.timeout(5):
        await there.lost.wait()
    assert not here.lost.is_set()  # it was its own wish
    reads, writes = os.pipe()
    os.close(writes)
    there.pipe.send(Ready(), reads)  # to nobody: what came along is closed
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reads)


async def test_who_reads_no_more_is_given_up(ends: tuple[End, End]) -> None:
    here, there = ends
    there.pipe.close = lambda: None  # type: ignore[method-assign]
    asyncio.get_running_loop().remove_reader(there.pipe._end.fileno())
    half = Forget("x" * (MAX_QUEUED // 2))
    here.pipe.send(half)
    assert not here.lost.is_set()
    here.pipe.send(half)
    here.pipe.send(half)
    assert here.lost.is_set()
    there.pipe._end.close()
    here.pipe.close()


@dataclass(frozen=True)
class Stranger:
    """A class that isn't voicebot's."""


def test_what_isnt_ours_is_refused() -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"os\.system|posix\.system"):
        unpacked(pickle.dumps(os.system))
    with pytest.raises(pickle.UnpicklingError, match="expected a class of ours"):
        unpacked(packed(Stranger()))


@pytest.mark.parametrize("persona", sorted(load(DIALPLANS).personas))
def test_a_ticket_comes_through_whole(persona: str) -> None:
    who = load(DIALPLANS).personas[persona]
    origin = Origin(
        "c1",
        "CA1",
        "AC1",
        "+15550100199",
        "+15550100001",
        who,
        values=MappingProxyType({"name": "value"}),
        family=who.family,
    )
    ticket = Ticket("c1", "CA1", "AC1", who, 1.0, Earlier(1, 2, 3), origin=origin)
    got = unpacked(packed(Conduct(ticket, "token", b"GET")))
    assert isinstance(got, Conduct)
    assert got.ticket == ticket
    assert got.ticket.origin.is_open is always
    assert got.ticket.persona.variants == who.variants


def test_news_come_through_whole() -> None:
    at = datetime.now(UTC)
    end = ending("c1", EndReason.IDLE, 5, (), usage={"input_tokens": 3})
    for news in (Noted(KeyPressed("c1", 4), at), Over("c1", end)):
        assert unpacked(packed(news)) == news


def test_the_list_of_others_is_short_and_can_do_nothing() -> None:
    assert len(module.OTHERS) < 20
    modules = {name for name, _ in module.OTHERS}
    assert not modules & {"os", "posix", "subprocess", "sys", "importlib", "socket"}
