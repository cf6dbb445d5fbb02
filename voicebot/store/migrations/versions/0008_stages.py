"""When the caller's words, and the answer's first ones, were known; late words."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

NEW = ("understood_ms", "written_ms")


def upgrade() -> None:
    with op.batch_alter_table("latencies") as batch:
        for name in NEW:
            batch.add_column(sa.Column(name, sa.Integer))


def downgrade() -> None:
    """An older release can't read either; words that were found stay."""
    op.execute("DELETE FROM call_events WHERE kind = 'transcription'")
    without = "json_remove(data, {})".format(", ".join(f"'$.{x}'" for x in NEW))
    if op.get_bind().dialect.name == "postgresql":
        without = "(CAST(data AS jsonb){})::json".format(
            "".join(f" - '{x}'" for x in NEW)
        )
    op.execute(
        f"UPDATE call_events SET data = {without} WHERE kind = 'latency'"  # noqa: S608 - ours
    )
    with op.batch_alter_table("latencies") as batch:
        for name in reversed(NEW):
            batch.drop_column(name)
