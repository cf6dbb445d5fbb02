"""Every call that is over is told of, by one process at a time, for a day."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from tests.store.noted import put
from tests.store.test_calls import ENDED, STARTED
from voicebot.store.calls import CallStore
from voicebot.store.deliveries import (
    FORGET_AFTER,
    LEASE,
    REVIEW,
    REVIEW_FOR,
    TELL_FOR,
    TRANSCRIBE,
    Delivery,
)
from voicebot.store.tables import deliveries

END = ENDED.ended_at
SOON = END + timedelta(seconds=1)
HOOKS = {0: ["reception", "sales"], 1: ["sales"]}


async def ended(store: CallStore, number: int, persona: str = "reception") -> None:
    name = f"c{number}"
    start = replace(STARTED, call_id=name, call_sid=f"CA{number}", persona=persona)
    at = END + timedelta(milliseconds=number)
    await put(store, start, replace(ENDED, call_id=name, ended_at=at))


def ids(due: list[Delivery]) -> list[tuple[str, int, int]]:
    return [(each.call_id, each.hook, each.tries) for each in due]


async def test_who_has_hooks_is_told_of_calls_that_are_over(store: CallStore) -> None:
    await put(store, replace(STARTED, call_id="c0", call_sid="CA0"))  # is on
    await ended(store, 2)
    await ended(store, 1)
    await ended(store, 3, "nobody")
    await ended(store, 4, "sales")
    outbox = store.deliveries
    assert await outbox.claim({}, SOON) == []
    assert ids(await outbox.claim(HOOKS, SOON)) == [
        ("c1", 0, 0),
        ("c2", 0, 0),
        ("c4", 0, 0),
        ("c4", 1, 0),
    ]


async def test_what_one_has_taken_no_other_takes_before_a_minute(
    store: CallStore,
) -> None:
    await ended(store, 1)
    outbox = store.deliveries
    (first,) = await outbox.claim(HOOKS, SOON)
    assert (first.persona, first.ended_at) == ("reception", END + timedelta(0, 0, 1000))
    assert await outbox.claim(HOOKS, SOON + LEASE / 2) == []
    assert ids(await outbox.claim(HOOKS, SOON + LEASE)) == [("c1", 0, 1)]


async def test_what_was_delivered_is_not_told_again(store: CallStore) -> None:
    await ended(store, 1)
    (due,) = await store.deliveries.claim(HOOKS, SOON)
    await store.deliveries.settle(due, "delivered", SOON, None)
    assert await store.deliveries.claim(HOOKS, END + TELL_FOR) == []


async def test_what_failed_is_told_again_when_it_is_time(store: CallStore) -> None:
    await ended(store, 1)
    outbox = store.deliveries
    (due,) = await outbox.claim(HOOKS, SOON)
    later = SOON + timedelta(seconds=600)
    await outbox.settle(due, "webhook: HTTP 503: not taken", SOON, later)
    assert await outbox.claim(HOOKS, later - timedelta(seconds=1)) == []
    (again,) = await outbox.claim(HOOKS, later)
    assert again.tries == 1
    (row,) = await store._database.read(select(deliveries))
    assert row.tries == 2


async def test_after_a_day_it_is_too_late_and_then_it_is_forgotten(
    store: CallStore,
) -> None:
    await ended(store, 1)
    outbox = store.deliveries
    assert await outbox.claim(HOOKS, SOON)
    assert await outbox.claim(HOOKS, SOON + TELL_FOR) == []
    at = SOON + FORGET_AFTER + LEASE * 2
    start = replace(STARTED, call_id="c9", call_sid="CA9")
    await put(store, start, replace(ENDED, call_id="c9", ended_at=at))
    assert ids(await outbox.claim(HOOKS, at)) == [("c9", 0, 0)]
    rows = await store._database.read(select(deliveries))
    assert [row.call_id for row in rows] == ["c9"]


async def test_rows_that_are_made_anew_are_not_told_of_again(store: CallStore) -> None:
    await ended(store, 1)
    (due,) = await store.deliveries.claim(HOOKS, SOON)
    await store.deliveries.settle(due, "delivered", SOON, None)
    assert await store.rebuild() == 1
    assert await store.deliveries.claim(HOOKS, SOON + LEASE) == []


async def test_others_wait_for_the_review_but_not_for_ever(store: CallStore) -> None:
    await ended(store, 1)
    await ended(store, 2, "sales")
    outbox, wants = store.deliveries, {REVIEW: ["reception"], **HOOKS}
    due = await outbox.claim(wants, SOON)
    assert ids(due) == [("c1", REVIEW, 0), ("c2", 0, 0), ("c2", 1, 0)]
    await outbox.settle(due[0], "reviewed", SOON, None)
    assert ids(await outbox.claim(wants, SOON)) == [("c1", 0, 0)]


async def test_a_review_waits_for_what_is_transcribed(store: CallStore) -> None:
    await ended(store, 1)
    outbox = store.deliveries
    wants = {REVIEW: ["reception"], TRANSCRIBE: ["reception", ""], **HOOKS}
    due = await outbox.claim(wants, SOON)
    assert ids(due) == [("c1", TRANSCRIBE, 0)]
    await outbox.settle(due[0], "transcribed", SOON, None)
    due = await outbox.claim(wants, SOON)
    assert ids(due) == [("c1", REVIEW, 0)]
    await outbox.settle(due[0], "reviewed", SOON, None)
    assert ids(await outbox.claim(wants, SOON)) == [("c1", 0, 0)]


async def test_a_review_that_does_not_come_keeps_others_for_minutes(
    store: CallStore,
) -> None:
    await ended(store, 1)
    wants = {REVIEW: ["reception"], **HOOKS}
    assert len(await store.deliveries.claim(wants, SOON)) == 1
    due = await store.deliveries.claim(wants, SOON + REVIEW_FOR)
    assert ids(due) == [("c1", REVIEW, 1), ("c1", 0, 0)]
