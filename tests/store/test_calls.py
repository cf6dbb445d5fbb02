"""The call log as SQLite really keeps it: every test has a file of its own."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
import traceback
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.store.noted import event, put
from voicebot.errors import StoreError
from voicebot.store import append
from voicebot.store.calls import CallStore, open_store
from voicebot.store.database import RowRefused
from voicebot.store.faults import Fault
from voicebot.store.records import (
    Call,
    CallAnswered,
    CallEnded,
    CallStarted,
    Decision,
    EndReason,
    JournalEntry,
    Latency,
    Message,
    Turn,
)
from voicebot.store.tables import calls, decisions, messages, turns
from voicebot.store.traces import packed, unpacked
from voicebot.store.writer import open_writer

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CANARY = "a-caller-said-this"

STARTED = CallStarted(
    call_id="c1",
    call_sid="CA1",
    account_sid="AC1",
    from_number="+15550100199",
    to_number="+15550002222",
    direction="inbound",
    persona="reception",
    route="main",
    dialplan_revision="abc",
    started_at=NOON,
)
ENDED = CallEnded(
    call_id="c1",
    ended_at=NOON + MINUTE,
    duration_ms=60_000,
    end_reason=EndReason.BOT_GOODBYE,
    ended_by="bot",
    faults=(Fault.STEPFUN_LOST,),
    recording="recordings/c1.wav",
    recording_ms=59_980,
    usage={"input_tokens": 3, "output_tokens": 4},
)
TURN = Turn(
    call_id="c1",
    seq=1,
    who="bot",
    item_id="item_1",
    response_id="resp_1",
    started_ms=100,
    ended_ms=2100,
    generated_text="您好，请问您要预订几位？",
    heard_text="您好，",
    generated_ms=2000,
    heard_ms=500,
    proved_ms=480,
    interrupted=True,
    reply_ms=640,
)
DECISION = Decision(
    call_id="c1",
    seq=1,
    kind="barge_in",
    at_ms=600,
    decided_ms=1200,
    rule="long_speech",
    outcome="confirmed",
    caller_seq=2,
    trace="nnVVVVV.vVV" + 20 * "V",
    features={"owner": "local", "min_ms": 180, "factor": 1.25, "level_dbov": -21.5},
)

MESSAGE = Message(
    recording_sid="RE1",
    call_id="c1",
    url="https://api.example.com/Recordings/RE1",
    duration_s=12,
    transcription=CANARY,
    received_at=NOON + MINUTE,
)


def another(number: int, started_at: datetime = NOON) -> CallStarted:
    return replace(
        STARTED,
        call_id=f"c{number}",
        call_sid=f"CA{number}",
        started_at=started_at,
    )


def sql(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def refusal(path: Path) -> str:
    """What is said of a file that cannot be opened as a call log."""

    async def opening() -> None:
        async with open_store(path):
            pass

    with pytest.raises(StoreError) as caught:
        asyncio.run(opening())
    return str(caught.value)


async def test_a_call_is_read_back_as_it_was_written(store: CallStore) -> None:
    assert await put(store, STARTED)
    assert await put(store, CallAnswered("c1", "MZ1", NOON + timedelta(seconds=1)))
    assert await put(store, ENDED)
    assert await store.get_call("c1") == Call(
        **{field.name: getattr(STARTED, field.name) for field in fields(STARTED)},
        answered_at=NOON + timedelta(seconds=1),
        stream_sid="MZ1",
        ended_at=NOON + MINUTE,
        duration_ms=60_000,
        end_reason=EndReason.BOT_GOODBYE,
        ended_by="bot",
        faults=("stepfun.lost",),
        recording="recordings/c1.wav",
        recording_ms=59_980,
        usage={"input_tokens": 3, "output_tokens": 4},
    )


async def test_a_call_that_just_began_has_no_end(store: CallStore) -> None:
    await put(store, STARTED)
    call = await store.call_by_sid("CA1")
    assert call is not None
    assert (call.answered_at, call.ended_at, call.end_reason) == (None, None, None)
    assert (call.faults, call.usage) == ((), {})


@pytest.mark.parametrize("reason", EndReason)
async def test_every_end_is_kept(reason: EndReason, store: CallStore) -> None:
    await put(store, STARTED)
    await put(store, replace(ENDED, end_reason=reason))
    call = await store.get_call("c1")
    assert call is not None
    assert call.end_reason is reason


async def test_an_instant_of_any_zone_is_kept_in_utc(store: CallStore) -> None:
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    await put(store, replace(STARTED, started_at=tokyo))
    call = await store.get_call("c1")
    assert call is not None
    assert (call.started_at, call.started_at.tzinfo) == (NOON, UTC)


async def test_a_webhook_delivered_twice_is_one_call(store: CallStore) -> None:
    again = replace(STARTED, call_id="c2", persona="other")
    assert await put(store, STARTED)
    assert not await put(store, again)
    (call,) = await store.list_calls(10)
    assert (call.call_id, call.persona) == ("c1", "reception")
    assert await store.events("c2") == []


async def test_of_two_webhooks_in_one_batch_the_first_is_the_call(
    store: CallStore,
) -> None:
    again = replace(STARTED, call_id="c0", persona="other")
    assert not await put(store, STARTED, again)
    (call,) = await store.list_calls(10)
    assert call.call_id == "c1"


async def test_a_call_that_was_let_in_twice_while_the_log_was_away_is_in_it_twice(
    store: CallStore,
) -> None:
    again = replace(STARTED, call_id="c2", started_at=NOON + MINUTE)
    assert await store.append([event(STARTED)]) == set()
    assert (
        await store.append([event(again), event(replace(TURN, call_id="c2"))]) == set()
    )
    assert len(await store.list_calls(10)) == 2
    call = await store.call_by_sid("CA1")
    assert call
    assert call.call_id == "c1"


async def test_of_many_deliveries_at_once_exactly_one_is_new(store: CallStore) -> None:
    deliveries = [replace(STARTED, call_id=f"c{number}") for number in range(20)]
    news = await asyncio.gather(*(put(store, start) for start in deliveries))
    assert sum(news) == 1


async def test_the_first_end_of_a_call_stands(store: CallStore) -> None:
    await put(store, STARTED)
    await put(store, ENDED, replace(ENDED, end_reason=EndReason.DRAIN))
    await put(store, replace(ENDED, end_reason=EndReason.IDLE))
    call = await store.get_call("c1")
    assert call is not None
    assert call.end_reason is EndReason.BOT_GOODBYE


async def test_who_was_only_cut_off_knows_better_how_its_call_ended(
    store: CallStore,
) -> None:
    await put(store, STARTED)
    crash = replace(ENDED, end_reason=EndReason.NODE_CRASH, ended_by="us")
    await put(store, crash)
    await put(store, CallAnswered("c1", "MZ1", NOON), ENDED, crash)
    call = await store.get_call("c1")
    assert call is not None
    assert (call.end_reason, call.stream_sid) == (EndReason.BOT_GOODBYE, "MZ1")


async def test_nothing_moves_a_call_back_that_is_over(store: CallStore) -> None:
    await put(store, STARTED)
    await put(store, ENDED)
    await put(store, CallAnswered("c1", "MZ1", NOON), STARTED)
    assert await store.close_orphans(NOON, "us") == 0
    call = await store.get_call("c1")
    assert call is not None
    assert (call.stream_sid, call.ended_at) == (None, NOON + MINUTE)


async def test_a_call_has_one_media_stream(store: CallStore) -> None:
    await put(store, STARTED, CallAnswered("c1", "MZ1", NOON))
    await put(store, CallAnswered("c1", "MZ2", NOON))
    call = await store.get_call("c1")
    assert call
    assert call.stream_sid == "MZ1"


async def test_what_arrives_before_its_call_waits_for_it(store: CallStore) -> None:
    start, turn, message = event(STARTED), event(TURN), event(MESSAGE)
    await store.append([turn, message])
    assert await store.turns("c1") == []
    assert await store.list_calls(10) == []
    await store.append([start])
    assert await store.turns("c1") == [TURN]
    assert await store.messages("c1") == [MESSAGE]
    assert await store.events("c1") == [start, turn, message]


async def test_a_turn_written_again_replaces_itself(store: CallStore) -> None:
    await put(store, STARTED)
    late = replace(TURN, heard_text="您好，请问", heard_ms=900, interrupted=False)
    for turn in (TURN, replace(TURN, seq=0, who="caller", reply_ms=None), late, late):
        await put(store, turn)
    assert await store.turns("c1") == [
        replace(TURN, seq=0, who="caller", reply_ms=None),
        late,
    ]


async def test_a_call_is_only_read_to_be_moved(
    store: CallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    latency = Latency("c1", 1, 2, 600, 700, 800, 900, 1000, "mark")
    await put(store, STARTED)
    with monkeypatch.context() as patch:
        patch.setattr(append, "read_call", lambda _: pytest.fail("it was read"))
        await put(store, TURN, DECISION, latency, MESSAGE)
    assert await store.turns("c1") == [TURN]
    assert await store.latencies("c1") == [latency]
    assert await store.messages("c1") == [MESSAGE]
    await put(store, replace(TURN, seq=1), CallAnswered("c1", "MZ1", NOON))
    call = await store.get_call("c1")
    assert call
    assert call.stream_sid == "MZ1"


async def test_what_a_beginning_said_is_not_written_again(
    path: Path, file_store: CallStore
) -> None:
    await put(file_store, STARTED)
    said = ", ".join(field.name for field in fields(STARTED))
    sql(
        path,
        f"CREATE TRIGGER again AFTER UPDATE OF {said} ON calls "
        "BEGIN SELECT raise(ABORT, 'written again'); END",
    )
    await put(file_store, CallAnswered("c1", "MZ1", NOON), ENDED)
    call = await file_store.get_call("c1")
    assert call
    assert (call.stream_sid, call.ended_at) == ("MZ1", ENDED.ended_at)


async def test_json_is_written_short_and_read_as_older_releases_wrote_it(
    path: Path, file_store: CallStore
) -> None:
    await put(file_store, STARTED, replace(DECISION, features={"é": 1, "b": "c"}))
    assert sql(path, "SELECT features FROM decisions") == [('{"é":1,"b":"c"}',)]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE decisions SET features = ?", ('{"a": "\\ud800"}',))
        connection.commit()
    (decision,) = await file_store.decisions("c1")
    assert decision.features == {"a": "\ud800"}


async def test_words_that_arrive_after_the_end_are_kept(store: CallStore) -> None:
    await put(store, STARTED)
    await put(store, ENDED)
    await put(store, TURN)
    assert await store.turns("c1") == [TURN]


async def test_a_decision_written_again_replaces_itself(store: CallStore) -> None:
    await put(store, STARTED)
    late = replace(DECISION, outcome="resumed", trace="VV..", features={"gap_ms": 380})
    other = replace(DECISION, seq=0, kind="end_of_turn", caller_seq=None, trace="")
    for decision in (DECISION, other, late, late):
        await put(store, decision)
    assert await store.decisions("c1") == [other, late]
    assert await store.decisions("c2") == []


async def test_all_rows_are_gone_with_their_call(
    path: Path, file_store: CallStore
) -> None:
    await put(file_store, STARTED, TURN, DECISION, MESSAGE)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM calls")
        connection.commit()
    for read in (file_store.turns, file_store.decisions, file_store.messages):
        assert await read("c1") == []


async def test_a_message_is_put_together_from_its_parts(store: CallStore) -> None:
    await put(store, STARTED)
    nothing = replace(MESSAGE, url=None, duration_s=None, transcription=None)
    later = NOON + 2 * MINUTE
    parts = [
        replace(nothing, transcription=CANARY),
        replace(MESSAGE, transcription=None, received_at=later),
        replace(nothing, received_at=later),
    ]
    for part in parts:
        await put(store, part)
    other = replace(MESSAGE, recording_sid="RE0", received_at=later)
    await put(store, other)
    assert await store.messages("c1") == [MESSAGE, other]
    assert await store.messages("c2") == []


async def test_the_journal_tells_which_decisions_words_came_of(
    store: CallStore,
) -> None:
    await put(store, STARTED)
    for seq, words in ((1, "wait"), (2, ""), (3, "  ")):
        await put(store, replace(TURN, seq=seq, who="caller", generated_text=words))
    written = [
        replace(DECISION, seq=seq, caller_seq=caller_seq)
        for seq, caller_seq in enumerate((1, 2, 3, 4, None))
    ]
    for decision in written:
        await put(store, decision)
    journal = [JournalEntry(decision, decision.seq == 0) for decision in written]
    assert await store.journal("c1") == journal
    assert await store.recent_decisions(1) == journal


async def test_recent_decisions_are_those_of_the_newest_calls(
    store: CallStore,
) -> None:
    for number in range(4):
        await put(store, another(number, NOON + number * MINUTE))
        for seq in range(number):
            decision = replace(DECISION, call_id=f"c{number}", seq=seq)
            await put(store, decision)
    for limit, expected in ((1, {"c3"}), (2, {"c2", "c3"}), (9, {"c1", "c2", "c3"})):
        found = [entry.decision for entry in await store.recent_decisions(limit)]
        assert {decision.call_id for decision in found} == expected
        keys = [(decision.call_id, decision.seq) for decision in found]
        assert keys == sorted(keys)
    assert await store.journal("c2") == (await store.recent_decisions(2))[:2]


async def test_a_long_trace_takes_little_room(
    path: Path, file_store: CallStore
) -> None:
    await put(file_store, STARTED)
    trace = "V" * 700 + "." * 27 + "v" + "V" * 700
    await put(file_store, replace(DECISION, trace=trace))
    assert sql(path, "SELECT trace FROM decisions") == [("V700.27vV700",)]
    ((data,),) = sql(path, "SELECT data FROM call_events WHERE kind = 'decision'")
    assert "V700.27vV700" in str(data)
    (decision,) = await file_store.decisions("c1")
    assert decision.trace == trace


def test_a_trace_is_packed_once_for_its_event_and_its_row() -> None:
    assert packed("vvvVV.") == "v3V2."
    assert packed("vvvVV.") is packed("vvvVV.")


@settings(max_examples=200)
@given(st.text(st.sampled_from("vVhHnNtTsS.")) | st.text(st.characters(codec="utf-8")))
def test_every_trace_is_unpacked_as_it_was(trace: str) -> None:
    trace = "".join(letter for letter in trace if letter not in "0123456789")
    assert unpacked(packed(trace)) == trace
    assert len(packed(trace)) <= len(trace)


async def test_calls_are_listed_newest_first_and_page_by_page(
    store: CallStore,
) -> None:
    for number in range(5):
        await put(store, another(number, NOON + number * MINUTE))
    page = await store.list_calls(2)
    assert [call.call_id for call in page] == ["c4", "c3"]
    page = await store.list_calls(10, past=page[-1])
    assert [call.call_id for call in page] == ["c2", "c1", "c0"]


async def test_a_call_is_found_by_the_beginning_of_either_id(store: CallStore) -> None:
    await put(store, replace(STARTED, call_id="aa-1"))
    await put(store, replace(another(2), call_id="ab-2"))
    for beginning in ("aa", "aa-1", "CA1"):
        call = await store.get_call(beginning)
        assert call is not None
        assert call.call_id == "aa-1"
    assert await store.get_call("zz") is None
    assert await store.call_by_sid("CA") is None


async def test_a_beginning_that_several_calls_share_is_refused(
    store: CallStore,
) -> None:
    await put(store, another(1))
    await put(store, another(10))
    with pytest.raises(StoreError, match="several calls begin with 'CA'"):
        await store.get_call("CA")
    exact = await store.get_call("c1")
    assert exact is not None
    assert exact.call_id == "c1"


@pytest.mark.parametrize("wildcard", ["%", "_1", "c%", "' or 1=1 --"])
async def test_a_beginning_is_taken_literally(wildcard: str, store: CallStore) -> None:
    await put(store, STARTED)
    assert await store.get_call(wildcard) is None


async def test_calls_left_open_by_a_crash_are_closed(store: CallStore) -> None:
    for number in (1, 2, 3):
        await put(store, another(number))
    await put(store, TURN, replace(TURN, seq=2, ended_ms=7000))
    await put(store, replace(ENDED, call_id="c3"))
    assert await store.close_orphans(NOON + MINUTE, "us") == 2
    assert await store.close_orphans(NOON + MINUTE, "us") == 0
    found = {call.call_id: call for call in await store.list_calls(10)}
    assert found["c1"].duration_ms == 7000  # what its turns prove
    assert found["c2"].duration_ms == 0
    for call_id in ("c1", "c2"):
        call = found[call_id]
        assert (call.end_reason, call.ended_by) == (EndReason.NODE_CRASH, "us")
        assert (call.ended_at, call.faults) == (NOON + MINUTE, ("node_crash",))
    assert found["c3"].end_reason is EndReason.BOT_GOODBYE
    await store.rebuild()
    assert {call.call_id: call for call in await store.list_calls(10)} == found


async def test_only_calls_of_the_dead_are_closed(store: CallStore) -> None:
    names = ("us", "alive", "dead", "before us", "unheard of")
    for number, name in enumerate(names):
        await put(store, replace(another(number), instance_id=name))
    for name in names[:4]:
        late = timedelta(seconds=31) if name == "dead" else timedelta()
        await store.alive(name, NOON - late)
    assert await store.close_orphans(NOON, "us", "before us") == 3
    left = {x.instance_id for x in await store.list_calls(10) if x.ended_at is None}
    assert left == {"us", "alive"}
    # Who is dead is forgotten; who goes on being alive isn't.
    await store.alive("alive", NOON + MINUTE)
    assert await store.close_orphans(NOON + MINUTE, "us") == 0
    assert await store.close_orphans(NOON + 2 * MINUTE, "us") == 1


async def test_what_was_acknowledged_survives_the_death_of_the_process(
    path: Path,
) -> None:
    script = """
