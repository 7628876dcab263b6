"""Messages, bodies and deliveries: what is queued, leased, settled and listed.

Functions of a connection; the caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from warmup.model import DeliveryState, Submission
from warmup.store.hot import Hot
from warmup.store.schema import bodies, counters, deliveries, messages
from warmup.timing import DAY, Instant

__all__ = [
    "NO_DEADLINE",
    "Claim",
    "DeliveryRow",
    "ahead_of",
    "allocate",
    "claims",
    "contents",
    "counts",
    "due_deadlines",
    "end",
    "insert",
    "known_key",
    "lapsed",
    "last_id",
    "lease",
    "listing",
    "load",
    "pending",
    "set_due",
    "set_state",
    "settle",
    "waiting",
]

NO_DEADLINE = 9_000_000_000_000_000_000
"""Stands for *never* in ``deadline``: 285,000 years from now, and still a 64-bit integer."""


@attrs.frozen(kw_only=True)
class DeliveryRow:
    """A delivery as it stands, with what its message says of it."""

    id: int
    message: int
    recipient: str
    domain: str
    provider: str
    site: str | None
    pool: str
    priority: int
    rank: int
    deadline: Instant
    state: DeliveryState
    due_at: Instant
    attempts: int
    first_attempt_at: Instant | None
    window: int | None
    pin_source: str | None
    pin_until: Instant | None
    lease: int
    lease_owner: str | None
    lease_until: Instant | None
    sender: str = ""
    stream: str = ""
    message_id: str = ""
    subject: str = ""
    size: int = 0
    utf8: bool = False
    eight_bit: bool = False
    submitted_at: Instant = 0


@attrs.frozen
class Claim:
    """What settling a delivery needs to know of it. Read for every attempt, so it is slim."""

    id: int
    state: DeliveryState
    lease: int
    window: int | None
    attempts: int
    first_attempt_at: Instant | None
    due_at: Instant
    pin_source: str | None
    pin_until: Instant | None
    site: str | None
    stream: str


@attrs.frozen(kw_only=True)
class Address:
    """Where one recipient of a submission belongs when it is queued."""

    recipient: str
    domain: str
    provider: str
    site: str | None


_TAKE = Hot(
    sa.update(counters)
    .where(counters.c.name == bindparam("counter"))
    .values(value=counters.c.value + bindparam("count"))
    .returning(counters.c.value)
)


def allocate(connection: Connection, name: str, count: int) -> int:
    """The first of ``count`` fresh ids; they ascend in the order of commits."""
    last = _TAKE.value(connection, counter=name, count=count)
    if last is None:
        connection.execute(sa.insert(counters).values(name=name, value=count))
        last = count
    return int(last) - count + 1


def known_key(connection: Connection, key: str) -> tuple[int, ...] | None:
    """The ids that a message queued under this key got, or None."""
    message = connection.execute(sa.select(messages.c.id).where(messages.c.key == key)).scalar()
    if message is None:
        return None
    rows = connection.execute(
        sa.select(deliveries.c.id).where(deliveries.c.message == message).order_by(deliveries.c.id)
    )
    return tuple(rows.scalars())


_INSERT_MESSAGE = Hot(sa.insert(messages), [column.name for column in messages.c])
_INSERT_BODY = Hot(sa.insert(bodies), ["message", "content"])
_INSERT_DELIVERY = Hot(
    sa.insert(deliveries),
    [
        *("id", "message", "recipient", "domain", "provider", "site", "pool", "priority", "rank"),
        *("deadline", "state", "due_at", "attempts", "lease"),
    ],
)


def insert(
    connection: Connection,
    batch: Sequence[tuple[Submission, Sequence[Address], str, int, Instant]],
    now: Instant,
) -> list[tuple[int, ...]]:
    """Queue messages: (submission, addresses, pool, priority, deadline) each; ids in the same order."""
    message_id = allocate(connection, "message", len(batch))
    total = sum(len(addresses) for _, addresses, *_ in batch)
    delivery_id = allocate(connection, "delivery", total) if total else 0
    message_rows: list[tuple[Any, ...]] = []
    body_rows: list[tuple[Any, ...]] = []
    delivery_rows: list[tuple[Any, ...]] = []
    ids: list[tuple[int, ...]] = []
    for submission, addresses, pool, priority, deadline in batch:
        envelope, rank = submission.envelope, 100 - submission.engagement
        content = envelope.content
        message_rows.append(
            (
                message_id,
                envelope.message_id,
                envelope.sender,
                submission.stream,
                envelope.subject,
                len(content),
                envelope.utf8,
                envelope.eight_bit,
                submission.key,
                now,
            )
        )
        body_rows.append((message_id, content))
        first = delivery_id
        for to in addresses:
            delivery_rows.append(
                (
                    delivery_id,
                    message_id,
                    to.recipient,
                    to.domain,
                    to.provider,
                    to.site,
                    pool,
                    priority,
                    rank,
                    deadline,
                    "queued",
                    now,
                    0,
                    0,
                )
            )
            delivery_id += 1
        ids.append(tuple(range(first, delivery_id)))
        message_id += 1
    _INSERT_MESSAGE.insert(connection, message_rows)
    _INSERT_BODY.insert(connection, body_rows)
    if delivery_rows:
        _INSERT_DELIVERY.insert(connection, delivery_rows)
    return ids


_LEASE = Hot(
    sa.update(deliveries)
    .where(deliveries.c.id == bindparam("delivery"))
    .values(
        state=sa.literal_column("'leased'"),
        lease=bindparam("new_lease"),
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until"),
        window=bindparam("in_window"),
    )
)


def lease(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Claim drawn deliveries: delivery, new_lease, owner, until, in_window each."""
    _LEASE.many(connection, rows)


