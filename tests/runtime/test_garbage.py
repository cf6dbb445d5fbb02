"""The collector finds little to do, and does it when it is told to."""

import gc
import sys
from collections.abc import Callable, Iterator
from weakref import ref

import pytest

from voicebot.runtime.garbage import (
    CALLS,
    MANY,
    MIDDLE,
    RARELY,
    SWITCH_S,
    YOUNG,
    Sweeper,
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


def test_what_calls_leave_behind_is_taken_away_once_there_are_some() -> None:
    orders: list[Callable[[], object]] = []
    sweeper = Sweeper(orders.append)
    for _ in range(2):
        left = [ref(Call()) for _ in range(CALLS)]
        for _ in left[1:]:
            sweeper.call_over(others=1)
        assert orders == []
        sweeper.call_over(others=1)
        orders.pop()()
        assert {each() for each in left} == {None}


def test_what_goes_on_is_looked_through_once() -> None:
    orders: list[Callable[[], object]] = []
    sweeper = Sweeper(orders.append)
    goes_on = Call()
    for _ in range(CALLS):
        sweeper.call_over(others=1)
    orders.pop()()
    assert not any(each is goes_on for each in gc.get_objects())
    left = ref(goes_on)
    del goes_on
    gc.collect()
    assert left()  # it was left out, so it isn't found


def test_calls_that_only_begin_are_looked_through_too_and_never_many_at_once() -> None:
    orders: list[Callable[[], object]] = []
    sweeper = Sweeper(orders.append)
    for _ in range(CALLS - 1):
        sweeper.call_begun()
    assert orders == []
    sweeper.call_over(others=CALLS - 2)
    assert len(orders) == 1


def test_all_is_looked_through_after_many_calls_when_none_is_on() -> None:
    orders: list[Callable[[], object]] = []
    sweeper = Sweeper(orders.append)
    left = ref(Call())
    gc.freeze()
    for _ in range(MANY - 1):
        sweeper.call_over(others=0)
    orders[-1]()
    assert left()
    sweeper.call_over(others=0)
    orders[-1]()
    assert left() is None
    assert gc.get_freeze_count() > 10_000
