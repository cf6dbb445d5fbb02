"""
The full text of turns, as revisions make it and take it away.

SQLite: an index of trigrams of FTS5. It holds no text of its own, and is kept by
triggers. A revision that makes `turns` or `calls` anew calls `drop` before and `make`
after that: SQLite forgets triggers with their table, and renames none that a view
needs.

PostgreSQL: an index of pg_trgm, if the server has it and lets us. Without it a search
reads all turns.
"""

from typing import Final

from alembic import op
from sqlalchemy.exc import DBAPIError

# Two spaces behind the words: so each letter begins a trigram, and what is shorter
# than one is found by how trigrams begin. An ID begins with the second in which its
# call began: in their order, the newest call's turns come last.
SQLITE: Final = (
    """
    CREATE TABLE turn_search_ids (
        id INTEGER PRIMARY KEY,
        call_id VARCHAR NOT NULL,
        seq INTEGER NOT NULL,
        UNIQUE (call_id, seq)
    )
    """,
    """
    CREATE VIEW turn_search_words AS
    SELECT ids.id AS id, turns.generated_text || '  ' AS words
    FROM turn_search_ids AS ids
    JOIN turns ON turns.call_id = ids.call_id AND turns.seq = ids.seq
    """,
    """
    CREATE VIRTUAL TABLE turn_search USING fts5(
        words, content='turn_search_words', content_rowid='id', tokenize='trigram'
    )
    """,
    "CREATE VIRTUAL TABLE turn_search_terms USING fts5vocab(turn_search, 'row')",
    """
    CREATE TRIGGER turn_search_added AFTER INSERT ON turns BEGIN
        INSERT INTO turn_search_ids (id, call_id, seq)
        SELECT coalesce(max(ids.id) + 1, began.first), new.call_id, new.seq
        FROM (
            SELECT CAST(strftime('%s', started_at) AS INTEGER) << 31 AS first
            FROM calls WHERE call_id = new.call_id
        ) AS began
        LEFT JOIN turn_search_ids AS ids
        ON ids.id >= began.first AND ids.id < began.first + (1 << 31);
        INSERT INTO turn_search (rowid, words)
        SELECT id, new.generated_text || '  ' FROM turn_search_ids
        WHERE call_id = new.call_id AND seq = new.seq;
    END
    """,
    """
    CREATE TRIGGER turn_search_changed AFTER UPDATE OF generated_text ON turns
    WHEN new.generated_text <> old.generated_text BEGIN
        INSERT INTO turn_search (turn_search, rowid, words)
        SELECT 'delete', id, old.generated_text || '  ' FROM turn_search_ids
        WHERE call_id = old.call_id AND seq = old.seq;
        INSERT INTO turn_search (rowid, words)
        SELECT id, new.generated_text || '  ' FROM turn_search_ids
        WHERE call_id = new.call_id AND seq = new.seq;
    END
    """,
    """
    CREATE TRIGGER turn_search_gone AFTER DELETE ON turns BEGIN
        INSERT INTO turn_search (turn_search, rowid, words)
        SELECT 'delete', id, old.generated_text || '  ' FROM turn_search_ids
        WHERE call_id = old.call_id AND seq = old.seq;
        DELETE FROM turn_search_ids WHERE call_id = old.call_id AND seq = old.seq;
    END
    """,
    # Those that are there already.
    """
    INSERT INTO turn_search_ids (id, call_id, seq)
    SELECT
        (second << 31) + row_number() OVER (
            PARTITION BY second ORDER BY started_at, call_id, seq
        ),
        call_id,
        seq
    FROM (
        SELECT CAST(strftime('%s', calls.started_at) AS INTEGER) AS second,
            calls.started_at, turns.call_id, turns.seq
        FROM turns JOIN calls ON calls.call_id = turns.call_id
    )
    """,
    "INSERT INTO turn_search (turn_search) VALUES ('rebuild')",
)
SQLITE_GONE: Final = (
    "DROP TRIGGER turn_search_gone",
    "DROP TRIGGER turn_search_changed",
    "DROP TRIGGER turn_search_added",
    "DROP TABLE turn_search_terms",
    "DROP TABLE turn_search",
    "DROP VIEW turn_search_words",
    "DROP TABLE turn_search_ids",
)


def make() -> None:
    """Make the full text of all turns that there are."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for statement in SQLITE:
            connection.exec_driver_sql(statement)
        return
    try:
        with connection.begin_nested():
            connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DBAPIError:  # the server doesn't have it, or we may not
        return
    connection.exec_driver_sql(
        "CREATE INDEX turn_search ON turns USING gin (generated_text gin_trgm_ops)"
    )


def drop() -> None:
    """Take it away. The extension stays: others may use it."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for statement in SQLITE_GONE:
            connection.exec_driver_sql(statement)
        return
    connection.exec_driver_sql("DROP INDEX IF EXISTS turn_search")
