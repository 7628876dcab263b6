"""Forgetting what nobody needs any more. Every pass looks at a bounded part and says where it stopped.

A queue may hold mail for weeks, so a pass must not begin anew at the oldest message each time: it
goes on where the last one ended, and begins again when it has been through.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from warmup.store.hot import Hot
from warmup.store.schema import attempts, bodies, deliveries, messages, reservations, windows
from warmup.timing import Instant

__all__ = ["forget_attempts", "forget_messages", "forget_reservations"]

_OPEN = ("queued", "held", "leased", "sending", "deferred")

_PART = Hot(
    sa.select(
        messages.c.id,
        messages.c.submitted_at,
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
        bodies_before: Contents of messages submitted before this instant go.
        all_before: Messages submitted before this instant go with their deliveries.

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


def forget_attempts(connection: Connection, before: Instant, limit: int) -> int:
    """Drop attempts that ended before an instant, how many; the evidence keeps their counts."""
    old = sa.select(attempts.c.id).where(attempts.c.ended_at < before).order_by(attempts.c.id).limit(limit)
    ids = list(connection.execute(old).scalars())
    if ids:
        connection.execute(sa.delete(attempts).where(attempts.c.id.in_(ids)))
    return len(ids)


def forget_reservations(connection: Connection, before: Instant) -> int:
    """Drop the reservations of one window that ended before an instant, how many; its account stays."""
    oldest = (
        sa.select(reservations.c.window, windows.c.ends_at)
        .join(windows, windows.c.id == reservations.c.window)
        .order_by(reservations.c.window)
        .limit(1)
    )
    row = connection.execute(oldest).first()
    if row is None or row.ends_at >= before:
        return 0
    return connection.execute(sa.delete(reservations).where(reservations.c.window == row.window)).rowcount
