"""What others report of our mail: each event once, in the window in which its message was accepted."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from warmup.store.hot import Hot
from warmup.store.schema import attempts, reports, windows
from warmup.timing import Instant

__all__ = ["accepted_in", "forget_reports", "news_of", "take_report", "window_at"]

_TAKE = Hot(
    sa.text(
        'INSERT INTO reports (id, kind, lane, "window", ref, count, occurred_at, taken_at) '
        "VALUES (:id, :kind, :lane, :window, :ref, :count, :occurred_at, :taken_at) "
        "ON CONFLICT (id) DO NOTHING"
    )
)


def take_report(
    connection: Connection,
    *,
    id: str,
    kind: str,
    lane: int,
    window: int,
    ref: int | None,
    count: int,
    occurred_at: Instant,
    taken_at: Instant,
) -> bool:
    """Note a report; False where it was noted before."""
    values = {"id": id, "kind": kind, "lane": lane, "window": window, "ref": ref, "count": count}
    return _TAKE.count(connection, **values, occurred_at=occurred_at, taken_at=taken_at) == 1


_NEWS = Hot(
    sa.select(reports.c.window, reports.c.kind, sa.func.sum(reports.c.count))
    .where(reports.c.lane == bindparam("of"), reports.c.taken_at > bindparam("since"))
    .group_by(reports.c.window, reports.c.kind)
)


def news_of(connection: Connection, lane: int, since: Instant) -> dict[int, dict[str, int]]:
    """What was reported of a lane after an instant: counts by kind of report, by window."""
    found: dict[int, dict[str, int]] = {}
    for window, kind, count in _NEWS.rows(connection, of=lane, since=since):
        found.setdefault(window, {})[kind] = int(count)
    return found


_ACCEPTED_IN = Hot(
    sa.select(attempts.c.lane, attempts.c.window)
    .where(attempts.c.ref == bindparam("of"), sa.text("outcome = 'accepted'"))
    .order_by(attempts.c.id.desc())
    .limit(1)
)
_WINDOW_AT = Hot(
    sa.select(windows.c.id)
    .where(windows.c.lane == bindparam("of"), windows.c.starts_at <= bindparam("at"))
    .order_by(windows.c.starts_at.desc())
    .limit(1)
)


def accepted_in(connection: Connection, ref: int) -> tuple[int, int] | None:
    """Lane and window in which a delivery was accepted."""
    rows = _ACCEPTED_IN.rows(connection, of=ref)
    return (rows[0][0], rows[0][1]) if rows else None


def window_at(connection: Connection, lane: int, at: Instant) -> int | None:
    """The window of a lane that was open at an instant, or the last one before it."""
    found: int | None = _WINDOW_AT.value(connection, of=lane, at=at)
    return found


def forget_reports(connection: Connection, before: Instant, limit: int) -> None:
    """Drop the names of reports that were taken before an instant; their counts stay."""
    old = sa.select(reports.c.id).where(reports.c.taken_at < before).limit(limit)
    connection.execute(sa.delete(reports).where(reports.c.id.in_(old.scalar_subquery())))
