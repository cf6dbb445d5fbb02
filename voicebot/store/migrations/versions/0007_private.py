"""What is silent in recordings; indexes for the times of answers and interruptions."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

REPLIED = sa.text("reply_ms IS NOT NULL")
INTERRUPTED = sa.text("kind = 'barge_in' AND outcome = 'confirmed'")


def upgrade() -> None:
    op.create_index(
        "ix_turns_replied",
        "turns",
        ["call_id", "reply_ms"],
        sqlite_where=REPLIED,
        postgresql_where=REPLIED,
    )
    op.create_index(
        "ix_decisions_interrupted",
        "decisions",
        ["call_id"],
        sqlite_where=INTERRUPTED,
        postgresql_where=INTERRUPTED,
    )


def downgrade() -> None:
    """Which keys were pressed, and where recordings were silenced, is gone then."""
    op.drop_index("ix_decisions_interrupted", "decisions")
    op.drop_index("ix_turns_replied", "turns")
    op.execute("DELETE FROM call_events WHERE kind IN ('private', 'silenced')")
    without = "json_remove(data, '$.digit')"
    if op.get_bind().dialect.name == "postgresql":
        without = "(CAST(data AS jsonb) - 'digit')::json"
    op.execute(
        f"UPDATE call_events SET data = {without} WHERE kind = 'key'"  # noqa: S608 - ours
    )
