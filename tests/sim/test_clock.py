"""When timers are set, so that nobody is woken before the time."""

import asyncio

import pytest
import uvloop

from voicebot.sim.clock import instant


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
