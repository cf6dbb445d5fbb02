"""A log is brought to this release's tables and back, wherever it lies."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from tests.store.noted import event, put
from tests.store.postgres import PASSWORD, Postgres
from tests.store.test_calls import (
    DECISION,
    ENDED,
    MESSAGE,
    NOON,
    STARTED,
    TURN,
    refusal,
    sql,
)
from voicebot.errors import ConfigError, StoreError
from voicebot.store import migrate
from voicebot.store.calls import open_store
from voicebot.store.database import Database
from voicebot.store.engines import reach, url_of
from voicebot.store.records import (
    CallAnswered,
    KeyPressed,
    Private,
    Silenced,
    Transcribed,
)
from voicebot.store.tables import metadata

# What the last release without revisions made, in the words of SQLite itself.
VERSION_3 = """
CREATE TABLE calls (
    call_id VARCHAR NOT NULL,
    call_sid VARCHAR NOT NULL,
    account_sid VARCHAR NOT NULL,
    from_number VARCHAR NOT NULL,
    to_number VARCHAR NOT NULL,
    direction VARCHAR NOT NULL,
    persona VARCHAR NOT NULL,
    route VARCHAR NOT NULL,
    dialplan_revision VARCHAR NOT NULL,
    started_at DATETIME NOT NULL,
    answered_at DATETIME,
    stream_sid VARCHAR,
    ended_at DATETIME,
    duration_ms INTEGER,
    end_reason VARCHAR(15),
    ended_by VARCHAR,
    faults JSON NOT NULL,
    recording VARCHAR,
    recording_ms INTEGER,
    usage JSON NOT NULL,
    PRIMARY KEY (call_id),
    UNIQUE (call_sid)
);
CREATE INDEX ix_calls_ended_at ON calls (ended_at);
CREATE INDEX ix_calls_started_at ON calls (started_at);
CREATE TABLE turns (
    call_id VARCHAR NOT NULL,
    seq INTEGER NOT NULL,
    who VARCHAR NOT NULL,
    item_id VARCHAR,
    response_id VARCHAR,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL,
    generated_text TEXT NOT NULL,
    heard_text TEXT NOT NULL,
    generated_ms INTEGER,
    heard_ms INTEGER,
    proved_ms INTEGER,
    interrupted BOOLEAN NOT NULL,
    reply_ms INTEGER,
    PRIMARY KEY (call_id, seq),
    FOREIGN KEY(call_id) REFERENCES calls (call_id) ON DELETE CASCADE
);
CREATE TABLE decisions (
    call_id VARCHAR NOT NULL,
    seq INTEGER NOT NULL,
    kind VARCHAR NOT NULL,
    at_ms INTEGER NOT NULL,
    decided_ms INTEGER NOT NULL,
    rule VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    caller_seq INTEGER,
    trace TEXT NOT NULL,
    features JSON NOT NULL,
    PRIMARY KEY (call_id, seq),
    FOREIGN KEY(call_id) REFERENCES calls (call_id) ON DELETE CASCADE
);
CREATE TABLE messages (
    recording_sid VARCHAR NOT NULL,
    call_id VARCHAR NOT NULL,
    url VARCHAR,
    duration_s INTEGER,
    transcription TEXT,
    received_at DATETIME NOT NULL,
    PRIMARY KEY (recording_sid),
    FOREIGN KEY(call_id) REFERENCES calls (call_id) ON DELETE CASCADE
);
CREATE INDEX ix_messages_call_id ON messages (call_id);
INSERT INTO calls VALUES (
    'c1', 'CA1', 'AC1', '+15550100199', '+15550002222', 'inbound', 'reception',
    'main', 'abc', '2026-11-22 12:00:00.123456', '2026-11-22 12:00:00.123456', 'MZ1',
    '2026-11-22 12:01:00.123456', 60000, 'bot_goodbye', 'bot',
    '["stepfun_reconnected"]', 'recordings/c1.wav', 59980,
    '{"input_tokens": 3, "output_tokens": 4}'
);
INSERT INTO calls VALUES (
    'c2', 'CA2', 'AC1', '', '', 'inbound', '', 'main', 'abc',
    '2026-11-22 12:00:00.123456', NULL, NULL, NULL, NULL, NULL, NULL, '[]', NULL,
    NULL, '{}'
);
INSERT INTO turns VALUES (
    'c1', 1, 'bot', 'item_1', 'resp_1', 100, 2100, '您好，请问您要预订几位？', '您好，',
    2000, 500, 480, 1, 640
);
INSERT INTO decisions VALUES (
    'c1', 1, 'barge_in', 600, 1200, 'long_speech', 'confirmed', 2, 'n2V5.vV.V3', '{}'
);
INSERT INTO messages VALUES (
    'RE1', 'c1', 'https://api.example.com/Recordings/RE1', 12, 'a-caller-said-this',
    '2026-11-22 12:01:00.123456'
);
PRAGMA user_version = 3;
"""

DECIDED = replace(DECISION, trace="nnVVVVV.vV.VVV", features={})


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "calls.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_3)
    return path


async def down(where: Path | str, revision: str) -> None:
    """Bring a log back to an older revision."""
    url = url_of(where)
    log = reach(url)
    back = partial(migrate.downgrade, revision=revision)
    await log.run(back, writes=True, migrates=True)
    await log.close()


def lacks(connection: Connection) -> object:
    """What a log lacks, or has too much, compared with the tables of this release."""
    context = MigrationContext.configure(connection)
    found = compare_metadata(context, metadata)
    ours = ("alembic_version", "turn_search")  # what the tables don't tell of
    return [each for each in found if not any(name in str(each) for name in ours)]


def test_the_head_is_the_last_revision() -> None:
    scripts = ScriptDirectory("voicebot/store/migrations")
    assert scripts.get_current_head() == migrate.HEAD


async def test_a_new_log_has_the_tables_of_this_release(where: Path | str) -> None:
    async with open_store(where) as store:
        assert await store.database.transact(lacks) == []


async def test_a_log_goes_down_and_up_again_with_all_its_calls(
    where: Path | str,
) -> None:
    answered = CallAnswered("c1", "MZ1", NOON)
    async with open_store(where) as store:
        await put(store, STARTED, answered, TURN, DECISION, ENDED, MESSAGE)
        await put(store, replace(STARTED, call_id="c0", call_sid="CA0"))
        before = await store.list_calls(9)
    await down(where, "0001")
    async with open_store(where) as store:
        assert await store.list_calls(9) == before
        assert await store.turns("c1") == [TURN]
        assert await store.decisions("c1") == [DECISION]
        assert await store.messages("c1") == [MESSAGE]
        assert await store.rebuild() == 2
        assert await store.list_calls(9) == before
        assert await store.turns("c1") == [TURN]
        assert await store.decisions("c1") == [DECISION]
        assert await store.messages("c1") == [MESSAGE]


async def test_of_a_log_that_goes_all_the_way_down_nothing_is_left(
    where: Path | str,
) -> None:
    async with open_store(where) as store:
        await put(store, STARTED, TURN)
    await down(where, "base")
    log = reach(url_of(where))
    left = await log.run(lambda there: inspect(there).get_table_names())
    await log.close()
    assert left == ["alembic_version"]
    async with open_store(where) as store:
        assert await store.list_calls(9) == []


async def test_two_calls_of_one_sid_are_one_in_older_tables(where: Path | str) -> None:
    async with open_store(where) as store:
        await put(store, STARTED, TURN)
        again = replace(STARTED, call_id="c2")
        await store.append([event(again), event(replace(TURN, call_id="c2"))])
    await down(where, "0001")
    async with open_store(where) as store:
        assert [call.call_id for call in await store.list_calls(9)] == ["c1"]
        assert await store.turns("c2") == []


async def test_a_log_of_the_last_release_without_revisions_is_adopted(
    old: Path,
) -> None:
    async with open_store(old) as store:
        assert await store.database.transact(lacks) == []
        for _ in range(2):
            second, first = await store.list_calls(9)
            assert (first.call_id, first.end_reason) == ("c1", ENDED.end_reason)
            assert (first.usage, first.faults) == (
                ENDED.usage,
                ("stepfun_reconnected",),
            )
            assert (second.call_id, second.ended_at) == ("c2", None)
            assert await store.turns("c1") == [TURN]
            assert await store.decisions("c1") == [DECIDED]
            assert await store.messages("c1") == [MESSAGE]
            assert await store.rebuild() == 2
        assert await store.close_orphans(NOON, "us") == 1


async def test_a_log_that_two_processes_open_at_once_is_upgraded_once(
    old: Path,
) -> None:
    async def open_and_read() -> int:
        async with open_store(old) as store:
            return len(await store.turns("c1"))

    assert await asyncio.gather(*(open_and_read() for _ in range(4))) == [1, 1, 1, 1]


async def test_a_new_log_that_many_open_at_once_is_made_once(
    where: Path | str,
) -> None:
    async def open_it() -> int:
        async with open_store(where) as store:
            return len(await store.list_calls(1))

    assert await asyncio.gather(*(open_it() for _ in range(4))) == [0, 0, 0, 0]


def test_an_upgrade_that_fails_changes_nothing(old: Path) -> None:
    # It keeps an index from being made, when tables have been made already.
    sql(old, "CREATE TABLE ix_calls_call_sid (id INTEGER)")
    before = sql(old, "SELECT sql FROM sqlite_master")
    assert "already a table named ix_calls_call_sid" in refusal(old)
    assert sql(old, "SELECT sql FROM sqlite_master") == before
    assert sql(old, "PRAGMA user_version") == [(3,)]


@pytest.mark.parametrize("version", [1, 2])
def test_a_log_of_a_release_before_that_is_refused_and_left_alone(
    old: Path, version: int
) -> None:
    sql(old, f"PRAGMA user_version = {version}")
    before = sql(old, "SELECT sql FROM sqlite_master")
    assert f"got tables of version {version}: " in refusal(old)
    assert sql(old, "SELECT sql FROM sqlite_master") == before


async def test_a_log_of_a_newer_release_is_refused(where: Path | str) -> None:
    async with open_store(where) as store:
        statement = text("UPDATE alembic_version SET version_num = '9999'")
        await store._database.write(statement)
    older = f"{migrate.HEAD} or older, got '9999': it isn't this"
    with pytest.raises(StoreError, match=older):
        async with open_store(where):
            pass


async def test_a_database_of_another_program_is_left_alone(postgres: Postgres) -> None:
    url = postgres.emptied()
    postgres.execute("CREATE TABLE theirs (id INTEGER)")
    with pytest.raises(StoreError, match="another program's"):
        async with open_store(url):
            pass


@pytest.mark.parametrize(
    "url",
    ["mysql://u:secret@h/d", "secret", "postgresql://u:secret@h:port/d", ""],
)
def test_what_is_no_address_of_a_log_is_refused_without_being_repeated(
    url: str,
) -> None:
    with pytest.raises(ConfigError) as caught:
        url_of(url)
    assert "expected postgresql://user:password@host/database" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_no_error_tells_a_password(postgres: Postgres) -> None:
    wrong = postgres.url(password=f"{PASSWORD}-not")
    with pytest.raises(StoreError) as caught:
        async with open_store(wrong):
            pass
    assert str(caught.value) == (
        "postgresql://127.0.0.1/postgres: InvalidPasswordError"
    )
    nobody = "postgresql://voicebot:a-password@127.0.0.1:1/calls"
    with pytest.raises(StoreError) as caught:
        async with open_store(nobody):
            pass
    assert str(caught.value) == "postgresql://127.0.0.1/calls: Connection refused"


async def test_a_database_keeps_to_one_writer(where: Path | str) -> None:
    async with open_store(where) as one, open_store(where) as other:
        starts = [
            replace(STARTED, call_id=f"c{number}", call_sid=f"CA{number // 2}")
            for number in range(20)
        ]
        stores = [one, other] * 10
        new = await asyncio.gather(*map(put, stores, starts))
        assert sum(new) == 10
        assert len(await one.list_calls(99)) == 10


def test_a_database_is_named_without_its_user() -> None:
    url = url_of("postgresql://user:secret@host:5433/calls?ssl=require")
    database = Database(url, reach(url))
    assert database.place == "postgresql://host/calls"


async def test_an_older_release_gets_no_events_that_it_does_not_know(
    where: Path | str,
) -> None:
    async with open_store(where) as store:
        await put(
            store,
            STARTED,
            KeyPressed("c1", 5, "9"),
            Private("c1", 0, 0, 1, 2, [[0, 1]]),
            Silenced("c1", 0, [[0, 1, 2]]),
            Transcribed("c1", 1, None, 2000, True, {"transcription": 84}),
        )
    await down(where, "0006")
    async with open_store(where) as store:
        records = [each.record for each in await store.events("c1")]
        assert records == [STARTED, KeyPressed("c1", 5)]
