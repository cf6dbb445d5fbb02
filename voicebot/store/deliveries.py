"""
Who is yet to be told of which calls.

A call that is over is told of if there is no row that says it was. So nothing needs to
be written when it ends, and nothing is lost if a process dies before, while or after it
tells. Who dies in between tells again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    exists,
    false,
    not_,
    or_,
    select,
)

from voicebot.store.database import Database
from voicebot.store.engines import put_into
from voicebot.store.tables import calls, deliveries

TELL_FOR: Final = timedelta(days=1)
"""After its end, a call is told of for so long."""

LEASE: Final = timedelta(seconds=60)
"""Who took it upon itself to tell has so long, before another may."""

TRANSCRIBE: Final = -2
"""A model is told of the call, to transcribe what has no words yet."""

REVIEW: Final = -1
"""A model is told of the call, to review it."""

REVIEW_FOR: Final = timedelta(minutes=10)
"""Whoever is told later waits no longer for either of these."""

FORGET_AFTER: Final = timedelta(days=7)
AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class Delivery:
    """A call that is to be told of now."""

    call_id: str
    persona: str
    ended_at: datetime
    hook: int
    """Whom to tell: the number of one of the persona's webhooks; TRANSCRIBE, REVIEW."""

    tries: int
    """How often it was tried before."""


class Deliveries:
    """
    The outbox. Several processes may share it: each takes what no other has.

    Every method raises StoreError if the log cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self,
        hooks: Mapping[int, Collection[str]],
        at: datetime,
    ) -> list[Delivery]:
        """
        Take what is due, the oldest first. It is ours for a minute.

        Args:
            hooks: the personas that have each webhook; REVIEW, TRANSCRIBE: whose calls
                are to be reviewed, transcribed. Who is told waits for that, and a
                review for what is transcribed: some minutes.
        """
        first = {hook: hooks[hook] for hook in (TRANSCRIBE, REVIEW) if hook in hooks}
        queries = {
            hook: _due(names, hook, at, {x: first[x] for x in first if x < hook})
            for hook, names in hooks.items()
        }
        for query in queries.values():
            if await self._database.read(query):
                break
        else:
            return []

        def work(connection: Connection) -> list[Delivery]:
            taken: list[Delivery] = []
            for hook, query in queries.items():
                for row in connection.execute(query):
                    tries = row.tries or 0
                    _put(
                        connection,
                        call_id=row.call_id,
                        hook=hook,
                        tries=tries + 1,
                        next_at=at + LEASE,
                        done_at=None,
                        last=None,
                    )
                    taken.append(
                        Delivery(row.call_id, row.persona, row.ended_at, hook, tries)
                    )
            old = deliveries.c.next_at < at - FORGET_AFTER
            connection.execute(delete(deliveries).where(old))
            return taken

        return await self._database.transact(work)

    async def settle(
        self, delivery: Delivery, last: str, at: datetime, next_at: datetime | None
    ) -> None:
        """
        Note what came of it.

        Args:
            last: in a word or two, for people.
            next_at: when to try again; None: never.
        """

        def work(connection: Connection) -> None:
            _put(
                connection,
                call_id=delivery.call_id,
                hook=delivery.hook,
                tries=delivery.tries + 1,
                next_at=next_at or at,
                done_at=None if next_at else at,
                last=last,
            )

        await self._database.transact(work)


def _due(
    names: Collection[str],
    hook: int,
    at: datetime,
    first: Mapping[int, Collection[str]],
) -> Select[Any]:
    told = and_(deliveries.c.call_id == calls.c.call_id, deliveries.c.hook == hook)
    untold = deliveries.c.call_id.is_(None)
    again = and_(deliveries.c.done_at.is_(None), deliveries.c.next_at <= at)
    waits: ColumnElement[bool] = false()
    for before, whose in first.items():
        other = deliveries.alias()
        is_over = exists().where(
            other.c.call_id == calls.c.call_id,
            other.c.hook == before,
            other.c.done_at.is_not(None),
        )
        fresh = calls.c.ended_at > at - REVIEW_FOR
        waits = or_(waits, and_(calls.c.persona.in_(whose), fresh, not_(is_over)))
    return (
        select(calls.c.call_id, calls.c.persona, calls.c.ended_at, deliveries.c.tries)
        .join_from(calls, deliveries, told, isouter=True)
        .where(calls.c.ended_at > at - TELL_FOR)
        .where(calls.c.persona.in_(names), or_(untold, again), not_(waits))
        .order_by(calls.c.ended_at)
        .limit(AT_ONCE)
    )


def _put(connection: Connection, **values: object) -> None:
    connection.execute(put_into(deliveries, connection.dialect.name), values)
