"""Drawing from the queue: what is due for a pool and a provider, in the order in which it should go.

Each query reads one index from its beginning and stops at its limit, however long the queue is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from warmup.model import DeliveryState
from warmup.release.decide import Candidate
from warmup.store.hot import Hot
from warmup.store.schema import deliveries, messages
from warmup.timing import Instant

__all__ = ["draw_fresh", "draw_movable", "draw_retries", "next_due"]

_CANDIDATE = (
    deliveries.c.id,
    deliveries.c.message,
    deliveries.c.recipient,
    deliveries.c.domain,
    deliveries.c.site,
    deliveries.c.state,
    deliveries.c.lease,
    deliveries.c.attempts,
    deliveries.c.deadline,
    deliveries.c.window,
    deliveries.c.pin_source,
    deliveries.c.pin_until,
    messages.c.sender,
    messages.c.size,
    messages.c.utf8,
    messages.c.eight_bit,
)


def _draw(where: Any, order: Any, deadline: Any = deliveries.c.deadline) -> sa.Select[Any]:
    # SKIP LOCKED matters on PostgreSQL alone: two workers draw different rows there. SQLite
    # has one writer at a time and compiles the clause away.
    return (
        sa.select(*_CANDIDATE)
        .join(messages, messages.c.id == deliveries.c.message)
        .where(_THERE & where & (deadline > bindparam("now")))
        .order_by(*order)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True, of=deliveries)
    )


_THERE = (deliveries.c.pool == bindparam("pool")) & (deliveries.c.provider == bindparam("provider"))
_NOT_HELD = deliveries.c.site.not_in(bindparam("held", expanding=True))
# States are spelled out: a parameter would hide them from the partial indexes.
_FRESH = sa.text("state = 'queued' AND site IS NOT NULL")
_DUE = sa.text("state = 'deferred' AND site IS NOT NULL") & (deliveries.c.due_at <= bindparam("now"))
_BY_ENGAGEMENT = (deliveries.c.priority, deliveries.c.rank, deliveries.c.deadline, deliveries.c.id)
_BY_DEADLINE = (deliveries.c.priority, deliveries.c.deadline, deliveries.c.id)
_BY_DUE = (deliveries.c.due_at, deliveries.c.id)
_DRAWS = {
    "ramping": (_draw(_FRESH, _BY_ENGAGEMENT), _draw(_FRESH & _NOT_HELD, _BY_ENGAGEMENT)),
    "warm": (_draw(_FRESH, _BY_DEADLINE), _draw(_FRESH & _NOT_HELD, _BY_DEADLINE)),
    "retry": (_draw(_DUE, _BY_DUE), _draw(_DUE & _NOT_HELD, _BY_DUE)),
}
_OPEN_STREAM = messages.c.stream.not_in(bindparam("closed", expanding=True))
_OF_PRIORITY = deliveries.c.priority == bindparam("priority")
_GATED_DRAWS = {
    # A sum is no term of an index: SQLite would take the one by deadline, and sort.
    "ramping": _draw(
        _FRESH & _OF_PRIORITY & _NOT_HELD & _OPEN_STREAM,
        _BY_ENGAGEMENT,
        deliveries.c.deadline + sa.literal_column("0"),
    ),
    "warm": _draw(_FRESH & _OF_PRIORITY & _NOT_HELD & _OPEN_STREAM, _BY_DEADLINE),
    "retry": _draw(_DUE & _NOT_HELD & _OPEN_STREAM, _BY_DUE),
}
_HOT_DRAWS = {name: Hot(plain) for name, (plain, _) in _DRAWS.items()}


def _candidate(row: Sequence[Any]) -> Candidate:
    return Candidate(
        id=row[0],
        message=row[1],
        recipient=row[2],
        domain=row[3],
        site=row[4],
        state=DeliveryState(row[5]),
        lease=row[6],
        attempts=row[7],
        deadline=row[8],
        windows=frozenset() if row[9] is None else frozenset((row[9],)),
        pin_source=row[10],
        pin_until=row[11],
        sender=row[12],
        size=row[13],
        utf8=bool(row[14]),
        eight_bit=bool(row[15]),
    )


def _drawn(
    connection: Connection, which: str, values: dict[str, Any], held: Sequence[str]
) -> list[Candidate]:
    if held:
        rows: Iterable[Any] = connection.execute(_DRAWS[which][1], {**values, "held": list(held)})
    else:
        rows = _HOT_DRAWS[which].rows(connection, **values)
    return [_candidate(row) for row in rows]


def draw_fresh(
    connection: Connection,
    pool: str,
    provider: str,
    now: Instant,
    limit: int,
    *,
    ramping: bool,
    held: Sequence[str] = (),
    closed: Sequence[str] = (),
    priorities: Sequence[int] = (),
) -> list[Candidate]:
    """Deliveries never tried, in the order in which they should go.

    Args:
        connection: A transaction.
        pool: Their pool.
        provider: Their provider.
        now: Whose deadline is later.
        limit: At most so many.
        ramping: Whether engagement counts before the deadline.
        held: Sites left out.
        closed: Streams left out.
        priorities: Where streams are left out, the priorities to look at, ascending: one whose streams
            are all closed is not even read.
    """
    values: dict[str, Any] = {"pool": pool, "provider": provider, "limit": limit, "now": now}
    which = "ramping" if ramping else "warm"
    if not closed:
        return _drawn(connection, which, values, held)
    found: list[Candidate] = []
    for priority in priorities:
        more = {"priority": priority, "held": list(held), "closed": list(closed), "limit": limit - len(found)}
        found.extend(map(_candidate, connection.execute(_GATED_DRAWS[which], {**values, **more})))
        if len(found) >= limit:
            break
    return found


def draw_retries(
    connection: Connection,
    pool: str,
    provider: str,
    now: Instant,
    limit: int,
    *,
    held: Sequence[str] = (),
    closed: Sequence[str] = (),
) -> list[Candidate]:
    """Deferred deliveries that are due, the earliest first; held sites and closed streams left out."""
    values: dict[str, Any] = {"pool": pool, "provider": provider, "limit": limit, "now": now}
    if not closed:
        return _drawn(connection, "retry", values, held)
    lists = {"held": list(held), "closed": list(closed)}
    return [_candidate(row) for row in connection.execute(_GATED_DRAWS["retry"], {**values, **lists})]


_MOVABLE = _draw(
    _DUE
    & _NOT_HELD
    & _OPEN_STREAM
    & (
        deliveries.c.window.in_(bindparam("homes", expanding=True))
        | (
            bindparam("any_able", type_=sa.Boolean)
            & (
                deliveries.c.pin_source.is_(None)
                | (deliveries.c.pin_until <= bindparam("now"))
                | deliveries.c.pin_source.in_(bindparam("able", expanding=True))
            )
        )
    ),
    _BY_DUE,
)


def draw_movable(
    connection: Connection,
    pool: str,
    provider: str,
    now: Instant,
    limit: int,
    *,
    held: Sequence[str],
    closed: Sequence[str],
    homes: Sequence[int],
    able: Sequence[str],
) -> list[Candidate]:
    """Deferred deliveries that are due and that something can be done about, the earliest first.

    Args:
        connection: A transaction.
        pool: Their pool.
        provider: Their provider.
        now: Due by then.
        limit: At most so many.
        held: Sites left out.
        closed: Streams left out.
        homes: Windows in which a second try may be made: whoever holds a unit there.
        able: Sources that could take a new unit: whoever is pinned to none, or to one of these.
    """
    values: dict[str, Any] = {"pool": pool, "provider": provider, "limit": limit, "now": now}
    lists = {
        "held": list(held),
        "closed": list(closed),
        "homes": list(homes),
        "able": list(able),
        "any_able": bool(able),
    }
    return [_candidate(row) for row in connection.execute(_MOVABLE, {**values, **lists})]


_NEXT_DUE = Hot(
    sa.select(deliveries.c.due_at)
    .where(_THERE & sa.text("state = 'deferred'") & (deliveries.c.due_at > bindparam("now")))
    .order_by(deliveries.c.due_at)
    .limit(1)
)


def next_due(connection: Connection, pool: str, provider: str, now: Instant) -> Instant | None:
    """When the next deferred delivery of a pool and provider is due, after ``now``."""
    due: Instant | None = _NEXT_DUE.value(connection, pool=pool, provider=provider, now=now)
    return due