import asyncio, os, sys
from pathlib import Path
from voicebot.store.calls import open_store
from tests.store.noted import put
from tests.store.test_calls import STARTED, TURN
async def main():
    async with open_store(Path(sys.argv[1])) as store:
        await put(store, STARTED)
        await put(store, TURN)
        os._exit(9)
asyncio.run(main())
"""
    command = [sys.executable, "-c", script, str(path)]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = await asyncio.create_subprocess_exec(*command, env=env)
    assert await process.wait() == 9
    async with open_store(path) as store:
        assert await store.turns("c1") == [TURN]
        assert await store.close_orphans(NOON, "us") == 1


async def test_a_log_is_read_while_another_process_serves(
    path: Path, file_store: CallStore
) -> None:
    await put(file_store, STARTED)
    async with open_store(path) as reader:
        assert len(await reader.list_calls(10)) == 1
        await put(file_store, another(2))
        assert len(await reader.list_calls(10)) == 2


async def test_a_write_goes_on_when_its_waiter_is_cancelled(path: Path) -> None:
    async with open_store(path) as store:
        for number in range(10):
            task = asyncio.create_task(put(store, another(number)))
            for _ in range(1 + number):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    async with open_store(path) as store:
        assert len(await store.list_calls(20)) == 10


async def test_a_log_held_by_another_process_is_a_store_error(
    path: Path, file_store: CallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebot.store.engines.ON_CONNECT", ("PRAGMA busy_timeout=1",))
    async with open_store(path) as impatient:
        other = sqlite3.connect(path)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="database is locked"):
            await put(impatient, STARTED)
        other.close()
        assert await put(impatient, STARTED)


async def test_no_error_tells_what_a_caller_said(store: CallStore) -> None:
    wrong = replace(TURN, generated_text=CANARY, started_ms=None)  # type: ignore[arg-type]
    with pytest.raises(RowRefused) as caught:
        await put(store, STARTED, wrong)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert await store.list_calls(10) == []


async def test_each_connection_is_durable_and_checks_its_references(
    file_store: CallStore,
) -> None:
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    read = file_store.database.read
    values = [(await read(text(f"PRAGMA {name}")))[0][0] for name in pragmas]
    assert values == ["wal", 2, 1, 5000]  # 2 is FULL


async def test_only_we_may_read_the_log(path: Path, file_store: CallStore) -> None:
    await put(file_store, STARTED)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


async def test_a_log_is_opened_again_as_it_is(where: Path | str) -> None:
    for _ in range(2):
        async with open_store(where) as store:
            await put(store, STARTED)
    async with open_store(where) as store:
        assert await store.call_by_sid("CA1") is not None


@pytest.mark.parametrize(
    ("statement", "version"),
    [("PRAGMA user_version = 5", 5), ("CREATE TABLE theirs (id INTEGER)", 0)],
)
def test_a_file_of_another_version_or_program_is_left_alone(
    statement: str, version: int, path: Path
) -> None:
    path.parent.mkdir()
    sql(path, statement)
    before = sql(path, "SELECT sql FROM sqlite_master")
    assert f"or nothing yet, got tables of version {version}: " in refusal(path)
    assert sql(path, "SELECT sql FROM sqlite_master") == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("garbage " * 1000)
    assert refusal(path) == f"{path}: file is not a database"
    assert path.read_text() == "garbage " * 1000


def test_a_file_that_was_cut_short_is_refused(path: Path) -> None:
    async def fill() -> None:
        async with open_store(path) as store:
            await put(store, STARTED)
            for seq in range(50):
                await put(store, replace(TURN, seq=seq, heard_text="x" * 2000))

    async def serve() -> None:
        async with open_writer(path, path.parent):
            pass

    asyncio.run(fill())
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(StoreError, match="malformed|damaged"):
        asyncio.run(serve())


def test_a_log_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refusal(tmp_path).endswith("Is a directory")
    assert refusal(tmp_path / "file" / "calls.sqlite").endswith("File exists")


def test_no_thread_outlives_the_log(path: Path) -> None:
    async def read() -> None:
        async with open_store(path) as store:
            await asyncio.gather(*(store.list_calls(1) for _ in range(5)))

    before = threading.active_count()
    asyncio.run(read())
    path.write_text("garbage " * 1000)
    refusal(path)
    assert threading.active_count() == before


def test_a_program_that_used_the_log_ends(path: Path) -> None:
    script = """
import asyncio, sys
from pathlib import Path
from voicebot.store.calls import open_store
async def main():
    async with open_store(Path(sys.argv[1])) as store:
        await store.list_calls(1)
    raise SystemExit(3)
asyncio.run(main())
"""
    command = [sys.executable, "-c", script, str(path)]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run(command, env=env, timeout=20).returncode == 3


def test_the_tables_hold_what_the_records_say() -> None:
    assert calls.c.keys() == [field.name for field in fields(Call)]
    assert turns.c.keys() == [field.name for field in fields(Turn)]
    assert decisions.c.keys() == [field.name for field in fields(Decision)]
    assert set(messages.c.keys()) == {field.name for field in fields(Message)}
