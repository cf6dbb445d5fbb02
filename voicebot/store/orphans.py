"""Ends calls whose process died. Runs within one transaction of who calls it."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, func, or_, select

from voicebot.store.append import append, last_numbers
from voicebot.store.events import Event, number_at
from voicebot.store.faults import Fault
from voicebot.store.records import ENDED_BY, CallEnded, EndReason
from voicebot.store.tables import calls, instances, turns

HEARTBEAT_S: Final = 5.0

# Six heartbeats. A log that is away that long for one process only lets others think
# that it died; its own word puts that right.
DEAD_S: Final = 30.0


def close(connection: Connection, at: datetime, us: str, before_us: str | None) -> int:
    """
    End what other processes left open; forget those that are dead.

    Args:
        before_us: the process that had our folder before us: it is dead.
    """
    dead_since = at - timedelta(seconds=DEAD_S)
    alive = select(instances.c.instance_id).where(
        instances.c.heartbeat_at >= dead_since,
        instances.c.instance_id != (before_us or ""),
    )
    dead = calls.c.instance_id.not_in(alive)
    lasted_ms = (
        select(func.coalesce(func.max(turns.c.ended_ms), 0))
        .where(turns.c.call_id == calls.c.call_id)
        .scalar_subquery()
    )
    found = connection.execute(
        select(calls.c.call_id, lasted_ms.label("lasted_ms")).where(
            calls.c.ended_at.is_(None),
            or_(calls.c.instance_id.is_(None), dead),
            func.coalesce(calls.c.instance_id, "") != us,
        )
    )
    lasted = {row.call_id: row.lasted_ms for row in found}
    last = last_numbers(connection, lasted)
    append(
        connection,
        [
            Event(
                call_id,
                max(number_at(at), last.get(call_id, -1) + 1),
                at,
                CallEnded(
                    call_id=call_id,
                    ended_at=at,
                    duration_ms=lasted_ms,
                    end_reason=EndReason.NODE_CRASH,
                    ended_by=ENDED_BY[EndReason.NODE_CRASH],
                    faults=(Fault.NODE_CRASH,),
                    recording=None,
                    recording_ms=None,
                    usage={},
                ),
            )
            for call_id, lasted_ms in lasted.items()
        ],
    )
    connection.execute(
        delete(instances).where(
            instances.c.instance_id.not_in(alive), instances.c.instance_id != us
        )
    )
    return len(lasted)
