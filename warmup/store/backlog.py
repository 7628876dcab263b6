"""What waits by how long it has waited and how long it may, and what came today: read for steadiness."""

from __future__ import annotations

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from warmup.store.queue import NO_DEADLINE
from warmup.store.schema import deliveries, messages
from warmup.timing import DAY, Instant

__all__ = ["WaitingRow", "arrived", "waiting_rows"]


@attrs.frozen
class WaitingRow:
    """Deliveries that wait for a unit and are alike.

    Attributes:
        age: Days of 24 hours before the instant asked about, begun ones counted; 0: since then.
        due: Whole days of 24 hours from that instant to their deadline; None: they have none.
    """

    pool: str
    provider: str
    stream: str
    age: int
    due: int | None
    count: int


_START = bindparam("start", type_=sa.BigInteger)
_AGE = sa.case(
    (messages.c.submitted_at >= _START, 0),
    else_=(_START - messages.c.submitted_at + sa.literal_column(str(DAY - 1))) / sa.literal_column(str(DAY)),
)
_DUE = sa.case(
    (deliveries.c.deadline >= NO_DEADLINE, None),
    (deliveries.c.deadline <= _START, 0),
    else_=(deliveries.c.deadline - _START) / sa.literal_column(str(DAY)),
)
# A second try in the window in which the first one was needs no unit: it counts as gone.
_WAITING = (
    sa.select(deliveries.c.pool, deliveries.c.provider, messages.c.stream, _AGE, _DUE, sa.func.count())
    .join(messages, messages.c.id == deliveries.c.message)
    .where(
        sa.text(
            "state = 'queued' OR (state = 'deferred' AND NOT EXISTS "
            '(SELECT 1 FROM windows WHERE windows.id = deliveries."window" AND NOT windows.closed))'
        )
    )
    .group_by(*(sa.literal_column(str(place)) for place in range(1, 6)))
)
_ARRIVED = (
    sa.select(deliveries.c.pool, deliveries.c.provider, messages.c.stream, sa.func.count())
    .join(messages, messages.c.id == deliveries.c.message)
    .where(deliveries.c.id > bindparam("after"), messages.c.submitted_at >= _START)
    .group_by(*(sa.literal_column(str(place)) for place in range(1, 4)))
)


def waiting_rows(connection: Connection, start: Instant) -> list[WaitingRow]:
    """What waits for a unit, seen from the start of a day."""
    return [
        WaitingRow(row[0], row[1], row[2], int(row[3]), None if row[4] is None else int(row[4]), row[5])
        for row in connection.execute(_WAITING, {"start": start})
    ]


def arrived(connection: Connection, start: Instant, after: int) -> dict[tuple[str, str, str], int]:
    """How many deliveries came since an instant, by pool, provider and stream.

    Args:
        connection: To read from.
        start: The instant.
        after: The id of a delivery that came before: only those behind it are looked at.
    """
    rows = connection.execute(_ARRIVED, {"after": after, "start": start})
    return {(pool, provider, stream): count for pool, provider, stream, count in rows}
