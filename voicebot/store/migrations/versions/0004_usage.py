"""
What calls cost, how long their answers took, and who was told of them.

Of older calls nobody knows any of it: they cost nothing, and have no latencies.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "latencies",
        sa.Column("call_id", sa.String, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("caller_seq", sa.Integer),
        sa.Column("spoken_ms", sa.Integer, nullable=False),
        sa.Column("committed_ms", sa.Integer),
        sa.Column("delta_ms", sa.Integer),
        sa.Column("sent_ms", sa.Integer, nullable=False),
        sa.Column("heard_ms", sa.Integer, nullable=False),
        sa.Column("heard_by", sa.String, nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_id", "seq"),
    )
    op.create_table(
        "deliveries",
        sa.Column("call_id", sa.String, primary_key=True),
        sa.Column("hook", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime, nullable=False),
        sa.Column("done_at", sa.DateTime),
        sa.Column("last", sa.String),
    )
    with op.batch_alter_table("calls") as batch:
        batch.add_column(
            sa.Column("cost", sa.JSON, nullable=False, server_default="{}")
        )
        batch.add_column(
            sa.Column("cost_ucny", sa.BigInteger, nullable=False, server_default="0")
        )


def downgrade() -> None:
    """What answers took and cost, and who was told of calls, is gone then."""
    with op.batch_alter_table("calls") as batch:
        batch.drop_column("cost_ucny")
        batch.drop_column("cost")
    op.drop_table("deliveries")
    op.drop_table("latencies")
    kinds = "('latency', 'usage', 'review')"
    op.execute(f"DELETE FROM call_events WHERE kind IN {kinds}")  # noqa: S608 - ours