_FULL = sa.select(
    deliveries,
    messages.c.sender,
    messages.c.stream,
    messages.c.message_id,
    messages.c.subject,
    messages.c.size,
    messages.c.utf8,
    messages.c.eight_bit,
    messages.c.submitted_at,
).join(messages, messages.c.id == deliveries.c.message)
_ONE = Hot(_FULL.where(deliveries.c.id == bindparam("delivery")))
_ONE_LOCKED = Hot(_FULL.where(deliveries.c.id == bindparam("delivery")).with_for_update(of=deliveries))
_STATES = {state.value: state for state in DeliveryState}
_NAMES = tuple(_FULL.selected_columns.keys())


def _row(row: Sequence[Any]) -> DeliveryRow:
    values = dict(zip(_NAMES, row, strict=True))
    values["state"] = _STATES[values["state"]]
    values["utf8"], values["eight_bit"] = bool(values["utf8"]), bool(values["eight_bit"])
    return DeliveryRow(**values)


_CLAIM = (
    sa.select(
        deliveries.c.id,
        deliveries.c.state,
        deliveries.c.lease,
        deliveries.c.window,
        deliveries.c.attempts,
        deliveries.c.first_attempt_at,
        deliveries.c.due_at,
        deliveries.c.pin_source,
        deliveries.c.pin_until,
        deliveries.c.site,
        messages.c.stream,
    )
    .select_from(deliveries)
    .join(messages, messages.c.id == deliveries.c.message)
)
_ONE_CLAIM = Hot(_CLAIM.where(deliveries.c.id == bindparam("delivery")).with_for_update(of=deliveries))


def _claim(row: Sequence[Any]) -> Claim:
    return Claim(row[0], _STATES[row[1]], *row[2:])


def claims(connection: Connection, ids: Sequence[int]) -> dict[int, Claim]:
    """Where deliveries stand, by id."""
    return {row[0]: _claim(row) for delivery in ids for row in _ONE_CLAIM.rows(connection, delivery=delivery)}


def load(connection: Connection, ids: Sequence[int], *, lock: bool = False) -> dict[int, DeliveryRow]:
    """Deliveries with their messages' facts, by id."""
    return {
        row[0]: _row(row)
        for delivery in ids
        for row in (_ONE_LOCKED if lock else _ONE).rows(connection, delivery=delivery)
    }


_SET_STATE = Hot(
    sa.update(deliveries).where(deliveries.c.id == bindparam("delivery")).values(state=bindparam("new_state"))
)


