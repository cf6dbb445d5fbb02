"""Who is alive, and what becomes of the calls of who isn't."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.store.noted import put
from tests.store.test_calls import NOON, another
from voicebot.errors import StoreError
from voicebot.store.calls import CallStore
from voicebot.store.instance import BEATS_A_LOOK, Instance
from voicebot.store.orphans import DEAD_S, HEARTBEAT_S

BEAT = timedelta(seconds=HEARTBEAT_S)


async def calls_of(store: CallStore, instance: Instance, number: int) -> None:
    await put(store, replace(another(number), instance_id=instance.id))


async def test_a_process_that_takes_the_place_of_a_dead_one_ends_its_calls_at_once(
    store: CallStore, tmp_path: Path
) -> None:
    before = Instance(store, tmp_path)
    assert await before.begin(NOON) == 0
    await calls_of(store, before, 1)
    us = Instance(store, tmp_path)
    assert await us.begin(NOON + BEAT) == 1
    assert (tmp_path / "instance").read_text() == us.id
    assert (tmp_path / "instance").stat().st_mode & 0o777 == 0o600


async def test_processes_side_by_side_leave_each_other_s_calls_alone(
    store: CallStore, tmp_path: Path
) -> None:
    one, other = Instance(store, tmp_path / "one"), Instance(store, tmp_path / "other")
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    await one.begin(NOON)
    await calls_of(store, one, 1)
    assert await other.begin(NOON + BEAT) == 0
    at = NOON
    for _ in range(2 * BEATS_A_LOOK):
        at += BEAT
        assert await one.beat(at) + await other.beat(at) == 0
    closed = 0  # now one falls silent
    for _ in range(2 * BEATS_A_LOOK):
        at += BEAT
        closed += await other.beat(at)
    assert closed == 1
    assert DEAD_S < 2 * BEATS_A_LOOK * HEARTBEAT_S <= 60


async def test_a_folder_that_cannot_be_written_is_a_store_error(
    store: CallStore, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="instance: No such file"):
        await Instance(store, tmp_path / "none").begin(NOON)
