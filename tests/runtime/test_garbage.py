"""The collector finds little to do, and does it when it is told to."""

import gc
import sys
from collections.abc import Callable, Iterator
from weakref import ref

import pytest

from voicebot.runtime.garbage import (
    MANY,
    MIDDLE,
    RARELY,
    SWITCH_S,
    YOUNG,
    Sweeper,
    _leave_out,
    settle,
)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    gc.unfreeze()  # what calls of other tests have left out
    before, switch_s = gc.get_threshold(), sys.getswitchinterval()
    yield
    sys.setswitchinterval(switch_s)
    gc.unfreeze()
    gc.set_threshold(*before)
    if _leave_out in gc.callbacks:
        gc.callbacks.remove(_leave_out)


class Call:
    """Something that knows itself."""

    def __init__(self) -> None:
        self.me = self


def test_what_is_there_is_left_out_of_collections() -> None:
    before = gc.get_freeze_count()
    settle()
    assert gc.get_freeze_count() > before + 10_000
    assert len(gc.get_objects()) < 1000
    assert gc.get_threshold() == (YOUNG, MIDDLE, RARELY)
    assert sys.getswitchinterval() == pytest.approx(SWITCH_S)


def test_who_lived_through_a_look_is_left_out_of_others() -> None:
    settle()
    settle()
    assert gc.callbacks.count(_leave_out) == 1
    goes_on, left = Call(), ref(Call())
    gc.collect(0)
    assert any(each is goes_on for each in gc.get_objects())
    gc.collect(1)
    assert left() is None
    assert not any(each is goes_on for each in gc.get_objects())
    left = ref(goes_on)
    del goes_on
    gc.collect()
    assert left()  # it was left out, so it isn't found


def test_all_is_looked_through_after_many_calls_when_none_is_on() -> None:
    orders: list[Callable[[], object]] = []
    sweeper = Sweeper(orders.append)
    for _ in range(MANY - 1):
        sweeper.call_over(others=0)
    sweeper.call_over(others=1)
    assert orders == []
    left = ref(Call())
    gc.freeze()
    sweeper.call_over(others=0)
    orders.pop()()
    assert left() is None
    assert gc.get_freeze_count() > 10_000
    sweeper.call_over(others=0)
    assert orders == []