def set_state(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Change nothing but the state: delivery, new_state each."""
    _SET_STATE.many(connection, rows)


_END = Hot(
    sa.update(deliveries)
    .where(deliveries.c.id == bindparam("delivery"))
    .values(state=bindparam("new_state"), due_at=bindparam("at"))
)


def end(connection: Connection, rows: Sequence[dict[str, Any]], at: Instant) -> None:
    """Give deliveries a final state: delivery, new_state each; ``due_at`` says from then on when it ended."""
    _END.many(connection, [{**row, "at": at} for row in rows])


_SETTLE = Hot(
    sa.update(deliveries)
    .where(deliveries.c.id == bindparam("delivery"))
    .values(
        state=bindparam("new_state"),
        due_at=bindparam("due"),
        attempts=bindparam("tried"),
        first_attempt_at=bindparam("first"),
        window=bindparam("in_window"),
        pin_source=bindparam("pin"),
        pin_until=bindparam("pin_end"),
        lease_owner=sa.null(),
        lease_until=sa.null(),
    )
)


def settle(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write what became of leased deliveries."""
    _SETTLE.many(connection, rows)


_CONTENT = Hot(sa.select(bodies.c.content).where(bodies.c.message == bindparam("of")))


def contents(connection: Connection, ids: Sequence[int]) -> dict[int, bytes]:
    """Wire bytes of messages, by message id."""
    return {message: bytes(_CONTENT.value(connection, of=message)) for message in ids}


def lapsed(connection: Connection, real: Instant, node: str, incarnation: str, limit: int) -> list[Claim]:
    """Claims whose worker is gone: the lease ran out, or an earlier life of this node made it."""
    # Escaped: to LIKE, the node worker_1 would be worker-1, too.
    mine = deliveries.c.lease_owner.startswith(f"{node}/", autoescape=True)
    mine &= deliveries.c.lease_owner != f"{node}/{incarnation}"
    statement = (
        _CLAIM.where(sa.text("state IN ('leased', 'sending')"))
        .where(
            ((deliveries.c.lease_until <= real) & (deliveries.c.lease_owner != f"{node}/{incarnation}"))
            | mine
        )
        .order_by(deliveries.c.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True, of=deliveries)
    )
    return [_claim(row) for row in connection.execute(statement)]


def due_deadlines(connection: Connection, now: Instant, limit: int) -> list[DeliveryRow]:
    """Waiting deliveries whose deadline has passed."""
    statement = (
        _FULL.where(sa.text("deliveries.deadline < 9000000000000000000"))
        .where(sa.text("deliveries.state IN ('queued', 'deferred', 'held')"))
        .where(deliveries.c.deadline <= now)
        .order_by(deliveries.c.deadline)
        .limit(limit)
        .with_for_update(skip_locked=True, of=deliveries)
    )
    return [_row(row) for row in connection.execute(statement)]


def counts(connection: Connection) -> list[tuple[str, str, str, int, Instant]]:
    """How many deliveries stand where: (pool, provider, state, count, earliest due)."""
    rows = connection.execute(
        sa.select(
            deliveries.c.pool,
            deliveries.c.provider,
            deliveries.c.state,
            sa.func.count(),
            sa.func.min(deliveries.c.due_at),
        )
        .group_by(deliveries.c.pool, deliveries.c.provider, deliveries.c.state)
        .order_by(deliveries.c.pool, deliveries.c.provider, deliveries.c.state)
    )
    return [tuple(row) for row in rows]


AHEAD_MAX = 100_000
"""How far a place in the queue is counted; behind it, it is *at least* so many."""


def ahead_of(connection: Connection, row: DeliveryRow) -> int:
    """How many deliveries of the same pool and provider are drawn before a queued one."""
    order = (deliveries.c.priority, deliveries.c.rank, deliveries.c.deadline, deliveries.c.id)
    mine = (row.priority, row.rank, row.deadline, row.id)
    before = (
        sa.select(deliveries.c.id)
        .where(deliveries.c.pool == row.pool, deliveries.c.provider == row.provider)
        .where(sa.text("state = 'queued' AND site IS NOT NULL"))
        .where(sa.tuple_(*order) < sa.tuple_(*mine))
        .limit(AHEAD_MAX)
        .subquery()
    )
    return int(connection.execute(sa.select(sa.func.count()).select_from(before)).scalar_one())


def set_due(connection: Connection, delivery: int, due: Instant) -> None:
    """Say when a deferred delivery is tried next."""
    connection.execute(sa.update(deliveries).where(deliveries.c.id == delivery).values(due_at=due))


def listing(
    connection: Connection, *, state: str | None, provider: str | None, limit: int
) -> list[DeliveryRow]:
    """Deliveries with their messages' facts, the oldest first."""
    statement = _FULL.order_by(deliveries.c.id).limit(limit)
    if state is not None:
        statement = statement.where(deliveries.c.state == state)
    if provider is not None:
        statement = statement.where(deliveries.c.provider == provider)
    return [_row(row) for row in connection.execute(statement)]


def pending(connection: Connection) -> bool:
    """Whether any delivery waits or is under way; those set aside for a person do not count."""
    for condition in (
        # Each is word for word the condition of a partial index, or nothing but a scan would answer.
        "state = 'queued' AND site IS NOT NULL",
        "site IS NULL AND state IN ('queued', 'deferred')",
        "state = 'deferred'",
        "state IN ('leased', 'sending')",
    ):
        query = sa.select(deliveries.c.id).where(sa.text(condition)).limit(1)
        if connection.execute(query).scalar() is not None:
            return True
    return False


def last_id(connection: Connection) -> int:
    """The last delivery id that was given out."""
    return int(
        connection.execute(sa.select(counters.c.value).where(counters.c.name == "delivery")).scalar() or 0
    )


_WAITING = (
    sa.select(
        messages.c.stream,
        deliveries.c.provider,
        (bindparam("now", type_=sa.BigInteger) - messages.c.submitted_at) / sa.literal_column(str(DAY)),
        sa.func.count(),
    )
    .join(messages, messages.c.id == deliveries.c.message)
    .where(sa.text("state IN ('queued', 'deferred', 'held', 'leased', 'sending')"))
    .group_by(sa.literal_column("1"), sa.literal_column("2"), sa.literal_column("3"))
)


def waiting(connection: Connection, now: Instant) -> list[tuple[str, str, int, int]]:
    """What waits: stream, provider, age in whole days, and how many deliveries of them."""
    rows = connection.execute(_WAITING, {"now": now})
    return [(stream, provider, max(0, int(age)), int(count)) for stream, provider, age, count in rows]
