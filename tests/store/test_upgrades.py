"""A log that an older release made is read and written on; nothing in it is lost."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.test_calls import (
    CANARY,
    DECISION,
    MESSAGE,
    STARTED,
    TURN,
    refusal,
    sql,
)
from voicebot.runtime.scribe import ending
from voicebot.store.calls import open_store
from voicebot.store.records import EndReason
from voicebot.store.tables import SCHEMA_VERSION, metadata

# What the release of version 1 made, in the words of SQLite itself.
VERSION_1 = """
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
    interrupted BOOLEAN NOT NULL,
    reply_ms INTEGER,
    PRIMARY KEY (call_id, seq),
    FOREIGN KEY(call_id) REFERENCES calls (call_id) ON DELETE CASCADE
);
INSERT INTO calls VALUES (
    'c1', 'CA1', 'AC1', '+15550001111', '+15550002222', 'inbound', 'reception',
    'main', 'abc', '2026-11-22 12:00:00.123456', NULL, NULL, NULL, NULL, NULL, NULL,
    '[]', NULL, NULL, '{}'
);
INSERT INTO turns VALUES (
    'c1', 1, 'bot', 'item_1', 'resp_1', 100, 2100, 'a-caller-said-this', 'a-caller',
    2000, 500, 1, 640
);
PRAGMA user_version = 1;
"""

# And what that of version 2 made of it.
VERSION_2 = """
ALTER TABLE turns ADD COLUMN proved_ms INTEGER;
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
PRAGMA user_version = 2;
"""

OLD_TURN = replace(
    TURN, generated_text=CANARY, heard_text="a-caller", heard_ms=500, proved_ms=None
)


# And what that of version 3 made of that.
VERSION_3 = """
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
PRAGMA user_version = 3;
"""

WAITED = replace(
    ending("c1", EndReason.CALLER_HANGUP, 7000, ("admission.full",)), waited_ms=7000
)


@pytest.fixture(params=[1, 2, 3])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "calls.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1)
        if request.param > 1:
            connection.executescript(VERSION_2)
        if request.param > 2:
            connection.executescript(VERSION_3)
    return path


async def test_a_log_of_an_older_version_is_read_and_written_on(path: Path) -> None:
    async with open_store(path) as store:
        assert await store.turns("c1") == [OLD_TURN]
        call = await store.get_call("c1")
        assert call
        assert call.started_at == STARTED.started_at
        assert await store.decisions("c1") == []
        await store.add_turn(TURN)
        await store.add_decision(DECISION)
        await store.add_message(MESSAGE)
        await store.call_ended(WAITED)
    async with open_store(path) as store:
        assert await store.turns("c1") == [TURN]
        assert await store.decisions("c1") == [DECISION]
        assert await store.messages("c1") == [MESSAGE]
        call = await store.get_call("c1")
        assert call
        assert call.waited_ms == 7000


async def test_an_upgraded_log_has_all_that_a_new_one_has(
    path: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new.sqlite"
    for file in (path, new):
        async with open_store(file):
            pass
    assert sql(path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    for table in metadata.tables:
        found, expected = (
            {column[1:] for column in sql(file, f"PRAGMA table_info({table})")}
            for file in (path, new)
        )
        assert found == expected
    rest = "SELECT name FROM sqlite_master"
    assert set(sql(path, rest)) == set(sql(new, rest))


async def test_a_log_that_two_processes_open_at_once_is_upgraded_once(
    path: Path,
) -> None:
    async def open_and_read() -> int:
        async with open_store(path) as store:
            return len(await store.turns("c1"))

    assert await asyncio.gather(*(open_and_read() for _ in range(4))) == [1, 1, 1, 1]


async def test_the_release_that_made_the_log_can_still_write_it(path: Path) -> None:
    with closing(sqlite3.connect(path)) as theirs:
        async with open_store(path) as store:
            theirs.execute(
                "INSERT INTO turns (call_id, seq, who, started_ms, ended_ms, "
                "generated_text, heard_text, interrupted) "
                "VALUES ('c1', 2, 'caller', 0, 1, 'yes', 'yes', 0)"
            )
            theirs.commit()
            assert [turn.proved_ms for turn in await store.turns("c1")] == [None, None]


def test_an_upgrade_that_fails_changes_nothing(path: Path) -> None:
    # It keeps the column from being added, and the last step comes last.
    sql(path, "ALTER TABLE calls RENAME TO old_calls")
    version = sql(path, "PRAGMA user_version")
    before = sql(path, "SELECT sql FROM sqlite_master")
    assert "no such table: calls" in refusal(path)
    assert sql(path, "SELECT sql FROM sqlite_master") == before
    assert sql(path, "PRAGMA user_version") == version


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_of_another_program_that_claims_our_version_is_left_alone(
    tmp_path: Path, version: int
) -> None:
    path = tmp_path / "theirs.sqlite"
    sql(path, "CREATE TABLE theirs (id INTEGER)")
    sql(path, f"PRAGMA user_version = {version}")
    before = sql(path, "SELECT sql FROM sqlite_master")
    assert "no such table: turns" in refusal(path)
    assert sql(path, "SELECT sql FROM sqlite_master") == before
