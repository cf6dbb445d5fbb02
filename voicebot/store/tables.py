"""
The call log's tables.

`call_events` is what happened, `calls`, `turns`, `decisions`, `latencies`, `messages`
and `recordings` are made of it (`project.py`) and can be made anew. A change of any of
them is a new revision in `migrations/versions`; `migrate.HEAD` says which one these
are. The full text of turns isn't among them: it is SQLite's or PostgreSQL's own
(`migrations/search.py`).
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

from voicebot.store.records import EndReason
from voicebot.store.traces import packed, unpacked


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


class Trace(TypeDecorator[str]):
    """Letters, mostly in long runs: a turn of 30 s has 1500 of them."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else packed(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else unpacked(value)


metadata = MetaData()

call_events = Table(
    "call_events",
    metadata,
    Column("call_id", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
    Column("kind", String, nullable=False),
    Column("data", JSON, nullable=False),
)

instances = Table(
    "instances",
    metadata,
    Column("instance_id", String, primary_key=True),
    Column("started_at", Utc, nullable=False),
    Column("heartbeat_at", Utc, nullable=False),
)

# A column bears the name of the record's field that it holds.
calls = Table(
    "calls",
    metadata,
    Column("call_id", String, primary_key=True),
    Column("call_sid", String, nullable=False, index=True),
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
            length=40,
            values_callable=lambda reasons: [reason.value for reason in reasons],
        ),
    ),
    Column("ended_by", String),
    Column("faults", JSON, nullable=False, default=()),
    Column("recording", String),
    Column("recording_ms", Integer),
    Column("usage", JSON, nullable=False, default={}),
    Column("waited_ms", Integer),
    Column("instance_id", String),
    Column("cost", JSON, nullable=False, default={}),
    Column("cost_ucny", BigInteger, nullable=False, default=0),
    *(
        Index(f"ix_calls_{column}", column, "started_at")
        for column in ("from_number", "to_number", "persona", "end_reason")
    ),
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
    Column("proved_ms", Integer),
    Column("interrupted", Boolean, nullable=False),
    Column("reply_ms", Integer),
)

decisions = Table(
    "decisions",
    metadata,
    Column(
        "call_id",
        ForeignKey("calls.call_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("at_ms", Integer, nullable=False),
    Column("decided_ms", Integer, nullable=False),
    Column("rule", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("caller_seq", Integer),
    Column("trace", Trace, nullable=False),
    Column("features", JSON, nullable=False),
)

latencies = Table(
    "latencies",
    metadata,
    Column(
        "call_id",
        ForeignKey("calls.call_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("caller_seq", Integer),
    Column("spoken_ms", Integer, nullable=False),
    Column("committed_ms", Integer),
    Column("delta_ms", Integer),
    Column("sent_ms", Integer, nullable=False),
    Column("heard_ms", Integer, nullable=False),
    Column("heard_by", String, nullable=False),
    Column("understood_ms", Integer),
    Column("written_ms", Integer),
)

messages = Table(
    "messages",
    metadata,
    Column(
        "call_id",
        ForeignKey("calls.call_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("recording_sid", String, primary_key=True),
    Column("url", String),
    Column("duration_s", Integer),
    Column("transcription", Text),
    Column("received_at", Utc, nullable=False),
)

# What others were told of calls that are over: made of nothing else, so it goes with no
# row. A call of which there is no row here is yet to be told of.
deliveries = Table(
    "deliveries",
    metadata,
    Column("call_id", String, primary_key=True),
    Column("hook", Integer, primary_key=True, autoincrement=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Utc, nullable=False),
    Column("done_at", Utc),
    Column("last", String),
)

recordings = Table(
    "recordings",
    metadata,
    Column(
        "call_id",
        ForeignKey("calls.call_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("began_ms", Integer, primary_key=True, autoincrement=False),
    Column("keep_days", Integer),
    Column("place", String),
    Column("recording_ms", Integer),
    Column("size_bytes", BigInteger),
    Column("sha256", String),
    Column("gone", Boolean, nullable=False),
)

# What is left of callers who were erased: that it was done, and of how much.
erasures = Table(
    "erasures",
    metadata,
    Column("erasure_id", String, primary_key=True),
    Column("erased_at", Utc, nullable=False),
    Column("number_hash", String, nullable=False),
    Column("counts", JSON, nullable=False),
)
