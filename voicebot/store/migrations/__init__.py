"""The revisions of the call log's tables, for Alembic."""
