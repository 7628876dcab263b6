"""Questions of relays that keep their own queue, and the slots that were promised to them."""

from __future__ import annotations

from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from warmup.store.hot import Hot
from warmup.store.queue import allocate
from warmup.store.schema import admissions
from warmup.timing import Instant

__all__ = ["Admission", "due_promises", "find", "load", "promised", "prune", "save"]


@attrs.frozen(kw_only=True)
class Admission:
    """What is known of one message to one recipient in a relay's queue."""

    id: int
    relay_id: str
    recipient: str
    sender: str
    stream: str
    domain: str
    provider: str
    site: str
    pool: str
    attempt: int
    state: str
    lease: int
    window: int | None = None
    slot_lane: int | None = None
    slot_at: Instant | None = None
    asked_at: Instant = 0
    pin_source: str | None = None
    pin_until: Instant | None = None


def _one(row: Any) -> Admission | None:
    return None if row is None else Admission(**row._mapping)


def find(connection: Connection, relay_id: str, recipient: str) -> Admission | None:
    """The admission of a relay's id and recipient."""
    return _one(
        connection.execute(
            sa.select(admissions).where(
                admissions.c.relay_id == relay_id, admissions.c.recipient == recipient
            )
        ).first()
    )


def load(connection: Connection, admission: int) -> Admission | None:
    """An admission by its own id."""
    return _one(connection.execute(sa.select(admissions).where(admissions.c.id == admission)).first())


def save(connection: Connection, known: Admission | None, changes: dict[str, Any], now: Instant) -> Admission:
    """Write changes to an admission, or make a new one of them."""
    if known is None:
        fresh = Admission(id=allocate(connection, "admission", 1), asked_at=now, **changes)
        connection.execute(sa.insert(admissions).values(**attrs.asdict(fresh)))
        return fresh
    changed = attrs.evolve(known, asked_at=now, **changes)
    connection.execute(
        sa.update(admissions).where(admissions.c.id == known.id).values(asked_at=now, **changes)
    )
    return changed


def promised(connection: Connection, lane: int, since: Instant, before: Instant | None) -> int:
    """How many slots of a lane were promised to others, from ``since`` on and before ``before``."""
    statement = sa.select(sa.func.count()).where(
        sa.text("state = 'waiting'"), admissions.c.slot_lane == lane, admissions.c.slot_at >= since
    )
    if before is not None:
        statement = statement.where(admissions.c.slot_at < before)
    return int(connection.execute(statement.select_from(admissions)).scalar_one())


_PROMISED = Hot(
    sa.select(admissions.c.slot_lane, sa.func.count())
    .where(
        sa.text("state = 'waiting'"),
        admissions.c.slot_at >= bindparam("since"),
        admissions.c.slot_at <= bindparam("now"),
    )
    .group_by(admissions.c.slot_lane)
)


def due_promises(connection: Connection, since: Instant, now: Instant) -> dict[int, int]:
    """Slots that were promised to relays and are due, not older than ``since``: how many by lane id."""
    return dict(_PROMISED.rows(connection, since=since, now=now))


def prune(connection: Connection, before: Instant, limit: int) -> int:
    """Forget admissions nobody has asked about since an instant; the ``limit`` oldest ones are looked at."""
    oldest = sa.select(admissions.c.id).order_by(admissions.c.id).limit(limit)
    done = connection.execute(
        sa.delete(admissions).where(admissions.c.id.in_(oldest), admissions.c.asked_at < before)
    )
    return done.rowcount
