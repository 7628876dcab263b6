"""What DNS said of recipient domains: their provider and site, and when to ask again."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection

from warmup.model import OTHER
from warmup.store.schema import deliveries, domains
from warmup.timing import Instant

__all__ = [
    "Domain",
    "expect_moves",
    "known",
    "move_reclassified",
    "relabel",
    "save",
    "start_clock",
    "unresolved",
    "waiting_of",
]

RELABEL_AT_ONCE = 5_000


@attrs.frozen(kw_only=True)
class Domain:
    """A recipient domain.

    Attributes:
        provider: Id of the provider by MX, or by domain while DNS is silent.
        site: The sorted MX set; None while DNS has not answered.
        retry_at: DNS is not asked again before this instant.
        trouble: Why it has not answered.
        moved: Mail that waits may be labelled with an earlier provider or site.
    """

    name: str
    provider: str
    site: str | None
    resolved_at: Instant | None = None
    failures: int = 0
    retry_at: Instant = 0
    trouble: str = ""
    moved: bool = False


def known(connection: Connection, names: Sequence[str]) -> dict[str, Domain]:
    """What is known of domains, by name."""
    found: dict[str, Domain] = {}
    for start in range(0, len(names), 500):
        part = names[start : start + 500]
        for row in connection.execute(sa.select(domains).where(domains.c.name.in_(part))):
            found[row.name] = Domain(**row._mapping)
    return found


def save(connection: Connection, domain: Domain) -> None:
    """Remember a domain."""
    values = attrs.asdict(domain)
    updated = connection.execute(sa.update(domains).where(domains.c.name == domain.name).values(**values))
    if not updated.rowcount:
        connection.execute(sa.insert(domains).values(**values))


def unresolved(connection: Connection, now: Instant, limit: int) -> tuple[list[str], Instant | None]:
    """Domains that mail waits for and DNS should be asked about, and when the next one is due."""
    waiting = (
        sa.select(deliveries.c.domain)
        .where(sa.text("site IS NULL AND state IN ('queued', 'deferred')"))
        .group_by(deliveries.c.domain)
        .subquery()
    )
    rows = connection.execute(
        sa.select(waiting.c.domain, sa.func.coalesce(domains.c.retry_at, 0).label("retry_at"))
        .select_from(waiting.outerjoin(domains, domains.c.name == waiting.c.domain))
        .order_by(sa.text("retry_at"), waiting.c.domain)
        .limit(limit)
    ).all()
    due = [row.domain for row in rows if row.retry_at <= now]
    later = min((row.retry_at for row in rows if row.retry_at > now), default=None)
    return due, later


def relabel(connection: Connection, name: str, provider: str, site: str) -> int:
    """Move waiting deliveries of a domain to their provider and site; how many were moved."""
    moved = 0
    while True:
        part = (
            sa.select(deliveries.c.id)
            .where(deliveries.c.domain == name)
            .where(sa.text("site IS NULL AND state IN ('queued', 'deferred')"))
            .limit(RELABEL_AT_ONCE)
        )
        result = connection.execute(
            sa.update(deliveries).where(deliveries.c.id.in_(part)).values(provider=provider, site=site)
        )
        moved += result.rowcount
        if result.rowcount < RELABEL_AT_ONCE:
            return moved


def waiting_of(connection: Connection, name: str, limit: int) -> list[int]:
    """Ids of deliveries of a domain that wait for DNS."""
    rows = connection.execute(
        sa.select(deliveries.c.id)
        .where(deliveries.c.domain == name)
        .where(sa.text("site IS NULL AND state IN ('queued', 'deferred')"))
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    return list(rows.scalars())


def start_clock(connection: Connection, name: str, now: Instant) -> None:
    """Begin the lifetime of mail that waits for DNS: its domain was looked for, and not found."""
    connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.domain == name, deliveries.c.first_attempt_at.is_(None))
        .where(sa.text("site IS NULL AND state IN ('queued', 'deferred')"))
        .values(first_attempt_at=now)
    )


def expect_moves(connection: Connection) -> None:
    """The plan names other providers than before: every domain's mail may be labelled wrongly."""
    connection.execute(sa.update(domains).values(moved=True))


def move_reclassified(connection: Connection, providers: Sequence[str]) -> int:
    """Move waiting deliveries of domains that were found elsewhere than before; how many.

    One statement for all of them: each walks through the whole queue.

    Args:
        connection: In a write transaction.
        providers: The plan's providers; everybody else counts as ``other``.
    """
    if connection.execute(sa.select(domains.c.name).where(domains.c.moved).limit(1)).first() is None:
        return 0
    mine = domains.c.name == deliveries.c.domain
    label = sa.case((domains.c.provider.in_(list(providers)), domains.c.provider), else_=OTHER)
    moved = connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.state.in_(["queued", "deferred"]), deliveries.c.site.is_not(None))
        .where(
            deliveries.c.domain.in_(
                sa.select(domains.c.name).where(domains.c.moved, domains.c.site.is_not(None))
            )
        )
        .values(
            provider=sa.select(label).where(mine).scalar_subquery(),
            site=sa.select(domains.c.site).where(mine).scalar_subquery(),
        )
    ).rowcount
    connection.execute(sa.update(domains).where(domains.c.moved).values(moved=False))
    return moved
