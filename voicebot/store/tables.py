"""The call log's tables. A change of them is a new SCHEMA_VERSION."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

from voicebot.store.records import EndReason

SCHEMA_VERSION: Final = 1


class Utc(TypeDecorator[datetime]):
    """An instant. SQLite has no time zones: it is kept in UTC and read as UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("expected an instant with a time zone, got one without")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData()

# A column bears the name of the record's field that it holds.
calls = Table(
    "calls",
    metadata,
    Column("call_id", String, primary_key=True),
    Column("call_sid", String, nullable=False, unique=True),
    Column("account_sid", String, nullable=False),
    Column("from_number", String, nullable=False),
    Column("to_number", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("persona", String, nullable=False),
    Column("route", String, nullable=False),
    Column("dialplan_revision", String, nullable=False),
    Column("started_at", Utc, nullable=False, index=True),
    Column("answered_at", Utc),
    Column("stream_sid", String),
    Column("ended_at", Utc, index=True),
    Column("duration_ms", Integer),
    Column(
        "end_reason",
        Enum(
            EndReason,
            native_enum=False,
            values_callable=lambda reasons: [reason.value for reason in reasons],
        ),
    ),
    Column("ended_by", String),
    Column("faults", JSON, nullable=False, default=()),
    Column("recording", String),
    Column("recording_ms", Integer),
    Column("usage", JSON, nullable=False, default={}),
)

turns = Table(
    "turns",
    metadata,
    Column(
        "call_id",
        ForeignKey("calls.call_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("who", String, nullable=False),
    Column("item_id", String),
    Column("response_id", String),
    Column("started_ms", Integer, nullable=False),
    Column("ended_ms", Integer, nullable=False),
    Column("generated_text", Text, nullable=False),
    Column("heard_text", Text, nullable=False),
    Column("generated_ms", Integer),
    Column("heard_ms", Integer),
    Column("interrupted", Boolean, nullable=False),
    Column("reply_ms", Integer),
)
