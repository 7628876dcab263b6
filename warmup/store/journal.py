"""What happened: attempts, evidence by day, and the journal that explanations are read from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection

from warmup.model import Attempt, Verdict
from warmup.store.hot import Hot
from warmup.store.schema import attempts, evidence, journal
from warmup.timing import Instant

__all__ = [
    "AttemptRow",
    "Entry",
    "add_attempts",
    "add_evidence",
    "attempt_values",
    "attempts_of",
    "entries_of",
    "evidence_of",
    "last_operator",
    "note",
]

REPLY_TEXT_KEPT = 2_000


@attrs.frozen(kw_only=True)
class AttemptRow:
    """An attempt as it is read back."""

    ref: int
    lane: int
    window: int
    started_at: Instant
    ended_at: Instant
    stage: str
    code: int
    enhanced: str
    text: str
    outcome: str
    category: str
    rule: str
    host: str
    tls: bool
    applied: bool


@attrs.frozen(kw_only=True)
class Entry:
    """One line of the journal."""

    at: Instant
    kind: str
    lane: int | None
    ref: int | None
    text: str


def attempt_values(
    ref: int, lane: int, window: int, attempt: Attempt, verdict: Verdict, *, applied: bool
) -> dict[str, Any]:
    """The row for an attempt; ``applied`` is False where a newer attempt had settled the delivery."""
    return {
        "ref": ref,
        "lane": lane,
        "window": window,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "stage": attempt.stage.value,
        "code": attempt.reply.code,
        "enhanced": attempt.reply.enhanced,
        # PostgreSQL refuses NUL in text; a server may send anything.
        "text": attempt.reply.text[:REPLY_TEXT_KEPT].replace("\x00", "\N{REPLACEMENT CHARACTER}"),
        "outcome": verdict.outcome.value,
        "category": verdict.category.value,
        "rule": verdict.rule,
        "host": attempt.host,
        "tls": attempt.tls,
        "applied": applied,
    }


_INSERT_ATTEMPT = Hot(sa.insert(attempts), [column.name for column in attempts.c if column.name != "id"])


def add_attempts(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep attempts."""
    _INSERT_ATTEMPT.many(connection, rows)


def attempts_of(connection: Connection, ref: int) -> list[AttemptRow]:
    """Attempts of a delivery, the earliest first."""
    rows = connection.execute(sa.select(attempts).where(attempts.c.ref == ref).order_by(attempts.c.id))
    return [AttemptRow(**{k: v for k, v in row._mapping.items() if k != "id"}) for row in rows]


_COUNT_TEXT = sa.text(
    'INSERT INTO evidence (lane, "window", site, kind, count) VALUES (:lane, :window, :site, :kind, :count) '
    'ON CONFLICT (lane, "window", site, kind) DO UPDATE SET count = evidence.count + excluded.count'
)


_COUNT = Hot(_COUNT_TEXT)


def add_evidence(connection: Connection, counts: Counter[tuple[int, int, str, str]]) -> None:
    """Add counts by (lane, window, site, kind)."""
    _COUNT.many(
        connection,
        [
            {"lane": lane, "window": window, "site": site, "kind": kind, "count": count}
            for (lane, window, site, kind), count in sorted(counts.items())
        ],
    )


def evidence_of(connection: Connection, lane: int | None = None) -> list[tuple[int, int, str, int]]:
    """Counts as (lane, window, kind, count), sites added up."""
    statement = (
        sa.select(evidence.c.lane, evidence.c.window, evidence.c.kind, sa.func.sum(evidence.c.count))
        .group_by(evidence.c.lane, evidence.c.window, evidence.c.kind)
        .order_by(evidence.c.lane, evidence.c.window, evidence.c.kind)
    )
    if lane is not None:
        statement = statement.where(evidence.c.lane == lane)
    return [(row[0], row[1], row[2], int(row[3])) for row in connection.execute(statement)]


def note(
    connection: Connection,
    at: Instant,
    kind: str,
    text: str,
    *,
    lane: int | None = None,
    ref: int | None = None,
) -> None:
    """Write a line of the journal."""
    connection.execute(
        sa.insert(journal).values(at=at, kind=kind, lane=lane, ref=ref, text=text.replace("\x00", ""))
    )


def entries_of(
    connection: Connection, *, lane: int | None = None, ref: int | None = None, limit: int = 1_000
) -> list[Entry]:
    """The latest lines of a lane or a delivery, in the order in which they were written."""
    statement = sa.select(journal).order_by(journal.c.id.desc()).limit(limit)
    if lane is not None:
        statement = statement.where(journal.c.lane == lane)
    if ref is not None:
        statement = statement.where(journal.c.ref == ref)
    rows = [
        Entry(at=row.at, kind=row.kind, lane=row.lane, ref=row.ref, text=row.text)
        for row in connection.execute(statement)
    ]
    return rows[::-1]


def last_operator(connection: Connection) -> int:
    """Id of the last line that an operator's hand wrote; 0 where there is none."""
    query = sa.select(sa.func.max(journal.c.id)).where(journal.c.kind == "operator")
    return int(connection.execute(query).scalar() or 0)
