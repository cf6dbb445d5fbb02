"""
What happened comes first: `call_events`, of which all rows are made.

Events are written for the calls that are there. Two calls may have one call_sid: two
processes that can't reach the log both take it. Processes have a row each.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

CALLS_AT_ONCE = 200
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - as the columns hold instants
Row = dict[str, Any]


def _table(name: str, columns: str, **typed: type[sa.types.TypeEngine[Any]]) -> Any:
    plain: list[Any] = [sa.column(column) for column in columns.split()]
    return sa.table(name, *plain, *(sa.column(*each) for each in typed.items()))


call_events = _table(
    "call_events", "call_id kind", seq=sa.BigInteger, at=sa.DateTime, data=sa.JSON
)
calls = _table(
    "calls",
    "call_id call_sid account_sid from_number to_number direction persona route "
    "dialplan_revision stream_sid duration_ms end_reason ended_by recording "
    "recording_ms",
    started_at=sa.DateTime,
    answered_at=sa.DateTime,
    ended_at=sa.DateTime,
    faults=sa.JSON,
    usage=sa.JSON,
)
turns = _table(
    "turns",
    "call_id seq who item_id response_id started_ms ended_ms generated_text "
    "heard_text generated_ms heard_ms proved_ms reply_ms",
    interrupted=sa.Boolean,
)
decisions = _table(
    "decisions",
    "call_id seq kind at_ms decided_ms rule outcome caller_seq trace",
    features=sa.JSON,
)
messages = _table(
    "messages",
    "call_id recording_sid url duration_s transcription",
    received_at=sa.DateTime,
)


def upgrade() -> None:
    op.create_table(
        "call_events",
        sa.Column("call_id", sa.String, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.create_table(
        "instances",
        sa.Column("instance_id", sa.String, primary_key=True),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("heartbeat_at", sa.DateTime, nullable=False),
    )
    _write_events(op.get_bind())
    # The oldest files have no name for it: it is given the one that others have.
    named = {"uq": "uq_%(table_name)s_%(column_0_name)s"}
    with op.batch_alter_table("calls", naming_convention=named) as batch:
        batch.drop_constraint("uq_calls_call_sid", type_="unique")
        batch.alter_column("end_reason", type_=sa.String(40))
        batch.add_column(sa.Column("instance_id", sa.String))
        batch.create_index("ix_calls_call_sid", ["call_sid"])
    _messages_anew(sa.PrimaryKeyConstraint("call_id", "recording_sid"))
    _tell_sqlite(4)  # a release that only knows 3 must not write


def downgrade() -> None:
    """What has no place in the tables of revision 1 is gone then."""
    _messages_anew(sa.PrimaryKeyConstraint("recording_sid"))
    op.create_index("ix_messages_call_id", "messages", ["call_id"])
    op.execute(
        "DELETE FROM calls WHERE EXISTS (SELECT 1 FROM calls AS other "
        "WHERE other.call_sid = calls.call_sid AND other.call_id < calls.call_id)"
    )
    for table in ("turns", "decisions", "messages"):  # no keys are followed here
        op.execute(
            f"DELETE FROM {table} WHERE call_id NOT IN (SELECT call_id FROM calls)"  # noqa: S608 - names of ours
        )
    with op.batch_alter_table("calls") as batch:
        batch.drop_index("ix_calls_call_sid")
        batch.drop_column("instance_id")
        batch.alter_column("end_reason", type_=sa.String(15))
        batch.create_unique_constraint("uq_calls_call_sid", ["call_sid"])
    op.drop_table("instances")
    op.drop_table("call_events")
    _tell_sqlite(3)


def _messages_anew(key: sa.PrimaryKeyConstraint) -> None:
    op.rename_table("messages", "messages_before")
    op.create_table(
        "messages",
        sa.Column("call_id", sa.String, nullable=False),
        sa.Column("recording_sid", sa.String, nullable=False),
        sa.Column("url", sa.String),
        sa.Column("duration_s", sa.Integer),
        sa.Column("transcription", sa.Text),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], ondelete="CASCADE"),
        key,
    )
    columns = "call_id, recording_sid, url, duration_s, transcription, received_at"
    op.execute(
        f"INSERT INTO messages ({columns}) SELECT {columns} FROM messages_before"  # noqa: S608 - names of ours
    )
    op.drop_table("messages_before")


def _tell_sqlite(version: int) -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"PRAGMA user_version = {version}")


def _write_events(connection: sa.Connection) -> None:
    after = ""
    while True:
        query = sa.select(calls).where(calls.c.call_id > after)
        query = query.order_by(calls.c.call_id).limit(CALLS_AT_ONCE)
        found = [dict(row._mapping) for row in connection.execute(query)]
        if not found:
            return
        after = found[-1]["call_id"]
        ids = [call["call_id"] for call in found]
        parts = [
            _by_call(connection, table, ids) for table in (turns, decisions, messages)
        ]
        events = [
            event
            for call in found
            for event in _numbered(
                call, *(part.get(call["call_id"], []) for part in parts)
            )
        ]
        connection.execute(call_events.insert(), events)


def _by_call(
    connection: sa.Connection, table: sa.TableClause, ids: Sequence[str]
) -> dict[str, list[Row]]:
    order = table.c.received_at if table is messages else table.c.seq
    query = sa.select(table).where(table.c.call_id.in_(ids)).order_by(order)
    rows: dict[str, list[Row]] = {}
    for row in connection.execute(query):
        rows.setdefault(row.call_id, []).append(dict(row._mapping))
    return rows


def _numbered(
    call: Row, said: list[Row], decided: list[Row], left: list[Row]
) -> Iterator[Row]:
    last = -1
    for kind, at, data in _happened(call, said, decided, left):
        last = max(last + 1, (at - EPOCH) // timedelta(microseconds=1))
        yield {
            "call_id": call["call_id"],
            "seq": last,
            "at": at,
            "kind": kind,
            "data": {
                name: _plain(value) for name, value in data.items() if name != "call_id"
            },
        }


def _happened(
    call: Row, said: list[Row], decided: list[Row], left: list[Row]
) -> Iterator[tuple[str, datetime, Row]]:
    began = call["started_at"]
    start = (
        "call_sid account_sid from_number to_number direction persona route "
        "dialplan_revision started_at"
    )
    yield "call.started", began, {name: call[name] for name in start.split()}
    if call["answered_at"]:
        began = call["answered_at"]
        answer = {name: call[name] for name in ("stream_sid", "answered_at")}
        yield "call.answered", began, answer
    for turn in said:
        yield "turn", began + timedelta(milliseconds=turn["ended_ms"]), turn
    for decision in decided:
        at = began + timedelta(milliseconds=decision["decided_ms"])
        yield "decision", at, decision
    if call["ended_at"]:
        end = (
            "ended_at duration_ms end_reason ended_by faults recording recording_ms "
            "usage"
        )
        yield "call.ended", call["ended_at"], {name: call[name] for name in end.split()}
    for message in left:
        yield "message", message["received_at"], message


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).isoformat()
    return value
