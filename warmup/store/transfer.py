"""Pasts that were lived elsewhere: days of a lane written down with what they saw.

Nothing here is ever taken out of the ledger: days that a lane lived in this database stay as they are,
and a day from elsewhere is added only where it overlaps none of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection

from warmup.model import Ledger
from warmup.store.journal import add_evidence
from warmup.store.schema import reservations, windows
from warmup.timing import Instant

__all__ = ["Day", "add_days", "drop_unused", "has_sent"]


@attrs.frozen(kw_only=True)
class Day:
    """A window with its evidence by kind; ``closed`` unless it was open when it was read."""

    ledger: Ledger
    evidence: Mapping[str, int] = attrs.field(factory=dict)
    closed: bool = True


def add_days(connection: Connection, lane: int, days: Iterable[Day]) -> int:
    """Write a lane's days down, the earliest first; how many were new to it.

    A day that overlaps one of the lane's is left out. At most one may be open, and only where the lane
    has no open window.
    """
    spans = [
        (row[0], row[1])
        for row in connection.execute(
            sa.select(windows.c.starts_at, windows.c.ends_at).where(windows.c.lane == lane)
        )
    ]
    added = 0
    counts: Counter[tuple[int, int, str, str]] = Counter()
    for day in sorted(days, key=lambda one: one.ledger.window.starts_at):
        window, ledger = day.ledger.window, day.ledger
        if any(window.starts_at < end and start < window.ends_at for start, end in spans):
            continue
        done = connection.execute(
            sa.insert(windows).values(
                lane=lane,
                date=window.date.isoformat(),
                zone=ledger.zone,
                starts_at=window.starts_at,
                ends_at=window.ends_at,
                step=ledger.step,
                cap=ledger.cap,
                peak=max(ledger.cap, ledger.used),
                used=ledger.used,
                accepted=ledger.accepted,
                tat=ledger.tat,
                partial=ledger.partial,
                closed=day.closed,
            )
        )
        key = done.inserted_primary_key
        assert key is not None
        for kind, count in day.evidence.items():
            counts[lane, key[0], "", kind] += count
        spans.append((window.starts_at, window.ends_at))
        added += 1
    add_evidence(connection, counts)
    return added


def has_sent(connection: Connection, lane: int) -> bool:
    """Whether a lane has used a unit of any window, or accepted anything, in this database or before."""
    query = sa.select(windows.c.id).where(
        windows.c.lane == lane, (windows.c.used > 0) | (windows.c.accepted > 0)
    )
    return connection.execute(query.limit(1)).first() is not None


def drop_unused(connection: Connection, lane: int, now: Instant) -> None:
    """Drop a lane's open window where nobody ever held a unit of it: another may stand in its place."""
    held = sa.select(reservations.c.ref).where(reservations.c.window == windows.c.id).exists()
    connection.execute(
        sa.delete(windows).where(
            windows.c.lane == lane,
            sa.text("NOT windows.closed"),
            windows.c.used == 0,
            windows.c.accepted == 0,
            windows.c.ends_at > now,
            ~held,
        )
    )
