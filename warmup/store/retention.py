"""Forgetting what nobody needs any more. Every pass looks at a bounded part and says where it stopped.

A queue may hold mail for weeks, so a pass must not begin anew at the oldest message each time: it
goes on where the last one ended, and begins again when it has been through.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from warmup.store.hot import Hot
from warmup.store.schema import (
    attempts,
    bodies,
    deliveries,
    journal,
    lane_sites,
    messages,
    reservations,
    windows,
)
from warmup.timing import Instant

__all__ = [
    "forget_attempts",
    "forget_holds",
    "forget_journal",
    "forget_messages",
    "forget_reservations",
]

_OPEN = ("queued", "held", "leased", "sending", "deferred")

_PART = Hot(
    sa.select(
        messages.c.id,
        sa.select(sa.func.max(deliveries.c.due_at))
        .where(deliveries.c.message == messages.c.id)
        .scalar_subquery(),
        sa.select(deliveries.c.id)
        .where(deliveries.c.message == messages.c.id)
        .where(deliveries.c.state.in_([sa.literal_column(f"'{state}'") for state in _OPEN]))
        .exists(),
        sa.select(bodies.c.message).where(bodies.c.message == messages.c.id).exists(),
    )
    .where(messages.c.id > bindparam("after"))
    .order_by(messages.c.id)
    .limit(bindparam("limit"))
)
_DROP_BODY = Hot(sa.delete(bodies).where(bodies.c.message == bindparam("of")))
_DROP_MESSAGE = Hot(sa.delete(messages).where(messages.c.id == bindparam("of")))


def forget_messages(
    connection: Connection, after: int, limit: int, *, bodies_before: Instant, all_before: Instant
) -> int:
    """Drop contents, and later whole messages, all of whose deliveries are final.

    Args:
        connection: A write transaction.
        after: Id of the message after which to look on.
        limit: At most so many messages are looked at.
        bodies_before: Contents of messages whose last delivery ended before this instant go.
        all_before: Messages whose last delivery ended before this instant go, with their deliveries.

    Returns:
        Id of the last message looked at; 0 where the end was reached.
    """
    rows = _PART.rows(connection, after=after, limit=limit)
    done = [(message, at, kept) for message, at, is_open, kept in rows if not is_open]
    _DROP_BODY.many(
        connection, [{"of": message} for message, at, kept in done if kept and at < bodies_before]
    )
    _DROP_MESSAGE.many(connection, [{"of": message} for message, at, _ in done if at < all_before])
    return int(rows[-1][0]) if len(rows) == limit else 0


def _forget_oldest(
    connection: Connection, table: sa.Table, at: sa.Column[int], before: Instant, limit: int
) -> int:
    """Drop rows from the oldest on, as long as they are old enough; ids ascend with time."""
    rows = connection.execute(sa.select(table.c.id, at).order_by(table.c.id).limit(limit)).all()
    ids = []
    for row in rows:
        if row[1] >= before:
            break
        ids.append(row[0])
    if ids:
        connection.execute(sa.delete(table).where(table.c.id <= ids[-1]))
    return len(ids)


def forget_attempts(connection: Connection, before: Instant, limit: int) -> int:
    """Drop attempts that ended before an instant, how many; the evidence keeps their counts."""
    return _forget_oldest(connection, attempts, attempts.c.ended_at, before, limit)


def forget_journal(connection: Connection, before: Instant, limit: int) -> int:
    """Drop lines of the journal written before an instant, how many."""
    return _forget_oldest(connection, journal, journal.c.at, before, limit)


def forget_holds(connection: Connection, before: Instant) -> None:
    """Drop holds of sites that ended before an instant."""
    connection.execute(sa.delete(lane_sites).where(lane_sites.c.until < before))


def forget_reservations(connection: Connection, before: Instant, limit: int) -> int:
    """Drop the reservations of windows that ended before an instant; their accounts stay.

    Returns:
        How many windows were emptied; at most ``limit``.
    """
    oldest = (
        sa.select(reservations.c.window, windows.c.ends_at)
        .join(windows, windows.c.id == reservations.c.window)
        .order_by(reservations.c.window)
        .limit(1)
    )
    for emptied in range(limit):
        row = connection.execute(oldest).first()
        if row is None or row.ends_at >= before:
            return emptied
        connection.execute(sa.delete(reservations).where(reservations.c.window == row.window))
    return limit
