"""What DNS said of recipient domains: their provider and site, and when to ask again."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection

from warmup.model import OTHER
from warmup.store.schema import deliveries, domains
from warmup.timing import Instant

__all__ = ["Domain", "known", "move_reclassified", "relabel", "save", "unresolved", "waiting_of"]

RELABEL_AT_ONCE = 5_000


@attrs.frozen(kw_only=True)
class Domain:
    """A recipient domain.

    Attributes:
        provider: Id of the provider by MX, or by domain while DNS is silent.
        site: The sorted MX set; None while DNS has not answered.
        retry_at: DNS is not asked again before this instant.
        trouble: Why it has not answered.
    """

    name: str
    provider: str
    site: str | None
    resolved_at: Instant | None = None
    failures: int = 0
    retry_at: Instant = 0
    trouble: str = ""


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


def move_reclassified(connection: Connection, providers: Sequence[str]) -> int:
    """Move waiting deliveries whose domain was found elsewhere than they are labelled; how many.

    Args:
        connection: In a write transaction.
        providers: The plan's providers; everybody else counts as ``other``.
    """
    label = sa.case((domains.c.provider.in_(list(providers)), domains.c.provider), else_=OTHER)
    elsewhere = (
        sa.select(deliveries.c.domain, label.label("provider"), domains.c.site)
        .join(domains, domains.c.name == deliveries.c.domain)
        .where(deliveries.c.state.in_(["queued", "deferred"]), deliveries.c.site.is_not(None))
        .where(domains.c.site.is_not(None))
        .where((deliveries.c.provider != label) | (deliveries.c.site != domains.c.site))
        .distinct()
    )
    moved = 0
    for name, provider, site in connection.execute(elsewhere).all():
        moved += connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.domain == name, deliveries.c.state.in_(["queued", "deferred"]))
            .values(provider=provider, site=site)
        ).rowcount
    return moved
