"""What lanes' windows saw, for judgement: two queries for any number of lanes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from warmup.model import Ledger
from warmup.store.lanes import read_ledger
from warmup.store.schema import evidence, windows
from warmup.timing import Instant

__all__ = ["LANES_AT_ONCE", "Past", "pasts_of"]

LANES_AT_ONCE = 500
"""Lanes in one IN list: far below SQLite's limit of variables, and few enough rows to hold at once."""

Past = list[tuple[Ledger, bool, Mapping[str, int]]]
"""A lane's windows, oldest first: account, whether it is closed, and counts by kind."""

_WINDOWS = (
    sa.select(windows)
    .where(windows.c.lane.in_(bindparam("of", expanding=True)), windows.c.ends_at > bindparam("since"))
    .order_by(windows.c.lane, windows.c.starts_at)
)
_COUNTS = (
    sa.select(evidence.c.lane, evidence.c.window, evidence.c.kind, sa.func.sum(evidence.c.count))
    .where(evidence.c.lane.in_(bindparam("of", expanding=True)), evidence.c.window >= bindparam("first"))
    .group_by(evidence.c.lane, evidence.c.window, evidence.c.kind)
)


def pasts_of(connection: Connection, lanes: Iterable[int], since: Instant) -> dict[int, Past]:
    """The windows of some lanes that ended after an instant, or are open, with their evidence.

    Sites inside a lane are added up. Ids of windows ascend with time, so evidence is read from the
    first window found on.
    """
    wanted = sorted(set(lanes))
    found: dict[int, Past] = {lane: [] for lane in wanted}
    for start in range(0, len(wanted), LANES_AT_ONCE):
        _read(connection, wanted[start : start + LANES_AT_ONCE], since, found)
    return found


def _read(connection: Connection, part: Sequence[int], since: Instant, found: dict[int, Past]) -> None:
    rows = [read_ledger(row) for row in connection.execute(_WINDOWS, {"of": list(part), "since": since})]
    if not rows:
        return
    first = min(ledger.id for _, _, ledger in rows)
    counts: dict[tuple[int, int], dict[str, int]] = {}
    for lane, window, kind, count in connection.execute(_COUNTS, {"of": list(part), "first": first}):
        counts.setdefault((lane, window), {})[kind] = int(count)
    for lane, closed, ledger in rows:
        found[lane].append((ledger, closed, counts.get((lane, ledger.id), {})))
