"""Whatever fails, calls go on, and nothing that was acknowledged is lost."""

import asyncio
import errno
import os
import signal
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.noted import CALM, writing
from tests.store.postgres import running_postgres
from tests.store.test_calls import (
    CANARY,
    DECISION,
    ENDED,
    MESSAGE,
    NOON,
    STARTED,
    TURN,
    another,
)
from voicebot.errors import StoreError
from voicebot.store import engines, writer
from voicebot.store.calls import open_store
from voicebot.store.records import CallAnswered, CallStarted, EndReason
from voicebot.store.records import Record as Noted
from voicebot.store.triage import Patience, Step
from voicebot.store.writer import Writer, open_writer

BRISK = Patience(slow_s=0.01, again_s=(0.01,), gather_s=0)
WAL = "PRAGMA journal_mode = WAL"
CALL: tuple[Noted, ...] = (
    CallAnswered("c1", "MZ1", NOON),
    TURN,
    DECISION,
    MESSAGE,
    ENDED,
)


async def takes_a_call(one: Writer, start: CallStarted = STARTED) -> None:
    """A whole call; each of its records is on disk before the next one is noted."""
    assert await one.start(start)
    for record in CALL:
        assert one.note(replace(record, call_id=start.call_id), NOON)
        await one.written()


async def has_the_call(one: Writer, call_id: str = "c1") -> bool:
    call = await one.store.get_call(call_id)
    assert call
    assert await one.store.turns(call_id) == [replace(TURN, call_id=call_id)]
    return call.end_reason is ENDED.end_reason and call.stream_sid == "MZ1"


async def forget_connections(one: Writer) -> None:
    """Let the next transaction open the file anew. None is going on."""
    log = one.store.database._log
    assert isinstance(log, engines._File)
    await log._slowly(log._engine.dispose)


async def test_what_is_noted_is_stored(where: Path | str, tmp_path: Path) -> None:
    async with writing(tmp_path / "mine", where) as one:
        await takes_a_call(one)
        await one.stored()
        assert await has_the_call(one)
        assert len(await one.store.events("c1")) == 1 + len(CALL)
        assert len(one._recent) == 0
    assert (tmp_path / "mine" / "spill.jsonl").read_bytes() == b""


async def test_a_webhook_that_is_repeated_is_one_call(
    where: Path | str, tmp_path: Path
) -> None:
    async with (
        writing(tmp_path / "mine", where) as one,
        writing(tmp_path / "other", where) as other,
    ):
        starts = [replace(STARTED, call_id=f"c{number}") for number in range(8)]
        new = await asyncio.gather(*map(Writer.start, [one, other] * 4, starts))
        assert sum(new) == 1
        (call,) = await one.store.list_calls(9)
        assert call.call_id == starts[new.index(True)].call_id


@pytest.mark.parametrize(
    ("busy_ms", "patience"),
    [(1, BRISK), (1, replace(CALM, again_s=(0.01,))), (60_000, BRISK)],
    ids=["refuses", "refuses, and is waited for", "does not answer"],
)
async def test_a_database_that_is_locked_keeps_no_call_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy_ms: int, patience: Patience
) -> None:
    monkeypatch.setattr(
        engines, "ON_CONNECT", (f"PRAGMA busy_timeout = {busy_ms}", WAL)
    )
    async with writing(tmp_path, patience=patience) as one:
        with closing(sqlite3.connect(tmp_path / "calls.sqlite")) as other:
            other.execute("BEGIN EXCLUSIVE")
            await takes_a_call(one)
            call = await one.call_by_sid("CA1")
            assert call
            assert call.end_reason is ENDED.end_reason
            assert not await one.start(replace(STARTED, call_id="again"))
            assert await one.store.list_calls(9) == []
            assert (tmp_path / "spill.jsonl").stat().st_size > 0
            other.rollback()
        await takes_a_call(one, another(2))
        await one.stored()
        assert await has_the_call(one)
        assert await has_the_call(one, "c2")
        assert len(await one.store.events("c1")) == 1 + len(CALL)
        assert len(one._recent) == 0
    assert (tmp_path / "spill.jsonl").read_bytes() == b""


