"""When timers are set, so that nobody is woken before the time."""

import asyncio
import operator
from functools import partial

import pytest
import uvloop

from voicebot.sim.clock import Alarm, instant


@pytest.mark.parametrize("whole_ms", [0, 1, 8_192, 86_400_001, 4_294_967_297])
def test_a_whole_millisecond_is_its_own_instant(whole_ms: int) -> None:
    assert instant(whole_ms / 1000) == whole_ms / 1000
    assert instant(whole_ms / 1000 + 0.0001) == (whole_ms + 1) / 1000


def test_no_instant_is_before_its_deadline_even_by_a_bit() -> None:
    for now_ms in range(18_000_000, 18_001_000):
        for after_ms in (1, 7, 20, 333):
            deadline_s = now_ms / 1000 + after_ms / 1000
            assert deadline_s <= instant(deadline_s) < deadline_s + 0.0011


def test_on_uvloop_a_timer_that_is_set_for_it_fires_once_and_in_time() -> None:
    async def wakes_and_lateness_s(after_s: float) -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        due_s, wakes, over = loop.time() + after_s, 0, loop.create_future()

        def wake() -> None:
            nonlocal wakes
            wakes += 1
            if loop.time() < due_s:
                loop.call_at(instant(due_s), wake)
            else:
                over.set_result(None)

        loop.call_at(instant(due_s), wake)
        await over
        return wakes, loop.time() - due_s

    for after_s in (0.0021, 0.0023, 0.0049, 0.0058, 0.007):
        wakes, late_s = uvloop.run(wakes_and_lateness_s(after_s))
        assert wakes == 1
        assert late_s >= 0


async def test_alarms_of_one_millisecond_ring_unless_they_were_stopped() -> None:
    loop = asyncio.get_running_loop()
    rung: list[str] = []
    at_s = loop.time() + 0.02
    alarms = {name: Alarm(partial(rung.append, name)) for name in "abcdef"}
    for alarm in alarms.values():
        alarm.set(at_s)
    alarms["b"].stop()
    alarms["c"].set(at_s + 60)  # the earlier one counts
    alarms["d"].set(at_s - 0.01)
    alarms["e"].stop()
    alarms["e"].set(at_s)

    await asyncio.sleep(0.05)

    assert rung == ["d", "a", "c", "f", "e"]
    await asyncio.sleep(0.02)
    assert len(rung) == 5


async def test_an_alarm_that_is_stopped_by_another_of_its_millisecond_is_silent() -> (
    None
):
    at_s = asyncio.get_running_loop().time() + 0.01
    rung: list[str] = []
    second = Alarm(lambda: rung.append("second"))
    first = Alarm(second.stop)
    first.set(at_s)
    second.set(at_s)
    await asyncio.sleep(0.03)
    assert not rung


async def test_a_bug_of_one_alarm_keeps_no_other_from_ringing() -> None:
    loop = asyncio.get_running_loop()
    bugs: list[BaseException] = []
    loop.set_exception_handler(lambda _, context: bugs.append(context["exception"]))
    at_s, rung = loop.time() + 0.01, asyncio.Event()
    Alarm(partial(operator.truediv, 1, 0)).set(at_s)
    Alarm(rung.set).set(at_s)
    async with asyncio.timeout(5):
        await rung.wait()
    assert [type(bug) for bug in bugs] == [ZeroDivisionError]
