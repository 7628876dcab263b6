"""How things stand: lanes with their accounts, and the queue by what it waits for."""

from __future__ import annotations

import attrs

from warmup.engine.context import Context
from warmup.engine.release import slowed
from warmup.model import Lane, LaneKey, Ledger, Wait
from warmup.release.limits import limits_of, wait_of
from warmup.store import Connection, journal, lanes, queue
from warmup.timing import Instant

__all__ = [
    "DayRecord",
    "LaneStatus",
    "QueueCount",
    "days",
    "lane_status",
    "marks",
    "queue_counts",
    "queue_list",
]


@attrs.frozen(kw_only=True)
class LaneStatus:
    """A lane, the account of its open window, and why it does not take a delivery now, if so."""

    lane: Lane
    ledger: Ledger | None
    wait: Wait | None


@attrs.frozen(kw_only=True)
class QueueCount:
    """How many deliveries of a pool and provider are in a state, and when the first is due."""

    pool: str
    provider: str
    state: str
    count: int
    due_at: Instant


@attrs.frozen(kw_only=True)
class DayRecord:
    """One lane's closed or open window with its evidence."""

    lane: LaneKey
    ledger: Ledger
    closed: bool
    evidence: dict[str, int]


def lane_status(context: Context) -> list[LaneStatus]:
    """Every lane of the plan."""
    now = context.clock.now()

    def job(connection: Connection) -> list[LaneStatus]:
        ledgers = lanes.ledgers_of(connection)
        sites = lanes.sites_of(connection, now)
        down = lanes.down_sources(connection, now)
        views = [
            context.view(
                lane,
                ledgers.get(lane.id),
                down=down.get(lane.key.source),
                sites=sites.get(lane.id),
                closed_until=0 if lane.id in ledgers else lanes.last_end(connection, lane.id) or 0,
            )
            for lane in lanes.lanes_of(connection)
            if lane.key.source in context.sources
        ]
        found = []
        for view in slowed(context, connection, now, views):
            limits = limits_of(view, now)
            wait = wait_of(limits) if limits else None
            found.append(LaneStatus(lane=view.lane, ledger=view.ledger, wait=wait))
        return found

    with context.clock.busy():
        return context.database.read(job)


def queue_counts(context: Context) -> list[QueueCount]:
    """How many deliveries stand where."""
    with context.clock.busy():
        rows = context.database.read(queue.counts)
    return [
        QueueCount(pool=pool, provider=provider, state=state, count=count, due_at=due)
        for pool, provider, state, count, due in rows
    ]


def queue_list(
    context: Context, *, state: str | None, provider: str | None, limit: int
) -> list[queue.DeliveryRow]:
    """Deliveries, the oldest first."""
    with context.clock.busy():
        return context.database.read(
            lambda connection: queue.listing(connection, state=state, provider=provider, limit=limit)
        )


def days(context: Context) -> list[DayRecord]:
    """Every window of every lane, the earliest first."""

    def job(connection: Connection) -> list[DayRecord]:
        keys = {lane.id: lane.key for lane in lanes.lanes_of(connection)}
        counts: dict[tuple[int, int], dict[str, int]] = {}
        for lane, window, kind, count in journal.evidence_of(connection):
            counts.setdefault((lane, window), {})[kind] = count
        return [
            DayRecord(
                lane=keys[lane], ledger=ledger, closed=closed, evidence=counts.get((lane, ledger.id), {})
            )
            for lane, closed, ledger in lanes.windows_of(connection)
        ]

    with context.clock.busy():
        return context.database.read(job)


def marks(connection: Connection) -> tuple[int, int]:
    """Two numbers that change when mail is queued or something is steered, by whichever process."""
    return queue.last_id(connection), journal.last_operator(connection)
