"""
Calls, turns, decisions and messages.

The tables of schema 3, which releases made by themselves before there were revisions.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

CALL = ("call_id",)


def upgrade() -> None:
    op.create_table(
        "calls",
        sa.Column("call_id", sa.String, primary_key=True),
        sa.Column("call_sid", sa.String, nullable=False),
        sa.Column("account_sid", sa.String, nullable=False),
        sa.Column("from_number", sa.String, nullable=False),
        sa.Column("to_number", sa.String, nullable=False),
        sa.Column("direction", sa.String, nullable=False),
        sa.Column("persona", sa.String, nullable=False),
        sa.Column("route", sa.String, nullable=False),
        sa.Column("dialplan_revision", sa.String, nullable=False),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("answered_at", sa.DateTime),
        sa.Column("stream_sid", sa.String),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("duration_ms", sa.Integer),
        sa.Column("end_reason", sa.String(15)),
        sa.Column("ended_by", sa.String),
        sa.Column("faults", sa.JSON, nullable=False),
        sa.Column("recording", sa.String),
        sa.Column("recording_ms", sa.Integer),
        sa.Column("usage", sa.JSON, nullable=False),
        sa.UniqueConstraint("call_sid", name="uq_calls_call_sid"),
    )
    op.create_index("ix_calls_started_at", "calls", ["started_at"])
    op.create_index("ix_calls_ended_at", "calls", ["ended_at"])
    op.create_table(
        "turns",
        sa.Column("call_id", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("item_id", sa.String),
        sa.Column("response_id", sa.String),
        sa.Column("started_ms", sa.Integer, nullable=False),
        sa.Column("ended_ms", sa.Integer, nullable=False),
        sa.Column("generated_text", sa.Text, nullable=False),
        sa.Column("heard_text", sa.Text, nullable=False),
        sa.Column("generated_ms", sa.Integer),
        sa.Column("heard_ms", sa.Integer),
        sa.Column("proved_ms", sa.Integer),
        sa.Column("interrupted", sa.Boolean, nullable=False),
        sa.Column("reply_ms", sa.Integer),
        sa.ForeignKeyConstraint(CALL, ["calls.call_id"], ondelete="CASCADE"),
    )
    op.create_table(
        "decisions",
        sa.Column("call_id", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("at_ms", sa.Integer, nullable=False),
        sa.Column("decided_ms", sa.Integer, nullable=False),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("caller_seq", sa.Integer),
        sa.Column("trace", sa.Text, nullable=False),
        sa.Column("features", sa.JSON, nullable=False),
        sa.ForeignKeyConstraint(CALL, ["calls.call_id"], ondelete="CASCADE"),
    )
    op.create_table(
        "messages",
        sa.Column("recording_sid", sa.String, primary_key=True),
        sa.Column("call_id", sa.String, nullable=False),
        sa.Column("url", sa.String),
        sa.Column("duration_s", sa.Integer),
        sa.Column("transcription", sa.Text),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.ForeignKeyConstraint(CALL, ["calls.call_id"], ondelete="CASCADE"),
    )
    op.create_index("ix_messages_call_id", "messages", ["call_id"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute("PRAGMA user_version = 3")


def downgrade() -> None:
    for table in ("messages", "decisions", "turns", "calls"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "sqlite":
        op.execute("PRAGMA user_version = 0")
