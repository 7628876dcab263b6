"""What became of each sending domain's mail, by lane and window, for as long as it is compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from warmup.store.hot import Hot
from warmup.store.schema import admissions, deliveries, messages, sender_days

__all__ = ["COUNTS", "SenderDay", "count_senders", "forget_senders", "sender_of", "senders_in_trouble"]

COUNTS = ("attempted", "accepted", "deferred", "blocked", "invalid", "complained")
"""What is counted, under the names of ``WindowEvidence``."""

SUSPECTS = 20
"""So many domains are looked at, those with the most bad news first."""


@attrs.frozen(kw_only=True)
class SenderDay:
    """One domain's mail on one lane in one window; counts as in ``WindowEvidence``."""

    window: int
    lane: int
    domain: str
    attempted: int = 0
    accepted: int = 0
    deferred: int = 0
    blocked: int = 0
    invalid: int = 0
    complained: int = 0


_COUNT = Hot(
    sa.text(
        'INSERT INTO sender_days ("window", lane, domain, attempted, accepted, deferred, blocked, invalid, '
        "complained) VALUES (:window, :lane, :domain, :attempted, :accepted, :deferred, :blocked, :invalid, "
        ':complained) ON CONFLICT ("window", lane, domain) DO UPDATE SET '
        + ", ".join(f"{name} = sender_days.{name} + excluded.{name}" for name in COUNTS)
    )
)


def count_senders(connection: Connection, counts: Mapping[tuple[int, int, str], Mapping[str, int]]) -> None:
    """Add counts by (window, lane, domain)."""
    none = dict.fromkeys(COUNTS, 0)
    _COUNT.many(
        connection,
        [
            {**none, **found, "window": window, "lane": lane, "domain": domain}
            for (window, lane, domain), found in sorted(counts.items())
        ],
    )


def sender_of(connection: Connection, ref: int) -> str:
    """The envelope sender of a delivery, or of a relay's message (a negative one); empty if nobody knows."""
    if ref < 0:
        query = sa.select(admissions.c.sender).where(admissions.c.id == -ref)
    else:
        query = (
            sa.select(messages.c.sender)
            .join(deliveries, deliveries.c.message == messages.c.id)
            .where(deliveries.c.id == ref)
        )
    return str(connection.execute(query).scalar() or "")


_BAD = sum((sender_days.c[name] for name in ("deferred", "blocked", "invalid", "complained")), sa.literal(0))
_SUSPECTS = (
    sa.select(sender_days.c.domain)
    .where(sender_days.c.window >= bindparam("first"))
    .group_by(sender_days.c.domain)
    .having(sa.func.sum(_BAD) > 0)
    .order_by(sa.func.sum(_BAD).desc(), sender_days.c.domain)
    .limit(SUSPECTS)
)
_ROWS = (
    sa.select(sender_days)
    .where(
        sender_days.c.window >= bindparam("first"),
        sender_days.c.domain.in_(bindparam("domains", expanding=True)),
    )
    .order_by(sender_days.c.window, sender_days.c.lane)
)


def senders_in_trouble(connection: Connection, first: int) -> dict[str, list[SenderDay]]:
    """The domains with the most bad news in the windows from one on, oldest first."""
    domains: Sequence[str] = connection.execute(_SUSPECTS, {"first": first}).scalars().all()
    found: dict[str, list[SenderDay]] = {domain: [] for domain in domains}
    if found:
        for row in connection.execute(_ROWS, {"first": first, "domains": list(domains)}):
            found[row.domain].append(SenderDay(**row._mapping))
    return found


def forget_senders(connection: Connection, first: int) -> None:
    """Drop what was counted in windows before one."""
    connection.execute(sa.delete(sender_days).where(sender_days.c.window < first))
