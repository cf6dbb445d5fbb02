"""Calls are counted as they were, wherever the log lies."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.store.noted import put
from tests.store.test_calls import DECISION, ENDED, NOON, TURN, another
from voicebot.store.calls import CallStore
from voicebot.store.records import EndReason
from voicebot.store.statistics import Group, Grouping, Spread, spread
from voicebot.store.which import Which

NONE = Spread(0, None, None)


async def fill(store: CallStore) -> None:
    """Two calls that are over, and one of the day after that goes on."""
    await put(store, another(1), another(2), another(3, NOON + timedelta(days=1)))
    for call, ms in (("c1", 300), ("c1", 900), ("c2", 500)):
        await put(store, replace(TURN, call_id=call, seq=ms, reply_ms=ms))
    await put(store, replace(TURN, reply_ms=None, seq=1))
    ignored = replace(DECISION, call_id="c2", outcome="ignored")
    await put(store, DECISION, replace(DECISION, seq=2), ignored)
    await put(store, ENDED)
    over = replace(
        ENDED, call_id="c2", duration_ms=30_000, end_reason=EndReason.IDLE, faults=()
    )
    await put(store, over)


async def test_calls_are_counted_with_what_happened_in_them(store: CallStore) -> None:
    assert await store.statistics(None) == []
    await fill(store)
    assert await store.statistics(None) == [
        Group(
            key="all",
            calls=3,
            open=1,
            total_ms=90_000,
            duration=Spread(2, 30_000, 60_000),
            reply=Spread(3, 500, 900),
            barge_ins=2,
            faults={"stepfun.lost": 1},
        )
    ]


@pytest.mark.parametrize(
    ("by", "counts"),
    [
        (Grouping.PERSONA, {"reception": 3}),
        (Grouping.DAY, {"2026-11-22": 2, "2026-11-23": 1}),
        (Grouping.END_REASON, {"bot_goodbye": 1, "idle": 1, "not yet": 1}),
    ],
)
async def test_they_are_told_apart_by_what_is_asked(
    store: CallStore, by: Grouping, counts: dict[str, int]
) -> None:
    await fill(store)
    found = await store.statistics(by)
    assert {group.key: group.calls for group in found} == counts
    assert [group.key for group in found] == sorted(counts)
    assert sum(group.barge_ins for group in found) == 2


async def test_only_those_are_counted_that_are_meant(store: CallStore) -> None:
    await fill(store)
    (group,) = await store.statistics(None, Which(since=NOON + timedelta(hours=1)))
    assert (group.calls, group.open, group.reply, group.duration) == (1, 1, NONE, NONE)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({}, NONE),
        ({7: 1}, Spread(1, 7, 7)),
        ({1: 19, 2: 1}, Spread(20, 1, 1)),
        ({1: 18, 2: 2}, Spread(20, 1, 2)),
        ({3: 1, 1: 1, 2: 1}, Spread(3, 2, 3)),
    ],
)
def test_a_percentile_is_the_least_time_that_so_many_stay_within(
    times: dict[int, int], expected: Spread
) -> None:
    assert spread(Counter(times)) == expected
