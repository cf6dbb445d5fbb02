"""What is silent in recordings, and which keys chose something: events, no tables."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """There is nothing to be made: this says that such events may be there."""


def downgrade() -> None:
    """Which keys were pressed, and where recordings were silenced, is gone then."""
    op.execute("DELETE FROM call_events WHERE kind IN ('private', 'silenced')")
    without = "json_remove(data, '$.digit')"
    if op.get_bind().dialect.name == "postgresql":
        without = "(CAST(data AS jsonb) - 'digit')::json"
    op.execute(
        f"UPDATE call_events SET data = {without} WHERE kind = 'key'"  # noqa: S608 - ours
    )
