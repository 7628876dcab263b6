"""How things stand today, for a forecast that begins tomorrow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import attrs

from warmup.engine.context import Context
from warmup.model import Lane, LaneKey
from warmup.plan.calendar import window_at
from warmup.store import Connection, history, lanes, queue
from warmup.timing import DAY

__all__ = ["Present", "present"]

SENT_DAYS = 30


@attrs.frozen(kw_only=True)
class Present:
    """Today's state.

    Attributes:
        tomorrow: The day after the one that is under way, in the plan's zone.
        lanes: The lanes of the plan as they stand.
        waiting: What waits: stream, provider, age in whole days, count.
        sent: Deliveries accepted on each of the last 30 days before today, the oldest first.
    """

    tomorrow: date
    lanes: Mapping[LaneKey, Lane]
    waiting: tuple[tuple[str, str, int, int], ...]
    sent: tuple[int, ...]


def present(context: Context) -> Present:
    """Read today's state; nothing is changed."""
    now = context.clock.now()
    today = window_at(context.plan.zone, now).date

    def job(connection: Connection) -> Present:
        mine = {lane.key: lane for lane in lanes.lanes_of(connection) if lane.key.source in context.sources}
        first = today.toordinal() - SENT_DAYS
        sent = [0] * SENT_DAYS
        pasts = history.pasts_of(connection, [lane.id for lane in mine.values()], now - (SENT_DAYS + 2) * DAY)
        for past in pasts.values():
            for ledger, _, _ in past:
                at = ledger.window.date.toordinal() - first
                if 0 <= at < SENT_DAYS:
                    sent[at] += ledger.accepted
        return Present(
            tomorrow=today + timedelta(days=1),
            lanes=mine,
            waiting=tuple(queue.waiting(connection, now)),
            sent=tuple(sent),
        )

    with context.clock.busy():
        return context.database.read(job)
