"""The alarms of all calls ring on a grid, together."""

import asyncio
from gc import collect
from weakref import ref

from voicebot.runtime.alarms import GRID_S, Alarms


class Sleeper:
    """Who is woken."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.rung_at: list[float] = []
        self.woken = asyncio.Event()

    def ring(self) -> None:
        self.rung_at.append(self.loop.time())
        self.woken.set()


async def test_an_alarm_rings_once_and_soon_after_its_time() -> None:
    alarms, one, other = Alarms(), Sleeper(), Sleeper()
    now = one.loop.time()
    alarms.set(one, now + 0.003)
    alarms.set(other, now + 5 * GRID_S)
    async with asyncio.timeout(5):
        await other.woken.wait()
    assert len(one.rung_at) == len(other.rung_at) == 1
    assert one.rung_at[0] >= now + 0.003 - 0.001  # uvloop's clock has milliseconds
    assert one.rung_at[0] < other.rung_at[0]


async def test_no_instant_is_before_its_time_even_by_a_bit() -> None:
    alarms, who = Alarms(), Sleeper()
    for now_ms in range(90_000_000, 90_001_000):
        for after_ms in (7, 20, 333):
            at = now_ms / 1000 + after_ms / 1000
            instant = alarms.set(who, at)
            assert at <= instant * GRID_S < at + GRID_S + 1e-6
            alarms.stop(who, instant)


async def test_those_of_one_instant_share_a_timer() -> None:
    alarms, sleepers = Alarms(), [Sleeper() for _ in range(100)]
    at = GRID_S * (round(sleepers[0].loop.time() / GRID_S) + 2)
    instants = {
        alarms.set(each, at - GRID_S * (n + 1) / 102) for n, each in enumerate(sleepers)
    }
    assert len(instants) == 1
    async with asyncio.timeout(5):
        await asyncio.gather(*(each.woken.wait() for each in sleepers))
    rung_at = [each.rung_at[0] for each in sleepers]
    assert max(rung_at) - min(rung_at) < GRID_S / 2  # one by one, it would be all of it


async def test_who_stopped_an_alarm_is_neither_rung_nor_kept() -> None:
    alarms, stays = Alarms(), Sleeper()
    leaves, goes = Sleeper(), Sleeper()
    soon = stays.loop.time() + 2 * GRID_S
    alarms.set(stays, soon)
    alarms.stop(leaves, alarms.set(leaves, soon))
    alarms.stop(goes, alarms.set(goes, stays.loop.time() + 3600))
    async with asyncio.timeout(5):
        await stays.woken.wait()
    assert not leaves.rung_at
    alarms.stop(stays, alarms.set(stays, 0.0) + 1)  # it isn't there: nothing happens
    gone = ref(goes)
    del goes
    collect()
    assert gone() is None
