"""When the caller's words, and the answer's first ones, were known."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    with op.batch_alter_table("latencies") as batch:
        batch.add_column(sa.Column("understood_ms", sa.Integer))
        batch.add_column(sa.Column("written_ms", sa.Integer))


def downgrade() -> None:
    """The events know it still."""
    with op.batch_alter_table("latencies") as batch:
        batch.drop_column("written_ms")
        batch.drop_column("understood_ms")
