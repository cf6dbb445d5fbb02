"""How long callers waited in line for room."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("calls") as batch:
        batch.add_column(sa.Column("waited_ms", sa.Integer))


def downgrade() -> None:
    with op.batch_alter_table("calls") as batch:
        batch.drop_column("waited_ms")