async def test_a_database_that_may_not_grow_keeps_no_call_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that is full, but for what is kept for the spill."""
    async with writing(tmp_path, patience=replace(CALM, again_s=(0.01,))) as one:
        await takes_a_call(one)
        await one.stored()
        with monkeypatch.context() as patch:
            full = (*engines.ON_CONNECT, "PRAGMA max_page_count = 1")
            patch.setattr(engines, "ON_CONNECT", full)
            await forget_connections(one)
            for number in range(2, 9):  # the first few still have room
                await takes_a_call(one, another(number))
            assert one._triage.is_away
        async with one.store._database._writing:  # no connection is in use
            await forget_connections(one)
        await one.stored()
        for number in range(1, 9):
            assert await has_the_call(one, f"c{number}")


async def test_a_log_lies_where_its_name_says_whatever_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "100%25 of a?mode=ro&b#c" / "calls.sqlite"
    async with writing(tmp_path / "mine", path) as one:
        await takes_a_call(one)
    assert set(os.listdir(tmp_path)) == {"mine", path.parent.name}
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM calls").fetchone() == (1,)


@pytest.mark.parametrize("folder", [False, True], ids=["nothing", "a folder"])
async def test_a_database_whose_file_is_moved_away_is_away(
    tmp_path: Path, folder: bool
) -> None:
    """A connection goes on writing to a file wherever it is: nobody would find that."""
    path, away = tmp_path / "calls.sqlite", tmp_path / "away"
    async with writing(tmp_path, patience=replace(CALM, again_s=(0.01,))) as one:
        await takes_a_call(one)
        await one.stored()
        path.rename(away)
        if folder:  # in its place
            path.mkdir(mode=0o500)
        await takes_a_call(one, another(2))
        assert (tmp_path / "spill.jsonl").stat().st_size > 0
        assert path.exists() is folder  # no other log was begun
        if folder:
            path.rmdir()
        away.rename(path)
        await one.stored()
        assert await has_the_call(one)
        assert await has_the_call(one, "c2")
        assert len(await one.store.list_calls(9)) == 2


async def test_what_a_dead_process_spilled_is_stored_by_the_next_one(
    tmp_path: Path,
) -> None:
    script = """
import asyncio, os, sqlite3, sys
from pathlib import Path
from tests.store.noted import writing
from tests.store.test_writer import BRISK, takes_a_call
async def main():
    folder = Path(sys.argv[1])
    async with writing(folder, patience=BRISK) as one:
        other = sqlite3.connect(folder / "calls.sqlite")
        other.execute("BEGIN EXCLUSIVE")
        await takes_a_call(one)
        os._exit(9)
asyncio.run(main())
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = await asyncio.create_subprocess_exec(*command, env=env)
    assert await process.wait() == 9
    async with open_store(tmp_path / "calls.sqlite") as store:
        assert await store.list_calls(9) == []
    for _ in range(2):
        async with open_writer(tmp_path / "calls.sqlite", tmp_path) as one:
            assert await has_the_call(one)
            assert len(await one.store.events("c1")) == 1 + len(CALL)


KILLED = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from tests.store.noted import writing
from tests.store.test_calls import TURN, another
from tests.store.test_writer import BRISK
async def main():
    async with writing(Path(sys.argv[1]), patience=BRISK) as one:
        first = int(sys.argv[2])
        for number in range(first, first + 100_000):
            assert await one.start(another(number))
            one.note(replace(TURN, call_id=f"c{number}"), another(0).started_at)
            await one.written()
            print(number, flush=True)
