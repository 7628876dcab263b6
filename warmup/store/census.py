"""What a database holds, counted, for people who look at it. Functions of a connection that only read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection

from warmup.store.opening import get_meta, revision
from warmup.store.schema import attempts, deliveries, journal, messages, meta, windows
from warmup.timing import Instant, Span

__all__ = ["AgeCount", "Census", "ages", "census", "last_seen", "where_it_stands"]

WAITING = ("queued", "deferred", "held", "leased", "sending")
"""States of deliveries that have not come to their end."""


@attrs.frozen(kw_only=True)
class AgeCount:
    """Deliveries of a provider that have not come to their end.

    Attributes:
        counts: How many are younger than each edge (and not younger than the edge before), and last
            how many are older than every edge.
        oldest_at: When the oldest of them was submitted.
    """

    provider: str
    counts: tuple[int, ...]
    oldest_at: Instant

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts)


def ages(connection: Connection, now: Instant, edges: Sequence[Span]) -> list[AgeCount]:
    """Count what waits by provider and by time since submission; the fullest provider first.

    Args:
        connection: A transaction.
        now: The instant from which age is counted.
        edges: Ages that divide the columns, ascending.
    """
    age = now - messages.c.submitted_at
    columns = []
    below: Span | None = None
    for edge in (*edges, None):
        inside = [age >= below] if below is not None else []
        if edge is not None:
            inside.append(age < edge)
        columns.append(sa.func.sum(sa.case((sa.and_(sa.true(), *inside), 1), else_=0)))
        below = edge
    statement = (
        sa.select(deliveries.c.provider, sa.func.min(messages.c.submitted_at), *columns)
        .join(messages, messages.c.id == deliveries.c.message)
        .where(deliveries.c.state.in_(WAITING))
        .group_by(deliveries.c.provider)
    )
    found = [
        AgeCount(provider=row[0], oldest_at=row[1], counts=tuple(int(count) for count in row[2:]))
        for row in connection.execute(statement)
    ]
    return sorted(found, key=lambda one: (-one.total, one.provider))


@attrs.frozen(kw_only=True)
class Census:
    """A database in a few figures.

    Attributes:
        schema: The migration it stands at; None where it has no tables.
        clock: Kind of clock it was made for.
        server: Version of the library or server that keeps it.
        nodes: Machines that released mail from it.
        units: Units of caps used, over all windows.
        seen_at: The last instant that it knows of; 0 where it knows none.
    """

    schema: str | None
    clock: str | None = None
    uuid: str | None = None
    nodes: tuple[str, ...] = ()
    server: str = ""
    messages: int = 0
    deliveries: int = 0
    windows: int = 0
    attempts: int = 0
    units: int = 0
    seen_at: Instant = 0


def _nodes(connection: Connection) -> tuple[str, ...]:
    lead = "incarnation of "
    keys = connection.execute(sa.select(meta.c.key).where(meta.c.key.like(f"{lead}%")).order_by(meta.c.key))
    return tuple(key.removeprefix(lead) for key in keys.scalars())


def _server(connection: Connection) -> str:
    if connection.dialect.name == "sqlite":
        return f"SQLite {connection.exec_driver_sql('SELECT sqlite_version()').scalar_one()}"
    return f"PostgreSQL {connection.exec_driver_sql('SHOW server_version').scalar_one()}"


def census(connection: Connection, known: Sequence[str]) -> Census:
    """Count what there is.

    Args:
        connection: A transaction.
        known: Schemas that this program can read; of another one only its name is told.
    """
    stands = revision(connection)
    if stands not in known:
        return Census(schema=stands, server=_server(connection))

    def number(statement: sa.Select[Any]) -> int:
        return int(connection.execute(statement).scalar() or 0)

    return Census(
        schema=stands,
        clock=get_meta(connection, "clock"),
        uuid=get_meta(connection, "uuid"),
        nodes=_nodes(connection),
        server=_server(connection),
        messages=number(sa.select(sa.func.count()).select_from(messages)),
        deliveries=number(sa.select(sa.func.count()).select_from(deliveries)),
        windows=number(sa.select(sa.func.count()).select_from(windows)),
        attempts=number(sa.select(sa.func.count()).select_from(attempts)),
        units=number(sa.select(sa.func.sum(windows.c.used))),
        seen_at=last_seen(connection),
    )


def last_seen(connection: Connection) -> Instant:
    """The last instant that was written down: where a clock that is not the system's goes on."""
    ended = sa.select(attempts.c.ended_at).order_by(attempts.c.id.desc()).limit(1)
    noted = sa.select(journal.c.at).order_by(journal.c.id.desc()).limit(1)
    submitted = sa.select(messages.c.submitted_at).order_by(messages.c.id.desc()).limit(1)
    seen = int(get_meta(connection, "seen_at") or 0)
    return max(seen, *(int(connection.execute(one).scalar() or 0) for one in (ended, noted, submitted)))


def where_it_stands(connection: Connection) -> Instant:
    """Where a scaled clock goes on: :func:`last_seen` of a database that was made for one, else 0."""
    if revision(connection) is None or get_meta(connection, "clock") != "scaled":
        return 0
    return last_seen(connection)
