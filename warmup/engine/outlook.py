"""How things stand today, for a forecast that begins tomorrow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import attrs

from warmup.engine.context import Context
from warmup.engine.windows import declared
from warmup.model import Declaration, Lane, LaneKey
from warmup.plan import Plan
from warmup.plan.calendar import window_at
from warmup.store import Connection, history, lanes, queue
from warmup.timing import DAY

__all__ = ["Present", "present", "standing"]

SENT_DAYS = 30


@attrs.frozen(kw_only=True)
class Present:
    """Today's state.

    Attributes:
        tomorrow: The day after the one that is under way, in the plan's zone.
        lanes: The lanes as they stand, those of sources that have left the plan too; see :func:`standing`.
        waiting: What waits: stream, provider, age in whole days, count.
        sent: Deliveries accepted on each of the last 30 days before today, the oldest first.
    """

    tomorrow: date
    lanes: Mapping[LaneKey, Lane]
    waiting: tuple[tuple[str, str, int, int], ...]
    sent: tuple[int, ...]


def standing(
    plan: Plan, declarations: Mapping[str, Declaration], known: Mapping[LaneKey, Lane]
) -> dict[LaneKey, Lane]:
    """The lanes that are known, and those of a plan that are not, as they will be when it runs.

    Args:
        plan: The plan.
        declarations: What an operator says of sources that are in use already, by address.
        known: The lanes of the database.
    """
    keys = [LaneKey(source.address, provider) for source in plan.sources for provider in plan.providers]
    new = (declared(plan, key, declarations.get(key.source)) for key in keys if key not in known)
    return {**known, **{lane.key: lane for lane in new}}


def present(context: Context) -> Present:
    """Read today's state; nothing is changed."""
    now = context.clock.now()
    today = window_at(context.plan.zone, now).date

    def job(connection: Connection) -> Present:
        known = {lane.key: lane for lane in lanes.lanes_of(connection)}
        mine = [lane for lane in known.values() if lane.key.source in context.sources]
        first = today.toordinal() - SENT_DAYS
        sent = [0] * SENT_DAYS
        pasts = history.pasts_of(connection, [lane.id for lane in mine], now - (SENT_DAYS + 2) * DAY)
        for past in pasts.values():
            for ledger, _, _ in past:
                at = ledger.window.date.toordinal() - first
                if 0 <= at < SENT_DAYS:
                    sent[at] += ledger.accepted
        return Present(
            tomorrow=today + timedelta(days=1),
            lanes=standing(context.plan, context.declarations, known),
            waiting=tuple(queue.waiting(connection, now)),
            sent=tuple(sent),
        )

    with context.clock.busy():
        return context.database.read(job)
