"""What is true of a database at every moment between two transactions, checked row by row.

A finding means that a law was broken: by a bug of ours, by somebody who wrote to the tables, or by
a damaged disk. Nothing is mended here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from warmup.model import DeliveryState

__all__ = ["FOUND_MAX", "audit"]

FOUND_MAX = 20
"""Findings told of one kind: a broken rule tends to be broken many times over."""

_STATES = ", ".join(f"'{state.value}'" for state in DeliveryState)

_RULES: Sequence[tuple[str, str]] = (
    (
        "window {0}: used is {1}, its reservations are {2}",
        """
        SELECT w.id, w.used, COALESCE(r.n, 0) FROM windows w
        LEFT JOIN (SELECT "window" AS id, COUNT(*) AS n FROM reservations
                   WHERE state IN ('pending', 'posted') GROUP BY "window") r ON r.id = w.id
        WHERE w.used <> COALESCE(r.n, 0) AND (r.n IS NOT NULL OR NOT w.closed) ORDER BY w.id
        """,
    ),
    (
        "window {0}: accepted is {1}, more than used, {2}",
        "SELECT id, accepted, used FROM windows WHERE accepted > used ORDER BY id",
    ),
    (
        "window {0}: used is {1}, more than {2}, the largest cap it ever had",
        "SELECT id, used, peak FROM windows WHERE used > peak ORDER BY id",
    ),
    (
        "window {0}: its cap {1} is above {2}, the largest it ever had",
        "SELECT id, cap, peak FROM windows WHERE cap > peak ORDER BY id",
    ),
    (
        "lane {0}: its windows {1} and {2} overlap",
        """
        SELECT lane, id, later FROM (
            SELECT lane, id, ends_at,
                   LEAD(id) OVER (PARTITION BY lane ORDER BY starts_at) AS later,
                   LEAD(starts_at) OVER (PARTITION BY lane ORDER BY starts_at) AS later_starts
            FROM windows) pairs
        WHERE later_starts < ends_at ORDER BY lane, id
        """,
    ),
    (
        "lane {0}: it has {1} open windows",
        "SELECT lane, COUNT(*) FROM windows WHERE NOT closed GROUP BY lane HAVING COUNT(*) > 1 ORDER BY lane",
    ),
    (
        "delivery {0}: it is {1} without a unit in window {2}",
        """
        SELECT d.id, d.state, d."window" FROM deliveries d
        LEFT JOIN reservations r
            ON r."window" = d."window" AND r.ref = d.id AND r.state IN ('pending', 'posted')
        WHERE d.state IN ('leased', 'sending') AND r.ref IS NULL ORDER BY d.id
        """,
    ),
    (
        "window {0}: it holds a pending unit for delivery {1}, which is {2}",
        """
        SELECT r."window", r.ref, COALESCE(d.state, 'not there') FROM reservations r
        LEFT JOIN deliveries d ON d.id = r.ref
        WHERE r.state = 'pending' AND r.ref > 0
            AND (d.id IS NULL OR d.state NOT IN ('leased', 'sending') OR d."window" <> r."window")
        ORDER BY r."window", r.ref
        """,
    ),
    (
        "reservation of delivery {1} in window {0}: there is no state {2}",
        """
        SELECT "window", ref, state FROM reservations
        WHERE state NOT IN ('pending', 'posted', 'voided') ORDER BY "window", ref
        """,
    ),
    (
        "delivery {0}: there is no state {1}",
        f"SELECT id, state FROM deliveries WHERE state NOT IN ({_STATES}) ORDER BY id",
    ),
    (
        "delivery {0}: it is {1}, and nobody holds it",
        """
        SELECT id, state FROM deliveries
        WHERE state IN ('leased', 'sending') AND (lease_owner IS NULL OR lease_until IS NULL) ORDER BY id
        """,
    ),
    (
        "delivery {0}: it is {1}, and its message has no content any more",
        """
        SELECT d.id, d.state FROM deliveries d LEFT JOIN bodies b ON b.message = d.message
        WHERE d.state IN ('queued', 'deferred', 'held', 'leased', 'sending') AND b.message IS NULL
        ORDER BY d.id
        """,
    ),
    (
        "delivery {0}: its message {1} is not there",
        """
        SELECT d.id, d.message FROM deliveries d LEFT JOIN messages m ON m.id = d.message
        WHERE m.id IS NULL ORDER BY d.id
        """,
    ),
    (
        "message {0}: nobody is to receive it",
        """
        SELECT m.id FROM messages m LEFT JOIN deliveries d ON d.message = m.id
        WHERE d.id IS NULL ORDER BY m.id
        """,
    ),
    (
        "ids: the last {0} that was given out is {1}, and there is one with {2}",
        """
        SELECT c.name, c.value, t.highest FROM counters c
        JOIN (SELECT 'delivery' AS name, MAX(id) AS highest FROM deliveries
              UNION ALL SELECT 'message', MAX(id) FROM messages
              UNION ALL SELECT 'admission', MAX(id) FROM admissions) t ON t.name = c.name
        WHERE t.highest > c.value
        """,
    ),
)


def _broken(connection: Connection, sentence: str, query: str) -> Iterator[str]:
    rows = connection.execute(sa.text(f"SELECT * FROM ({query}) found LIMIT {FOUND_MAX + 1}")).all()
    for row in rows[:FOUND_MAX]:
        yield sentence.format(*row)
    if len(rows) > FOUND_MAX:
        yield f"and more of the last kind than {FOUND_MAX}"


def _damage(connection: Connection) -> Iterator[str]:
    """What SQLite itself finds: pages, indexes and references that do not fit."""
    for (said,) in connection.exec_driver_sql(f"PRAGMA integrity_check({FOUND_MAX})"):
        if said != "ok":
            yield f"file: {said}"
    for row in connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(FOUND_MAX):
        yield f"file: row {row[1]} of {row[0]} speaks of a row of {row[2]} that is not there"


def audit(connection: Connection) -> list[str]:
    """Every broken rule as a sentence; empty where all is well.

    Reads whole tables: seconds for a million deliveries. The transaction makes it a view of one
    moment, also while mail is sent.
    """
    found = list(_damage(connection)) if connection.dialect.name == "sqlite" else []
    for sentence, query in _RULES:
        found.extend(_broken(connection, sentence, query))
    return found
