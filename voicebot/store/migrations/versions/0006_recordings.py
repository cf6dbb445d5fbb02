"""Where recordings are and how long they are kept; which callers were erased."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "recordings",
        sa.Column("call_id", sa.String, nullable=False),
        sa.Column("began_ms", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("keep_days", sa.Integer),
        sa.Column("place", sa.String),
        sa.Column("recording_ms", sa.Integer),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("sha256", sa.String),
        sa.Column("gone", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_id", "began_ms"),
    )
    op.create_table(
        "erasures",
        sa.Column("erasure_id", sa.String, primary_key=True),
        sa.Column("erased_at", sa.DateTime, nullable=False),
        sa.Column("number_hash", sa.String, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Where recordings are stands in their calls' rows, too; the rest is gone then."""
    op.execute("DELETE FROM call_events WHERE kind = 'recording'")
    op.drop_table("erasures")
    op.drop_table("recordings")