asyncio.run(main())
"""


@pytest.mark.timeout(120)  # it starts three processes, one after the other
async def test_nothing_that_was_acknowledged_is_lost_when_a_process_is_killed(
    tmp_path: Path,
) -> None:
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    path = tmp_path / "calls.sqlite"
    acknowledged = 0
    for life in range(3):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", KILLED, str(tmp_path), str(life * 100_000)),
            env=env,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout
        lines = 0
        # One is killed in the middle of writing, one in the middle of spilling.
        with closing(sqlite3.connect(path)) as other:
            async for line in process.stdout:
                lines += line.strip().isdigit()
                if lines == 5 and life == 1:
                    other.execute("BEGIN EXCLUSIVE")
                if lines == 12:
                    process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
        acknowledged += lines
    async with open_writer(path, tmp_path) as one:
        calls = await one.store.list_calls(10_000)
        turns = sum([len(await one.store.turns(call.call_id)) for call in calls])
        assert acknowledged <= len(calls) <= acknowledged + 3
        assert acknowledged <= turns <= len(calls)
        assert await one.store.close_orphans(NOON, "us") == len(calls)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_without_database_and_disk_no_call_is_taken_and_what_goes_on_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "ON_CONNECT", ("PRAGMA busy_timeout = 1", WAL))
    monkeypatch.setattr(writer, "START_S", 0.1)
    fsync = os.fsync

    def fails(file: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async with writing(tmp_path, patience=BRISK) as one:
        assert await one.start(STARTED)
        await one.stored()  # else it has the lock that we take
        with closing(sqlite3.connect(tmp_path / "calls.sqlite")) as other:
            other.execute("BEGIN EXCLUSIVE")
            monkeypatch.setattr(os, "fsync", fails)
            with pytest.raises(StoreError, match="and neither does the disk"):
                await one.start(another(2))
            for record in CALL:
                assert one.note(record, NOON)
            other.rollback()
        await one.stored()
        monkeypatch.setattr(os, "fsync", fsync)
        assert await has_the_call(one)
        call = await one.store.get_call("c2")
        assert call
        assert (call.end_reason, call.faults) == (EndReason.REJECTED, ("store.away",))


async def test_what_is_held_has_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_HELD", 2)
    async with open_writer(tmp_path / "calls.sqlite", tmp_path) as one:
        assert one.note(STARTED, NOON)
        assert one.note(TURN, NOON)
        assert not one.note(TURN, NOON)
        with pytest.raises(StoreError, match="doesn't take a call"):
            await one.start(another(2))


async def test_an_event_that_the_database_refuses_is_kept_and_keeps_none_up(
    where: Path | str, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    wrong = replace(TURN, seq=7, generated_text=CANARY, started_ms=None)  # type: ignore[arg-type]
    async with writing(folder, where) as one:
        assert await one.start(STARTED)
        one.note(wrong, NOON)
        for record in CALL:
            one.note(record, NOON)
        await one.stored()
        assert await has_the_call(one)
    assert CANARY in (folder / "refused.jsonl").read_text()
    assert not (folder / "spill.jsonl").read_text()


async def test_a_bug_in_writing_is_told_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_writer(tmp_path / "calls.sqlite", tmp_path, BRISK) as one:
        with monkeypatch.context() as patch:
            patch.setattr("voicebot.store.append._row_of", lambda _: 1 // 0)
            one.note(STARTED, NOON)
            with pytest.raises(ZeroDivisionError):
                await one.run()
        task = asyncio.create_task(one.run())  # cancelled below
        await one.stored()
        task.cancel()
        assert len(await one.store.list_calls(9)) == 1


async def test_who_stops_waiting_keeps_nobody_else_from_it(tmp_path: Path) -> None:
    async with open_writer(tmp_path / "calls.sqlite", tmp_path) as one:
        one.note(STARTED, NOON)
        impatient = asyncio.create_task(one.written())  # cancelled below
        patient = asyncio.create_task(one.written())  # awaited below
        await asyncio.sleep(0)
        impatient.cancel()
        run = asyncio.create_task(one.run())  # cancelled below
        await patient
        run.cancel()
        assert impatient.cancelled()


async def test_a_call_that_was_told_of_stays_one_if_another_process_has_its_sid(
    where: Path | str, tmp_path: Path
) -> None:
    """It was on the disk's side of a split: nobody can take that back."""
    async with writing(tmp_path / "other", where) as other:
        await other.start(STARTED)
        await other.stored()
    async with open_writer(where, tmp_path / "mine") as one:
        one._spill.append([one._numbers.event(replace(STARTED, call_id="c2"), NOON)])
    async with open_writer(where, tmp_path / "mine") as one:
        assert {call.call_id for call in await one.store.list_calls(9)} == {"c1", "c2"}


async def test_a_server_that_is_killed_and_comes_back_loses_nothing(
    tmp_path: Path,
) -> None:
    with running_postgres() as server:
        patience = Patience(slow_s=0.2, again_s=(0.05,), gather_s=0)
        async with writing(tmp_path, server.url(), patience) as one:
            await takes_a_call(one)
            for life in (2, 3):
                await one.stored()
                server.kill()
                await takes_a_call(one, another(life))
                call = await one.call_by_sid(f"CA{life}")
                assert call
                assert call.end_reason is ENDED.end_reason
                with pytest.raises(StoreError):
                    await one.store.list_calls(9)
                await asyncio.to_thread(server.start)
            await one.stored()
            for number in (1, 2, 3):
                assert await has_the_call(one, f"c{number}")
                events = await one.store.events(f"c{number}")
                assert len(events) == 1 + len(CALL)


async def test_while_it_gathers_only_the_first_note_wakes_it(tmp_path: Path) -> None:
    """A call notes one or two things a second, and a full house has a hundred."""
    async with writing(tmp_path, patience=replace(CALM, gather_s=60.0)) as one:
        assert await one.start(STARTED)  # from now on, it gathers
        await asyncio.sleep(0)
        step, asked = one._triage.step, 0

        def counted(now: float, *, held: bool, spilled: bool, awaited: bool) -> Step:
            nonlocal asked
            asked += 1
            return step(now, held=held, spilled=spilled, awaited=awaited)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(one._triage, "step", counted)
            for _ in range(50):
                one.note(TURN, NOON)
                await asyncio.sleep(0)
            assert 1 <= asked <= 2
            # Who waits isn't kept waiting by it.
            assert await one.start(another(2))
        await one.written()
