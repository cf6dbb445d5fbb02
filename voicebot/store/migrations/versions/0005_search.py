"""The full text of what was said, and indices for what lists of calls ask for."""

from alembic import op

from voicebot.store.migrations import search

revision = "0005"
down_revision = "0004"

# Each with the time: a list is of the newest.
LISTED = ("from_number", "to_number", "persona", "end_reason")


def upgrade() -> None:
    for column in LISTED:
        op.create_index(f"ix_calls_{column}", "calls", [column, "started_at"])
    search.make()


def downgrade() -> None:
    search.drop()
    for column in LISTED:
        op.drop_index(f"ix_calls_{column}", "calls")
