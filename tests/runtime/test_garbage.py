"""The collector finds little to do, and does it when it is told to."""

import gc
import sys
from collections.abc import Callable, Iterator
from weakref import ref

import pytest

from voicebot.runtime.garbage import (
    CALLS,
    MIDDLE,
    RARELY,
    SWITCH_S,
    YOUNG,
    Sweeper,
    settle,
)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
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
            sweeper.call_over()
        assert orders == []
        sweeper.call_over()
        orders.pop()()
        assert {each() for each in left} == {None}
